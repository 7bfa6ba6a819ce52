#include "common/calendar.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/number.h"
#include "common/units.h"

enum { SECONDS_PER_HOUR = 3600 };

int64_t calendar_hour_of(uint64_t utc_ns)
{
    return (int64_t)(utc_ns / (uint64_t)NS_PER_HOUR);
}

const char *calendar_format_hour(int64_t hour, char out[HOUR_TEXT_MAX])
{
    time_t seconds = (time_t)(hour * SECONDS_PER_HOUR);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, HOUR_TEXT_MAX, "%Y-%m-%dT%H:00:00Z", &tm) == 0)
        (void)snprintf(out, HOUR_TEXT_MAX, "hour %lld", (long long)hour);
    return out;
}

const char *calendar_format_second(int64_t utc_ns, char out[HOUR_TEXT_MAX])
{
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, HOUR_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(out, HOUR_TEXT_MAX, "second %lld", (long long)seconds);
    return out;
}

/* The first hour of the day or month that `shift` days or months after now's begins. */
static int64_t start_of(int64_t now_utc_ns, bool is_month, int shift)
{
    time_t seconds = (time_t)(now_utc_ns / NS_PER_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    if (is_month) {
        tm.tm_mday = 1;
        tm.tm_mon += shift;
    } else {
        tm.tm_mday += shift;
    }
    return (int64_t)timegm(&tm) / SECONDS_PER_HOUR;
}

static bool parse_word(const char *text, bool is_end, int64_t now_utc_ns, int64_t *hour)
{
    static const struct {
        const char *word;
        bool is_month;
        int shift;
    } words[] = {
        {"today", false, 0},
        {"yesterday", false, -1},
        {"this-month", true, 0},
        {"last-month", true, -1},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) == 0) {
            *hour = start_of(now_utc_ns, words[i].is_month, words[i].shift + (is_end ? 1 : 0));
            return true;
        }
    }
    return false;
}

/* Two or four digits at *p. */
static bool take_digits(const char **p, size_t count, int *out)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return false;
        value = value * 10 + ((*p)[i] - '0');
    }
    *p += count;
    *out = value;
    return true;
}

static bool take_part(const char **p, char separator, int *out)
{
    if (**p != separator)
        return true; /* the parts that are not there keep their default */
    (*p)++;
    return take_digits(p, 2, out);
}

/* Fields of tm as written, everything after the month optional; whole string. */
static bool parse_fields(const char *p, struct tm *tm)
{
    *tm = (struct tm){.tm_mday = 1};
    if (!take_digits(&p, 4, &tm->tm_year) || *p++ != '-' || !take_digits(&p, 2, &tm->tm_mon))
        return false;
    if (*p == '-') {
        if (!take_part(&p, '-', &tm->tm_mday))
            return false;
        if (*p == 'T' && (!take_part(&p, 'T', &tm->tm_hour) || !take_part(&p, ':', &tm->tm_min) ||
                          !take_part(&p, ':', &tm->tm_sec)))
            return false;
    }
    if (*p == 'Z')
        p++;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return *p == '\0';
}

/* A word, or a date that there is. */
static bool parse_seconds(const char *text, bool is_end, int64_t now_utc_ns, int64_t *seconds)
{
    struct tm tm;
    struct tm normal;
    int64_t hour;

    if (parse_word(text, is_end, now_utc_ns, &hour)) {
        *seconds = hour * SECONDS_PER_HOUR;
        return true;
    }
    if (!parse_fields(text, &tm))
        return false;
    normal = tm;
    *seconds = (int64_t)timegm(&normal);
    /* timegm turns 30 February into 2 March: a date that comes back changed was none */
    return normal.tm_year == tm.tm_year && normal.tm_mon == tm.tm_mon &&
           normal.tm_mday == tm.tm_mday && normal.tm_hour == tm.tm_hour &&
           normal.tm_min == tm.tm_min && normal.tm_sec == tm.tm_sec && *seconds >= 0;
}

static bool refuse(const char *text, struct error *err)
{
    return error_set(err, ERR_USAGE,
                     "'%.40s' is not a time: write UTC like 2026-11-22 or 2026-11-22T13:00:00Z, or "
                     "today, yesterday, this-month, last-month",
                     text);
}

bool calendar_parse_hour(const char *text, bool is_end, int64_t now_utc_ns, int64_t *hour,
                         struct error *err)
{
    int64_t seconds;

    if (!parse_seconds(text, is_end, now_utc_ns, &seconds))
        return refuse(text, err);
    if (seconds % SECONDS_PER_HOUR != 0)
        return error_set(
            err, ERR_USAGE,
            "'%.40s' is inside an hour: usage is stored by whole UTC hours, so a range "
            "begins and ends on one",
            text);
    *hour = seconds / SECONDS_PER_HOUR;
    return true;
}

bool calendar_parse_second(const char *text, bool is_end, int64_t now_utc_ns, int64_t *utc_ns,
                           struct error *err)
{
    int64_t seconds;

    if (!parse_seconds(text, is_end, now_utc_ns, &seconds) || seconds > INT64_MAX / NS_PER_S)
        return refuse(text, err);
    *utc_ns = seconds * NS_PER_S;
    return true;
}
