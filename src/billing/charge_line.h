/*
 * charge_line.h - when a penny is due: the arithmetic of one charge line. Pure, 128 bits, checked.
 *
 * A charge line is (account, vm, currency, unit, period). Its numerator N is the sum of KiB*ns
 * times nano-pennies per unit, over its usage and its adjustments, exact; D = unit * 10^9 is the
 * numerator of one penny. From DESIGN.md, "Money":
 *
 *     due = floordiv(carry_in + N + transfers, D) - posted
 *     posted * D + carry_out = carry_in + N + transfers, with 0 <= carry_out < D once due is posted
 *
 * So whole pennies are posted as soon as they have come together, and a due below 0 is a credit.
 * Nothing is rounded: what is not a whole penny is carried.
 */
#ifndef PAGEMETER_CHARGE_LINE_H
#define PAGEMETER_CHARGE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/price.h"

__extension__ typedef __int128 numerator;

/* D: less than 2^92. */
numerator unit_penny(enum usage_unit unit);

/*
 * *sum += usage, in KiB*ns, * price. ERR_RANGE, and *sum untouched, when the product or the sum is
 * beyond 127 bits. usage may be negative.
 */
MUST_CHECK bool numerator_add(numerator *sum, numerator usage, int64_t nano_pennies,
                              struct error *err);

/* *sum += more, likewise. */
MUST_CHECK bool numerator_add_to(numerator *sum, numerator more, struct error *err);

struct charge_line_sums {
    numerator carry_in;  /* what the line before handed on */
    numerator n;         /* usage and adjustments of this period, times their prices */
    numerator transfers; /* to and from the account's pool; sums to 0 over both */
    int64_t posted;      /* pennies */
};

/*
 * What is due now, in pennies; 0: nothing. A transfer takes what is left of a line, which was less
 * than a penny; in the pool several come together to one. ERR_RANGE when it does not fit.
 */
MUST_CHECK bool charge_line_due(const struct charge_line_sums *sums, enum usage_unit unit,
                                int64_t *due, struct error *err);

/*
 * carry_in + n + transfers - posted * D: what is handed on. ERR_RANGE when it or a part of it does
 * not fit.
 */
MUST_CHECK bool charge_line_carry(const struct charge_line_sums *sums, enum usage_unit unit,
                                  numerator *carry, struct error *err);

enum { NUMERATOR_TEXT_MAX = 42 };

/* Decimal, signed; and strictly the way back: digits with at most a minus, no leading zeros. */
const char *numerator_format(numerator value, char out[NUMERATOR_TEXT_MAX]);
MUST_CHECK bool numerator_parse(const char *text, size_t length, numerator *out);

/*
 * The three limbs of the stores, so that plain SUM() is exact in both engines: value = high * 10^24
 * + middle * 10^12 + low, with middle and low in 0..10^12-1, and the sign in high (floor). A sum of
 * 9,223,372 rows always fits; beyond that SQLite's SUM() may fail, but is never wrong.
 */
struct numerator_limbs {
    int64_t high, middle, low;
};
struct numerator_limbs numerator_to_limbs(numerator value);
/* The limbs may be sums of limbs. ERR_RANGE exactly when the value is beyond 127 bits. */
MUST_CHECK bool numerator_from_limbs(const struct numerator_limbs *limbs, numerator *out,
                                     struct error *err);

#endif
