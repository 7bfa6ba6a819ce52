/*
 * price.h - what a GiB*h costs: integer nano-pennies per unit. Pure.
 *
 * People write the main unit of the currency: 0.0042 EUR/GiBh is 0.42 pennies, 420,000,000
 * nano-pennies. At most PRICE_NANO_MAX, so that 64 TiB for a month stay within 127 bits; more is
 * refused, and so is what has more decimals than a nano-penny. A price of 0 is a price.
 */
#ifndef PAGEMETER_PRICE_H
#define PAGEMETER_PRICE_H

#include "billing/currency.h"
#include "common/units.h"

#define PRICE_NANO_MAX INT64_C(100000000000) /* 100 pennies per unit: 1 EUR, 100 JPY, 0.1 KWD */
#define NANO_PER_PENNY INT64_C(1000000000)

enum usage_unit { UNIT_GIBH, UNIT_GBH, UNITS };

struct price {
    int64_t nano_pennies; /* per unit */
    struct currency currency;
    enum usage_unit unit;
};

enum { PRICE_TEXT_MAX = 32 };

/*
 * "0.0042", "EUR/GiBh". Strictly: digits, and behind a point at least one more; no sign, exponent,
 * space, group separator, nor a zero before the first digit of "42". Zeros at the end count as
 * decimals. ERR_USAGE with what would be right; *out untouched.
 */
MUST_CHECK bool price_parse(const char *amount, const char *unit, struct price *out,
                            struct error *err);

/* The amount again, in the main unit: "0.0042", without zeros at its end. */
const char *price_format(const struct price *price, char out[PRICE_TEXT_MAX]);

/* "GiBh" or "GBh"; and the way back. */
const char *unit_name(enum usage_unit unit);
MUST_CHECK bool unit_parse(const char *text, enum usage_unit *out, struct error *err);

/* KiB*ns of one unit: 3,774,873,600,000,000,000 or 3,515,625,000,000,000,000. */
usage_kib_ns unit_kib_ns(enum usage_unit unit);

#endif
