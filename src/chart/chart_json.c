#include "chart/chart_json.h"

#include <inttypes.h>

#include "common/json.h"

enum { CHART_VERSION = 1, NUMBER_TEXT_MAX = 24 };

const char *chart_kind_name(enum piece_kind kind)
{
    static const char *const names[PIECE_KINDS] = {[PIECE_BILLED] = "billed",
                                                   [PIECE_EXCLUDED] = "excluded",
                                                   [PIECE_MISSING] = "missing",
                                                   [PIECE_NOTHING] = "nothing"};

    return names[kind];
}

static void put_number(struct json *json, const char *name, int64_t value)
{
    char text[NUMBER_TEXT_MAX];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    json_text(json, name, text);
}

static void put_usage(struct json *json, const char *name, usage_kib_ns value)
{
    char text[USAGE_TEXT_MAX];

    json_text(json, name, usage_format(value, text));
}

static void put_head(struct json *json, const struct chart *c)
{
    const struct series_hour *total = &c->series.total;
    char text[USAGE_TEXT_MAX];

    json_text(json, "format", "pagemeter chart");
    json_int(json, "version", CHART_VERSION);
    json_text(json, "vm", uuid_format(&c->vm, text));
    if (c->has_name)
        json_text(json, "name", c->name);
    else
        json_null(json, "name");
    put_number(json, "from_utc_ns", c->span.from_utc_ns);
    put_number(json, "to_utc_ns", c->span.to_utc_ns);
    put_usage(json, "kib_ns", total->part.kib_ns);
    json_text(json, "gib_h", usage_format_gib_h(total->part.kib_ns, text));
    put_number(json, "measured_ns", total->part.measured_ns);
    put_number(json, "missing_ns", total->part.missing_ns);
    put_number(json, "excluded_ns", total->part.excluded_ns);
    json_int(json, "gaps", (int64_t)c->series.gaps);
    json_bool(json, "has_average", c->series.has_average);
    json_bool(json, "has_again", c->series.has_again);
}

void chart_json_cost(struct json *json, const struct cost *cost)
{
    char amount[COST_TEXT_MAX];
    char exact[NUMERATOR_TEXT_MAX];

    if (cost == NULL) {
        json_null(json, "cost");
        return;
    }
    json_open_object(json, "cost");
    json_open_list(json, "amounts");
    for (size_t i = 0; i < cost->count; i++) {
        const struct cost_amount *a = &cost->amounts[i];

        json_open_flat_object(json, NULL);
        json_text(json, "account", a->account->id);
        json_text(json, "currency", a->currency.code);
        json_text(json, "unit", unit_name(a->unit));
        put_usage(json, "kib_ns", a->kib_ns);
        json_text(json, "exact", numerator_format(a->n, exact));
        json_text(json, "amount", cost_format(a, amount));
        json_close(json);
    }
    json_close(json);
    put_usage(json, "uncharged_kib_ns", cost->uncharged);
    put_usage(json, "unassigned_kib_ns", cost->unassigned);
    put_usage(json, "unpriced_kib_ns", cost->unpriced);
    json_close(json);
}

static void put_pieces(struct json *json, const struct series *series)
{
    json_open_list(json, "pieces");
    for (size_t i = 0; i < series->count; i++) {
        const struct store_piece *p = &series->pieces[i];

        json_open_flat_object(json, NULL);
        put_number(json, "from_utc_ns", p->from_utc_ns);
        put_number(json, "to_utc_ns", p->to_utc_ns);
        put_number(json, "ns", p->ns);
        json_int(json, "kib", (int64_t)p->kib);
        json_text(json, "kind", chart_kind_name(p->kind));
        if (p->kind == PIECE_MISSING)
            json_text(json, "cause", gap_cause_name(p->cause));
        if (p->is_again)
            json_bool(json, "again", true);
        if (p->is_average)
            json_bool(json, "average", true);
        json_close(json);
    }
    json_close(json);
}

/* [ms, KiB], [ms, least, average, most], or [ms] where nothing is known from there on. */
static void put_line(struct json *json, const char *name, const struct points *p)
{
    if (p->count == 0)
        return;
    json_open_list(json, name);
    for (size_t i = 0; i < p->count; i++) {
        const struct chart_point *at = &p->list[i];

        json_open_flat_list(json, NULL);
        json_int(json, NULL, at->utc_ns / NS_PER_MS);
        if (!at->is_blank && at->least_kib != at->most_kib)
            json_int(json, NULL, (int64_t)at->least_kib);
        if (!at->is_blank)
            json_int(json, NULL, (int64_t)at->kib);
        if (!at->is_blank && at->least_kib != at->most_kib)
            json_int(json, NULL, (int64_t)at->most_kib);
        json_close(json);
    }
    json_close(json);
}

static void put_lines(struct json *json, const struct chart *c)
{
    json_open_object(json, "lines");
    put_line(json, "allocated", &c->billed);
    put_line(json, "again", &c->again);
    put_line(json, "excluded", &c->excluded);
    for (int i = 0; i < BALLOON_LINES; i++)
        put_line(json, guest_line_name((enum balloon_line)i), &c->guest.lines[i]);
    json_close(json);
}

void chart_write_json(FILE *out, const struct chart *chart, const struct chart_json *what)
{
    struct json json;

    json_begin(&json, out);
    put_head(&json, chart);
    chart_json_cost(&json, chart->has_books ? &chart->cost : NULL);
    if (what->with_pieces)
        put_pieces(&json, &chart->series);
    if (what->with_lines)
        put_lines(&json, chart);
    json_end(&json);
}
