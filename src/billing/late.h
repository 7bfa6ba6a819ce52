/*
 * late.h - what sealed months should have billed, against what they did: adjustments. Pure, but for
 * the heap.
 *
 * Two lists of (vm, hour, account, price, usage): what follows from the usage and the book as they
 * are now, and what was billed so far. Where they differ, what was billed wrongly is taken back at
 * its price, and what is missing is billed at the price of its hour.
 */
#ifndef PAGEMETER_LATE_H
#define PAGEMETER_LATE_H

#include "billing/book.h"

struct late_item {
    struct uuid vm;
    int64_t hour;
    const struct book_account *account;
    struct price price;
    numerator usage_kib_ns;
};

struct late_list {
    struct late_item *items;
    size_t count, room;
};

/* Items of one vm, hour, account and price may come in parts. */
MUST_CHECK bool late_add(struct late_list *list, const struct late_item *item, struct error *err);
void late_clear(struct late_list *list);

struct late_sink {
    bool (*adjust)(void *self, const struct late_item *delta, enum adjustment_cause cause,
                   struct error *err);
    /* Whose the VM was at that hour, as the book is now; NULL: nobody's. */
    const struct book_account *(*owner)(void *self, const struct uuid *vm, int64_t hour);
    void *self;
};

/*
 * Hands over each difference, `due` less `billed`, in the order of vm, hour, account and price.
 * Sorts both. A difference of usage alone is late; a price, or an account, that was another is
 * the tariff's or the owner's. So it is too when `due` has nothing of an hour that has another
 * owner now: by his clock it is of a month that is open, or he has no price.
 */
MUST_CHECK bool late_compare(struct late_list *due, struct late_list *billed,
                             const struct late_sink *sink, struct error *err);

#endif
