/*
 * invoice.h - the number of an invoice: one for each account, month and currency.
 *
 * There is one as soon as the month is sealed, and it never changes. Plain ASCII with a letter in
 * it, so that no program takes it for a number or a date.
 */
#ifndef PAGEMETER_INVOICE_H
#define PAGEMETER_INVOICE_H

#include "billing/month.h"
#include "store/billing_store.h"

enum { INVOICE_TEXT_MAX = ACCOUNT_TEXT_MAX + MONTH_TEXT_MAX + CURRENCY_TEXT_MAX };

/* "acme-2026-11-EUR": from its end, always one account, month and currency. */
const char *invoice_number(const struct billing_line *line, char out[INVOICE_TEXT_MAX]);

#endif
