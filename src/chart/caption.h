/*
 * caption.h - what stands beside a chart in words: its range, what it adds up to, money, gaps.
 * Plain text of ours and an account's id; pure.
 */
#ifndef PAGEMETER_CHART_CAPTION_H
#define PAGEMETER_CHART_CAPTION_H

#include "chart/chart.h"

enum { CAPTION_PARTS_MAX = 16, CAPTION_TEXT_MAX = 160 };

/* Short parts, in this order; each makes sense by itself. */
struct caption {
    char parts[CAPTION_PARTS_MAX][CAPTION_TEXT_MAX];
    size_t count;
    size_t gap_part; /* the one that counts gaps; CAPTION_PARTS_MAX: there is none */
};

void caption_make(const struct chart *chart, struct caption *out);

#endif
