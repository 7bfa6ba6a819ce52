/*
 * series.h - one VM's memory over a range of time as a step function, all its lives summed. Pure.
 *
 * What is billed, excluded, missing or not there at all is told apart, and what is billed adds up,
 * to the KiB*ns, to what `pagemeter usage` gives for the same whole hours. Of an hour that the
 * range has a part of, that part is taken by where it lies.
 */
#ifndef PAGEMETER_CHART_SERIES_H
#define PAGEMETER_CHART_SERIES_H

#include "store/series.h"

/* [from, to), UTC. */
struct series_span {
    int64_t from_utc_ns, to_utc_ns;
};

/* The hours that have a part in it, for store_series: [*from, *to). */
void series_hours(const struct series_span *span, int64_t *from, int64_t *to);

/*
 * Cuts pieces of one VM to the span, in place; the order stays. Returns how many are left. Hours
 * that lie in the span as a whole keep all of their pieces as they are.
 */
size_t series_cut(const struct series_span *span, struct store_piece *pieces, size_t count);

/* What one hour, or all of it, adds up to: lives are counted each, as in `usage`. */
struct series_hour {
    struct usage_part part;
    uint64_t least_kib, most_kib; /* of what is billed, lives summed; 0, 0: nothing is */
};

/*
 * The step function. Pieces of one kind follow each other, and lie side by side only where is_again
 * says that the clock was set back, or where two clocks differed at the end of an hour. Pieces of
 * several kinds may lie side by side: a life that is under construction beside one that is billed.
 * What is covered by none of the others is PIECE_NOTHING, with 0 KiB. A piece of no extent (from =
 * to) is what the clocks of two hosts differ by: it counts, and is not drawn.
 *
 * A piece of several lives has life -1, and tick and end_tick of one of them.
 */
struct series {
    struct series_span span;
    struct store_piece *pieces; /* by from_utc_ns, then kind */
    size_t count;
    struct series_hour *hours; /* ascending; those that have anything */
    size_t hour_count;
    struct series_hour total; /* its hour is 0 */
    size_t gaps;              /* stretches that are missing */
    bool has_average;         /* some of it is known by the hour only */
    bool has_again;           /* the clock was set back */
};

/* From pieces of one VM that were cut to the span, which are read only. Cleared by series_clear. */
MUST_CHECK bool series_make(const struct series_span *span, const struct store_piece *pieces,
                            size_t count, struct series *out, struct error *err);
/* Accepts what is all zero. */
void series_clear(struct series *series);

#endif
