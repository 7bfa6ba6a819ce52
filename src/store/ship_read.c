#include "store/ship_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/safety.h"
#include "store/store_impl.h"

struct ship_reader {
    struct store *store;
    struct ship_limits limits;
    struct ship_origin *origins;
};

/* ---- texts ---- */

static bool make_room(struct ship_text *t, size_t more, struct error *err)
{
    if (t->room - t->length > more)
        return true;
    size_t room = t->room * 2 + more + 4096;
    char *larger = realloc(t->text, room);

    if (larger == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a batch");
    t->text = larger;
    t->room = room;
    return true;
}

static bool add_text(struct ship_text *t, const char *text, struct error *err)
{
    size_t length = strlen(text);

    if (!make_room(t, length, err))
        return false;
    memcpy(t->text + t->length, text, length + 1);
    t->length += length;
    return true;
}

static char *write_number(char *end, int64_t number)
{
    char digits[20];
    size_t count = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    if (number < 0)
        *end++ = '-';
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    while (count > 0)
        *end++ = digits[--count];
    return end;
}

/* A row's numbers, each with a comma behind it. */
static bool add_row(struct ship_text *t, struct db_stmt *stmt, int columns, struct error *err)
{
    if (!make_room(t, (size_t)columns * 21, err))
        return false;
    char *end = t->text + t->length;

    for (int i = 0; i < columns; i++) {
        end = write_number(end, db_int(stmt, i));
        *end++ = ',';
    }
    t->length = (size_t)(end - t->text);
    return true;
}

/* Puts `end` where the last comma is. */
static bool end_list(struct ship_text *t, const char *end, struct error *err)
{
    if (t->text[t->length - 1] == ',')
        t->length--;
    return add_text(t, end, err);
}

void ship_batch_clear(struct ship_batch *b)
{
    free(b->rows.text);
    free(b->tick_numbers.text);
    free(b->segment_numbers.text);
    *b = (struct ship_batch){0};
}

/* ---- opening ---- */

bool ship_reader_open(struct ship_reader **out, const char *dir, const struct ship_limits *limits,
                      struct error *err)
{
    struct ship_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read a store");
    r->limits = *limits;
    if (!store_open(&r->store, dir, STORE_READ, err)) {
        ship_reader_close(r);
        return false;
    }
    *out = r;
    return true;
}

void ship_reader_close(struct ship_reader *r)
{
    if (r == NULL)
        return;
    store_close(r->store);
    free(r->origins);
    free(r);
}

/* ---- asking ---- */

struct question {
    const char *sql;
    const int64_t *values;
    int count;
    bool (*take)(void *self, struct db_stmt *row, struct error *err);
    void *self;
};

static bool ask(struct ship_reader *r, const struct question *q, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, q->sql, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, q->values, q->count);
    while (is_ok && (row = db_step(stmt, "read what is to be shipped", err)) == DB_ROW)
        is_ok = q->take(q->self, stmt, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool take_number(void *self, struct db_stmt *row, struct error *err)
{
    int64_t *number = self;

    (void)err;
    if (!db_is_null(row, 0))
        *number = db_int(row, 0);
    return true;
}

/* The one number that a question gives; *number stays as it is when that is null, or no row. */
static bool ask_number(struct ship_reader *r, const char *sql, int64_t value, int64_t *number,
                       struct error *err)
{
    struct question q = {sql, &value, 1, take_number, number};

    return ask(r, &q, err);
}

/* ---- origins ---- */

static bool take_origin(void *self, struct db_stmt *row, struct error *err)
{
    struct ship_origin **next = self;
    struct ship_origin *o = (*next)++;

    *o = (struct ship_origin){.number = db_int(row, 1),
                              .created_ns = db_int(row, 2),
                              .begin = -1,
                              .end = INT64_MAX};
    /* one that was restored from an empty backup is like a new one */
    o->is_restored = o->number > 1 && !db_is_null(row, 3);
    if (o->is_restored)
        o->begin = db_int(row, 3);
    return db_uuid(row, 0, &o->store, err);
}

static void link_origins(struct ship_origin *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (!list[i].is_restored)
            continue;
        list[i].restored_from = list[i - 1].store;
        list[i - 1].end = list[i].begin;
    }
}

bool ship_reader_origins(struct ship_reader *r, const struct ship_origin **list, size_t *count,
                         struct error *err)
{
    int64_t stores = 0;
    bool is_null;

    if (!db_get_int(&r->store->db, "SELECT count(*) FROM store", &stores, &is_null, err))
        return false;
    struct ship_origin *origins = calloc((size_t)stores + 1, sizeof *origins);
    struct ship_origin *next = origins;
    struct question q = {SQL_SHIP_ORIGINS, NULL, 0, take_origin, &next};

    if (origins == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for %lld stores", (long long)stores);
    if (!ask(r, &q, err)) {
        free(origins);
        return false;
    }
    free(r->origins);
    r->origins = origins;
    *list = origins;
    *count = (size_t)(next - origins);
    link_origins(origins, *count);
    return true;
}

/* ---- places ---- */

bool ship_reader_utc(struct ship_reader *r, int64_t tick, int64_t *utc_ns, struct error *err)
{
    int64_t found = -1;

    if (!ask_number(r, SQL_SHIP_TICK_UTC, tick, &found, err))
        return false;
    *utc_ns = found;
    return true;
}

static bool at_least(int64_t *tick, int64_t least)
{
    if (*tick < least)
        *tick = least;
    return true;
}

bool ship_reader_end(struct ship_reader *r, const struct ship_origin *origin, struct ship_end *out,
                     struct error *err)
{
    struct ship_end end = {-1, -1};

    if (!ask_number(r, SQL_SHIP_TICK_AT, origin->end, &end.tick, err) ||
        !at_least(&end.tick, origin->begin) ||
        (end.tick > origin->begin && !ship_reader_utc(r, end.tick, &end.utc_ns, err)))
        return false;
    *out = end;
    return true;
}

bool ship_reader_hour_begin(struct ship_reader *r, const struct ship_origin *origin, int64_t tick,
                            int64_t *out, struct error *err)
{
    int64_t begin = -1;

    if (!ask_number(r, SQL_SHIP_HOUR_BEGIN, tick, &begin, err))
        return false;
    (void)at_least(&begin, origin->begin);
    *out = begin;
    return true;
}

/* ---- a batch ---- */

/* What is looked at for a batch; the order is that of the parameters in ship.sql, from `after` on.
 */
struct span {
    int64_t after, up_to, begin, first_tick, first_segment, end_segment, was_pruned;
};
enum { SPAN_VALUES = sizeof(struct span) / sizeof(int64_t) };

struct reading {
    struct ship_reader *reader;
    const struct ship_origin *origin;
    struct ship_batch *batch;
    struct span span;
    int64_t hour, pruned_to;
    bool is_there;
};

static bool take_span(void *self, struct db_stmt *row, struct error *err)
{
    struct reading *g = self;

    if (db_is_null(row, 1) || db_is_null(row, 3))
        return error_set(err, ERR_STORE,
                         "tick %lld has no hour cut: the store is damaged; restore a backup",
                         (long long)db_int(row, 0));
    g->is_there = true;
    g->span.first_tick = db_int(row, 0);
    g->hour = db_int(row, 1);
    g->span.up_to = db_int(row, 2);
    g->span.first_segment = db_int(row, 3);
    g->span.end_segment = db_int(row, 4);
    g->pruned_to = db_is_null(row, 5) ? -1 : db_int(row, 5);
    g->span.was_pruned = g->pruned_to >= 0;
    return true;
}

static bool ask_span(struct reading *g, struct error *err)
{
    struct ship_reader *r = g->reader;
    int64_t values[3] = {g->span.after, g->origin->end, r->limits.ticks};
    struct question q = {SQL_SHIP_SPAN, values, 3, take_span, g};

    return ask(r, &q, err);
}

/* ---- how far behind ---- */

bool ship_reader_since(struct ship_reader *r, const struct ship_origin *origin,
                       const struct ship_mark *mark, int64_t *utc_ns, struct error *err)
{
    struct reading reading = {.reader = r, .origin = origin, .span = {.after = mark->tick}};
    int64_t found = mark->utc_ns;

    if (found < 0 &&
        (!ask_span(&reading, err) ||
         (reading.is_there && !ship_reader_utc(r, reading.span.first_tick, &found, err))))
        return false;
    *utc_ns = found;
    return true;
}

static bool find_lag(struct ship_reader *r, const struct ship_origin *origin,
                     const struct ship_mark *mark, struct ship_lag *lag, struct error *err)
{
    struct ship_end end;
    int64_t since_ns;

    if (!ship_reader_end(r, origin, &end, err) ||
        !ship_reader_since(r, origin, mark, &since_ns, err))
        return false;
    lag->ticks = end.tick > mark->tick ? end.tick - mark->tick : 0;
    if (lag->ticks == 0)
        lag->ns = 0;
    else if (since_ns >= 0)
        lag->ns = end.utc_ns - since_ns;
    return true;
}

bool ship_reader_lag(struct ship_reader *r, const struct ship_mark *mark, struct ship_lag *out,
                     struct error *err)
{
    struct ship_lag lag = {-1, -1};
    const struct ship_origin *origins;
    size_t count = 0;

    if (!ship_reader_origins(r, &origins, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (uuid_is_equal(&origins[i].store, &mark->store) &&
            !find_lag(r, &origins[i], mark, &lag, err))
            return false;
    *out = lag;
    return true;
}

/* ---- what a batch has ---- */

/* A batch of too many segments ends before the tick that has the one too many. */
static bool limit_segments(struct reading *g, struct error *err)
{
    struct ship_reader *r = g->reader;
    struct span *s = &g->span;
    int64_t values[SPAN_VALUES];
    int64_t too_many = INT64_MAX;
    struct question q = {SQL_SHIP_SEGMENT_TOO_MANY, values, SPAN_VALUES, take_number, &too_many};

    if (s->end_segment - s->first_segment <= r->limits.segments)
        return true;
    memcpy(values, s, sizeof *s);
    values[SPAN_VALUES - 1] = r->limits.segments;
    if (!ask(r, &q, err))
        return false;
    if (too_many > s->up_to)
        return true;
    if (too_many <= s->first_tick)
        return error_set(err, ERR_STORE, "tick %lld has more than %lld segments: no host has",
                         (long long)s->first_tick, (long long)r->limits.segments);
    return ask_number(r, SQL_SHIP_TICK_AT, too_many - 1, &s->up_to, err);
}

static bool take_tick(void *self, struct db_stmt *row, struct error *err)
{
    struct ship_batch *b = self;

    b->ticks++;
    return add_row(&b->tick_numbers, row, 7, err);
}

static bool take_segment(void *self, struct db_stmt *row, struct error *err)
{
    struct ship_batch *b = self;

    b->segments++;
    return add_row(&b->segment_numbers, row, 6, err);
}

static bool take_json(void *self, struct db_stmt *row, struct error *err)
{
    struct ship_batch *b = self;

    return add_text(&b->rows, db_text(row, 0), err) && add_text(&b->rows, ",", err);
}

static bool ask_all(struct reading *g, const char *sql,
                    bool (*take)(void *self, struct db_stmt *row, struct error *err),
                    struct error *err)
{
    int64_t values[SPAN_VALUES];
    struct question q = {sql, values, SPAN_VALUES, take, g->batch};

    memcpy(values, &g->span, sizeof g->span);
    return ask(g->reader, &q, err);
}

static bool read_numbers(struct reading *g, struct error *err)
{
    struct ship_batch *b = g->batch;

    b->ticks = b->segments = 0;
    b->tick_numbers.length = b->segment_numbers.length = 0;
    return add_text(&b->tick_numbers, "{", err) && ask_all(g, SQL_SHIP_TICKS, take_tick, err) &&
           end_list(&b->tick_numbers, "}", err) && add_text(&b->segment_numbers, "{", err) &&
           ask_all(g, SQL_SHIP_SEGMENTS, take_segment, err) &&
           end_list(&b->segment_numbers, "}", err);
}

static const struct {
    const char *name;
    const char *sql;
} lists[] = {
    {"boot", SQL_SHIP_BOOTS},         {"restart", SQL_SHIP_RESTARTS},
    {"gap", SQL_SHIP_GAPS},           {"clock_step", SQL_SHIP_CLOCK_STEPS},
    {"hour_cut", SQL_SHIP_HOUR_CUTS}, {"life", SQL_SHIP_LIVES},
};

/* "name":[...], or nothing when it is empty: most batches have ticks and segments only. */
static bool add_list(struct reading *g, const char *name, const char *sql, struct error *err)
{
    struct ship_text *t = &g->batch->rows;
    size_t before = t->length;

    if (!add_text(t, "\"", err) || !add_text(t, name, err) || !add_text(t, "\":[", err))
        return false;
    size_t empty = t->length;

    if (!ask_all(g, sql, take_json, err))
        return false;
    if (t->length == empty) {
        t->length = before;
        return true;
    }
    return end_list(t, "],", err);
}

static bool read_rows(struct reading *g, struct error *err)
{
    struct ship_text *t = &g->batch->rows;

    t->length = 0;
    if (!add_text(t, "{", err))
        return false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!add_list(g, lists[i].name, lists[i].sql, err))
            return false;
    return end_list(t, "}", err);
}

/* A batch begins behind a tick that is there, so that an end is in the batch of the tick behind it.
 */
static bool find_after(struct reading *g, int64_t after, struct error *err)
{
    g->span.after = after;
    return ask_number(g->reader, SQL_SHIP_TICK_AT, after, &g->span.after, err) &&
           at_least(&g->span.after, g->origin->begin);
}

static bool read_batch(struct reading *g, int64_t after, struct error *err)
{
    struct ship_batch *b = g->batch;

    g->span.begin = g->origin->begin;
    if (!find_after(g, after, err) || !ask_span(g, err))
        return false;
    if (!g->is_there)
        return true;
    if (!limit_segments(g, err) || !ship_reader_utc(g->reader, g->span.up_to, &b->utc_ns, err) ||
        !read_numbers(g, err) || !read_rows(g, err))
        return false;
    b->after = g->span.after;
    b->up_to = g->span.up_to;
    b->hour = g->hour;
    b->first_tick = g->span.first_tick;
    b->pruned_to = g->pruned_to;
    return true;
}

bool ship_reader_next(struct ship_reader *r, const struct ship_origin *origin, int64_t after,
                      struct ship_batch *batch, bool *is_there, struct error *err)
{
    struct reading reading = {.reader = r, .origin = origin, .batch = batch};
    struct db *db = &r->store->db;

    /* all of it of one moment, however the meter goes on */
    if (!db_begin(db, DB_SNAPSHOT, "read what is to be shipped", err))
        return false;
    bool is_ok = read_batch(&reading, after, err);

    db_rollback(db);
    *is_there = is_ok && reading.is_there;
    return is_ok;
}
