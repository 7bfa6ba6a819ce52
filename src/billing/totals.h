/*
 * totals.h - what a statement adds up to: control totals. Pure, but for the heap.
 *
 * Exact sums; and the sums of the figures as they are printed, which is what a spreadsheet finds
 * below a column.
 */
#ifndef PAGEMETER_TOTALS_H
#define PAGEMETER_TOTALS_H

#include "billing/statement.h"

struct totals_usage {
    usage_kib_ns kib_ns, measured_ns, missing_ns, excluded_ns;
    numerator gib_h, running_h, missing_h, excluded_h; /* sums of figures */
};

/* Numerators, or figures of them. */
struct totals_carry {
    numerator carry_in, n, adjustments, transfers, carry_out;
};

/* Lines of one currency and unit: numerators of others can't be added to theirs. */
struct totals_money {
    struct currency currency;
    enum usage_unit unit;
    usage_kib_ns kib_ns;
    numerator quantity; /* sum of figures */
    struct totals_carry exact, figures;
    int64_t pennies; /* posted */
};

struct totals {
    uint64_t rows;
    struct totals_usage usage;
    struct totals_money *money; /* by currency and unit */
    size_t money_count;
};

/* Time in which the VM counted, whether it was measured or not. */
usage_kib_ns totals_running_ns(const struct usage_part *usage);

/* The figures of a row's money. */
void totals_figures(const struct statement_row *row, struct totals_carry *out);

/*
 * Of the rows from `first` on, `count` of them. *out is whole or not; the caller clears it with
 * totals_clear in any case. ERR_STORE when amounts of the whole statement are not what the ledger
 * has.
 */
MUST_CHECK bool totals_make(const struct statement *s, size_t first, size_t count,
                            struct totals *out, struct error *err);
void totals_clear(struct totals *totals);

#endif
