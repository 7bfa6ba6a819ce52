/*
 * picture_impl.h - what the files that draw share. Internal to src/chart/.
 */
#ifndef PAGEMETER_CHART_PICTURE_IMPL_H
#define PAGEMETER_CHART_PICTURE_IMPL_H

#include <cairo.h>

#include "chart/scale.h"
#include "chart/theme.h"

struct box {
    double left, top, right, bottom;
};

/* A picture that is being drawn. */
struct drawing {
    cairo_t *cr;
    const struct chart *chart;
    const struct theme *theme;
    double width, height;
    struct box plot;
    int64_t top_kib; /* at plot.top */
};

void drawing_colour(struct drawing *d, unsigned rgb, double alpha);

enum drawing_align { ALIGN_LEFT, ALIGN_MIDDLE, ALIGN_RIGHT };

/* A line of text, its baseline at y; x is where it is aligned. */
void drawing_text(struct drawing *d, const char *text, double x, double y,
                  enum drawing_align align);
double drawing_text_width(struct drawing *d, const char *text);
void drawing_font(struct drawing *d, double size, bool is_bold);

/* Where a time, and where so much memory is. Both lie in the plot. */
double drawing_x(const struct drawing *d, int64_t utc_ns);
double drawing_y(const struct drawing *d, uint64_t kib);

void drawing_stroke(struct drawing *d, const struct theme_stroke *stroke);

/* ---- picture_plot.c: what lies in the plot, and beside it ---- */

void plot_grid(struct drawing *d, const struct scale *memory, const struct scale *time);
void plot_lines(struct drawing *d);

/* ---- picture_legend.c: what the lines are ---- */

/* How high it is at this width; and draws it, its first row at `top`. */
double legend_height(struct drawing *d);
void legend_draw(struct drawing *d, double top);

/* A hatched box, as gaps are shown. */
void plot_hatch(struct drawing *d, const struct box *box);

#endif
