/*
 * history.h - what the VMs of a host had and needed, as a trace and the guests' stored figures tell
 * it: the input of simulate.h. No I/O; the heap for what is kept.
 *
 * Times are ns since the first tick. A level holds until the next one.
 */
#ifndef PAGEMETER_HISTORY_H
#define PAGEMETER_HISTORY_H

#include "agent/figures.h"
#include "balloon/host.h"
#include "meter/record.h"

struct level {
    int64_t at_ns;
    uint64_t kib;
};

struct levels {
    struct level *list;
    size_t count, room;
};

/* One domain, from the first tick that lists it to the first that does not, or to the end. */
struct history_life {
    struct uuid vm;
    uint16_t domid;
    uint16_t flags; /* of its last sample */
    int64_t from_ns, to_ns;
    uint64_t max_kib;   /* the largest cap that it had */
    uint64_t swap_kib;  /* by its figures */
    bool has_figures;   /* else need is taken to be what it had, less its headroom */
    bool is_open;       /* the last tick lists it */
    struct levels tot;  /* what it had */
    struct levels need; /* after history_finish */
};

struct history {
    struct history_life *lives; /* dom0 is not among them */
    size_t count, room;
    struct host_domain dom0; /* of the first tick */
    uint64_t total_kib;      /* of the host: the most that was ever accounted for */
    int64_t first_mono_ns, first_utc_ns, end_ns;
    bool has_tick;
};

enum { HISTORY_LIVES_MAX = BALLOON_VMS_MAX - 1 };

void history_init(struct history *history);
void history_clear(struct history *history);

/* The next tick of one boot. ERR_INPUT when time goes back, ERR_REFUSED beyond the bound. */
MUST_CHECK bool history_add_tick(struct history *history, const struct tick *tick,
                                 struct error *err);

/* What a guest said of its need, in the order of time, after all ticks. */
MUST_CHECK bool history_add_need(struct history *history, const struct uuid *vm, int64_t utc_ns,
                                 uint64_t need_kib, uint64_t swap_kib, struct error *err);

/* Lives without figures get a need. */
MUST_CHECK bool history_finish(struct history *history, struct error *err);

/* The need of which this is need + headroom. */
uint64_t history_need_of_kib(uint64_t tot_kib);

#endif
