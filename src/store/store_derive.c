/*
 * store_derive.c - usage from segments and ticks, by the hour.
 *
 * store_integrate_range is the only reader of segments for money: closed hours, the hour that is
 * still open, a rebuild and the digests of pruning all go through it, and it leaves the arithmetic
 * to integrate.h. It needs the ticks of the range, the one that ends it, and the segments up to
 * there, which the cut at each UTC hour keeps together.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/safety.h"
#include "store/store_impl.h"

/*
 * Of many hosts one may have been without a meter for months: a row for each hour and life. Hours
 * up to the next such gap are derived of all stores first, then a gap of each in turn, for so long.
 */
enum { GAP_MIN_HOURS = 48 };
#define GAPS_MAX_NS (INT64_C(60) * NS_PER_S)

struct range {
    struct timeline timeline;
    struct timeline_tick *ticks;
    size_t tick_capacity;
    /* the segments of one life */
    struct segment *segments;
    size_t segment_count;
    size_t segment_capacity;
    int64_t life;
    int64_t counted_tick;
    size_t end; /* the index of the tick that ends the range */
    const struct range_sink *sink;
    bool may_be_long;
    bool is_put_off; /* it is long, and may not be */
};

static void range_clear(struct range *r)
{
    free(r->ticks);
    free(r->timeline.runs);
    free(r->segments);
}

/* Room for one more in a growing array. */
static bool grow(void **array, size_t *capacity, size_t count, size_t size, struct error *err)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity == 0 ? 4096 : *capacity * 2;
    void *larger = realloc(*array, more * size);

    if (larger == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to compute usage");
    *array = larger;
    *capacity = more;
    return true;
}

static bool read_ticks(struct store *s, struct range *r, int64_t from, int64_t to,
                       struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    size_t count = 0;

    if (!db_prepare(&s->db, STORE_SQL(s, SELECT_TIMELINE), &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){from, to}, 2);
    while ((row = db_step(stmt, "read its ticks", err)) == DB_ROW) {
        if (!grow((void **)&r->ticks, &r->tick_capacity, count, sizeof *r->ticks, err)) {
            row = DB_FAILED;
            break;
        }
        r->ticks[count++] = (struct timeline_tick){
            .tick = db_int(stmt, 0),
            .mono_ns = db_int(stmt, 1),
            .utc_ns = db_int(stmt, 2),
            .max_gap_ns =
                safety_is_on(SAFETY_METER_MAX_GAP) ? (uint64_t)db_int(stmt, 3) : INT64_MAX,
            .is_boot = db_int(stmt, 4) != 0,
        };
    }
    db_finalize(stmt);
    r->timeline.ticks = r->ticks;
    r->timeline.tick_count = count;
    return row == DB_DONE;
}

static bool build_timeline(struct range *r, struct error *err)
{
    struct timeline *tl = &r->timeline;
    size_t needed = 1;

    for (size_t i = 0; i + 1 < tl->tick_count; i++)
        needed += timeline_runs_needed(&tl->ticks[i], &tl->ticks[i + 1]);
    r->is_put_off = !r->may_be_long && needed > tl->tick_count + GAP_MIN_HOURS;
    if (r->is_put_off)
        return true;
    tl->runs = calloc(needed, sizeof *tl->runs);
    if (tl->runs == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to compute usage");
    tl->run_capacity = needed;
    return timeline_build(tl, err);
}

static bool forward_part(void *self, const struct usage_part *part, struct error *err)
{
    const struct range *r = self;

    return r->sink->add(r->sink->self, r->life, part, err);
}

static bool finish_life(struct range *r, struct error *err)
{
    struct usage_sink sink = {forward_part, r};
    size_t count = r->segment_count;

    r->segment_count = 0;
    return count == 0 ||
           integrate_life(&r->timeline, r->segments, count, r->counted_tick, &sink, err);
}

static bool add_row(struct range *r, struct db_stmt *stmt, struct error *err)
{
    int64_t life = db_int(stmt, 0);

    if (life != r->life && !finish_life(r, err))
        return false;
    if (!grow((void **)&r->segments, &r->segment_capacity, r->segment_count, sizeof *r->segments,
              err))
        return false;
    r->life = life;
    r->counted_tick = db_int(stmt, 5);
    r->segments[r->segment_count++] = (struct segment){
        .first_tick = db_int(stmt, 1),
        .last_tick = db_int(stmt, 2),
        .kib = (uint64_t)db_int(stmt, 3),
        .is_counted = db_int(stmt, 4) != 0,
    };
    /* the one that begins at the end of the range is there to say what the interval before it is */
    int64_t end_tick = r->timeline.ticks[r->end].tick;

    if (r->segments[r->segment_count - 1].last_tick > end_tick)
        r->segments[r->segment_count - 1].last_tick = end_tick;
    return true;
}

static bool read_segments(struct store *s, struct range *r, int64_t from, int64_t to,
                          struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    if (!db_prepare(&s->db, STORE_SQL(s, SELECT_SEGMENTS), &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){from, to}, 2);
    while ((row = db_step(stmt, "read its segments", err)) == DB_ROW) {
        if (!add_row(r, stmt, err)) {
            row = DB_FAILED;
            break;
        }
    }
    db_finalize(stmt);
    return row == DB_DONE && finish_life(r, err);
}

/* *is_put_off NULL: it may be long. */
static bool integrate_range(struct store *s, int64_t from, int64_t to,
                            const struct range_sink *sink, bool *is_put_off, struct error *err)
{
    struct range r = {.sink = sink, .may_be_long = is_put_off == NULL};
    bool is_ok = read_ticks(s, &r, from, to, err) && build_timeline(&r, err);

    if (is_ok && r.timeline.tick_count > 0 && !r.is_put_off) {
        r.end = r.timeline.tick_count - 1;
        is_ok = read_segments(s, &r, from, to, err);
    }
    if (is_put_off != NULL)
        *is_put_off = r.is_put_off;
    range_clear(&r);
    return is_ok;
}

bool store_integrate_range(struct store *s, int64_t from, int64_t to, const struct range_sink *sink,
                           struct error *err)
{
    return integrate_range(s, from, to, sink, NULL, err);
}

/* ---- usage_hour and usage_day ---- */

struct upsert {
    struct store *store;
    struct db_stmt *hour;
    struct db_stmt *day;
    /* what is not yet written: successive parts of one life and hour are one row */
    int64_t life;
    struct usage_part part;
    bool is_pending;
};

static bool write_usage(struct upsert *u, struct db_stmt *stmt, int64_t place, struct error *err)
{
    const struct usage_part *p = &u->part;
    int64_t kib_s;
    int64_t frac;

    if (!usage_to_limbs(p->kib_ns, &kib_s, &frac))
        return error_set(err, ERR_RANGE, "the usage of an hour does not fit the store");
    db_bind_ints(stmt,
                 (const int64_t[]){u->life, place, kib_s, frac, p->measured_ns, p->missing_ns,
                                   p->excluded_ns},
                 7);
    return db_run(stmt, "write usage", err);
}

static bool flush(struct upsert *u, struct error *err)
{
    if (!u->is_pending)
        return true;
    u->is_pending = false;
    return write_usage(u, u->hour, u->part.hour, err) &&
           write_usage(u, u->day, u->part.hour / HOURS_PER_DAY, err);
}

static bool upsert_part(void *self, int64_t life, const struct usage_part *part, struct error *err)
{
    struct upsert *u = self;

    if (u->is_pending && u->life == life && u->part.hour == part->hour) {
        u->part.measured_ns += part->measured_ns;
        u->part.missing_ns += part->missing_ns;
        u->part.excluded_ns += part->excluded_ns;
        return usage_add(&u->part.kib_ns, part->kib_ns) ||
               error_set(err, ERR_RANGE, "usage does not fit 128 bits");
    }
    if (!flush(u, err))
        return false;
    u->life = life;
    u->part = *part;
    u->is_pending = true;
    return true;
}

static bool set_derived(struct store *s, int64_t tick, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, STORE_SQL(s, UPSERT_DERIVED), &stmt, err))
        return false;
    db_bind_int(stmt, 1, tick);
    bool is_ok = db_run(stmt, "write usage", err);

    db_finalize(stmt);
    return is_ok;
}

static bool derive_range(struct store *s, int64_t from, int64_t to, bool *is_put_off,
                         struct error *err)
{
    struct upsert u = {.store = s};
    struct range_sink sink = {upsert_part, &u};
    bool is_ok =
        db_prepare(&s->db, STORE_SQL(s, UPSERT_USAGE_HOUR), &u.hour, err) &&
        db_prepare(&s->db, STORE_SQL(s, UPSERT_USAGE_DAY), &u.day, err) &&
        integrate_range(s, from, to, &sink, is_put_off, err) &&
        ((is_put_off != NULL && *is_put_off) || (flush(&u, err) && set_derived(s, to, err)));

    db_finalize(u.hour);
    db_finalize(u.day);
    return is_ok;
}

static bool derive_hour(struct store *s, int64_t from, int64_t to, bool *is_put_off,
                        struct error *err)
{
    bool is_own = !s->is_in_transaction;

    if (is_own && !db_begin(&s->db, DB_WRITING, "write usage", err))
        return false;
    if (derive_range(s, from, to, is_put_off, err) &&
        (!is_own || db_commit(&s->db, "write usage", err)))
        return true;
    if (is_own)
        db_rollback(&s->db);
    return false;
}

/* The cut behind `from`, up to the last tick of the store; *is_there false when there is none. */
static bool next_cut(struct store *s, int64_t from, int64_t last, int64_t *to, bool *is_there,
                     struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, SQL_SELECT_NEXT_CUT, &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){from, last}, 2);
    enum db_row row = db_step(stmt, "read it", err);

    *is_there = row == DB_ROW && !db_is_null(stmt, 0);
    *to = db_int(stmt, 0);
    db_finalize(stmt);
    return row == DB_ROW;
}

/* A store, up to where it is derived. */
struct place {
    const struct store_marks *marks;
    int64_t derived;
    bool is_put_off; /* a gap comes that is to wait for the others */
    bool is_failed;
};

/*
 * `gaps`: of those that are long the first so many are derived, and what lies before the one behind
 * them; -1: all are.
 */
static bool derive_store(struct store *s, struct place *p, int gaps, struct error *err)
{
    bool is_there = true;

    p->is_put_off = false;
    while (is_there && !p->is_put_off) {
        int64_t to;

        if (!next_cut(s, p->derived, p->marks->last_tick, &to, &is_there, err))
            return false;
        if (!is_there)
            return true;
        if (!derive_hour(s, p->derived, to, gaps < 0 ? NULL : &p->is_put_off, err))
            return false;
        if (p->is_put_off && gaps > 0) {
            gaps--;
            p->is_put_off = false;
            if (!derive_hour(s, p->derived, to, NULL, err))
                return false;
        }
        if (!p->is_put_off)
            p->derived = to;
    }
    return true;
}

struct deriving {
    struct store *store;
    struct place *places;
    size_t count;
    bool is_ok;
    bool may_go_on; /* when one has failed */
    struct error *err;
};

/* Of many hosts one may have delivered what can't be computed: the others need not wait for it. */
static void derive_one(struct deriving *d, struct place *p, int gaps)
{
    struct error one;
    char text[UUID_TEXT_MAX];

    if (p->is_failed || (!d->is_ok && !d->may_go_on) || derive_store(d->store, p, gaps, &one))
        return;
    p->is_failed = true;
    p->is_put_off = false;
    d->may_go_on = d->may_go_on && one.code != ERR_RETRY && one.code != ERR_NOMEM;
    if (!d->is_ok)
        return;
    *d->err = one;
    d->is_ok = false;
    if (d->store->db.is_postgres)
        (void)error_context(d->err, "store %s", uuid_format(&p->marks->store, text));
}

/*
 * A gap of each in turn, until a whole turn has met none. They begin with another each time: it may
 * not be the time of all.
 */
static void derive_gaps(struct deriving *d)
{
    int64_t begun_ns = clock_mono().ns;
    size_t without = 0;

    for (size_t i = (size_t)(begun_ns / NS_PER_S); without < d->count; i++) {
        struct place *p = &d->places[i % d->count];

        without = p->is_put_off ? 0 : without + 1;
        if (!p->is_put_off)
            continue;
        if (clock_mono().ns - begun_ns > GAPS_MAX_NS)
            return;
        derive_one(d, p, 1);
        if (!d->is_ok && !d->may_go_on)
            return;
    }
}

static bool derive_each(struct store *s, const struct store_marks *marks, size_t count,
                        struct error *err)
{
    bool are_many = s->db.is_postgres && !s->is_in_transaction;
    struct deriving d = {s, calloc(count + 1, sizeof *d.places), count, true, are_many, err};

    if (d.places == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to compute usage");
    for (size_t i = 0; i < count; i++) {
        d.places[i] = (struct place){.marks = &marks[i], .derived = marks[i].derived};
        derive_one(&d, &d.places[i], are_many ? 0 : -1);
    }
    derive_gaps(&d);
    free(d.places);
    return d.is_ok;
}

bool store_derive(struct store *s, struct error *err)
{
    struct store_marks *marks;
    size_t count;

    if (!s->is_cut)
        return true;
    bool is_ok = store_marks(s, &marks, &count, err);

    if (is_ok)
        is_ok = derive_each(s, marks, count, err);
    free(marks);
    s->is_cut = !is_ok;
    return is_ok;
}

bool store_rebuild(struct store *s, struct error *err)
{
    int64_t pruned = 0;
    bool is_null;

    if (!db_get_int(&s->db, "SELECT count(*) FROM prune", &pruned, &is_null, err))
        return false;
    if (pruned > 0)
        return error_set(err, ERR_REFUSED,
                         "%s: raw measurements were pruned, so that usage can't be derived anew",
                         s->db.path);
    if (!store_begin(s, err))
        return false;
    s->is_cut = true;
    if (db_exec(&s->db, SQL_DELETE_DERIVED SQL_DELETE_USAGE SQL_DELETE_USAGE_DAY, "clear usage",
                err) &&
        store_derive(s, err))
        return store_commit(s, err);
    store_rollback(s);
    return false;
}
