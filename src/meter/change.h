/*
 * change.h - what one tick changes in the store.
 *
 * The meter turns a tick into one tick row and a list of changes; the store writes them as they
 * stand. A quiet tick has no change. Everything is numbered by the meter, so that nothing is read
 * back: a tick by its number in the store (see struct tick_row), lives and segments from 1 up.
 */
#ifndef PAGEMETER_CHANGE_H
#define PAGEMETER_CHANGE_H

#include "meter/record.h"

/*
 * One tick as stored. `tick` orders all ticks of a store, over boots: the tick's seq plus the
 * tick_base of its boot. The times are small differences, so that a row is: mono_ns is
 * restart.mono_ns + (tick - restart.tick) * restart.interval_ns + late_ns, and utc_ns is
 * mono_ns + restart.utc_offset_ns + utc_diff_ns, with the last restart at or before the tick.
 */
struct tick_row {
    int64_t tick;
    int64_t late_ns;
    int64_t utc_diff_ns;
    uint64_t window_ns;
    bool is_synchronised;
    /* the checksum of the segments, taken from the samples */
    uint64_t domains; /* samples that count */
    uint64_t kib;     /* their sum */
};

enum change_kind {
    CHANGE_BOOT,          /* number = tick_base, uuid */
    CHANGE_RESTART,       /* see struct restart_row */
    CHANGE_GAP,           /* number = from tick, span_ns, cause */
    CHANGE_CLOCK_STEP,    /* span_ns = step, signed */
    CHANGE_CUT,           /* number = UTC hour, segment = first segment of it */
    CHANGE_LIFE_BEGIN,    /* life, uuid, domid, is_billed; begins at this tick */
    CHANGE_LIFE_RAN,      /* life; cpu_ns above 0 for the first time */
    CHANGE_LIFE_COUNTED,  /* life; counts for the first time */
    CHANGE_LIFE_END,      /* life, number = last tick */
    CHANGE_SEGMENT_BEGIN, /* segment, life, kib, is_counted; begins at this tick */
    CHANGE_SEGMENT_END    /* segment, number = last tick */
};

struct restart_row {
    uint64_t interval_ns;
    uint64_t max_gap_ns;
    int64_t mono_ns;
    int64_t utc_offset_ns;
};

struct change {
    enum change_kind kind;
    uint16_t domid;
    bool is_billed;
    bool is_counted;
    enum gap_cause cause;
    int64_t life;
    int64_t segment;
    int64_t number;
    union {
        int64_t span_ns;
        uint64_t kib;
        struct uuid uuid;
        struct restart_row restart;
    };
};

#endif
