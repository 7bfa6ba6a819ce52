#include "billing/export_parts.h"

#include "billing/figure.h"
#include "common/calendar.h"

enum { MANIFEST_VERSION = 1 };

const char *export_status(const struct statement *s)
{
    return s->is_sealed ? "sealed" : "open";
}

void export_json_number(struct json *json, const char *name, usage_kib_ns value)
{
    char text[USAGE_TEXT_MAX];

    json_text(json, name, usage_format(value, text));
}

void export_json_figure(struct json *json, const char *name, numerator figure)
{
    char text[FIGURE_TEXT_MAX];

    json_text(json, name, figure_format(figure, FIGURE_DECIMALS, text));
}

static void put_hour(struct json *json, const char *name, int64_t hour)
{
    char text[HOUR_TEXT_MAX];

    json_text(json, name, calendar_format_hour(hour, text));
}

static void put_watermark(struct json *json, const struct statement *s)
{
    char text[WATERMARK_TEXT_MAX], hash[CHAIN_TEXT_MAX];

    json_text(json, "watermark", statement_watermark(s, text));
    json_open_object(json, "ledger");
    json_int(json, "entry", s->entry);
    json_text(json, "hash", chain_format(&s->hash, hash));
    json_close(json);
}

void export_json_head(struct json *json, const struct statement *s)
{
    char period[PERIOD_TEXT_MAX];

    json_text(json, "period", export_period(s, period));
    put_hour(json, "from", s->from_hour);
    put_hour(json, "to", s->to_hour);
    json_text(json, "status", export_status(s));
    json_text(json, "missing_hosts", s->missing_hosts);
    json_text(json, "tax", EXPORT_TAX);
    put_watermark(json, s);
}

/* ---- sums ---- */

static void put_numerator(struct json *json, const char *name, numerator value)
{
    char text[NUMERATOR_TEXT_MAX];

    json_text(json, name, numerator_format(value, text));
}

static void put_carry(struct json *json, const char *name, numerator exact, numerator figure)
{
    json_open_flat_object(json, name);
    put_numerator(json, "exact", exact);
    export_json_figure(json, "pennies", figure);
    json_close(json);
}

void export_json_money(struct json *json, const struct export_money *m)
{
    char amount[AMOUNT_TEXT_MAX];

    put_carry(json, "carry_in", m->exact.carry_in, m->figures.carry_in);
    put_carry(json, "usage", m->exact.n, m->figures.n);
    put_carry(json, "adjustments", m->exact.adjustments, m->figures.adjustments);
    put_carry(json, "transfers", m->exact.transfers, m->figures.transfers);
    put_carry(json, "carry_out", m->exact.carry_out, m->figures.carry_out);
    put_numerator(json, "posted_pennies", m->pennies);
    json_text(json, "amount", currency_format(m->currency, m->pennies, amount));
}

static void put_sum(struct json *json, const struct totals_money *sum)
{
    struct export_money money = {&sum->currency, sum->unit, sum->exact, sum->figures, sum->pennies};

    json_open_object(json, NULL);
    json_text(json, "currency", sum->currency.code);
    json_text(json, "unit", unit_name(sum->unit));
    export_json_number(json, "kib_ns", sum->kib_ns);
    export_json_figure(json, "quantity", sum->quantity);
    export_json_money(json, &money);
    json_close(json);
}

static void put_ledger(struct json *json, const struct statement_ledger *sum)
{
    json_open_flat_object(json, NULL);
    json_text(json, "currency", sum->currency.code);
    json_int(json, "postings", sum->postings);
    put_numerator(json, "pennies", sum->pennies);
    json_close(json);
}

void export_json_sums(struct json *json, const struct statement *s, const struct totals *t)
{
    json_open_object(json, "sums");
    json_int(json, "rows", (int64_t)t->rows);
    export_json_number(json, "kib_ns", t->usage.kib_ns);
    export_json_figure(json, "gib_h", t->usage.gib_h);
    export_json_number(json, "measured_ns", t->usage.measured_ns);
    export_json_number(json, "missing_ns", t->usage.missing_ns);
    export_json_number(json, "excluded_ns", t->usage.excluded_ns);
    export_json_number(json, "unassigned_kib_ns", s->unassigned);
    export_json_number(json, "unpriced_kib_ns", s->unpriced);
    json_open_list(json, "money");
    for (size_t i = 0; i < t->money_count; i++)
        put_sum(json, &t->money[i]);
    json_close(json);
    json_open_list(json, "ledger");
    for (size_t i = 0; i < s->ledger_count; i++)
        put_ledger(json, &s->ledger[i]);
    json_close(json);
    json_close(json);
}

/* ---- the manifest ---- */

static void put_locale(struct json *json, const struct export_locale *locale)
{
    char separator[] = {locale->separator, '\0'}, decimal[] = {locale->decimal, '\0'};

    json_open_flat_object(json, "locale");
    json_text(json, "separator", separator);
    json_text(json, "decimal", decimal);
    json_bool(json, "byte_order_mark", locale->has_bom);
    json_close(json);
}

static void put_file(struct json *json, const struct export_written *file)
{
    json_open_object(json, NULL);
    json_text(json, "name", file->name);
    json_int(json, "rows", (int64_t)file->rows);
    json_int(json, "bytes", (int64_t)file->bytes);
    json_text(json, "sha256", file->sha256);
    json_close(json);
}

bool export_manifest(FILE *out, const struct export_job *job, const struct statement *s,
                     const struct export_written *files, struct error *err)
{
    struct json json;
    struct totals totals;
    bool is_ok = totals_make(s, 0, s->count, &totals, err);

    json_begin(&json, out);
    json_int(&json, "manifest", MANIFEST_VERSION);
    json_text(&json, "format", job->format->name);
    put_locale(&json, &job->options->locale);
    export_json_head(&json, s);
    json_open_list(&json, "files");
    for (size_t i = 0; i < job->format->file_count; i++)
        put_file(&json, &files[i]);
    json_close(&json);
    if (is_ok)
        export_json_sums(&json, s, &totals);
    json_end(&json);
    totals_clear(&totals);
    return is_ok;
}
