/*
 * answer_series.c - one VM over a range: the line of its chart, and beside it the exact usage,
 * which is what is billed for these hours.
 *
 * The range is read a week at a time, so that no VM, however restless, needs much memory, and what
 * is over is kept (weeks.h); all of it as of one moment.
 */
#include <stdlib.h>
#include <string.h>

#include "chart/chart_json.h"
#include "chart/downsample.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "serve/answer.h"
#include "serve/answer_balloon.h"

/* A chart that takes longer is refused: another asks for less, and others wait. */
#define SERIES_NS_MAX (INT64_C(10) * 1000000000)

/* Its first member is the reader's. */
struct week_usage {
    struct usage_reader reader;
    struct usage_part sum;
};

struct gap_span {
    int64_t from_utc_ns, to_utc_ns;
    int cause;
};

struct series_answer {
    const struct answering *a;
    struct json json;
    struct access access;
    struct series_span span;
    struct points billed;
    struct cost cost;
    usage_kib_ns kib_ns, measured_ns, missing_ns, excluded_ns;
    uint64_t peak_kib;
    struct gap_span gaps[ANSWER_GAPS_MAX];
    size_t gap_count;
    int64_t gaps_more;
    bool has_average, was_his;
};

static void add_gap(struct series_answer *x, const struct store_piece *p)
{
    struct gap_span *last = x->gap_count > 0 ? &x->gaps[x->gap_count - 1] : NULL;

    if (last != NULL && p->from_utc_ns <= last->to_utc_ns + NS_PER_S / 1000 &&
        last->cause == (int)p->cause) {
        last->to_utc_ns = p->to_utc_ns > last->to_utc_ns ? p->to_utc_ns : last->to_utc_ns;
        return;
    }
    if (x->gap_count == ANSWER_GAPS_MAX) {
        x->gaps_more++;
        return;
    }
    x->gaps[x->gap_count++] = (struct gap_span){p->from_utc_ns, p->to_utc_ns, (int)p->cause};
}

/* Behind those of the stretches before. */
static bool add_series(struct series_answer *x, const struct series *series, struct error *err)
{
    const struct series_hour *total = &series->total;

    for (size_t i = 0; i < series->count; i++)
        if (series->pieces[i].kind == PIECE_MISSING && !series->pieces[i].is_again)
            add_gap(x, &series->pieces[i]);
    x->measured_ns += (uint64_t)total->part.measured_ns;
    x->missing_ns += (uint64_t)total->part.missing_ns;
    x->excluded_ns += (uint64_t)total->part.excluded_ns;
    x->peak_kib = total->most_kib > x->peak_kib ? total->most_kib : x->peak_kib;
    x->has_average = x->has_average || series->has_average;
    if (!usage_add(&x->kib_ns, total->part.kib_ns))
        return error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
    /* what is kept now is what would be kept of all: buckets are of the whole range */
    bool is_ok = points_of_series(series, PIECE_BILLED, false, &x->billed, err);

    downsample(&x->billed, &x->span, x->a->request->points);
    return is_ok;
}

/* Drops what is another's, and adds the rest. */
static bool take_pieces(struct series_answer *x, const struct series_span *span,
                        struct store_piece *pieces, size_t count, struct error *err)
{
    const struct reader *reader = x->a->reader;
    struct series series = {0};
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (access_has_hour(&x->access, pieces[i].hour))
            pieces[kept++] = pieces[i];
    x->was_his = x->was_his || kept > 0;
    bool is_ok = series_make(span, pieces, kept, &series, err) && add_series(x, &series, err) &&
                 (reader->book == NULL || cost_add(reader->book, &x->a->request->vm, &reader->marks,
                                                   pieces, kept, &x->cost, err));

    series_clear(&series);
    return is_ok;
}

/* ---- by the week ---- */

static bool add_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                     struct error *err)
{
    struct week_usage *u = (struct week_usage *)reader;

    if (!reader->lives[life].is_billed)
        return true;
    u->sum.measured_ns += part->measured_ns;
    u->sum.missing_ns += part->missing_ns;
    u->sum.excluded_ns += part->excluded_ns;
    return usage_add(&u->sum.kib_ns, part->kib_ns) ||
           error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
}

/* What is kept of a week, if it is still what is billed. */
static bool take_kept(struct series_answer *x, const struct series_query *q,
                      struct store_piece **pieces, size_t *count, struct error *err)
{
    const struct reader *reader = x->a->reader;
    struct usage_query query = {.from_hour = q->from_hour, .to_hour = q->to_hour, .vm = q->vms};
    struct week_usage usage = {.reader = {.add = add_part}};
    bool is_ok = store_usage(reader->measured, &query, &usage.reader, err);

    if (is_ok)
        (void)weeks_take(reader->weeks, q->vms, q->from_hour, &usage.sum, pieces, count);
    free(usage.reader.lives);
    return is_ok;
}

/* Weeks that are over are kept, but for dom0 and the like, which nobody is billed. */
static bool is_for_keeping(const struct series_answer *x, const struct series_query *q)
{
    return q->to_hour - q->from_hour == WEEK_HOURS && !q->with_unbilled &&
           q->to_hour <= calendar_hour_of((uint64_t)x->a->request->now_utc_ns);
}

static bool read_pieces(struct series_answer *x, const struct series_query *q,
                        struct store_piece **pieces, size_t *count, struct error *err)
{
    struct reader *reader = x->a->reader;
    bool keeps = is_for_keeping(x, q);

    if (keeps && !take_kept(x, q, pieces, count, err))
        return false;
    if (*pieces != NULL)
        return true;
    if (!store_series(reader->measured, q, pieces, count, err))
        return false;
    if (keeps)
        weeks_keep(reader->weeks, q->vms, q->from_hour, *pieces, *count);
    return true;
}

static bool read_stretch(struct series_answer *x, int64_t from_hour, int64_t to_hour,
                         struct error *err)
{
    const struct serve_request *r = x->a->request;
    struct series_span span = {from_hour * NS_PER_HOUR, to_hour * NS_PER_HOUR};
    struct series_query query = {from_hour, to_hour, &r->vm, 1,
                                 r->with_unbilled && x->a->asker->is_operator};
    struct store_piece *pieces = NULL;
    size_t count = 0;
    bool is_ok =
        read_pieces(x, &query, &pieces, &count, err) && take_pieces(x, &span, pieces, count, err);

    free(pieces);
    return is_ok;
}

static bool read_stretches(struct series_answer *x, struct error *err)
{
    const struct serve_request *r = x->a->request;
    int64_t began_ns = clock_mono().ns;
    int64_t end;

    for (int64_t hour = r->from_hour; hour < r->to_hour; hour = end) {
        end = (hour / WEEK_HOURS + 1) * WEEK_HOURS;
        end = end < r->to_hour ? end : r->to_hour;
        if (clock_mono().ns - began_ns > SERIES_NS_MAX)
            return error_set(err, ERR_USAGE,
                             "so much was measured in this range that it takes too long: ask for "
                             "a shorter one");
        if (!read_stretch(x, hour, end, err))
            return false;
    }
    return true;
}

/* ---- the answer ---- */

static void put_gaps(struct series_answer *x)
{
    struct json *json = &x->json;

    json_open_list(json, "gaps");
    for (size_t i = 0; i < x->gap_count; i++) {
        json_open_flat_object(json, NULL);
        json_int(json, "from_ms", x->gaps[i].from_utc_ns / 1000000);
        json_int(json, "to_ms", x->gaps[i].to_utc_ns / 1000000);
        json_text(json, "cause", gap_cause_name((enum gap_cause)x->gaps[i].cause));
        json_close(json);
    }
    json_close(json);
    json_int(json, "gaps_more", x->gaps_more);
}

static void put_figures(struct series_answer *x)
{
    struct json *json = &x->json;
    char text[USAGE_TEXT_MAX];

    answer_int128(json, "kib_ns", x->kib_ns);
    json_text(json, "gib_h", usage_format_gib_h(x->kib_ns, text));
    answer_int128(json, "measured_ns", x->measured_ns);
    answer_int128(json, "missing_ns", x->missing_ns);
    answer_int128(json, "excluded_ns", x->excluded_ns);
    json_int(json, "peak_kib", (int64_t)x->peak_kib);
    json_bool(json, "has_average", x->has_average);
}

static bool put_series(struct series_answer *x, struct error *err)
{
    const struct serve_request *r = x->a->request;
    char vm[UUID_TEXT_MAX];

    json_begin(&x->json, x->a->out);
    json_text(&x->json, "vm", uuid_format(&r->vm, vm));
    answer_time(&x->json, "from", r->from_hour * NS_PER_HOUR);
    answer_time(&x->json, "to", r->to_hour * NS_PER_HOUR);
    put_figures(x);
    chart_json_cost(&x->json, x->a->reader->book != NULL ? &x->cost : NULL);
    json_open_flat_object(&x->json, "allocated");
    answer_line(&x->json, &x->billed);
    json_close(&x->json);
    put_gaps(x);
    if (!answer_balloon(x->a, &x->json, &x->access, err))
        return false;
    json_end(&x->json);
    return true;
}

/* Another's VM, and one that never was, are not there; an hour in which it held nothing is. */
static bool is_there(struct series_answer *x, struct error *err)
{
    struct access access = x->access;
    int64_t now_hour = calendar_hour_of((uint64_t)x->a->request->now_utc_ns);

    if (x->a->asker->is_operator || x->was_his || access_has_any(&access, 0, now_hour + 1))
        return true;
    return answer_not_there(err);
}

bool answer_series(const struct answering *a, struct error *err)
{
    struct series_answer *x = calloc(1, sizeof *x);

    if (x == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a chart");
    x->a = a;
    x->span = (struct series_span){a->request->from_hour * NS_PER_HOUR,
                                   a->request->to_hour * NS_PER_HOUR};
    x->access = access_to(a->asker, a->reader->book, &a->request->vm);
    bool is_ok = is_there(x, err) && store_snapshot_begin(a->reader->measured, err);

    if (is_ok) {
        is_ok = read_stretches(x, err);
        store_snapshot_end(a->reader->measured);
    }
    is_ok = is_ok && put_series(x, err);
    points_clear(&x->billed);
    cost_clear(&x->cost);
    free(x);
    return is_ok;
}
