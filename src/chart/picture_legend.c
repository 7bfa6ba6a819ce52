#include <stdio.h>

#include "chart/picture_impl.h"

enum { ENTRIES_MAX = 4 + BALLOON_LINES, ENTRY_TEXT_MAX = 64 };

#define SWATCH_PX 28.0
#define ROW_PX 16.0
#define MARGIN 14.0

struct entry {
    char text[ENTRY_TEXT_MAX];
    bool is_gap; /* else a line */
    enum theme_line line;
    double x, y;
};

struct legend {
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

static void add(struct legend *l, const char *text, bool is_gap, enum theme_line line)
{
    struct entry *e = &l->entries[l->count++];

    *e = (struct entry){.is_gap = is_gap, .line = line};
    (void)snprintf(e->text, sizeof e->text, "%s", text);
}

static void add_gaps(struct legend *l, const struct series *series)
{
    char span[SCALE_TEXT_MAX];
    char text[ENTRY_TEXT_MAX];

    if (series->gaps == 0)
        return;
    (void)snprintf(text, sizeof text, "%zu gap%s: not measured, not billed (%s)", series->gaps,
                   series->gaps == 1 ? "" : "s",
                   scale_format_span(series->total.part.missing_ns, span));
    add(l, text, true, THEME_ALLOCATED);
}

static void add_guest(struct legend *l, const struct guest *guest)
{
    char text[ENTRY_TEXT_MAX];

    for (int i = 0; i < BALLOON_LINES; i++) {
        if (guest->lines[i].count == 0 || i == LINE_NEED)
            continue;
        (void)snprintf(text, sizeof text, "%s", guest_line_name((enum balloon_line)i));
        add(l, text, false, THEME_GUEST + (enum theme_line)i);
    }
}

static void list_entries(const struct chart *c, struct legend *l)
{
    *l = (struct legend){.count = 0};
    if (c->billed.count > 0 || c->again.count > 0)
        add(l, c->series.has_average ? "allocated (older hours: average)" : "allocated", false,
            THEME_ALLOCATED);
    if (c->excluded.count > 0)
        add(l, "allocated, free of charge", false, THEME_EXCLUDED);
    add_gaps(l, &c->series);
    add_guest(l, &c->guest);
}

/* Returns the number of rows. */
static size_t place_entries(struct drawing *d, struct legend *l)
{
    double x = MARGIN;
    size_t row = 0;

    for (size_t i = 0; i < l->count; i++) {
        double width = SWATCH_PX + 6 + drawing_text_width(d, l->entries[i].text);

        if (x > MARGIN && x + width > d->width - MARGIN) {
            x = MARGIN;
            row++;
        }
        l->entries[i].x = x;
        l->entries[i].y = (double)row * ROW_PX;
        x += width + 18;
    }
    return l->count == 0 ? 0 : row + 1;
}

double legend_height(struct drawing *d)
{
    struct legend l;

    list_entries(d->chart, &l);
    return (double)place_entries(d, &l) * ROW_PX;
}

static void draw_swatch(struct drawing *d, const struct entry *e, double y)
{
    if (e->is_gap) {
        plot_hatch(d, &(struct box){e->x, y - 9, e->x + SWATCH_PX, y + 1});
        return;
    }
    cairo_move_to(d->cr, e->x, y - 4);
    cairo_line_to(d->cr, e->x + SWATCH_PX, y - 4);
    drawing_stroke(d, &d->theme->strokes[e->line]);
}

void legend_draw(struct drawing *d, double top)
{
    struct legend l;

    list_entries(d->chart, &l);
    (void)place_entries(d, &l);
    for (size_t i = 0; i < l.count; i++) {
        double y = top + l.entries[i].y + 11;

        draw_swatch(d, &l.entries[i], y);
        drawing_colour(d, d->theme->text, 1);
        drawing_text(d, l.entries[i].text, l.entries[i].x + SWATCH_PX + 6, y, ALIGN_LEFT);
    }
}
