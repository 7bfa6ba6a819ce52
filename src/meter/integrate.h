/*
 * integrate.h - turn segments and ticks into billable usage.
 *
 * Pure arithmetic: no clock, no I/O, no allocation. Memory in KiB, time in nanoseconds, usage in
 * KiB*ns as a 128-bit integer. Nothing is rounded here.
 *
 * A timeline is the intervals between successive ticks. Each interval lies in one UTC hour, or is
 * cut at the hours' boundaries; it is whole, or longer than max_gap. Neighbours of the same hour
 * and kind, between which the wall clock was not set, are kept as one run, so that a segment of an
 * hour costs two subtractions.
 *
 * The one place where rules 3, 4, 6 and 8 become numbers is integrate_pieces.
 */
#ifndef PAGEMETER_INTEGRATE_H
#define PAGEMETER_INTEGRATE_H

#include <stddef.h>

#include "common/units.h"

struct timeline_tick {
    int64_t tick;
    int64_t mono_ns;
    int64_t utc_ns;
    uint64_t max_gap_ns; /* in force at this tick */
    bool is_boot;        /* the first of a boot: no interval leads here */
    /*
     * Ticks between the one before and this one are left out: none of their intervals is a gap, and
     * all lie in the UTC hour of the one before. A life's segment covers all of them or none.
     */
    bool is_thinned;
};

/* Intervals [first, end) of one kind in one UTC hour; interval i leads from tick i to tick i+1. */
struct timeline_run {
    size_t first;
    size_t end;
    int64_t hour;
    int64_t part_ns;    /* of a run of one interval that is cut at an hour: the part in this hour */
    int64_t part_at_ns; /* and how long after the interval's beginning it begins */
    bool is_part;
    bool is_gap;
};

/* The arrays are the caller's. */
struct timeline {
    const struct timeline_tick *ticks; /* ascending, in the order taken */
    size_t tick_count;
    struct timeline_run *runs; /* ascending by first, then by time */
    size_t run_count;
    size_t run_capacity;
};

/* How many runs the interval that leads to `later` may need at most. */
size_t timeline_runs_needed(const struct timeline_tick *earlier, const struct timeline_tick *later);

/* Fills tl->runs from tl->ticks. Fails with ERR_RANGE when the capacity does not suffice. */
MUST_CHECK bool timeline_build(struct timeline *tl, struct error *err);

/* The index of a tick, or tick_count when it is not there. */
size_t timeline_find(const struct timeline *tl, int64_t tick);

/* utc_ns so many nanoseconds later, both not negative; the last instant that there is, at most. */
int64_t timeline_later(int64_t utc_ns, int64_t ns);

/* One value of one life, from its first tick to its last, both inclusive. */
struct segment {
    int64_t first_tick;
    int64_t last_tick;
    uint64_t kib;
    bool is_counted;
};

/* A part of a life's usage; several may come for one hour, and they add up. */
struct usage_part {
    int64_t hour;
    usage_kib_ns kib_ns;
    int64_t measured_ns;
    int64_t missing_ns;
    int64_t excluded_ns;
};

struct usage_sink {
    bool (*add)(void *self, const struct usage_part *part, struct error *err);
    void *self;
};

/* Where a part of a life's usage lies: successive intervals of one value, hour and kind. */
struct usage_piece {
    struct usage_part part; /* one of its three durations is not 0: how long it is */
    uint64_t kib;
    size_t first, end; /* the intervals, or the one that a part of is here */
    int64_t utc_ns;    /* where it begins, by rule 6 */
};

struct piece_sink {
    bool (*take)(void *self, const struct usage_piece *piece, struct error *err);
    void *self;
};

/*
 * The usage of one life over the intervals of tl.
 *
 *   segments      the life's, ascending, adjacent, none beyond the last tick of tl; including the
 *                 one that begins there, if any: it says what the interval before it was
 *   counted_tick  the life's first counted tick, or -1
 *
 * An interval that begins in a counted segment is measured when the later tick counts too, unless
 * the earlier is counted_tick; missing when it is a gap; excluded otherwise. The interval behind
 * the life's last tick is not the life's.
 */
MUST_CHECK bool integrate_life(const struct timeline *tl, const struct segment *segments,
                               size_t count, int64_t counted_tick, const struct usage_sink *sink,
                               struct error *err);

/* The same, saying where each part lies: in the order of time. */
MUST_CHECK bool integrate_pieces(const struct timeline *tl, const struct segment *segments,
                                 size_t count, int64_t counted_tick, const struct piece_sink *sink,
                                 struct error *err);

#endif
