#include <math.h>

#include "chart/picture_impl.h"

#define GAP_LEAST_PX 1.0 /* a gap that is shorter is still to be seen */
#define HATCH_PX 6.0

/* ---- grid ---- */

/* Lines of one pixel are sharp between pixels. */
static double sharp(double at)
{
    return floor(at) + 0.5;
}

static void draw_line(struct drawing *d, double x0, double y0, double x1, double y1)
{
    cairo_move_to(d->cr, x0, y0);
    cairo_line_to(d->cr, x1, y1);
    cairo_stroke(d->cr);
}

static void draw_memory_marks(struct drawing *d, const struct scale *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        double y = sharp(drawing_y(d, (uint64_t)memory->marks[i].at));

        drawing_colour(d, i == 0 ? d->theme->axis : d->theme->grid, 1);
        draw_line(d, d->plot.left, y, d->plot.right, y);
        drawing_colour(d, d->theme->faint_text, 1);
        drawing_text(d, memory->marks[i].text, d->plot.left - 6, y + 4, ALIGN_RIGHT);
    }
}

/* A label that would touch the one before it is left out. */
static void draw_time_marks(struct drawing *d, const struct scale *time)
{
    double taken = 0;

    for (size_t i = 0; i < time->count; i++) {
        const char *text = time->marks[i].text;
        double x = drawing_x(d, time->marks[i].at);
        double half = drawing_text_width(d, text) / 2;

        drawing_colour(d, d->theme->grid, 1);
        draw_line(d, sharp(x), d->plot.top, sharp(x), d->plot.bottom);
        drawing_colour(d, d->theme->axis, 1);
        draw_line(d, sharp(x), d->plot.bottom, sharp(x), d->plot.bottom + 4);
        if (x - half < taken || x + half > d->width)
            continue;
        drawing_colour(d, d->theme->faint_text, 1);
        drawing_text(d, text, x, d->plot.bottom + 16, ALIGN_MIDDLE);
        taken = x + half + 8;
    }
}

void plot_grid(struct drawing *d, const struct scale *memory, const struct scale *time)
{
    cairo_set_line_width(d->cr, 1);
    draw_time_marks(d, time);
    draw_memory_marks(d, memory);
}

/* ---- gaps ---- */

void plot_hatch(struct drawing *d, const struct box *box)
{
    double height = box->bottom - box->top;

    cairo_save(d->cr);
    cairo_rectangle(d->cr, box->left, box->top, box->right - box->left, height);
    drawing_colour(d, d->theme->gap, 0.16);
    cairo_fill_preserve(d->cr);
    cairo_clip(d->cr);
    cairo_set_line_width(d->cr, 1);
    drawing_colour(d, d->theme->gap, 0.7);
    /* at multiples of the distance, so that neighbours go on in one another */
    for (int i = (int)floor((box->left - height) / HATCH_PX); i * HATCH_PX < box->right; i++) {
        cairo_move_to(d->cr, i * HATCH_PX, box->bottom);
        cairo_line_to(d->cr, i * HATCH_PX + height, box->top);
    }
    cairo_stroke(d->cr);
    cairo_restore(d->cr);
}

static void draw_gaps(struct drawing *d)
{
    const struct series *series = &d->chart->series;
    struct box box = d->plot;
    bool is_open = false;

    for (size_t i = 0; i < series->count; i++) {
        const struct store_piece *p = &series->pieces[i];
        double left = drawing_x(d, p->from_utc_ns);
        double right = drawing_x(d, p->to_utc_ns);

        if (p->kind != PIECE_MISSING)
            continue;
        if (right < left + GAP_LEAST_PX)
            right = left + GAP_LEAST_PX;
        if (is_open && left <= box.right) { /* one that touches the one before */
            box.right = right > box.right ? right : box.right;
            continue;
        }
        if (is_open)
            plot_hatch(d, &box);
        box.left = left;
        box.right = right;
        is_open = true;
    }
    if (is_open)
        plot_hatch(d, &box);
}

/* ---- lines ---- */

/* Where the value of a point ends. */
static double end_of(const struct drawing *d, const struct points *p, size_t i)
{
    return i + 1 < p->count ? drawing_x(d, p->list[i + 1].utc_ns) : d->plot.right;
}

static void trace_line(struct drawing *d, const struct points *p)
{
    bool is_drawing = false;

    for (size_t i = 0; i < p->count; i++) {
        double x = drawing_x(d, p->list[i].utc_ns);
        double y = drawing_y(d, p->list[i].kib);

        if (p->list[i].is_blank) {
            is_drawing = false;
            continue;
        }
        if (is_drawing)
            cairo_line_to(d->cr, x, y);
        else
            cairo_move_to(d->cr, x, y);
        cairo_line_to(d->cr, end_of(d, p, i), y);
        is_drawing = true;
    }
}

static void draw_points(struct drawing *d, const struct points *p, enum theme_line line)
{
    trace_line(d, p);
    drawing_stroke(d, &d->theme->strokes[line]);
}

/* By its corners: of a width cairo makes an end that may miss where the neighbour begins, by a
 * pixel. */
static void trace_box(struct drawing *d, const struct box *box)
{
    cairo_move_to(d->cr, box->left, box->top);
    cairo_line_to(d->cr, box->right, box->top);
    cairo_line_to(d->cr, box->right, box->bottom);
    cairo_line_to(d->cr, box->left, box->bottom);
    cairo_close_path(d->cr);
}

/* What is under the line. */
static void fill_points(struct drawing *d, const struct points *p, enum theme_line line)
{
    for (size_t i = 0; i < p->count; i++) {
        double x = drawing_x(d, p->list[i].utc_ns);
        double y = drawing_y(d, p->list[i].kib);

        if (!p->list[i].is_blank)
            trace_box(d, &(struct box){x, y, end_of(d, p, i), d->plot.bottom});
    }
    drawing_colour(d, d->theme->strokes[line].rgb, 0.10);
    cairo_set_antialias(d->cr, CAIRO_ANTIALIAS_NONE); /* no seams between neighbours */
    cairo_fill(d->cr);
    cairo_set_antialias(d->cr, CAIRO_ANTIALIAS_GRAY);
}

/* From the least to the greatest value of five minutes. */
static void fill_band(struct drawing *d, const struct points *p, enum theme_line line)
{
    bool has_band = false;

    for (size_t i = 0; i < p->count; i++) {
        double x = drawing_x(d, p->list[i].utc_ns);
        double most = drawing_y(d, p->list[i].most_kib);
        double least = drawing_y(d, p->list[i].least_kib);

        if (p->list[i].is_blank || p->list[i].least_kib == p->list[i].most_kib)
            continue;
        trace_box(d, &(struct box){x, most, end_of(d, p, i), least});
        has_band = true;
    }
    drawing_colour(d, d->theme->strokes[line].rgb, 0.20);
    if (has_band)
        cairo_fill(d->cr);
}

static void draw_nothing(struct drawing *d)
{
    drawing_colour(d, d->theme->faint_text, 1);
    drawing_text(d, "nothing of this VM is there in this time", (d->plot.left + d->plot.right) / 2,
                 (d->plot.top + d->plot.bottom) / 2, ALIGN_MIDDLE);
}

void plot_lines(struct drawing *d)
{
    const struct chart *c = d->chart;

    cairo_save(d->cr);
    cairo_rectangle(d->cr, d->plot.left - 1, d->plot.top - 2, d->plot.right - d->plot.left + 2,
                    d->plot.bottom - d->plot.top + 3);
    cairo_clip(d->cr);
    cairo_set_line_join(d->cr, CAIRO_LINE_JOIN_ROUND);
    fill_points(d, &c->billed, THEME_ALLOCATED);
    draw_gaps(d);
    for (int i = 0; i < BALLOON_LINES; i++)
        if (i != LINE_NEED)
            fill_band(d, &c->guest.lines[i], THEME_GUEST + (enum theme_line)i);
    draw_points(d, &c->excluded, THEME_EXCLUDED);
    draw_points(d, &c->again, THEME_ALLOCATED);
    draw_points(d, &c->billed, THEME_ALLOCATED);
    for (int i = BALLOON_LINES - 1; i >= 0; i--)
        if (i != LINE_NEED)
            draw_points(d, &c->guest.lines[i], THEME_GUEST + (enum theme_line)i);
    cairo_restore(d->cr);
    if (c->billed.count == 0 && c->again.count == 0 && c->excluded.count == 0 && !c->has_guest &&
        c->series.gaps == 0)
        draw_nothing(d);
}
