#include "chart/scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/calendar.h"

enum { UNITS_OF_MEMORY = 4, KIB_BITS = 10 };

static const char *const unit_words[UNITS_OF_MEMORY] = {"KiB", "MiB", "GiB", "TiB"};

/* ---- memory ---- */

/* The unit in which the greatest value has a digit before its point. */
static unsigned unit_of(uint64_t kib)
{
    unsigned unit = 0;

    while (unit + 1 < UNITS_OF_MEMORY && kib >> (KIB_BITS * (unit + 1)) != 0)
        unit++;
    return unit;
}

/* Steps are powers of two; what is not whole in the unit has two or three decimals at most. */
static void write_memory(uint64_t kib, unsigned unit, uint64_t step, char out[SCALE_TEXT_MAX])
{
    uint64_t one = UINT64_C(1) << (KIB_BITS * unit);
    uint64_t thousandths = kib % one * 1000 / one;
    int decimals = step % one == 0 ? 0 : step * 2 % one == 0 ? 1 : step * 4 % one == 0 ? 2 : 3;

    if (decimals == 0 || kib == 0)
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRIu64 " %s", kib / one, unit_words[unit]);
    else
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRIu64 ".%0*" PRIu64 " %s", kib / one, decimals,
                       thousandths / (decimals == 1   ? 100
                                      : decimals == 2 ? 10
                                                      : 1),
                       unit_words[unit]);
}

void scale_memory(uint64_t most_kib, size_t most, struct scale *out)
{
    uint64_t step = 1;
    uint64_t steps;
    unsigned unit;

    *out = (struct scale){0};
    if (most_kib == 0)
        most_kib = 1;
    if (most >= SCALE_MARKS_MAX)
        most = SCALE_MARKS_MAX - 1;
    while ((most_kib + step - 1) / step > most)
        step *= 2;
    steps = (most_kib + step - 1) / step;
    unit = unit_of(steps * step);
    while (unit > 0 && step * 4 < UINT64_C(1) << (KIB_BITS * unit))
        unit--;
    for (uint64_t i = 0; i <= steps && out->count < SCALE_MARKS_MAX; i++) {
        struct scale_mark *mark = &out->marks[out->count++];

        mark->at = (int64_t)(i * step);
        write_memory(i * step, unit, step, mark->text);
    }
    out->top = out->marks[out->count - 1].at;
}

const char *scale_format_kib(uint64_t kib, char out[SCALE_TEXT_MAX])
{
    unsigned unit = unit_of(kib);
    uint64_t one = UINT64_C(1) << (KIB_BITS * unit);
    uint64_t whole = kib / one;
    int decimals = unit == 0 || whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
    uint64_t tens = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    uint64_t rest = kib % one * tens;
    uint64_t value = whole * tens + rest / one;

    value += rest % one > one / 2 || (rest % one == one / 2 && one > 1 && value % 2 == 1);
    if (value % tens == 0)
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRIu64 " %s", value / tens, unit_words[unit]);
    else
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRIu64 ".%0*" PRIu64 " %s", value / tens, decimals,
                       value % tens, unit_words[unit]);
    return out;
}

/* ---- time ---- */

#define S NS_PER_S
#define MINUTE (60 * S)
#define DAY (24 * NS_PER_HOUR)

static const int64_t steps_of_time[] = {
    S,           2 * S,           5 * S,           10 * S,          15 * S,           30 * S,
    MINUTE,      2 * MINUTE,      5 * MINUTE,      10 * MINUTE,     15 * MINUTE,      30 * MINUTE,
    NS_PER_HOUR, 2 * NS_PER_HOUR, 3 * NS_PER_HOUR, 6 * NS_PER_HOUR, 12 * NS_PER_HOUR, DAY,
    2 * DAY,     7 * DAY};

static void write_time(int64_t utc_ns, const char *form, char out[SCALE_TEXT_MAX])
{
    time_t seconds = (time_t)(utc_ns / S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, SCALE_TEXT_MAX, form, &tm) == 0)
        (void)strcpy(out, "?");
}

static void add_time(struct scale *out, int64_t at, int64_t step)
{
    struct scale_mark *mark = &out->marks[out->count++];

    mark->at = at;
    write_time(at, at % DAY == 0 ? "%-d %b" : step < MINUTE ? "%H:%M:%S" : "%H:%M", mark->text);
}

/* The beginnings of every so many months. */
static void add_months(const struct series_span *span, int months, size_t most, struct scale *out)
{
    time_t seconds = (time_t)(span->from_utc_ns / S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL)
        return;
    tm.tm_sec = tm.tm_min = tm.tm_hour = 0;
    tm.tm_mday = 1;
    tm.tm_mon -= tm.tm_mon % months;
    for (; out->count < most && out->count < SCALE_MARKS_MAX; tm.tm_mon += months) {
        int64_t begins = (int64_t)timegm(&tm);

        if (begins > span->to_utc_ns / S)
            break;
        if (begins * S < span->from_utc_ns)
            continue;
        struct scale_mark *mark = &out->marks[out->count++];

        mark->at = begins * S;
        write_time(mark->at, months < 12 ? "%b %Y" : "%Y", mark->text);
    }
}

void scale_time(const struct series_span *span, size_t most, struct scale *out)
{
    int64_t length = span->to_utc_ns - span->from_utc_ns;
    int64_t step = 0;

    *out = (struct scale){0};
    if (most > SCALE_MARKS_MAX)
        most = SCALE_MARKS_MAX;
    for (size_t i = 0; step == 0 && i < sizeof steps_of_time / sizeof *steps_of_time; i++)
        if (length / steps_of_time[i] < (int64_t)most)
            step = steps_of_time[i];
    if (step == 0) {
        int months = 1;

        while (length / (31 * DAY * months) >= (int64_t)most)
            months = months == 1 ? 3 : months == 3 ? 12 : months * 2;
        add_months(span, months, most, out);
        return;
    }
    /* weeks begin on Monday: the epoch was a Thursday */
    int64_t offset = step == 7 * DAY ? 4 * DAY : 0;
    int64_t first = (span->from_utc_ns - offset + step - 1) / step * step + offset;

    for (int64_t at = first; at <= span->to_utc_ns && out->count < most; at += step)
        add_time(out, at, step);
}

const char *scale_format_span(int64_t ns, char out[SCALE_TEXT_MAX])
{
    int64_t s = ns / S;

    if (s < 10)
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRId64 ".%03d s", s, (int)(ns % S / 1000000));
    else if (s >= 86400)
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRId64 " d %" PRId64 ":%02d:%02d", s / 86400,
                       s / 3600 % 24, (int)(s / 60 % 60), (int)(s % 60));
    else
        (void)snprintf(out, SCALE_TEXT_MAX, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60),
                       (int)(s % 60));
    return out;
}
