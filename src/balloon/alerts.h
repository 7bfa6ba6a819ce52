/*
 * alerts.h - what a person should hear of a VM or of the host, once when it begins. Pure.
 *
 * What a guest can bring about by itself can begin as often as it likes: so the same trouble is
 * told at most once in ALERTS_EVERY_NS. One that is still there then is told late, not never.
 */
#ifndef PAGEMETER_ALERTS_H
#define PAGEMETER_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "balloon/reason.h"

#define ALERTS_EVERY_NS (60 * INT64_C(1000000000))

struct vm;

/* Of one VM, or of the host. All 0: nothing has been wrong yet. */
struct alerts {
    enum reason present;           /* what is wrong; REASON_NONE: nothing */
    bool is_told;                  /* since it began */
    uint64_t withheld;             /* troubles that ended before they might be told */
    int64_t told_ns[REASON_COUNT]; /* 0: never */
};

/* What of a VM a person should hear: REASON_NONE when all is well, and of one that is not managed.
 */
enum reason alerts_trouble(const struct vm *vm, int64_t now_ns);

/* This is wrong now. True: a person is to be told. */
bool alerts_note(struct alerts *alerts, enum reason trouble, int64_t now_ns);

#endif
