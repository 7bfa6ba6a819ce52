/*
 * book.h - who owned a VM, and what a GiB*h cost, at an hour. Pure, but for reading it in.
 *
 * All that was said of accounts, owners and tariffs, as of one moment. A VM without an owner is
 * unassigned, and an owner without a tariff (of its own, or the default) is unpriced: neither is
 * ever charged, both are shown.
 */
#ifndef PAGEMETER_BOOK_H
#define PAGEMETER_BOOK_H

#include "billing/dated.h"
#include "billing/month.h"
#include "store/billing_store.h"

struct book;

/* Reads all of it. The caller frees it with book_free. */
MUST_CHECK bool book_read(struct book **out, struct billing_store *b, struct error *err);
void book_free(struct book *book); /* accepts NULL */

struct book_account {
    char id[ACCOUNT_TEXT_MAX];
    char *name;
    int offset_h;
};

/* By id; NULL: there is none. */
const struct book_account *book_account(const struct book *book, const char *id);
const struct book_account *book_accounts(const struct book *book, size_t *count);

/* What holds at an hour for a VM. */
struct rate {
    const struct book_account *account; /* NULL: unassigned */
    const struct price *price;          /* NULL: unassigned or unpriced */
    int32_t month;                      /* of the account; of UTC when it is unassigned */
    int64_t until_hour;                 /* so it stays up to before this one */
};
void book_rate(const struct book *book, const struct uuid *vm, int64_t hour, struct rate *out);

#endif
