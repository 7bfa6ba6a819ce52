/*
 * month.h - the periods of billing: UTC months, moved by an account's own whole hours. Pure.
 *
 * A month is counted from January 1970: 2026-11 is 682. An account whose books are kept at
 * UTC+1 has an offset of 1: its November begins at 23:00 UTC on the last of October. The offset is
 * fixed for ever: a period must not depend on rules for summer time.
 */
#ifndef PAGEMETER_MONTH_H
#define PAGEMETER_MONTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

enum { MONTH_OFFSET_LEAST = -12, MONTH_OFFSET_MOST = 14, MONTH_TEXT_MAX = 32 };

/*
 * The month that a UTC hour (calendar.h) belongs to, for an account with this offset in hours.
 * There are no hours below 0, so January 1970 begins with hour 0 for all, west of UTC a little
 * early.
 */
int32_t month_of_hour(int64_t hour, int offset_h);

/* The first UTC hour of a month, which is not negative; its end is the first of the next. */
int64_t month_first_hour(int32_t month, int offset_h);

/* "2026-11" */
const char *month_format(int32_t month, char out[MONTH_TEXT_MAX]);

/*
 * "2026-11", this-month or last-month; ERR_USAGE otherwise. Years 1970 to 2262. The words go by
 * UTC, so that they name one month for all accounts.
 */
MUST_CHECK bool month_parse(const char *text, int64_t now_utc_ns, int32_t *out, struct error *err);

#endif
