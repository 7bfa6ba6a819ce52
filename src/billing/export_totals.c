/*
 * export_totals.c - the accountant's second file: what his first one adds up to, of which state of
 * the books it is, and what each account owes. One total a row.
 */
#include <inttypes.h>
#include <string.h>

#include "billing/export_parts.h"
#include "billing/table.h"
#include "common/calendar.h"

struct sheet {
    struct table table;
    uint64_t rows;
};

/* Of what it is a total; "" for all of them. */
struct scope {
    const char *account, *currency, *unit;
};

static const struct scope of_all = {"", "", ""};

static void begin_row(struct sheet *sheet, const char *total, const struct scope *scope)
{
    sheet->rows += !sheet->table.is_header;
    table_text(&sheet->table, "total", total);
    table_text(&sheet->table, "account", scope->account);
    table_text(&sheet->table, "currency", scope->currency);
    table_text(&sheet->table, "unit", scope->unit);
}

static void put_text(struct sheet *sheet, const char *total, const struct scope *scope,
                     const char *value)
{
    begin_row(sheet, total, scope);
    table_text(&sheet->table, "value", value);
    table_end_row(&sheet->table);
}

static void put_decimal(struct sheet *sheet, const char *total, const struct scope *scope,
                        const char *value)
{
    begin_row(sheet, total, scope);
    table_decimal(&sheet->table, "value", value);
    table_end_row(&sheet->table);
}

static void put_figure(struct sheet *sheet, const char *total, const struct scope *scope,
                       numerator value)
{
    char text[FIGURE_TEXT_MAX];

    put_decimal(sheet, total, scope, figure_format(value, FIGURE_DECIMALS, text));
}

static void put_number(struct sheet *sheet, const char *total, const struct scope *scope,
                       numerator value)
{
    char text[NUMERATOR_TEXT_MAX];

    put_text(sheet, total, scope, numerator_format(value, text));
}

/* ---- of what ---- */

static void put_head(struct sheet *sheet, const struct statement *s)
{
    char text[WATERMARK_TEXT_MAX], hash[CHAIN_TEXT_MAX];

    put_text(sheet, "period", &of_all, export_period(s, text));
    put_text(sheet, "from_utc", &of_all, calendar_format_hour(s->from_hour, text));
    put_text(sheet, "to_utc", &of_all, calendar_format_hour(s->to_hour, text));
    put_text(sheet, "status", &of_all, export_status(s));
    put_text(sheet, "missing_hosts", &of_all, s->missing_hosts);
    put_text(sheet, "tax", &of_all, EXPORT_TAX);
    put_text(sheet, "watermark", &of_all, statement_watermark(s, text));
    put_number(sheet, "ledger_entry", &of_all, s->entry);
    put_text(sheet, "ledger_hash", &of_all, chain_format(&s->hash, hash));
}

/* ---- sums ---- */

static void put_usage(struct sheet *sheet, const struct totals *t, const struct scope *scope)
{
    put_number(sheet, "rows", scope, (numerator)t->rows);
    put_figure(sheet, "running_h", scope, t->usage.running_h);
    put_figure(sheet, "gib_h", scope, t->usage.gib_h);
    put_figure(sheet, "missing_h", scope, t->usage.missing_h);
    put_figure(sheet, "excluded_h", scope, t->usage.excluded_h);
    put_number(sheet, "kib_ns", scope, (numerator)t->usage.kib_ns);
}

static bool put_amount(struct sheet *sheet, const char *total, const struct scope *scope,
                       const struct currency *currency, numerator pennies, struct error *err)
{
    char amount[AMOUNT_TEXT_MAX];

    if (pennies > INT64_MAX || pennies < INT64_MIN)
        return error_set(err, ERR_RANGE, "the amounts in %s do not fit", currency->code);
    put_decimal(sheet, total, scope, currency_format(currency, (int64_t)pennies, amount));
    return true;
}

/* One of each currency, whatever the units: they stand beside each other. */
static bool put_amounts(struct sheet *sheet, const struct totals *t, const char *account,
                        struct error *err)
{
    numerator pennies = 0;

    for (size_t i = 0; i < t->money_count; i++) {
        const struct currency *currency = &t->money[i].currency;
        struct scope scope = {account, currency->code, ""};

        pennies += t->money[i].pennies;
        if (i + 1 < t->money_count && strcmp(currency->code, t->money[i + 1].currency.code) == 0)
            continue;
        if (!put_amount(sheet, "amount_net_of_tax", &scope, currency, pennies, err))
            return false;
        pennies = 0;
    }
    return true;
}

static void put_money(struct sheet *sheet, const struct totals_money *money,
                      const struct scope *scope)
{
    const struct totals_carry *figures = &money->figures;

    put_figure(sheet, "quantity", scope, money->quantity);
    put_figure(sheet, "carry_in_pennies", scope, figures->carry_in);
    put_figure(sheet, "usage_pennies", scope, figures->n);
    put_figure(sheet, "adjustments_pennies", scope, figures->adjustments);
    put_figure(sheet, "transfers_pennies", scope, figures->transfers);
    put_figure(sheet, "carry_out_pennies", scope, figures->carry_out);
}

/* In KiB*ns times nano-pennies per unit. */
static void put_exact(struct sheet *sheet, const struct totals_money *money,
                      const struct scope *scope)
{
    const struct totals_carry *exact = &money->exact;

    put_number(sheet, "carry_in_exact", scope, exact->carry_in);
    put_number(sheet, "usage_exact", scope, exact->n);
    put_number(sheet, "adjustments_exact", scope, exact->adjustments);
    put_number(sheet, "transfers_exact", scope, exact->transfers);
    put_number(sheet, "carry_out_exact", scope, exact->carry_out);
}

/* What the ledger has: a statement of which the rows have anything else is not written. */
static bool put_ledger(struct sheet *sheet, const struct statement *s, struct error *err)
{
    for (size_t i = 0; i < s->ledger_count; i++) {
        const struct statement_ledger *sum = &s->ledger[i];
        struct scope scope = {"", sum->currency.code, ""};

        put_number(sheet, "ledger_postings", &scope, sum->postings);
        if (!put_amount(sheet, "ledger_amount", &scope, &sum->currency, sum->pennies, err))
            return false;
    }
    return true;
}

static void put_lines(struct sheet *sheet, const struct totals *t)
{
    for (size_t i = 0; i < t->money_count; i++) {
        struct scope scope = {"", t->money[i].currency.code, unit_name(t->money[i].unit)};

        put_money(sheet, &t->money[i], &scope);
        put_exact(sheet, &t->money[i], &scope);
    }
}

static bool put_all(struct sheet *sheet, const struct statement *s, struct error *err)
{
    struct totals t;
    bool is_ok = totals_make(s, 0, s->count, &t, err);

    put_usage(sheet, &t, &of_all);
    put_figure(sheet, "unassigned_gib_h", &of_all, figure_usage(s->unassigned, UNIT_GIBH));
    put_figure(sheet, "unpriced_gib_h", &of_all, figure_usage(s->unpriced, UNIT_GIBH));
    is_ok = is_ok && put_amounts(sheet, &t, "", err) && put_ledger(sheet, s, err);
    put_lines(sheet, &t);
    totals_clear(&t);
    return is_ok;
}

/* ---- of each account ---- */

static bool put_account(struct sheet *sheet, const struct statement *s, size_t first, size_t count,
                        struct error *err)
{
    struct totals t;
    const char *account = s->rows[first].line.account;
    struct scope scope = {account, "", ""};
    bool is_ok = totals_make(s, first, count, &t, err);

    put_usage(sheet, &t, &scope);
    is_ok = is_ok && put_amounts(sheet, &t, account, err);
    for (size_t i = 0; i < t.money_count; i++) {
        scope.currency = t.money[i].currency.code;
        scope.unit = unit_name(t.money[i].unit);
        put_money(sheet, &t.money[i], &scope);
    }
    totals_clear(&t);
    return is_ok;
}

static bool put_accounts(struct sheet *sheet, const struct statement *s, struct error *err)
{
    for (size_t first = 0, end; first < s->count; first = end) {
        for (end = first + 1; end < s->count; end++)
            if (strcmp(s->rows[end].line.account, s->rows[first].line.account) != 0)
                break;
        if (!put_account(sheet, s, first, end - first, err))
            return false;
    }
    return true;
}

bool export_accountant_totals(FILE *out, const struct statement *s, const struct export_options *o,
                              struct export_counts *counts, struct error *err)
{
    struct sheet sheet = {0};

    table_begin(&sheet.table, out, &o->locale);
    put_text(&sheet, "", &of_all, "");
    put_head(&sheet, s);
    if (!put_all(&sheet, s, err) || !put_accounts(&sheet, s, err))
        return false;
    counts->rows = sheet.rows;
    return true;
}
