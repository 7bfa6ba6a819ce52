#include "chart/chart.h"

#include <stdlib.h>
#include <string.h>

#include "chart/downsample.h"

/* ---- whose hours they are ---- */

static bool is_owner(const struct chart_request *q, const struct rate *rate)
{
    return rate->account != NULL && strcmp(rate->account->id, q->account) == 0;
}

/* Pieces of hours that the account did not own go. */
static size_t keep_owned(const struct chart_sources *s, const struct chart_request *q,
                         struct store_piece *pieces, size_t count)
{
    size_t kept = 0;

    if (q->account == NULL)
        return count;
    for (size_t i = 0; i < count; i++) {
        struct rate rate;

        book_rate(s->book, &q->vm, pieces[i].hour, &rate);
        if (is_owner(q, &rate))
            pieces[kept++] = pieces[i];
    }
    return kept;
}

/* The next stretch of the span from *at on that is the account's; *at: where to go on. */
static bool next_owned(const struct chart_sources *s, const struct chart_request *q, int64_t *at,
                       struct series_span *out)
{
    while (*at < q->span.to_utc_ns) {
        struct rate rate = {.until_hour = INT64_MAX};
        int64_t from = *at;

        if (q->account != NULL)
            book_rate(s->book, &q->vm, from / NS_PER_HOUR, &rate);
        *at = rate.until_hour < q->span.to_utc_ns / NS_PER_HOUR ? rate.until_hour * NS_PER_HOUR
                                                                : q->span.to_utc_ns;
        *out = (struct series_span){from, *at};
        if (q->account == NULL || is_owner(q, &rate))
            return true;
    }
    return false;
}

/* ---- lines ---- */

static bool read_guest(const struct chart_sources *s, const struct chart_request *q,
                       struct chart *out, struct error *err)
{
    struct series_span span;
    int64_t at = q->span.from_utc_ns;

    while (s->balloon != NULL && next_owned(s, q, &at, &span))
        if (!guest_read(s->balloon, &q->vm, &span, &out->guest, err))
            return false;
    for (int i = 0; i < BALLOON_LINES; i++)
        out->has_guest = out->has_guest || out->guest.lines[i].count > 0;
    return true;
}

static bool fill(const struct chart_sources *s, const struct chart_request *q,
                 struct store_piece *pieces, size_t count, struct chart *out, struct error *err)
{
    count = series_cut(&q->span, pieces, keep_owned(s, q, pieces, count));
    return series_make(&q->span, pieces, count, &out->series, err) &&
           points_of_series(&out->series, PIECE_BILLED, false, &out->billed, err) &&
           points_of_series(&out->series, PIECE_BILLED, true, &out->again, err) &&
           points_of_series(&out->series, PIECE_EXCLUDED, false, &out->excluded, err) &&
           (!out->has_books ||
            cost_add(s->book, &q->vm, &s->marks, pieces, count, &out->cost, err)) &&
           read_guest(s, q, out, err);
}

bool chart_make(const struct chart_sources *s, const struct chart_request *q,
                struct store_piece *pieces, size_t count, struct chart *out, struct error *err)
{
    struct chart c = {.vm = q->vm, .span = q->span, .has_books = s->book != NULL};

    if (q->span.from_utc_ns < 0 || q->span.from_utc_ns >= q->span.to_utc_ns)
        return error_set(err, ERR_RANGE, "the range is empty: it begins at its end or later");
    if (q->name != NULL)
        (void)label_clean(q->name, strlen(q->name), c.name);
    c.has_name = c.name[0] != '\0';
    if (!c.has_name)
        (void)uuid_format(&q->vm, c.name);
    if (!fill(s, q, pieces, count, &c, err)) {
        chart_clear(&c);
        return false;
    }
    *out = c;
    return true;
}

bool chart_read(const struct chart_sources *s, const struct chart_request *q, struct chart *out,
                struct error *err)
{
    struct series_query query = {.vms = &q->vm, .vm_count = 1, .with_unbilled = q->with_unbilled};
    struct store_piece *pieces = NULL;
    size_t count = 0;

    series_hours(&q->span, &query.from_hour, &query.to_hour);
    bool is_ok = store_series(s->measured, &query, &pieces, &count, err) &&
                 chart_make(s, q, pieces, count, out, err);

    free(pieces);
    return is_ok;
}

void chart_clear(struct chart *chart)
{
    series_clear(&chart->series);
    points_clear(&chart->billed);
    points_clear(&chart->again);
    points_clear(&chart->excluded);
    guest_clear(&chart->guest);
    cost_clear(&chart->cost);
    *chart = (struct chart){0};
}

void chart_thin(struct chart *c, size_t most)
{
    downsample(&c->billed, &c->span, most);
    downsample(&c->again, &c->span, most);
    downsample(&c->excluded, &c->span, most);
    for (int i = 0; i < BALLOON_LINES; i++)
        downsample(&c->guest.lines[i], &c->span, most);
}

static uint64_t most_of(const struct points *p, uint64_t most)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].most_kib > most)
            most = p->list[i].most_kib;
    return most;
}

uint64_t chart_most_kib(const struct chart *c)
{
    uint64_t most = most_of(&c->excluded, most_of(&c->again, most_of(&c->billed, 0)));

    for (int i = 0; i < BALLOON_LINES; i++)
        most = most_of(&c->guest.lines[i], most);
    return most;
}
