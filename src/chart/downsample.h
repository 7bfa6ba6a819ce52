/*
 * downsample.h - fewer points for the same picture. Pure.
 *
 * The range is cut into buckets. Of each the points with the least and the greatest value stay, the
 * first where a gap begins, and the last: so no peak disappears, a gap stays one however short it
 * is, and what holds at the end of a bucket is what held there before. What stays is as it was.
 */
#ifndef PAGEMETER_CHART_DOWNSAMPLE_H
#define PAGEMETER_CHART_DOWNSAMPLE_H

#include "chart/points.h"

enum { DOWNSAMPLE_PER_BUCKET = 4 };

/*
 * To at most `most` points, which must be DOWNSAMPLE_PER_BUCKET or more; so few are left as they
 * are. Points outside of the span belong to the bucket at its end that is nearer.
 */
void downsample(struct points *points, const struct series_span *span, size_t most);

#endif
