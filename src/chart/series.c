/*
 * series.c - lives that lie side by side are added up, hour by hour; what is between them is
 * filled.
 *
 * Each hour's pieces of one kind are swept from left to right. Where several lie side by side, what
 * comes out is their sum over the shortest of their times there, and what one of them has beyond
 * that (clocks differ) is a piece of no extent: so nothing is lost or rounded.
 */
#include "chart/series.h"

#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"

enum { TOGETHER_MAX = 1024 }; /* lives of one VM at one instant */

struct sweep {
    struct series *out;
    size_t room;
    struct store_piece active[TOGETHER_MAX];
    struct store_piece parts[TOGETHER_MAX];
    size_t count;
};

void series_hours(const struct series_span *span, int64_t *from, int64_t *to)
{
    *from = span->from_utc_ns / NS_PER_HOUR;
    *to = span->to_utc_ns / NS_PER_HOUR + (span->to_utc_ns % NS_PER_HOUR != 0);
}

/* ---- cutting ---- */

static bool is_inside(const struct series_span *span, int64_t hour)
{
    return hour >= span->from_utc_ns / NS_PER_HOUR + (span->from_utc_ns % NS_PER_HOUR != 0) &&
           hour < span->to_utc_ns / NS_PER_HOUR;
}

/* The part of *p before `at`, which lies in it; *p is the rest. */
static struct store_piece cut_off(struct store_piece *p, int64_t at)
{
    struct store_piece left = *p;
    int64_t ns = at - p->from_utc_ns;

    left.to_utc_ns = p->from_utc_ns = at;
    left.ns = ns < p->ns ? ns : p->ns;
    p->ns -= left.ns;
    return left;
}

/* False: nothing of it lies in the span. */
static bool cut_piece(const struct series_span *span, struct store_piece *p)
{
    if (p->from_utc_ns >= span->to_utc_ns || p->to_utc_ns < span->from_utc_ns ||
        (p->to_utc_ns == span->from_utc_ns && p->from_utc_ns < p->to_utc_ns))
        return false;
    if (p->from_utc_ns < span->from_utc_ns)
        (void)cut_off(p, span->from_utc_ns);
    if (p->to_utc_ns > span->to_utc_ns)
        *p = cut_off(p, span->to_utc_ns);
    return p->ns > 0;
}

size_t series_cut(const struct series_span *span, struct store_piece *pieces, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct store_piece p = pieces[i];

        if (is_inside(span, p.hour) || cut_piece(span, &p))
            pieces[kept++] = p;
    }
    return kept;
}

/* ---- adding up ---- */

static bool put(struct sweep *s, const struct store_piece *piece, struct error *err)
{
    struct series *out = s->out;

    if (out->count == s->room) {
        size_t room = s->room == 0 ? 256 : s->room * 2;
        struct store_piece *larger = realloc(out->pieces, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for so many changes: ask for less");
        out->pieces = larger;
        s->room = room;
    }
    out->pieces[out->count++] = *piece;
    return true;
}

/* What all that lie side by side have up to `to`, at most to where the first of them ends. */
static bool put_sum(struct sweep *s, int64_t to, struct error *err)
{
    struct store_piece *parts = s->parts;
    struct store_piece sum;
    size_t left = 0;

    for (size_t i = 0; i < s->count; i++) {
        struct store_piece *p = &s->active[i];

        parts[i] = p->to_utc_ns > to ? cut_off(p, to) : *p;
        if (i == 0) {
            sum = parts[0];
            continue;
        }
        sum.kib += parts[i].kib;
        sum.ns = parts[i].ns < sum.ns ? parts[i].ns : sum.ns;
        sum.life = -1;
    }
    bool is_ok = put(s, &sum, err);

    for (size_t i = 0; is_ok && i < s->count; i++) {
        parts[i].ns -= sum.ns;
        parts[i].from_utc_ns = parts[i].to_utc_ns;
        is_ok = parts[i].ns == 0 || put(s, &parts[i], err);
    }
    for (size_t i = 0; i < s->count; i++)
        if (s->active[i].to_utc_ns > to)
            s->active[left++] = s->active[i];
    s->count = left;
    return is_ok;
}

static int64_t first_end(const struct sweep *s)
{
    int64_t end = s->active[0].to_utc_ns;

    for (size_t i = 1; i < s->count; i++)
        if (s->active[i].to_utc_ns < end)
            end = s->active[i].to_utc_ns;
    return end;
}

/* All that lie before `at`. */
static bool sweep_to(struct sweep *s, int64_t at, struct error *err)
{
    while (s->count > 0 && s->active[0].from_utc_ns < at) {
        int64_t end = first_end(s);

        if (!put_sum(s, end < at ? end : at, err))
            return false;
    }
    return true;
}

/* What is there again, or has no extent, is not added to others. */
static bool is_alone(const struct store_piece *p)
{
    return p->is_again || p->from_utc_ns >= p->to_utc_ns;
}

/* Pieces of one kind and hour, by from_utc_ns. */
static bool add_up(struct sweep *s, const struct store_piece *group, size_t count,
                   struct error *err)
{
    s->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_alone(&group[i])) {
            if (!put(s, &group[i], err))
                return false;
            continue;
        }
        if (!sweep_to(s, group[i].from_utc_ns, err))
            return false;
        if (s->count == TOGETHER_MAX)
            return error_set(err, ERR_RANGE, "more than %d lives of one VM at once", TOGETHER_MAX);
        s->active[s->count++] = group[i];
    }
    return sweep_to(s, INT64_MAX, err);
}

static int by_hour_and_kind(const void *one, const void *other)
{
    const struct store_piece *a = one, *b = other;

    if (a->hour != b->hour)
        return (a->hour > b->hour) - (a->hour < b->hour);
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    if (a->from_utc_ns != b->from_utc_ns)
        return (a->from_utc_ns > b->from_utc_ns) - (a->from_utc_ns < b->from_utc_ns);
    if (a->life != b->life)
        return (a->life > b->life) - (a->life < b->life);
    return (a->tick > b->tick) - (a->tick < b->tick);
}

/* They are sorted so. */
static bool add_lives(struct sweep *s, const struct store_piece *sorted, size_t count,
                      struct error *err)
{
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end].hour == sorted[i].hour &&
                          sorted[end].kind == sorted[i].kind;)
            end++;
        if (!add_up(s, sorted + i, end - i, err))
            return false;
    }
    return true;
}

/* ---- by the hour ---- */

static struct series_hour *hour_of(struct series *out, int64_t hour)
{
    if (out->hour_count == 0 || out->hours[out->hour_count - 1].part.hour != hour)
        out->hours[out->hour_count++] = (struct series_hour){.part = {.hour = hour}};
    return &out->hours[out->hour_count - 1];
}

static bool add_piece(struct series_hour *sum, const struct store_piece *p)
{
    if (p->kind == PIECE_MISSING)
        sum->part.missing_ns += p->ns;
    else if (p->kind == PIECE_EXCLUDED)
        sum->part.excluded_ns += p->ns;
    if (p->kind != PIECE_BILLED)
        return true;
    sum->part.measured_ns += p->ns;
    return usage_add_product(&sum->part.kib_ns, p->kib, (uint64_t)p->ns);
}

/* From the lives' own pieces, sorted by the hour: of two at once both count. */
static bool sum_hours(struct series *out, const struct store_piece *sorted, size_t count,
                      struct error *err)
{
    out->hours = calloc(count + 1, sizeof *out->hours);
    if (out->hours == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for so many hours: ask for less");
    for (size_t i = 0; i < count; i++) {
        if (!add_piece(hour_of(out, sorted[i].hour), &sorted[i]) ||
            !add_piece(&out->total, &sorted[i]))
            return error_set(err, ERR_RANGE, "usage does not fit 128 bits");
        out->has_average = out->has_average || sorted[i].is_average;
        out->has_again = out->has_again || sorted[i].is_again;
    }
    return true;
}

static void note_extremes(struct series_hour *sum, uint64_t kib)
{
    if (sum->most_kib == 0 || kib < sum->least_kib)
        sum->least_kib = kib;
    if (kib > sum->most_kib)
        sum->most_kib = kib;
}

/* Of what came out, which is by the hour yet. */
static void find_extremes(struct series *out)
{
    size_t hour = 0;

    for (size_t i = 0; i < out->count; i++) {
        const struct store_piece *p = &out->pieces[i];

        if (p->kind != PIECE_BILLED || p->from_utc_ns == p->to_utc_ns)
            continue;
        while (out->hours[hour].part.hour < p->hour)
            hour++;
        note_extremes(&out->hours[hour], p->kib);
        note_extremes(&out->total, p->kib);
    }
}

/* ---- all of the time ---- */

static int by_time(const void *one, const void *other)
{
    const struct store_piece *a = one, *b = other;

    if (a->from_utc_ns != b->from_utc_ns)
        return (a->from_utc_ns > b->from_utc_ns) - (a->from_utc_ns < b->from_utc_ns);
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    if (a->to_utc_ns != b->to_utc_ns)
        return (a->to_utc_ns > b->to_utc_ns) - (a->to_utc_ns < b->to_utc_ns);
    return (a->kib > b->kib) - (a->kib < b->kib);
}

static bool put_nothing(struct sweep *s, int64_t from, int64_t to, struct error *err)
{
    struct store_piece nothing = {.life = -1,
                                  .tick = -1,
                                  .end_tick = -1,
                                  .hour = calendar_hour_of((uint64_t)from),
                                  .from_utc_ns = from,
                                  .to_utc_ns = to,
                                  .ns = to - from,
                                  .kind = PIECE_NOTHING};

    return from >= to || put(s, &nothing, err);
}

static bool fill(struct sweep *s, struct error *err)
{
    struct series *out = s->out;
    size_t count = out->count;
    int64_t reach = out->span.from_utc_ns;
    int64_t missing_to = INT64_MIN;

    if (count > 0)
        qsort(out->pieces, count, sizeof *out->pieces, by_time);
    for (size_t i = 0; i < count; i++) {
        struct store_piece p = out->pieces[i];

        if (!put_nothing(s, reach, p.from_utc_ns, err))
            return false;
        reach = p.to_utc_ns > reach ? p.to_utc_ns : reach;
        if (p.kind != PIECE_MISSING)
            continue;
        out->gaps += p.from_utc_ns > missing_to;
        missing_to = p.to_utc_ns > missing_to ? p.to_utc_ns : missing_to;
    }
    if (!put_nothing(s, reach, out->span.to_utc_ns, err))
        return false;
    if (out->count > count)
        qsort(out->pieces, out->count, sizeof *out->pieces, by_time);
    return true;
}

static bool make(struct sweep *s, const struct store_piece *sorted, size_t count, struct error *err)
{
    if (!sum_hours(s->out, sorted, count, err) || !add_lives(s, sorted, count, err))
        return false;
    find_extremes(s->out);
    return fill(s, err);
}

bool series_make(const struct series_span *span, const struct store_piece *pieces, size_t count,
                 struct series *out, struct error *err)
{
    struct series made = {.span = *span};
    struct sweep *s = calloc(1, sizeof *s);
    struct store_piece *sorted = calloc(count + 1, sizeof *sorted);

    if (s == NULL || sorted == NULL) {
        free(s);
        free(sorted);
        return error_set(err, ERR_NOMEM, "not enough memory for so many changes: ask for less");
    }
    if (count > 0)
        memcpy(sorted, pieces, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_hour_and_kind);
    s->out = &made;
    bool is_ok = make(s, sorted, count, err);

    free(s);
    free(sorted);
    if (is_ok)
        *out = made;
    else
        series_clear(&made);
    return is_ok;
}

void series_clear(struct series *series)
{
    free(series->pieces);
    free(series->hours);
    *series = (struct series){0};
}
