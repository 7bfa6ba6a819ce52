/*
 * guest.h - one record's figures, from what the kernel says in its files. Files are read through a
 * function, so that tests can say what the kernel says, and change it in between.
 */
#ifndef PAGEMETER_GUEST_H
#define PAGEMETER_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/figures.h"
#include "agent/pace.h"
#include "common/error.h"

enum guest_file { GUEST_MEMINFO, GUEST_VMSTAT, GUEST_PRESSURE, GUEST_CURRENT, GUEST_FILES };

struct guest {
    /*
     * The whole of a file as it is now: its length in *text, which is valid until the next call; 0
     * when it is not there or too long.
     */
    size_t (*read)(void *context, enum guest_file file, const char **text);
    void *context;
    struct figures last; /* of the counters: what could not be read has not changed */
};

void guest_init(struct guest *g, size_t (*read)(void *, enum guest_file, const char **),
                void *context);

/* MemAvailable alone. False when /proc/meminfo cannot be understood. */
MUST_CHECK bool guest_look(struct guest *g, struct pace_look *look);

/* How often current and meminfo are read until current is the same before and after. */
enum { GUEST_TRIES = 5 };

/*
 * All but seq and up_ms, which are left alone. current and what meminfo says belong together:
 * current was the same before and after, or the flag m is set. False when /proc/meminfo cannot be
 * understood; anything else that is missing is 0 without its flag, and counters keep their last
 * value.
 */
MUST_CHECK bool guest_measure(struct guest *g, struct figures *out);

#endif
