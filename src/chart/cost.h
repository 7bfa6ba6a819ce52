/*
 * cost.h - what the hours of a chart cost, by the tariff of each. Pure.
 *
 * For reading beside a chart: exact, but no bill. A bill posts whole pennies over a month, and has
 * corrections of earlier months.
 */
#ifndef PAGEMETER_CHART_COST_H
#define PAGEMETER_CHART_COST_H

#include "billing/book.h"
#include "store/series.h"

/* By account, currency and unit, in the order of their first hours. */
struct cost_amount {
    const struct book_account *account; /* the book's */
    struct currency currency;
    enum usage_unit unit;
    usage_kib_ns kib_ns;
    numerator n; /* kib_ns times nano-pennies */
};

struct cost {
    struct cost_amount *amounts;
    size_t count;
    usage_kib_ns unassigned; /* nobody owned the VM then */
    usage_kib_ns unpriced;   /* its owner had no tariff */
    usage_kib_ns uncharged;  /* of what is in amounts: not charged yet */
};

/* How far each store was charged: intervals that begin before the tick are. Ascending by base. */
struct cost_mark {
    int64_t base; /* of the store's numbers */
    int64_t tick; /* base + the store's own; base: nothing was */
};

struct cost_marks {
    struct cost_mark *list; /* the caller's to free */
    size_t count;
};
MUST_CHECK bool cost_read_marks(struct store *measured, struct billing_store *b,
                                struct cost_marks *out, struct error *err);

/*
 * Adds pieces of one VM, cut to what is shown, to a sum, which is all zero before the first.
 * Cleared by cost_clear, also after an error, when it is of no use. The book must outlive it.
 */
MUST_CHECK bool cost_add(const struct book *book, const struct uuid *vm,
                         const struct cost_marks *marks, const struct store_piece *pieces,
                         size_t count, struct cost *sum, struct error *err);
/* Accepts what is all zero. */
void cost_clear(struct cost *cost);

enum { COST_TEXT_MAX = 64 };

/* "0.4231 EUR": two digits more than a penny, rounded down. */
const char *cost_format(const struct cost_amount *amount, char out[COST_TEXT_MAX]);

#endif
