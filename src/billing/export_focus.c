/*
 * export_focus.c - the statement as a FOCUS 1.2 dataset, the FinOps Open Cost and Usage
 * Specification: docs/exports-focus.md says column by column what it holds and why.
 *
 * A charge line becomes rows one behind the other: what corrects earlier months, with a row for
 * each month, cause and price; usage with a row for each price; and else the fractions of a penny
 * that came together. The line's pennies are shared among them in that order, each what it made due
 * and the last one the rest, so that in each row
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

#define NO_TEXT "" /* null: a field with nothing in it, not even quotes */

enum kind { KIND_CORRECTION, KIND_USAGE, KIND_FRACTIONS, KIND_POOL, KINDS };

static const struct {
    const char *category, *class, *frequency;
} kinds[KINDS] = {
    [KIND_CORRECTION] = {"Usage", "Correction", "Usage-Based"},
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
    int64_t from_hour, to_hour;                    /* the charge period, UTC */
    const struct statement_correction *correction; /* NULL: none */
    const struct statement_priced *priced;         /* usage or a correction; NULL: neither */
    numerator quantity;                            /* in 10^-9 of the unit */
    numerator cost; /* in 10^-18 pennies: ListCost and ContractedCost */
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

/* "Memory allocated to a virtual machine, 0.0042 EUR per GiB-Hour", of a correction in brackets. */
static void describe_usage(const struct charge *c, char *out, size_t size)
{
    static const char *const causes[ADJUSTMENT_CAUSES] = {[CAUSE_LATE] = "measured late",
                                                          [CAUSE_OWNER] = "another owner",
                                                          [CAUSE_TARIFF] = "another price"};
    const struct billing_line *line = &c->row->line;
    struct price price = {c->priced->nano_pennies, line->currency, line->unit};
    const char *units = skus[line->unit].unit;
    char amount[PRICE_TEXT_MAX], month[MONTH_TEXT_MAX], correction[80] = "";

    if (c->correction != NULL)
        (void)snprintf(correction, sizeof correction, " (correction of %s: %s)",
                       month_format(c->correction->month, month), causes[c->correction->cause]);
    (void)snprintf(out, size, "Memory allocated to a virtual machine%s, %s %s per %.*s", correction,
                   price_format(&price, amount), line->currency.code, (int)strlen(units) - 1,
                   units);
}

static void put_description(struct writer *w, const struct charge *c)
{
    char text[256] = "Carried from before";

    if (c->priced != NULL)
        describe_usage(c, text, sizeof text);
    else if (c->kind == KIND_POOL)
        (void)snprintf(text, sizeof text,
                       "Fractions of a penny left by virtual machines that are gone");
    put_text(w, "ChargeDescription", text);
}

static void put_unit_price(struct writer *w, const char *name, const struct charge *c)
{
    if (c->priced != NULL)
        put_money(w, name, c, c->priced->nano_pennies, FIGURE_DECIMALS);
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
    const char *unit = c->priced != NULL ? skus[c->row->line.unit].unit : NO_TEXT;
    char quantity[FIGURE_TEXT_MAX] = NO_TEXT;

    if (c->priced != NULL)
        figure_format(c->quantity, FIGURE_DECIMALS, quantity);
    put_text(w, "ChargeCategory", kinds[c->kind].category);
    put_text(w, "ChargeClass", kinds[c->kind].class);
    put_description(w, c);
    put_text(w, "ChargeFrequency", kinds[c->kind].frequency);
    put_hour(w, "ChargePeriodEnd", c->to_hour);
    put_hour(w, "ChargePeriodStart", c->from_hour);
    put_text(w, "ConsumedQuantity", quantity);
    put_text(w, "ConsumedUnit", unit);
    put_money(w, "ContractedCost", c, c->cost, 2 * FIGURE_DECIMALS);
    put_unit_price(w, "ContractedUnitPrice", c);
    put_money(w, "EffectiveCost", c, c->pennies, 0);
    put_invoice(w, c);
    put_name(w, "InvoiceIssuerName", c->o->provider);
    put_money(w, "ListCost", c, c->cost, 2 * FIGURE_DECIMALS);
    put_unit_price(w, "ListUnitPrice", c);
    put_text(w, "PricingCategory", c->priced != NULL ? "Standard" : NO_TEXT);
    put_text(w, "PricingQuantity", quantity);
    put_text(w, "PricingUnit", unit);
}

static void put_service(struct writer *w, const struct charge *c)
{
    const struct billing_line *line = &c->row->line;
    bool has_sku = c->priced != NULL;
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
    if (c->priced != NULL)
        put_exact(w, "x_KibNs", c->priced->kib_ns);
    else
        put_text(w, "x_KibNs", NO_TEXT);
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
    put_row(sharing->w, c);
    c->carry_in = c->carry_out;
    sharing->left -= c->pennies;
    sharing->rows++;
    return true;
}

/* figure_usage, of what may be negative. */
static numerator quantity_of(numerator usage, enum usage_unit unit)
{
    return usage < 0 ? -figure_usage((usage_kib_ns)-usage, unit)
                     : figure_usage((usage_kib_ns)usage, unit);
}

static bool share_priced(struct sharing *sharing, const struct statement_priced *priced,
                         bool is_last, struct error *err)
{
    struct charge *c = &sharing->charge;

    c->priced = priced;
    c->quantity = quantity_of(priced->kib_ns, c->row->line.unit);
    c->cost = c->quantity * priced->nano_pennies;
    return share(sharing, priced->n, is_last, err);
}

/* Its period is that of the service, and not the one in which it was written down. */
static bool share_correction(struct sharing *sharing, const struct statement_correction *correction,
                             bool is_last, struct error *err)
{
    struct charge *c = &sharing->charge;

    c->kind = KIND_CORRECTION;
    c->correction = correction;
    c->from_hour = correction->first_hour;
    c->to_hour = correction->last_hour + 1;
    return share_priced(sharing, &correction->priced, is_last, err);
}

/* Of the period that is exported. */
static void begin_charge(struct charge *c, enum kind kind)
{
    c->kind = kind;
    c->correction = NULL;
    c->from_hour = c->s->from_hour - c->row->offset_h;
    c->to_hour = c->s->to_hour - c->row->offset_h;
}

/* Those that correct something: what was billed too much in one hour may be missing in another. */
static size_t count_corrections(const struct statement_row *row)
{
    size_t count = 0;

    for (size_t i = 0; i < row->correction_count; i++)
        count += row->corrections[i].priced.kib_ns != 0;
    return count;
}

/* Has a line without usage and corrections anything to say? */
static bool has_fractions(const struct statement_row *row)
{
    return row->carry_in != 0 || row->transfers != 0 || row->posted != 0 || row->carry_out != 0;
}

static bool write_line(struct sharing *sharing, struct error *err)
{
    struct charge *c = &sharing->charge;
    const struct statement_row *row = c->row;
    size_t left = count_corrections(row) + row->price_count;

    c->carry_in = row->carry_in;
    sharing->left = row->posted;
    if (left == 0 && has_fractions(row)) {
        begin_charge(c, row->line.is_pool ? KIND_POOL : KIND_FRACTIONS);
        return share(sharing, 0, true, err);
    }
    for (size_t i = 0; i < row->correction_count; i++)
        if (row->corrections[i].priced.kib_ns != 0 &&
            !share_correction(sharing, &row->corrections[i], --left == 0, err))
            return false;
    begin_charge(c, KIND_USAGE);
    for (size_t i = 0; i < row->price_count; i++)
        if (!share_priced(sharing, &row->prices[i], --left == 0, err))
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
