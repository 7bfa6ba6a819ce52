/*
 * curve.h - what a VM held as a line to draw: values that hold from one point to the next, and
 * blanks where nothing was measured. Pure, but for memory.
 *
 * Pieces of all of a VM's lives are summed. Then the range is cut into buckets, and of each the
 * first point with the least and with the greatest value, the first blank and the last point stay:
 * no peak disappears, and a gap stays one however short it is.
 */
#ifndef PAGEMETER_SERVE_CURVE_H
#define PAGEMETER_SERVE_CURVE_H

#include "store/series.h"

struct curve_point {
    int64_t utc_ns;
    int64_t kib; /* -1: nothing is known from here on */
};

struct curve {
    struct curve_point *list; /* ascending by utc_ns, no two alike side by side */
    size_t count, room;
    int64_t peak_kib;
};

enum { CURVE_PER_BUCKET = 4 };

/*
 * Adds the pieces of a stretch of time, behind those of the stretches before it. They are one VM's,
 * in the order of store_series; where a piece ends a moment after the next begins, since clocks
 * were read so, it is cut there. pieces are changed. ERR_NOMEM.
 */
MUST_CHECK bool curve_add(struct curve *curve, struct store_piece *pieces, size_t count,
                          struct error *err);

/* A point behind all others; what changes nothing is left out. */
MUST_CHECK bool curve_put(struct curve *curve, int64_t utc_ns, int64_t kib, struct error *err);

/* Leaves at most `most` points, not less than CURVE_PER_BUCKET, of [from, to). */
void curve_thin(struct curve *curve, int64_t from_utc_ns, int64_t to_utc_ns, size_t most);

void curve_clear(struct curve *curve);

#endif
