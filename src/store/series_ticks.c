/*
 * series_ticks.c - which ticks a stretch needs, and their times.
 *
 * Between the ticks at which a life's value changes, the hour is cut, the clock was set or a gap
 * is, nothing happens: those are read, and integrate.h is told that others lie between them. When
 * so many change that a plain read of all ticks is cheaper, that is what is done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"
#include "store/series_impl.h"

enum {
    BATCH = 4096,    /* ticks that are asked for at once */
    LOOKUP_COST = 5, /* to find one tick, in ticks that are read in passing */
};

/* ---- which are needed ---- */

static bool need(struct series_range_reading *r, int64_t tick, bool is_next, struct error *err)
{
    if (tick < r->range->from || tick > r->range->to)
        return true;
    struct series_needed *needed =
        series_room(r->needed, &r->needed_room, r->needed_count, sizeof *needed, err);

    if (needed == NULL)
        return false;
    r->needed = needed;
    needed[r->needed_count++] = (struct series_needed){tick, is_next};
    return true;
}

/* The tick behind the first that counts: the interval between them is free, and no other. */
static bool need_first(struct series_range_reading *r, const struct series_life *life,
                       struct error *err)
{
    int64_t next = -1;

    if (life->counted_tick < r->range->from || life->counted_tick >= r->range->to)
        return true;
    return series_ask(r->store, STORE_SQL(r->store, SERIES_NEXT_TICK), life->counted_tick,
                      r->range->to, &next, err) &&
           (next < 0 || need(r, next, true, err));
}

static bool need_segments(struct series_range_reading *r, const struct series_segments *s,
                          struct error *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (!need(r, s->list[i].first_tick, i > 0, err) ||
            !need(r, s->list[i].last_tick, false, err))
            return false;
    return true;
}

/* What lies behind a step of the wall clock is placed anew. */
static bool need_steps(struct series_range_reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, SQL_SERIES_STEPS, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->range->from, r->range->to}, 2);
    while (is_ok && (row = db_step(stmt, "read the steps of its clock", err)) == DB_ROW)
        is_ok = need(r, db_int(stmt, 0), false, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool need_gaps(struct series_range_reading *r, struct error *err)
{
    for (size_t i = 0; i < r->gap_count; i++)
        if (!need(r, r->gaps[i].from_tick, false, err) || !need(r, r->gaps[i].tick, true, err))
            return false;
    return true;
}

static int by_tick(const void *one, const void *other)
{
    const struct series_needed *a = one, *b = other;

    return (a->tick > b->tick) - (a->tick < b->tick);
}

bool series_need(struct series_range_reading *r, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->range->life_count; i++)
        if (r->segments[i].count > 0 &&
            (!need_segments(r, &r->segments[i], err) || !need_first(r, &r->range->lives[i], err)))
            return false;
    if (r->needed_count == 0)
        return true;
    if (!need_gaps(r, err) || !need_steps(r, err))
        return false;
    qsort(r->needed, r->needed_count, sizeof *r->needed, by_tick);
    for (size_t i = 1; i < r->needed_count; i++) {
        if (r->needed[i].tick == r->needed[kept].tick)
            r->needed[kept].is_next = r->needed[kept].is_next || r->needed[i].is_next;
        else
            r->needed[++kept] = r->needed[i];
    }
    r->needed_count = kept + 1;
    return true;
}

/* ---- their times ---- */

static struct timeline_tick tick_of(struct db_stmt *stmt)
{
    return (struct timeline_tick){
        .tick = db_int(stmt, 0),
        .mono_ns = db_int(stmt, 1),
        .utc_ns = db_int(stmt, 2),
        .max_gap_ns = safety_is_on(SAFETY_METER_MAX_GAP) ? (uint64_t)db_int(stmt, 3) : INT64_MAX,
        .is_boot = db_int(stmt, 4) != 0,
    };
}

static bool add_tick(struct series_range_reading *r, struct db_stmt *stmt, struct error *err)
{
    struct timeline_tick *ticks =
        series_room(r->ticks, &r->tick_room, r->tick_count, sizeof *ticks, err);

    if (ticks == NULL)
        return false;
    r->ticks = ticks;
    ticks[r->tick_count++] = tick_of(stmt);
    return true;
}

static bool read_all_ticks(struct series_range_reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SELECT_TIMELINE), &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->range->from, r->range->to}, 2);
    while (is_ok && (row = db_step(stmt, "read its ticks", err)) == DB_ROW) {
        is_ok = add_tick(r, stmt, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* PostgreSQL keeps ticks by the hour of their region too, and is told it: [1,498711]. */
static int put_needed(const struct series_range_reading *r, size_t i, char *out)
{
    int64_t tick = r->needed[r->batch + i].tick;

    if (!r->store->db.is_postgres)
        return sprintf(out, "%" PRId64, tick);
    return sprintf(out, "[%" PRId64 ",%" PRId64 "]", tick,
                   series_region_of(r->range->regions, r->range->region_count, tick)->hour);
}

/* Those of one batch that are there; they come in any order. */
static bool read_batch(struct series_range_reading *r, struct db_stmt *stmt, size_t count,
                       struct error *err)
{
    char *list = series_list_text(r, count, put_needed);
    size_t first = r->tick_count;
    enum db_row row = DB_FAILED;

    if (list == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the ticks");
    db_bind_text(stmt, 1, list);
    free(list);
    while ((row = db_step(stmt, "read its ticks", err)) == DB_ROW) {
        if (r->tick_count == first + count) {
            row = DB_FAILED;
            (void)error_set(err, ERR_STORE, "%s: a tick is there twice", r->store->db.path);
            break;
        }
        r->ticks[r->tick_count++] = tick_of(stmt);
    }
    return row == DB_DONE;
}

static int by_number(const void *one, const void *other)
{
    const struct timeline_tick *a = one, *b = other;

    return (a->tick > b->tick) - (a->tick < b->tick);
}

/* What lies between two of them is left out, unless they follow each other. */
static bool mark_thinned(struct series_range_reading *r, struct error *err)
{
    qsort(r->ticks, r->tick_count, sizeof *r->ticks, by_number);
    for (size_t i = 0; i < r->needed_count; i++) {
        if (i >= r->tick_count || r->ticks[i].tick != r->needed[i].tick)
            return error_set(err, ERR_STORE,
                             "%s: tick %" PRId64 " is not there; try pagemeter audit",
                             r->store->db.path, r->needed[i].tick);
        r->ticks[i].is_thinned = !r->needed[i].is_next && !r->ticks[i].is_boot;
    }
    return true;
}

static bool read_needed_ticks(struct series_range_reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;

    r->ticks = calloc(r->needed_count + 1, sizeof *r->ticks);
    if (r->ticks == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the ticks");
    for (r->batch = 0; r->batch < r->needed_count; r->batch += BATCH) {
        size_t left = r->needed_count - r->batch;
        bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SERIES_TICKS), &stmt, err) &&
                     read_batch(r, stmt, left < BATCH ? left : BATCH, err);

        db_finalize(stmt);
        if (!is_ok)
            return false;
    }
    return mark_thinned(r, err);
}

bool series_read_timeline(struct series_range_reading *r, struct error *err)
{
    struct timeline *tl = &r->timeline;
    size_t runs = 1;
    /* that every number is a tick is likely, and else it only costs time */
    bool is_dense = r->range->is_dense ||
                    (int64_t)r->needed_count > (r->range->to - r->range->from) / LOOKUP_COST;

    if (!(is_dense ? read_all_ticks(r, err) : read_needed_ticks(r, err)))
        return false;
    for (size_t i = 0; i + 1 < r->tick_count; i++)
        runs += timeline_runs_needed(&r->ticks[i], &r->ticks[i + 1]);
    *tl = (struct timeline){.ticks = r->ticks,
                            .tick_count = r->tick_count,
                            .runs = calloc(runs, sizeof *tl->runs),
                            .run_capacity = runs};
    if (tl->runs == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to compute usage");
    return timeline_build(tl, err);
}
