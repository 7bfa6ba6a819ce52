/*
 * series.h - what VMs held and when: the usage that a store bills, in pieces, for charts.
 *
 * The rules are integrate.h's, and what comes out is held against usage_hour before it is handed
 * out: over whole hours the pieces add up to what store_usage gives, to the KiB*ns. Of hours that
 * stand still no tick is read but the first and the last; where that does not add up (a wall clock
 * that wavered at the end of an hour) the hour is read tick by tick.
 */
#ifndef PAGEMETER_STORE_SERIES_H
#define PAGEMETER_STORE_SERIES_H

#include "meter/record.h"
#include "store/store.h"

enum piece_kind {
    PIECE_BILLED,
    PIECE_EXCLUDED, /* held, but not billed: under construction, the free interval, shut down */
    PIECE_MISSING,  /* not measured: in a gap. kib is what the life had before */
    PIECE_NOTHING,  /* nothing of the VM is there: not from store_series, for who needs all time */
    PIECE_KINDS
};

/*
 * One value of one life, within one UTC hour. ns is what counts, and kib * ns what is billed.
 * from and to are where it lies (rule 6), for drawing: they meet where ticks do, and so may be some
 * microseconds more or less than ns apart, as the clocks were read.
 */
struct store_piece {
    size_t vm; /* the place in the query */
    int64_t life;
    int64_t tick, end_tick; /* between these; -1: is_average */
    int64_t hour;
    int64_t from_utc_ns, to_utc_ns;
    int64_t ns;
    uint64_t kib;
    enum piece_kind kind;
    enum gap_cause cause; /* of PIECE_MISSING */
    /*
     * The wall clock was set back: this time is there twice, and the life's pieces before this one
     * have it too.
     */
    bool is_again;
    /*
     * Raw rows of the hour were pruned: its average, from the beginning of the hour, by two values
     * that differ by 1 KiB, so that it still adds up. When in the hour is not known any more.
     */
    bool is_average;
};

enum { SERIES_VMS_MAX = 32 };

struct series_query {
    int64_t from_hour; /* inclusive */
    int64_t to_hour;   /* exclusive */
    const struct uuid *vms;
    size_t vm_count;    /* up to SERIES_VMS_MAX: read in one pass */
    bool with_unbilled; /* as if dom0 and service domains were billed; else they have no pieces */
};

/*
 * As of one moment, up to the last tick. *pieces is the caller's to free, sorted by vm, from_utc_ns
 * and life; pieces of one life and store overlap only where is_again says so. ERR_STORE when the
 * store contradicts its own usage by the hour.
 */
MUST_CHECK bool store_series(struct store *store, const struct series_query *query,
                             struct store_piece **pieces, size_t *count, struct error *err);

#endif
