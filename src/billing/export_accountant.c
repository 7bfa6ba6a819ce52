/*
 * export_accountant.c - the statement as a table that an accountant opens in a spreadsheet: a row
 * for each charge line. docs/exports.md explains the columns.
 */
#include <string.h>

#include "billing/export_parts.h"
#include "billing/invoice.h"
#include "billing/table.h"
#include "common/calendar.h"

enum { PRICES_SHOWN_MAX = 4 }; /* in one cell */

static void put_who(struct table *t, const struct statement_row *row)
{
    char vm[UUID_TEXT_MAX];

    table_text(t, "account", row->line.account);
    table_name(t, "account_name", row->account_name);
    table_text(t, "vm", row->line.is_pool ? "pool" : uuid_format(&row->line.vm, vm));
    table_name(t, "vm_name", row->vm_name);
}

/* The beginning of an hour; nothing when there was no usage. */
static void put_hour(struct table *t, const char *column, const struct statement_row *row,
                     int64_t hour)
{
    char text[HOUR_TEXT_MAX];

    table_text(t, column, row->usage.kib_ns == 0 ? "" : calendar_format_hour(hour, text));
}

/* What only a measured time has: nothing without one. */
static void put_gib(struct table *t, const char *column, const struct statement_row *row,
                    uint64_t kib)
{
    if (t->is_header || row->usage.measured_ns == 0)
        table_text(t, column, "");
    else
        table_figure(t, column, figure_gib(kib));
}

static void put_percent(struct table *t, const struct usage_part *usage)
{
    usage_kib_ns running = totals_running_ns(usage);
    char text[FIGURE_TEXT_MAX] = "";

    if (running != 0)
        (void)figure_format(figure_percent((uint64_t)usage->measured_ns, running), PERCENT_DECIMALS,
                            text);
    table_decimal(t, "measured_percent", text);
}

static void put_service(struct table *t, const struct statement_row *row)
{
    const struct usage_part *usage = &row->usage;
    uint64_t average =
        usage->measured_ns == 0 ? 0 : (uint64_t)(usage->kib_ns / (uint64_t)usage->measured_ns);

    put_hour(t, "from_utc", row, usage->hour);
    put_hour(t, "to_utc", row, row->last_hour + 1);
    table_figure(t, "running_h", figure_hours(totals_running_ns(usage)));
    table_figure(t, "gib_h", figure_usage(usage->kib_ns, UNIT_GIBH));
    put_gib(t, "average_gib", row, average);
    put_gib(t, "peak_gib", row, row->peak_kib);
    put_percent(t, usage);
    table_figure(t, "missing_h", figure_hours((uint64_t)usage->missing_ns));
    table_figure(t, "excluded_h", figure_hours((uint64_t)usage->excluded_ns));
}

/* "0.0042", or "0.0042 / 0.005"; " / more" stands for the rest. */
static void put_prices(struct table *t, const struct statement_row *row)
{
    char text[PRICES_SHOWN_MAX * (PRICE_TEXT_MAX + 3) + 8] = "", amount[PRICE_TEXT_MAX];
    struct price price = {.currency = row->line.currency, .unit = row->line.unit};

    for (size_t i = 0; i < row->price_count && i <= PRICES_SHOWN_MAX; i++) {
        size_t length = strlen(text);

        price.nano_pennies = row->prices[i].nano_pennies;
        (void)snprintf(text + length, sizeof text - length, "%s%s", i == 0 ? "" : " / ",
                       i < PRICES_SHOWN_MAX ? price_format(&price, amount) : "more");
    }
    table_decimal(t, "unit_price", text);
}

static void put_money(struct table *t, const struct statement_row *row)
{
    struct totals_carry figures;
    char amount[AMOUNT_TEXT_MAX];

    totals_figures(row, &figures);
    table_figure(t, "quantity", figure_usage(row->usage.kib_ns, row->line.unit));
    table_text(t, "unit", unit_name(row->line.unit));
    put_prices(t, row);
    table_text(t, "currency", row->line.currency.code);
    table_figure(t, "carry_in_pennies", figures.carry_in);
    table_figure(t, "usage_pennies", figures.n);
    table_figure(t, "adjustments_pennies", figures.adjustments);
    table_figure(t, "transfers_pennies", figures.transfers);
    table_decimal(t, "amount_net_of_tax",
                  currency_format(&row->line.currency, row->posted, amount));
    table_figure(t, "carry_out_pennies", figures.carry_out);
}

static void put_row(struct table *t, const struct statement *s, const struct statement_row *row)
{
    char period[PERIOD_TEXT_MAX], invoice[INVOICE_TEXT_MAX], kib_ns[USAGE_TEXT_MAX];

    table_text(t, "period", export_period(s, period));
    table_text(t, "status", export_status(s));
    table_text(t, "invoice", s->is_sealed ? invoice_number(&row->line, invoice) : "");
    put_who(t, row);
    put_service(t, row);
    put_money(t, row);
    table_text(t, "kib_ns", usage_format(row->usage.kib_ns, kib_ns));
    table_end_row(t);
}

bool export_accountant(FILE *out, const struct statement *s, const struct export_options *o,
                       struct export_counts *counts, struct error *err)
{
    struct table t;

    (void)err;
    table_begin(&t, out, &o->locale);
    put_row(&t, s, &(struct statement_row){0});
    for (size_t i = 0; i < s->count; i++)
        put_row(&t, s, &s->rows[i]);
    counts->rows = s->count;
    return true;
}
