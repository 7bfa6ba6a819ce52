/*
 * points.h - a line of a chart: values that hold from one point to the next, and where nothing is
 * known. Pure, but for memory.
 */
#ifndef PAGEMETER_CHART_POINTS_H
#define PAGEMETER_CHART_POINTS_H

#include <stddef.h>

#include "chart/series.h"

/* Holds from utc_ns up to the next point. least and most differ where a roll-up has more values. */
struct chart_point {
    int64_t utc_ns;
    uint64_t least_kib, kib, most_kib;
    bool is_blank; /* nothing is known from here on; the values are 0 */
};

struct points {
    struct chart_point *list; /* ascending by utc_ns, no two at one time */
    size_t count, room;
};

/*
 * Behind the last point, or in its place when it has the same time; earlier times count as the last
 * one's. What changes nothing is left out.
 */
MUST_CHECK bool points_add(struct points *points, const struct chart_point *point,
                           struct error *err);
MUST_CHECK bool points_add_value(struct points *points, int64_t utc_ns, uint64_t kib,
                                 struct error *err);
MUST_CHECK bool points_add_blank(struct points *points, int64_t utc_ns, struct error *err);
void points_clear(struct points *points);

/* The mean over the time in the span in which something is known, rounded down; false: none is. */
bool points_mean(const struct points *points, const struct series_span *span, uint64_t *kib);

/*
 * One kind of pieces of a series as a line, blank elsewhere: those that are there once, or those
 * that the clock brought again (of which the later one is shown, should there be three).
 */
MUST_CHECK bool points_of_series(const struct series *series, enum piece_kind kind, bool is_again,
                                 struct points *out, struct error *err);

#endif
