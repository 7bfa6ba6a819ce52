/*
 * calendar.h - UTC hours, the only calendar that billing knows.
 *
 * An hour is the number of whole hours since 1970-01-01T00:00:00Z. Leap seconds do not exist here,
 * as they do not in CLOCK_REALTIME. Placement only: time is measured on the monotonic clock.
 */
#ifndef PAGEMETER_CALENDAR_H
#define PAGEMETER_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* The hour that an instant lies in. Unsigned: two int64 that are not negative may be added up. */
int64_t calendar_hour_of(uint64_t utc_ns);

enum { HOUR_TEXT_MAX = 32 };

/* 2026-11-22T13:00:00Z */
const char *calendar_format_hour(int64_t hour, char out[HOUR_TEXT_MAX]);
/* The second that it lies in. */
const char *calendar_format_second(int64_t utc_ns, char out[HOUR_TEXT_MAX]);

/*
 * A boundary of a range: ISO 8601 UTC (2026-11, 2026-11-22, 2026-11-22T13, ...T13:00, ...T13:00:00,
 * with or without a final Z), or today, yesterday, this-month, last-month: the word's start, or its
 * end when is_end. now_utc_ns is the present. Fails with ERR_USAGE; an instant inside an hour is
 * refused, since usage is stored by the hour.
 */
MUST_CHECK bool calendar_parse_hour(const char *text, bool is_end, int64_t now_utc_ns,
                                    int64_t *hour, struct error *err);

/* The same, to the second: *utc_ns. */
MUST_CHECK bool calendar_parse_second(const char *text, bool is_end, int64_t now_utc_ns,
                                      int64_t *utc_ns, struct error *err);

#endif
