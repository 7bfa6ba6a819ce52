/*
 * recent.h - the last decisions of the host, for `explain`. Fixed memory; no I/O.
 */
#ifndef PAGEMETER_RECENT_H
#define PAGEMETER_RECENT_H

#include "balloon/engine.h"

enum { RECENT_MAX = 4096, RECENT_OF_VM_MAX = 10 };

struct recent {
    struct decision list[RECENT_MAX]; /* a ring */
    uint64_t count;                   /* ever added */
};

void recent_add(struct recent *recent, const struct decision *decision);

/* The newest of one VM, newest first: how many, at most max. */
size_t recent_of(const struct recent *recent, const struct uuid *vm, struct decision *out,
                 size_t max);

#endif
