/*
 * statement_span.c - which hours a statement is of, and what it was read up to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing/statement.h"
#include "billing/statement_impl.h"
#include "common/calendar.h"

/* A day is written as a date or a word: an hour of one is not meant to be all of it. */
static bool parse_day(const char *text, int64_t now_utc_ns, struct statement_span *out)
{
    struct error err;
    int64_t from, to;

    if (strchr(text, 'T') != NULL || !calendar_parse_hour(text, false, now_utc_ns, &from, &err) ||
        !calendar_parse_hour(text, true, now_utc_ns, &to, &err))
        return false;
    if (from == to) /* a date is an instant, and means its day */
        to = from + HOURS_PER_DAY;
    if (to - from != HOURS_PER_DAY)
        return false;
    *out = (struct statement_span){month_of_hour(from, 0), from, to};
    return true;
}

bool statement_parse_span(const char *text, int64_t now_utc_ns, struct statement_span *out,
                          struct error *err)
{
    struct error as_month;
    int32_t month;

    if (month_parse(text, now_utc_ns, &month, &as_month)) {
        *out = (struct statement_span){month, month_first_hour(month, 0),
                                       month_first_hour(month + 1, 0)};
        return true;
    }
    return parse_day(text, now_utc_ns, out) ||
           error_set(err, ERR_USAGE,
                     "'%.40s' is no period: it is a month (2026-11, this-month, last-month) or "
                     "a day (2026-11-22, today, yesterday)",
                     text);
}

bool statement_check_span(const struct statement_span *span, bool *is_whole, struct error *err)
{
    int64_t first = month_first_hour(span->month, 0), end = month_first_hour(span->month + 1, 0);

    *is_whole = span->from_hour == first && span->to_hour == end;
    if (*is_whole ||
        (span->from_hour >= first && span->to_hour <= end && span->from_hour % HOURS_PER_DAY == 0 &&
         span->to_hour - span->from_hour == HOURS_PER_DAY))
        return true;
    char from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX];

    return error_set(err, ERR_USAGE,
                     "a statement is of a month or of one day, not of what is between %s and %s",
                     calendar_format_hour(span->from_hour, from),
                     calendar_format_hour(span->to_hour, to));
}

const char *statement_watermark(const struct statement *s, char out[WATERMARK_TEXT_MAX])
{
    if (s->is_sealed)
        (void)snprintf(out, WATERMARK_TEXT_MAX, "sealed, change %" PRId64 ", entry %" PRId64,
                       s->change, s->entry);
    else
        (void)snprintf(out, WATERMARK_TEXT_MAX,
                       "tick %" PRId64 ", change %" PRId64 ", adjustment %" PRId64
                       ", entry %" PRId64,
                       s->tick, s->change, s->adjustment, s->entry);
    return out;
}
