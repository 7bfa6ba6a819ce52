#include "billing/month.h"

#include <stdio.h>
#include <string.h>

#include "common/units.h"

enum { FIRST_YEAR = 1970, LAST_YEAR = 2262, MONTHS_PER_YEAR = 12 };

/* The Gregorian calendar repeats after 400 years. */
enum { CYCLE_DAYS = 146097, CYCLE_MONTHS = 400 * MONTHS_PER_YEAR };

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* From the year 1 on. */
static int64_t leap_days_before(int64_t year)
{
    return (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

/* The first day of a month, counted from 1970-01-01. */
static int64_t first_day(int64_t month)
{
    static const int days_before[MONTHS_PER_YEAR] = {0,   31,  59,  90,  120, 151,
                                                     181, 212, 243, 273, 304, 334};
    int64_t year = FIRST_YEAR + month / MONTHS_PER_YEAR;
    int64_t in_year = month % MONTHS_PER_YEAR;

    return (year - FIRST_YEAR) * 365 + leap_days_before(year) - leap_days_before(FIRST_YEAR) +
           days_before[in_year] + (in_year >= 2 && is_leap(year) ? 1 : 0);
}

int32_t month_of_hour(int64_t hour, int offset_h)
{
    if (hour + offset_h < 0)
        return 0;
    int64_t day = (hour + offset_h) / HOURS_PER_DAY;
    /* by the average month: one too far at most, or one too near */
    int64_t month = day * CYCLE_MONTHS / CYCLE_DAYS;

    while (first_day(month) > day)
        month--;
    while (first_day(month + 1) <= day)
        month++;
    return (int32_t)month;
}

int64_t month_first_hour(int32_t month, int offset_h)
{
    return month == 0 ? 0 : first_day(month) * HOURS_PER_DAY - offset_h;
}

const char *month_format(int32_t month, char out[MONTH_TEXT_MAX])
{
    (void)snprintf(out, MONTH_TEXT_MAX, "%04d-%02d", FIRST_YEAR + month / MONTHS_PER_YEAR,
                   month % MONTHS_PER_YEAR + 1);
    return out;
}

static bool word_parse(const char *text, int64_t now_utc_ns, int64_t *month)
{
    int64_t now = month_of_hour(now_utc_ns / NS_PER_HOUR, 0);

    if (strcmp(text, "this-month") == 0)
        *month = now;
    else if (strcmp(text, "last-month") == 0)
        *month = now - 1;
    else
        return false;
    return true;
}

/* Exactly four digits, a dash, two digits. */
static bool figures_parse(const char *text, int64_t *month)
{
    static const char form[] = "9999-99";
    int figures = 0;

    if (strnlen(text, sizeof form) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
        if (form[i] != '-')
            figures = figures * 10 + (text[i] - '0');
    }
    int in_year = figures % 100;

    if (in_year < 1 || in_year > MONTHS_PER_YEAR)
        return false;
    *month = (figures / 100 - FIRST_YEAR) * MONTHS_PER_YEAR + in_year - 1;
    return true;
}

bool month_parse(const char *text, int64_t now_utc_ns, int32_t *out, struct error *err)
{
    int64_t month;

    if (!word_parse(text, now_utc_ns, &month) && !figures_parse(text, &month))
        return error_set(err, ERR_USAGE,
                         "'%.40s' is not a month: write it like 2026-11, or this-month or "
                         "last-month",
                         text);
    if (month < 0 || month / MONTHS_PER_YEAR > LAST_YEAR - FIRST_YEAR)
        return error_set(err, ERR_USAGE, "'%.40s' is not in the years %d to %d", text, FIRST_YEAR,
                         LAST_YEAR);
    *out = (int32_t)month;
    return true;
}
