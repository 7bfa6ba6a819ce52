/*
 * export_focus.c - the statement as a FOCUS 1.2 dataset, the FinOps Open Cost and Usage
 * Specification: docs/exports-focus.md says column by column what it holds and why.
 *
 * A charge line becomes up to three kinds of rows, one behind the other: what was written down for
 * earlier months, usage with a row for each price, and else the fractions of a penny that came
 * together. The line's pennies are shared among them in that order, each what it made due and the
 * last one the rest, so that in each row
 *
 *     x_CarryIn + x_CostNumerator + x_Transfers = BilledCost in pennies * x_CostDenominator
 *                                                 + x_CarryOut
 *
 * and x_CarryOut is the x_CarryIn of the next. Of all figures only PricingQuantity is rounded
 * (figure.h: 9 decimals, half to even). ListCost and ContractedCost are its product with the unit
 * price, exactly, as FOCUS demands; they differ from the exact quotient by less than a millionth of
 * a penny.
 */
#include <string.h>

#include "billing/export.h"
#include "billing/figure.h"
#include "billing/invoice.h"
#include "common/calendar.h"
#include "common/cell.h"
#include "common/csv.h"

enum { USAGE_ROWS_MAX = 2 };

#define NO_TEXT "" /* null: a field with nothing in it, not even quotes */

enum kind { KIND_CORRECTION, KIND_USAGE, KIND_FRACTIONS, KIND_POOL, KINDS };

static const struct {
    const char *category, *class, *frequency;
} kinds[KINDS] = {
    [KIND_CORRECTION] = {"Adjustment", "Correction", "One-Time"},
    [KIND_USAGE] = {"Usage", NO_TEXT, "Usage-Based"},
    [KIND_FRACTIONS] = {"Adjustment", NO_TEXT, "One-Time"},
    [KIND_POOL] = {"Adjustment", NO_TEXT, "One-Time"},
};

/* The price list: one SKU, two ways to count it. */
static const struct {
    const char *unit, *sku_price_id, *details;
} skus[UNITS] = {
    [UNIT_GIBH] = {"GiB-Hours", "vm-memory-gib-hours", "{\"MemorySize\":1}"},
    [UNIT_GBH] = {"GB-Hours", "vm-memory-gb-hours", "{\"MemorySize\":0.931322574615478515625}"},
};

/* One row to be. */
struct charge {
    const struct statement *s;
    const struct export_options *o;
    const struct statement_row *row;
    enum kind kind;
    struct price price; /* of usage */
    bool is_average;    /* of more prices than can be told apart */
    usage_kib_ns usage; /* of usage */
    numerator quantity; /* of usage: in 10^-9 of the unit */
    numerator cost;     /* in 10^-18 pennies: ListCost and ContractedCost */
    numerator carry_in, n, transfers, carry_out;
    int64_t pennies;
};

/* Zeros at its end are left out, but for the first `least` behind the point. */
static const char *format_decimal(numerator value, unsigned decimals, unsigned least,
                                  char out[FIGURE_TEXT_MAX])
{
    char *end = out + strlen(figure_format(value, decimals, out));

    for (unsigned behind = decimals; behind > least && end[-1] == '0'; behind--)
        *--end = '\0';
    return out;
}

/* ---- columns ---- */

/* The header is written by the same calls: a column's name and its value stay together. */
struct writer {
    FILE *out;
    bool is_header, is_behind_first;
};

static void begin_field(struct writer *w)
{
    if (w->is_behind_first)
        (void)putc(',', w->out);
    w->is_behind_first = true;
}

/* Ours: NO_TEXT is null. */
static void put_text(struct writer *w, const char *name, const char *value)
{
    begin_field(w);
    csv_field(w->out, w->is_header ? name : value, ',');
}

/* Somebody else's: "" is null. */
static void put_name(struct writer *w, const char *name, const char *value)
{
    if (w->is_header || value[0] == '\0') {
        put_text(w, name, value);
        return;
    }
    begin_field(w);
    cell_write(w->out, value);
}

/* In the main unit of the charge's currency, from 10^-more pennies. */
static void put_money(struct writer *w, const char *name, const struct charge *c, numerator value,
                      unsigned more)
{
    unsigned decimals = c->row->line.currency.decimals;
    unsigned least = decimals == 0 ? 1 : decimals;
    char text[FIGURE_TEXT_MAX];

    /* a point always, so that no program takes the column for one of whole numbers */
    if (decimals + more == 0) {
        value *= 10;
        more = 1;
    }
    put_text(w, name, format_decimal(value, decimals + more, least, text));
}

static void put_exact(struct writer *w, const char *name, numerator value)
{
    char text[NUMERATOR_TEXT_MAX];

    put_text(w, name, numerator_format(value, text));
}

static void put_hour(struct writer *w, const char *name, int64_t hour)
{
    char text[HOUR_TEXT_MAX];

    put_text(w, name, calendar_format_hour(hour > 0 ? hour : 0, text));
}

static void put_description(struct writer *w, const struct charge *c)
{
    static const char *const others[KINDS] = {
        [KIND_CORRECTION] = "Memory of earlier months: measured late, or of another owner or price",
        [KIND_FRACTIONS] = "Carried from before",
        [KIND_POOL] = "Fractions of a penny left by virtual machines that are gone",
    };
    const char *units = skus[c->row->line.unit].unit;
    char price[PRICE_TEXT_MAX], text[256];

    (void)snprintf(text, sizeof text, "Memory allocated to a virtual machine, %s%s %s per %.*s",
                   c->is_average ? "on average " : "", price_format(&c->price, price),
                   c->price.currency.code, (int)strlen(units) - 1, units);
    put_text(w, "ChargeDescription", c->kind == KIND_USAGE ? text : others[c->kind]);
}

static void put_unit_price(struct writer *w, const char *name, const struct charge *c)
{
    if (c->kind == KIND_USAGE)
        put_money(w, name, c, c->price.nano_pennies, FIGURE_DECIMALS);
    else
        put_text(w, name, NO_TEXT);
}

/* A month that is open has no invoice yet. */
static void put_invoice(struct writer *w, const struct charge *c)
{
    char number[INVOICE_TEXT_MAX];

    put_text(w, "InvoiceId", c->s->is_sealed ? invoice_number(&c->row->line, number) : NO_TEXT);
}

static void put_billing(struct writer *w, const struct charge *c)
{
    const struct billing_line *line = &c->row->line;
    int offset_h = c->row->offset_h;

    put_money(w, "BilledCost", c, c->pennies, 0);
    put_text(w, "BillingAccountId", line->account);
    put_name(w, "BillingAccountName", c->row->account_name);
    put_text(w, "BillingCurrency", line->currency.code);
    put_hour(w, "BillingPeriodEnd", month_first_hour(line->month + 1, offset_h));
    put_hour(w, "BillingPeriodStart", month_first_hour(line->month, offset_h));
}

static void put_charge(struct writer *w, const struct charge *c)
{
    bool is_usage = c->kind == KIND_USAGE;
    const char *unit = is_usage ? skus[c->row->line.unit].unit : NO_TEXT;
    char quantity[FIGURE_TEXT_MAX] = NO_TEXT;

    if (is_usage)
        figure_format(c->quantity, FIGURE_DECIMALS, quantity);
    put_text(w, "ChargeCategory", kinds[c->kind].category);
    put_text(w, "ChargeClass", kinds[c->kind].class);
    put_description(w, c);
    put_text(w, "ChargeFrequency", kinds[c->kind].frequency);
    put_hour(w, "ChargePeriodEnd", c->s->to_hour - c->row->offset_h);
    put_hour(w, "ChargePeriodStart", c->s->from_hour - c->row->offset_h);
    put_text(w, "ConsumedQuantity", quantity);
    put_text(w, "ConsumedUnit", unit);
    put_money(w, "ContractedCost", c, c->cost, 2 * FIGURE_DECIMALS);
    put_unit_price(w, "ContractedUnitPrice", c);
    put_money(w, "EffectiveCost", c, c->pennies, 0);
    put_invoice(w, c);
    put_name(w, "InvoiceIssuerName", c->o->provider);
    put_money(w, "ListCost", c, c->cost, 2 * FIGURE_DECIMALS);
    put_unit_price(w, "ListUnitPrice", c);
    put_text(w, "PricingCategory", is_usage ? "Standard" : NO_TEXT);
    put_text(w, "PricingQuantity", quantity);
    put_text(w, "PricingUnit", unit);
}

static void put_service(struct writer *w, const struct charge *c)
{
    const struct billing_line *line = &c->row->line;
    bool has_sku = c->kind == KIND_USAGE || c->kind == KIND_CORRECTION;
    char vm[UUID_TEXT_MAX], resource[UUID_TEXT_MAX + 3] = NO_TEXT;

    /* not the bare uuid: one of digits alone could be taken for a number */
    if (!line->is_pool)
        (void)snprintf(resource, sizeof resource, "vm/%s", uuid_format(&line->vm, vm));
    put_name(w, "ProviderName", c->o->provider);
    put_name(w, "PublisherName", c->o->provider);
    put_text(w, "RegionId", NO_TEXT);
    put_text(w, "RegionName", NO_TEXT);
    put_text(w, "ResourceId", resource);
    put_name(w, "ResourceName", c->row->vm_name);
    put_text(w, "ResourceType", line->is_pool ? NO_TEXT : "Virtual Machine");
    put_text(w, "ServiceCategory", "Compute");
    put_text(w, "ServiceName", "Virtual Machine Memory");
    put_text(w, "ServiceSubcategory", "Virtual Machines");
    put_text(w, "SkuId", has_sku ? "vm-memory" : NO_TEXT);
    put_text(w, "SkuMeter", has_sku ? "Allocated Memory" : NO_TEXT);
    put_text(w, "SkuPriceDetails", has_sku ? skus[line->unit].details : NO_TEXT);
    put_text(w, "SkuPriceId", has_sku ? skus[line->unit].sku_price_id : NO_TEXT);
    put_text(w, "SubAccountId", NO_TEXT);
    put_text(w, "SubAccountName", NO_TEXT);
}

static void put_own(struct writer *w, const struct charge *c)
{
    char kib_ns[USAGE_TEXT_MAX] = NO_TEXT;

    if (c->kind == KIND_USAGE)
        usage_format(c->usage, kib_ns);
    put_text(w, "x_KibNs", kib_ns);
    put_exact(w, "x_CostNumerator", c->n);
    put_exact(w, "x_CostDenominator", unit_penny(c->row->line.unit));
    put_exact(w, "x_CarryIn", c->carry_in);
    put_exact(w, "x_Transfers", c->transfers);
    put_exact(w, "x_CarryOut", c->carry_out);
    put_text(w, "x_MissingHosts", c->s->missing_hosts);
}

static void put_row(struct writer *w, const struct charge *c)
{
    put_billing(w, c);
    put_charge(w, c);
    put_service(w, c);
    put_own(w, c);
    (void)putc('\n', w->out);
    w->is_behind_first = false;
}

/* ---- rows ---- */

/* Usage of one price. */
struct priced {
    usage_kib_ns usage;
    numerator n;
    int64_t nano_pennies;
    bool is_average;
};

/*
 * The statement says what a line's prices were, but not how much usage was at each. With two, the
 * sums tell: their usage adds up to the line's, and their numerators to n.
 */
static bool split_in_two(const struct statement_row *row, struct priced out[USAGE_ROWS_MAX])
{
    int64_t one = row->nano_pennies[0], other = row->nano_pennies[1];
    numerator all = (numerator)row->usage.kib_ns, if_other, of_one;

    if (row->price_count != 2 || __builtin_mul_overflow(all, other, &if_other) ||
        __builtin_sub_overflow(row->n, if_other, &of_one) || of_one % (one - other) != 0)
        return false;
    of_one /= one - other;
    if (of_one < 0 || of_one > all)
        return false;
    out[0] = (struct priced){(usage_kib_ns)of_one, of_one * one, one, false};
    out[1] = (struct priced){(usage_kib_ns)(all - of_one), (all - of_one) * other, other, false};
    return true;
}

/* The usage of a line by price, at most USAGE_ROWS_MAX; with more prices one row of their average.
 */
static size_t split_usage(const struct statement_row *row, struct priced out[USAGE_ROWS_MAX])
{
    numerator all = (numerator)row->usage.kib_ns;

    if (all == 0)
        return 0;
    if (split_in_two(row, out))
        return 2;
    out[0] = (struct priced){row->usage.kib_ns, row->n, row->nano_pennies[0], false};
    if (row->price_count > 1) {
        out[0].nano_pennies = (int64_t)((row->n + all / 2) / all);
        out[0].is_average = true;
    }
    return 1;
}

/* What is left of a line's pennies, and the carry, as its rows are written one by one. */
struct sharing {
    struct writer *w;
    struct charge charge;
    int64_t left;
    uint64_t rows;
};

/* Writes the charge: its pennies are those that n makes due, or of the last one all that are left.
 */
static bool share(struct sharing *sharing, numerator n, bool is_last, struct error *err)
{
    struct charge *c = &sharing->charge;
    struct charge_line_sums before = {.carry_in = c->carry_in}, with = before;
    enum usage_unit unit = c->row->line.unit;

    if (!charge_line_due(&before, unit, &with.posted, err))
        return false;
    with.n = n;
    if (!charge_line_due(&with, unit, &c->pennies, err))
        return false;
    if (is_last)
        c->pennies = sharing->left;
    c->n = n;
    c->transfers = with.transfers = is_last ? c->row->transfers : 0;
    with.posted = c->pennies;
    if (!charge_line_carry(&with, unit, &c->carry_out, err))
        return false;
    if (c->kind == KIND_CORRECTION)
        c->cost = c->pennies * ((numerator)NANO_PER_PENNY * NANO_PER_PENNY);
    put_row(sharing->w, c);
    c->carry_in = c->carry_out;
    sharing->left -= c->pennies;
    sharing->rows++;
    return true;
}

static bool share_usage(struct sharing *sharing, const struct priced *priced, bool is_last,
                        struct error *err)
{
    struct charge *c = &sharing->charge;

    c->kind = KIND_USAGE;
    c->price = (struct price){priced->nano_pennies, c->row->line.currency, c->row->line.unit};
    c->is_average = priced->is_average;
    c->usage = priced->usage;
    c->quantity = figure_usage(priced->usage, c->row->line.unit);
    c->cost = c->quantity * priced->nano_pennies;
    return share(sharing, priced->n, is_last, err);
}

/* Has a line without usage and adjustments anything to say? */
static bool has_fractions(const struct statement_row *row)
{
    return row->carry_in != 0 || row->transfers != 0 || row->posted != 0 || row->carry_out != 0;
}

static bool write_line(struct sharing *sharing, struct error *err)
{
    const struct statement_row *row = sharing->charge.row;
    struct priced priced[USAGE_ROWS_MAX];
    size_t count = split_usage(row, priced);

    sharing->charge.carry_in = row->carry_in;
    sharing->left = row->posted;
    if (row->adjustments != 0) {
        sharing->charge.kind = KIND_CORRECTION;
        if (!share(sharing, row->adjustments, count == 0, err))
            return false;
    } else if (count == 0 && has_fractions(row)) {
        sharing->charge.kind = row->line.is_pool ? KIND_POOL : KIND_FRACTIONS;
        return share(sharing, 0, true, err);
    }
    for (size_t i = 0; i < count; i++)
        if (!share_usage(sharing, &priced[i], i + 1 == count, err))
            return false;
    return true;
}

bool export_focus(FILE *out, const struct statement *s, const struct export_options *o,
                  struct export_counts *counts, struct error *err)
{
    struct writer w = {.out = out, .is_header = true};
    struct sharing sharing = {.w = &w};
    static const struct statement_row none = {.account_name = "", .vm_name = ""};

    if (o->provider == NULL || o->provider[0] == '\0')
        return error_set(err, ERR_USAGE, "FOCUS names who sends the bill, and nobody is named");
    put_row(&w, &(struct charge){.s = s, .o = o, .row = &none});
    w.is_header = false;
    for (size_t i = 0; i < s->count; i++) {
        sharing.charge = (struct charge){.s = s, .o = o, .row = &s->rows[i]};
        if (!write_line(&sharing, err))
            return false;
    }
    counts->rows = sharing.rows;
    return true;
}
