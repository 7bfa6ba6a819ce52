/*
 * export_json.c - the statement with every figure exact: who wants to compute a bill again finds
 * all that it takes. Numbers that may pass 2^53 are texts; names are what people wrote.
 */
#include "billing/export_parts.h"
#include "billing/figure.h"
#include "billing/invoice.h"
#include "common/calendar.h"

enum { BILL_VERSION = 1 };

static void put_who(struct json *json, const struct statement *s, const struct statement_row *row)
{
    char vm[UUID_TEXT_MAX], invoice[INVOICE_TEXT_MAX];

    if (s->is_sealed)
        json_text(json, "invoice", invoice_number(&row->line, invoice));
    else
        json_null(json, "invoice");
    json_text(json, "account", row->line.account);
    json_text(json, "account_name", row->account_name);
    json_int(json, "offset_h", row->offset_h);
    json_bool(json, "is_pool", row->line.is_pool);
    if (row->line.is_pool)
        json_null(json, "vm");
    else
        json_text(json, "vm", uuid_format(&row->line.vm, vm));
    json_text(json, "vm_name", row->vm_name);
}

static void put_hour(struct json *json, const char *name, const struct statement_row *row,
                     int64_t hour)
{
    char text[HOUR_TEXT_MAX];

    if (row->usage.kib_ns == 0)
        json_null(json, name);
    else
        json_text(json, name, calendar_format_hour(hour, text));
}

static void put_service(struct json *json, const struct statement_row *row)
{
    const struct usage_part *usage = &row->usage;

    put_hour(json, "from", row, usage->hour);
    put_hour(json, "to", row, row->last_hour + 1);
    export_json_number(json, "kib_ns", usage->kib_ns);
    export_json_figure(json, "gib_h", figure_usage(usage->kib_ns, UNIT_GIBH));
    export_json_number(json, "measured_ns", (uint64_t)usage->measured_ns);
    export_json_number(json, "missing_ns", (uint64_t)usage->missing_ns);
    export_json_number(json, "excluded_ns", (uint64_t)usage->excluded_ns);
    export_json_number(json, "peak_kib", row->peak_kib);
}

static void put_exact(struct json *json, const char *name, numerator value)
{
    char text[NUMERATOR_TEXT_MAX];

    json_text(json, name, numerator_format(value, text));
}

static void put_priced(struct json *json, const struct billing_line *line,
                       const struct statement_priced *priced)
{
    struct price price = {priced->nano_pennies, line->currency, line->unit};
    char text[PRICE_TEXT_MAX];

    put_exact(json, "nano_pennies", priced->nano_pennies);
    json_text(json, "price", price_format(&price, text));
    put_exact(json, "kib_ns", priced->kib_ns);
    put_exact(json, "exact", priced->n);
}

static void put_prices(struct json *json, const struct statement_row *row)
{
    json_open_list(json, "prices");
    for (size_t i = 0; i < row->price_count; i++) {
        json_open_flat_object(json, NULL);
        put_priced(json, &row->line, &row->prices[i]);
        json_close(json);
    }
    json_close(json);
}

static void put_corrections(struct json *json, const struct statement_row *row)
{
    static const char *const causes[ADJUSTMENT_CAUSES] = {
        [CAUSE_LATE] = "late", [CAUSE_OWNER] = "owner", [CAUSE_TARIFF] = "tariff"};
    char month[MONTH_TEXT_MAX], hour[HOUR_TEXT_MAX];

    json_open_list(json, "corrections");
    for (size_t i = 0; i < row->correction_count; i++) {
        const struct statement_correction *c = &row->corrections[i];

        json_open_flat_object(json, NULL);
        json_text(json, "month", month_format(c->month, month));
        json_text(json, "from", calendar_format_hour(c->first_hour, hour));
        json_text(json, "to", calendar_format_hour(c->last_hour + 1, hour));
        json_text(json, "cause", causes[c->cause]);
        put_priced(json, &row->line, &c->priced);
        json_close(json);
    }
    json_close(json);
}

static void put_row(struct json *json, const struct statement *s, const struct statement_row *row)
{
    struct export_money money = {
        .currency = &row->line.currency,
        .unit = row->line.unit,
        .exact = {row->carry_in, row->n, row->adjustments, row->transfers, row->carry_out},
        .pennies = row->posted,
    };

    totals_figures(row, &money.figures);
    json_open_object(json, NULL);
    put_who(json, s, row);
    put_service(json, row);
    json_text(json, "currency", row->line.currency.code);
    json_text(json, "unit", unit_name(row->line.unit));
    export_json_figure(json, "quantity", figure_usage(row->usage.kib_ns, row->line.unit));
    put_prices(json, row);
    put_corrections(json, row);
    export_json_money(json, &money);
    json_close(json);
}

/* What "exact" is in: so much is one penny. */
static void put_units(struct json *json)
{
    json_open_object(json, "units");
    for (int unit = 0; unit < UNITS; unit++) {
        json_open_flat_object(json, unit_name((enum usage_unit)unit));
        export_json_number(json, "kib_ns", unit_kib_ns((enum usage_unit)unit));
        export_json_number(json, "exact_per_penny",
                           (usage_kib_ns)unit_penny((enum usage_unit)unit));
        json_close(json);
    }
    json_close(json);
}

bool export_json(FILE *out, const struct statement *s, const struct export_options *o,
                 struct export_counts *counts, struct error *err)
{
    struct json json;
    struct totals totals;
    bool is_ok = totals_make(s, 0, s->count, &totals, err);

    (void)o;
    json_begin(&json, out);
    json_int(&json, "bill", BILL_VERSION);
    export_json_head(&json, s);
    put_units(&json);
    json_open_list(&json, "lines");
    for (size_t i = 0; i < s->count; i++)
        put_row(&json, s, &s->rows[i]);
    json_close(&json);
    if (is_ok)
        export_json_sums(&json, s, &totals);
    json_end(&json);
    totals_clear(&totals);
    counts->rows = s->count;
    return is_ok;
}
