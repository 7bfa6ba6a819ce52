#include "chart/caption.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chart/scale.h"

enum { WHEN_TEXT_MAX = 32, AMOUNTS_SHOWN = 4 };

static void add(struct caption *c, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct caption *c, const char *format, ...)
{
    va_list values;

    if (c->count == CAPTION_PARTS_MAX)
        return;
    va_start(values, format);
    (void)vsnprintf(c->parts[c->count++], CAPTION_TEXT_MAX, format, values);
    va_end(values);
}

/* "2026-11-22 15:00", with seconds when there are any. */
static const char *when(int64_t utc_ns, char out[WHEN_TEXT_MAX])
{
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, WHEN_TEXT_MAX, seconds % 60 != 0 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M",
                 &tm) == 0)
        (void)strcpy(out, "?");
    return out;
}

static void add_range(const struct chart *chart, struct caption *c)
{
    char from[WHEN_TEXT_MAX];
    char to[WHEN_TEXT_MAX];

    add(c, "%s to %s UTC", when(chart->span.from_utc_ns, from), when(chart->span.to_utc_ns, to));
}

static void add_usage(const struct chart *chart, struct caption *c)
{
    const struct series_hour *total = &chart->series.total;
    char gib_h[USAGE_TEXT_MAX];
    char span[SCALE_TEXT_MAX];

    add(c, "%s GiB\u00b7h", usage_format_gib_h(total->part.kib_ns, gib_h));
    add(c, "measured %s", scale_format_span(total->part.measured_ns, span));
    if (total->part.missing_ns > 0) {
        c->gap_part = c->count;
        add(c, "not measured %s in %zu gap%s: not billed",
            scale_format_span(total->part.missing_ns, span), chart->series.gaps,
            chart->series.gaps == 1 ? "" : "s");
    }
    if (total->part.excluded_ns > 0)
        add(c, "free of charge %s", scale_format_span(total->part.excluded_ns, span));
    if (chart->series.has_average)
        add(c, "older hours are averages");
    if (chart->series.has_again)
        add(c, "the clock was set back: some time is there twice");
}

static void add_cost(const struct chart *chart, struct caption *c)
{
    const struct cost *cost = &chart->cost;
    usage_kib_ns priced = 0;
    char text[USAGE_TEXT_MAX];
    char amount[COST_TEXT_MAX];

    for (size_t i = 0; i < cost->count; i++) {
        priced += cost->amounts[i].kib_ns;
        if (i < AMOUNTS_SHOWN)
            add(c, "%s (%s)", cost_format(&cost->amounts[i], amount), cost->amounts[i].account->id);
    }
    if (cost->count > AMOUNTS_SHOWN)
        add(c, "and %zu more amounts", cost->count - AMOUNTS_SHOWN);
    if (cost->uncharged > 0 && cost->uncharged == priced)
        add(c, "not charged yet");
    else if (cost->uncharged > 0)
        add(c, "of it %s GiB\u00b7h not charged yet", usage_format_gib_h(cost->uncharged, text));
    if (cost->unassigned > 0)
        add(c, "%s GiB\u00b7h without an owner", usage_format_gib_h(cost->unassigned, text));
    if (cost->unpriced > 0)
        add(c, "%s GiB\u00b7h without a price", usage_format_gib_h(cost->unpriced, text));
}

void caption_make(const struct chart *chart, struct caption *out)
{
    *out = (struct caption){.gap_part = CAPTION_PARTS_MAX};
    add_range(chart, out);
    add_usage(chart, out);
    if (chart->has_books)
        add_cost(chart, out);
}
