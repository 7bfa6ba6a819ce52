/*
 * page.h - a chart as one HTML file: the picture inside it, what stands beside it as text, and a
 * table of the figures. No script, nothing that is fetched; a Content-Security-Policy says so.
 */
#ifndef PAGEMETER_CHART_PAGE_H
#define PAGEMETER_CHART_PAGE_H

#include <stdio.h>

#include "chart/picture.h"

/*
 * light and dark: SVG. With dark NULL there is one picture, whatever the reader's screen; with both
 * the reader's screen chooses. is_dark: the one is a dark one. The chart is not thinned yet, since
 * the table has averages. Errors show in ferror(out).
 */
struct page_pictures {
    const struct picture_bytes *one, *dark;
    bool is_dark;
    struct picture_size size;
};
MUST_CHECK bool page_write(FILE *out, const struct chart *chart,
                           const struct page_pictures *pictures, struct error *err);

#endif
