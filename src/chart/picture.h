/*
 * picture.h - a chart as an SVG or PNG picture, drawn with cairo.
 *
 * The same chart, size and theme give the same bytes, as long as the fonts are the same: nothing of
 * the time or the process is in them. Text is drawn as outlines, so no name can be markup. Needs a
 * font; DejaVu Sans when it is there.
 */
#ifndef PAGEMETER_CHART_PICTURE_H
#define PAGEMETER_CHART_PICTURE_H

#include "chart/chart.h"

enum picture_kind { PICTURE_SVG, PICTURE_PNG };
enum picture_theme { PICTURE_LIGHT, PICTURE_DARK, PICTURE_THEMES };

enum {
    PICTURE_WIDTH = 960,
    PICTURE_HEIGHT = 480,
    PICTURE_LEAST = 320, /* of both; where there is no room for it the legend is left out */
    PICTURE_MOST = 8192
};

struct picture_size {
    int width, height; /* pixels, or points */
};

/* "960x480"; ERR_USAGE for what is no size, or beyond the limits. */
MUST_CHECK bool picture_parse_size(const char *text, struct picture_size *out, struct error *err);

/* How many points of a line there is room for: what chart_thin may leave. */
size_t picture_points(const struct picture_size *size);

struct picture_bytes {
    unsigned char *bytes; /* the caller's to free */
    size_t count;
};

struct picture_options {
    enum picture_kind kind;
    enum picture_theme theme;
    struct picture_size size;
};
MUST_CHECK bool picture_make(const struct chart *chart, const struct picture_options *options,
                             struct picture_bytes *out, struct error *err);

#endif
