/*
 * currency.h - the currencies of ISO 4217 and their minor units, and amounts as text. Pure.
 *
 * A penny is the currency's minor unit: a hundredth of a euro, a whole yen, a thousandth of a
 * dinar. Amounts are whole pennies, signed. Text has always a point, never a group separator,
 * whatever the locale.
 */
#ifndef PAGEMETER_CURRENCY_H
#define PAGEMETER_CURRENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

enum { CURRENCY_TEXT_MAX = 4, AMOUNT_TEXT_MAX = 32 };

struct currency {
    char code[CURRENCY_TEXT_MAX]; /* "EUR" */
    uint8_t decimals;             /* of its main unit: 0, 2, 3 or 4 */
};

/* One of the list of active codes; ERR_USAGE otherwise. Capital letters only. */
MUST_CHECK bool currency_find(const char *code, struct currency *out, struct error *err);

/* "-12.34" for -1234 pennies of a currency with 2 decimals; "1234" with none. */
const char *currency_format(const struct currency *currency, int64_t pennies,
                            char out[AMOUNT_TEXT_MAX]);

#endif
