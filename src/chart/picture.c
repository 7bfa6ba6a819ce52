/*
 * picture.c - where everything goes: title, caption, plot, legend; and the bytes of a file.
 *
 * cairo numbers its surfaces over the whole process and writes that number into SVG as an id which
 * nothing refers to. It is made the same again, so that a chart drawn alone and one of hundreds are
 * the same file.
 */
#include "chart/picture.h"

#include <cairo-svg.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "chart/caption.h"
#include "chart/picture_impl.h"

enum { STEP_OF_MEMORY_PX = 44, STEP_OF_TIME_PX = 64 };

#define MARGIN 14.0
#define TITLE_SIZE 15.0
#define TEXT_SIZE 11.0
#define LINE_HEIGHT 15.0
#define PLOT_LEAST 80.0

static const char font[] = "DejaVu Sans";

/* ---- what the other files draw with ---- */

void drawing_colour(struct drawing *d, unsigned rgb, double alpha)
{
    cairo_set_source_rgba(d->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0,
                          (rgb & 255) / 255.0, alpha);
}

void drawing_font(struct drawing *d, double size, bool is_bold)
{
    cairo_select_font_face(d->cr, font, CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(d->cr, size);
}

double drawing_text_width(struct drawing *d, const char *text)
{
    cairo_text_extents_t extents;

    cairo_text_extents(d->cr, text, &extents);
    return extents.x_advance;
}

void drawing_text(struct drawing *d, const char *text, double x, double y, enum drawing_align align)
{
    double width = drawing_text_width(d, text);

    cairo_move_to(d->cr,
                  align == ALIGN_LEFT    ? x
                  : align == ALIGN_RIGHT ? x - width
                                         : x - width / 2,
                  y);
    cairo_show_text(d->cr, text);
    cairo_new_path(d->cr);
}

double drawing_x(const struct drawing *d, int64_t utc_ns)
{
    const struct series_span *span = &d->chart->span;
    double length = (double)(span->to_utc_ns - span->from_utc_ns);
    double part = (double)(utc_ns - span->from_utc_ns) / length;

    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return d->plot.left + part * (d->plot.right - d->plot.left);
}

double drawing_y(const struct drawing *d, uint64_t kib)
{
    double part = (double)kib / (double)d->top_kib;

    part = part > 1 ? 1 : part;
    return d->plot.bottom - part * (d->plot.bottom - d->plot.top);
}

void drawing_stroke(struct drawing *d, const struct theme_stroke *stroke)
{
    int dashes = 0;

    while (dashes < 4 && stroke->dashes[dashes] > 0)
        dashes++;
    cairo_set_dash(d->cr, stroke->dashes, dashes, 0);
    cairo_set_line_width(d->cr, stroke->width);
    drawing_colour(d, stroke->rgb, 1);
    cairo_stroke(d->cr);
    cairo_set_dash(d->cr, NULL, 0, 0);
}

/* ---- title and caption ---- */

/* Cut with an ellipsis to a width; letters are not shaped, so that each may go. */
static void fit_text(struct drawing *d, char *text, double width)
{
    size_t length = strlen(text);

    while (length > 0 && drawing_text_width(d, text) > width) {
        if (length > 3 && strcmp(text + length - 3, "\u2026") == 0)
            length -= 3;
        do
            length--;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80);
        (void)strcpy(text + length, "\u2026");
        length += 3;
        if (length == 3)
            break;
    }
}

/* As many parts in a line as have room. Returns where the last line ends. */
static double draw_caption(struct drawing *d, struct caption *caption, double y)
{
    double x = MARGIN;
    double gap = drawing_text_width(d, "  \u2022  ");

    for (size_t i = 0; i < caption->count; i++) {
        fit_text(d, caption->parts[i], d->width - 2 * MARGIN);
        double width = drawing_text_width(d, caption->parts[i]);

        if (x > MARGIN && x + gap + width > d->width - MARGIN) {
            x = MARGIN;
            y += LINE_HEIGHT;
        } else if (x > MARGIN) {
            drawing_text(d, "  \u2022  ", x, y, ALIGN_LEFT);
            x += gap;
        }
        drawing_text(d, caption->parts[i], x, y, ALIGN_LEFT);
        x += width;
    }
    return y;
}

static double draw_head(struct drawing *d)
{
    char name[LABEL_TEXT_MAX + 4];
    struct caption caption;
    double y = MARGIN + TITLE_SIZE - 3;

    (void)strcpy(name, d->chart->name);
    drawing_font(d, TITLE_SIZE, true);
    drawing_colour(d, d->theme->text, 1);
    fit_text(d, name, d->width - 2 * MARGIN);
    drawing_text(d, name, MARGIN, y, ALIGN_LEFT);
    drawing_font(d, TEXT_SIZE, false);
    drawing_colour(d, d->theme->faint_text, 1);
    caption_make(d->chart, &caption);
    return draw_caption(d, &caption, y + LINE_HEIGHT + 3);
}

/* ---- all of it ---- */

static double widest(struct drawing *d, const struct scale *scale)
{
    double most = 0;

    for (size_t i = 0; i < scale->count; i++) {
        double width = drawing_text_width(d, scale->marks[i].text);

        most = width > most ? width : most;
    }
    return most;
}

static size_t steps(double length, double step)
{
    return length / step < 2 ? 2 : (size_t)(length / step);
}

static void draw(struct drawing *d)
{
    struct scale memory;
    struct scale time;
    uint64_t most;

    cairo_set_antialias(d->cr, CAIRO_ANTIALIAS_GRAY);
    drawing_colour(d, d->theme->background, 1);
    cairo_paint(d->cr);
    d->plot.top = draw_head(d) + MARGIN;
    drawing_font(d, TEXT_SIZE, false);
    d->plot.bottom = d->height - MARGIN - LINE_HEIGHT - 8;
    double legend = legend_height(d);
    bool has_legend = d->plot.bottom - legend - d->plot.top >= PLOT_LEAST;

    d->plot.bottom -= has_legend ? legend : 0;
    if (d->plot.bottom < d->plot.top + PLOT_LEAST / 2)
        d->plot.bottom = d->plot.top + PLOT_LEAST / 2;
    most = chart_most_kib(d->chart);
    scale_memory(most + most / 32, steps(d->plot.bottom - d->plot.top, STEP_OF_MEMORY_PX), &memory);
    d->top_kib = memory.top;
    d->plot.left = MARGIN + widest(d, &memory) + 8;
    d->plot.right = d->width - MARGIN - 6;
    scale_time(&d->chart->span, steps(d->plot.right - d->plot.left, STEP_OF_TIME_PX), &time);
    plot_grid(d, &memory, &time);
    plot_lines(d);
    if (has_legend)
        legend_draw(d, d->plot.bottom + LINE_HEIGHT + 12);
}

static cairo_status_t collect(void *self, const unsigned char *bytes, unsigned count)
{
    struct picture_bytes *out = self;
    unsigned char *larger = realloc(out->bytes, out->count + count + 1);

    if (larger == NULL)
        return CAIRO_STATUS_NO_MEMORY;
    memcpy(larger + out->count, bytes, count);
    out->bytes = larger;
    out->count += count;
    out->bytes[out->count] = '\0';
    return CAIRO_STATUS_SUCCESS;
}

/* id="surface1234" becomes id="surface". */
static void make_same(struct picture_bytes *out)
{
    static const char mark[] = "id=\"surface";
    unsigned char *to = out->bytes;
    const unsigned char *from = out->bytes;
    const unsigned char *end = out->bytes + out->count;

    while (from < end) {
        if ((size_t)(end - from) < sizeof mark || memcmp(from, mark, sizeof mark - 1) != 0) {
            *to++ = *from++;
            continue;
        }
        memmove(to, from, sizeof mark - 1);
        to += sizeof mark - 1;
        from += sizeof mark - 1;
        while (from < end && isdigit(*from))
            from++;
    }
    out->count = (size_t)(to - out->bytes);
}

static cairo_surface_t *make_surface(const struct picture_options *o, struct picture_bytes *out)
{
    if (o->kind == PICTURE_PNG)
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, o->size.width, o->size.height);
    cairo_surface_t *surface =
        cairo_svg_surface_create_for_stream(collect, out, o->size.width, o->size.height);

    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    cairo_svg_surface_restrict_to_version(surface, CAIRO_SVG_VERSION_1_1);
    return surface;
}

static cairo_status_t draw_on(cairo_surface_t *surface, const struct chart *chart,
                              const struct picture_options *o, struct picture_bytes *out)
{
    struct drawing d = {.chart = chart,
                        .theme = theme_of(o->theme),
                        .width = o->size.width,
                        .height = o->size.height};
    cairo_font_options_t *fonts = cairo_font_options_create();

    d.cr = cairo_create(surface);
    cairo_font_options_set_hint_style(fonts, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(fonts, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(fonts, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(d.cr, fonts);
    cairo_font_options_destroy(fonts);
    draw(&d);
    cairo_status_t status = cairo_status(d.cr);

    cairo_destroy(d.cr);
    if (status == CAIRO_STATUS_SUCCESS && o->kind == PICTURE_PNG)
        status = cairo_surface_write_to_png_stream(surface, collect, out);
    cairo_surface_finish(surface);
    return status != CAIRO_STATUS_SUCCESS ? status : cairo_surface_status(surface);
}

bool picture_make(const struct chart *chart, const struct picture_options *o,
                  struct picture_bytes *out, struct error *err)
{
    struct picture_bytes made = {0};
    cairo_surface_t *surface = make_surface(o, &made);
    cairo_status_t status = draw_on(surface, chart, o, &made);

    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS) {
        free(made.bytes);
        return error_set(err, status == CAIRO_STATUS_NO_MEMORY ? ERR_NOMEM : ERR_SYSTEM,
                         "the picture can't be drawn: %s", cairo_status_to_string(status));
    }
    if (o->kind == PICTURE_SVG)
        make_same(&made);
    *out = made;
    return true;
}
