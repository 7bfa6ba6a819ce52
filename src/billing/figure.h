/*
 * figure.h - exact amounts as decimals, for those who read them. Pure; exports round here and
 * nowhere else.
 *
 * A figure is a whole number of 10^-9: of a penny, a unit of usage, an hour, a GiB. So figures that
 * were printed add up in a spreadsheet to what their sum prints.
 */
#ifndef PAGEMETER_FIGURE_H
#define PAGEMETER_FIGURE_H

#include "billing/charge_line.h"

enum { FIGURE_DECIMALS = 9, PERCENT_DECIMALS = 3, FIGURE_TEXT_MAX = 48 };

/* Pennies of a numerator, rounded towards minus infinity: never more than is there. */
numerator figure_pennies(numerator exact, enum usage_unit unit);

/* The rest is rounded half to even. Units of usage; hours; GiB. */
numerator figure_usage(usage_kib_ns usage, enum usage_unit unit);
numerator figure_hours(usage_kib_ns ns);
numerator figure_gib(uint64_t kib);

/* part in percent of whole, which is not 0, with PERCENT_DECIMALS: rounded down, so that 100 is all
 * of it. */
numerator figure_percent(usage_kib_ns part, usage_kib_ns whole);

/* value * 10^-decimals, with a point whatever the locale: "-0.000000001". decimals: 1 to 18. */
const char *figure_format(numerator value, unsigned decimals, char out[FIGURE_TEXT_MAX]);

#endif
