#include "billing/totals.h"

#include <stdlib.h>
#include <string.h>

#include "billing/figure.h"

usage_kib_ns totals_running_ns(const struct usage_part *usage)
{
    return (uint64_t)usage->measured_ns + (uint64_t)usage->missing_ns;
}

void totals_figures(const struct statement_row *row, struct totals_carry *out)
{
    enum usage_unit unit = row->line.unit;

    *out = (struct totals_carry){
        figure_pennies(row->carry_in, unit),    figure_pennies(row->n, unit),
        figure_pennies(row->adjustments, unit), figure_pennies(row->transfers, unit),
        figure_pennies(row->carry_out, unit),
    };
}

static bool add_usage(struct totals_usage *sum, const struct usage_part *usage, struct error *err)
{
    sum->measured_ns += (uint64_t)usage->measured_ns;
    sum->missing_ns += (uint64_t)usage->missing_ns;
    sum->excluded_ns += (uint64_t)usage->excluded_ns;
    sum->running_h += figure_hours(totals_running_ns(usage));
    sum->missing_h += figure_hours((uint64_t)usage->missing_ns);
    sum->excluded_h += figure_hours((uint64_t)usage->excluded_ns);
    sum->gib_h += figure_usage(usage->kib_ns, UNIT_GIBH);
    return usage_add(&sum->kib_ns, usage->kib_ns) ||
           error_set(err, ERR_RANGE, "the usage of all lines does not fit");
}

static bool add_carry(struct totals_carry *sum, const struct totals_carry *more, struct error *err)
{
    return numerator_add_to(&sum->carry_in, more->carry_in, err) &&
           numerator_add_to(&sum->n, more->n, err) &&
           numerator_add_to(&sum->adjustments, more->adjustments, err) &&
           numerator_add_to(&sum->transfers, more->transfers, err) &&
           numerator_add_to(&sum->carry_out, more->carry_out, err);
}

/* Those of a currency and unit, made when there are none yet. */
static struct totals_money *money_of(struct totals *t, const struct billing_line *line,
                                     struct error *err)
{
    size_t i = 0;
    int order = -1;

    for (; i < t->money_count; i++) {
        order = strcmp(t->money[i].currency.code, line->currency.code);
        order = order != 0 ? order : (int)t->money[i].unit - (int)line->unit;
        if (order >= 0)
            break;
    }
    if (i < t->money_count && order == 0)
        return &t->money[i];
    struct totals_money *money = realloc(t->money, (t->money_count + 1) * sizeof *money);

    if (money == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory for the totals");
        return NULL;
    }
    t->money = money;
    memmove(&money[i + 1], &money[i], (t->money_count - i) * sizeof *money);
    t->money_count++;
    money[i] = (struct totals_money){.currency = line->currency, .unit = line->unit};
    return &money[i];
}

static bool add_row(struct totals *t, const struct statement_row *row, struct error *err)
{
    struct totals_money *money = money_of(t, &row->line, err);
    struct totals_carry exact = {row->carry_in, row->n, row->adjustments, row->transfers,
                                 row->carry_out};
    struct totals_carry figures;

    if (money == NULL)
        return false;
    totals_figures(row, &figures);
    t->rows++;
    money->kib_ns += row->usage.kib_ns; /* no more than the sum of all */
    money->quantity += figure_usage(row->usage.kib_ns, row->line.unit);
    if (__builtin_add_overflow(money->pennies, row->posted, &money->pennies))
        return error_set(err, ERR_RANGE, "the amounts in %s do not fit", row->line.currency.code);
    return add_usage(&t->usage, &row->usage, err) && add_carry(&money->exact, &exact, err) &&
           add_carry(&money->figures, &figures, err);
}

/* What the rows have of a currency less what the ledger has. */
static numerator difference(const struct statement *s, const struct totals *t, const char *currency)
{
    numerator pennies = 0;

    for (size_t i = 0; i < t->money_count; i++)
        if (strcmp(t->money[i].currency.code, currency) == 0)
            pennies += t->money[i].pennies;
    for (size_t i = 0; i < s->ledger_count; i++)
        if (strcmp(s->ledger[i].currency.code, currency) == 0)
            pennies -= s->ledger[i].pennies;
    return pennies;
}

static bool check_ledger(const struct statement *s, const struct totals *t, struct error *err)
{
    const char *wrong = NULL;

    for (size_t i = 0; i < t->money_count; i++)
        if (difference(s, t, t->money[i].currency.code) != 0)
            wrong = t->money[i].currency.code;
    for (size_t i = 0; i < s->ledger_count; i++)
        if (difference(s, t, s->ledger[i].currency.code) != 0)
            wrong = s->ledger[i].currency.code;
    return wrong == NULL ||
           error_set(err, ERR_STORE,
                     "the amounts in %s are not what the ledger has: run pagemeter audit", wrong);
}

bool totals_make(const struct statement *s, size_t first, size_t count, struct totals *out,
                 struct error *err)
{
    *out = (struct totals){0};
    for (size_t i = first; i < first + count; i++)
        if (!add_row(out, &s->rows[i], err))
            return false;
    return count != s->count || check_ledger(s, out, err);
}

void totals_clear(struct totals *t)
{
    free(t->money);
    *t = (struct totals){0};
}
