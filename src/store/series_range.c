/*
 * series_range.c - one stretch of a store in pieces: the segments of some lives, and as few ticks
 * as will do.
 *
 * Between the ticks at which a life's value changes, the hour is cut or a gap is, nothing happens:
 * those are read, and integrate.h is told that others lie between them. When so many change that a
 * plain read of all ticks is cheaper, that is what is done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"
#include "meter/rules.h"
#include "store/series_impl.h"

enum {
    BATCH = 4096,     /* ticks that are asked for at once */
    LOOKUP_COST = 5,  /* to find one tick, in ticks that are read in passing */
    NUMBER_TEXT = 21, /* of a list in JSON, with its comma */
};

struct life_segments {
    struct segment *list;
    size_t count, room;
};

/* A tick that is needed. */
struct needed {
    int64_t tick;
    bool is_next; /* the one before it in the store is needed too */
};

struct gap_row {
    int64_t from_tick, tick;
    enum gap_cause cause;
};

struct reading {
    struct store *store;
    const struct series_range *range;
    struct piece_list *out;
    struct life_segments *segments; /* of each life of the range */
    struct needed *needed;
    size_t needed_count, needed_room;
    struct gap_row *gaps;
    size_t gap_count, gap_room;
    struct timeline timeline;
    struct timeline_tick *ticks;
    size_t tick_count, tick_room;
    size_t life; /* whose pieces come */
};

bool series_grow(void **array, size_t *room, size_t count, size_t size, struct error *err)
{
    if (count < *room)
        return true;
    size_t more = *room == 0 ? 256 : *room * 2;
    void *larger = realloc(*array, more * size);

    if (larger == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for so many changes: ask for less");
    *array = larger;
    *room = more;
    return true;
}

static void reading_clear(struct reading *r)
{
    for (size_t i = 0; r->segments != NULL && i < r->range->life_count; i++)
        free(r->segments[i].list);
    free(r->segments);
    free(r->needed);
    free(r->gaps);
    free(r->ticks);
    free(r->timeline.runs);
}

/* "[1,2,3]", the caller's to free; NULL: no memory. */
static char *list_text(size_t count, int64_t (*at)(const void *list, size_t i), const void *list)
{
    char *text = malloc(count * NUMBER_TEXT + 3);
    char *p = text;

    if (text == NULL)
        return NULL;
    *p++ = '[';
    for (size_t i = 0; i < count; i++)
        p += sprintf(p, "%s%" PRId64, i > 0 ? "," : "", at(list, i));
    (void)strcpy(p, "]");
    return text;
}

/* ---- what of the lives is there ---- */

static int64_t life_at(const void *list, size_t i)
{
    return ((const struct series_life *)list)[i].life;
}

/* The place of a life, or life_count. */
static size_t find_life(const struct series_range *r, int64_t life)
{
    size_t low = 0;
    size_t high = r->life_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->lives[middle].life < life)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->life_count && r->lives[low].life == life ? low : r->life_count;
}

static bool take_segment(struct reading *r, struct db_stmt *stmt, struct error *err)
{
    size_t life = find_life(r->range, db_int(stmt, 0));
    int64_t last = db_int(stmt, 2);

    if (life == r->range->life_count)
        return true;
    struct life_segments *s = &r->segments[life];

    if (!series_grow((void **)&s->list, &s->room, s->count, sizeof *s->list, err))
        return false;
    s->list[s->count++] = (struct segment){
        .first_tick = db_int(stmt, 1),
        .last_tick = last < r->range->to ? last : r->range->to,
        .kib = (uint64_t)db_int(stmt, 3),
        .is_counted = db_int(stmt, 4) != 0,
    };
    return true;
}

static bool read_segments(struct reading *r, struct error *err)
{
    const struct series_range *range = r->range;
    char *lives = list_text(range->life_count, life_at, range->lives);
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    r->segments = calloc(range->life_count, sizeof *r->segments);
    bool is_ok = (lives != NULL && r->segments != NULL) ||
                 error_set(err, ERR_NOMEM, "not enough memory to read the segments");

    is_ok = is_ok && db_prepare(&r->store->db, STORE_SQL(r->store, SERIES_SEGMENTS), &stmt, err);
    if (is_ok) {
        db_bind_ints(stmt, (const int64_t[]){range->from, range->to}, 2);
        db_bind_text(stmt, 3, lives);
    }
    while (is_ok && (row = db_step(stmt, "read its segments", err)) == DB_ROW)
        is_ok = take_segment(r, stmt, err);
    db_finalize(stmt);
    free(lives);
    return is_ok && row == DB_DONE;
}

static enum gap_cause cause_of(const char *word)
{
    for (int i = 0; word != NULL && i < GAP_CAUSES; i++)
        if (strcmp(gap_cause_name((enum gap_cause)i), word) == 0)
            return (enum gap_cause)i;
    return GAP_UNKNOWN;
}

static bool read_gaps(struct reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, SQL_SERIES_GAPS, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->range->from, r->range->to}, 2);
    while (is_ok && (row = db_step(stmt, "read its gaps", err)) == DB_ROW) {
        is_ok = series_grow((void **)&r->gaps, &r->gap_room, r->gap_count, sizeof *r->gaps, err);
        if (is_ok)
            r->gaps[r->gap_count++] =
                (struct gap_row){db_int(stmt, 0), db_int(stmt, 1), cause_of(db_text(stmt, 3))};
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* ---- which ticks are needed ---- */

static bool need(struct reading *r, int64_t tick, bool is_next, struct error *err)
{
    if (tick < r->range->from || tick > r->range->to)
        return true;
    if (!series_grow((void **)&r->needed, &r->needed_room, r->needed_count, sizeof *r->needed, err))
        return false;
    r->needed[r->needed_count++] = (struct needed){tick, is_next};
    return true;
}

/* The tick behind the first that counts: the interval between them is free, and no other. */
static bool need_first(struct reading *r, const struct series_life *life, struct error *err)
{
    struct db_stmt *stmt = NULL;
    int64_t next = -1;

    if (life->counted_tick < r->range->from || life->counted_tick >= r->range->to)
        return true;
    bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SERIES_NEXT_TICK), &stmt, err);

    if (is_ok) {
        db_bind_ints(stmt, (const int64_t[]){life->counted_tick, r->range->to}, 2);
        is_ok = db_run_int(stmt, "read its ticks", &next, err);
    }
    db_finalize(stmt);
    return is_ok && (next < 0 || need(r, next, true, err));
}

static bool need_segments(struct reading *r, const struct life_segments *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (!need(r, s->list[i].first_tick, i > 0, err) ||
            !need(r, s->list[i].last_tick, false, err))
            return false;
    return true;
}

/* What lies behind a step of the wall clock is placed anew. */
static bool need_steps(struct reading *r, struct error *err)
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

static bool need_gaps(struct reading *r, struct error *err)
{
    for (size_t i = 0; i < r->gap_count; i++)
        if (!need(r, r->gaps[i].from_tick, false, err) || !need(r, r->gaps[i].tick, true, err))
            return false;
    return true;
}

static int by_tick(const void *one, const void *other)
{
    const struct needed *a = one, *b = other;

    return (a->tick > b->tick) - (a->tick < b->tick);
}

static bool find_needed(struct reading *r, struct error *err)
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

static bool read_all_ticks(struct reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SELECT_TIMELINE), &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->range->from, r->range->to}, 2);
    while (is_ok && (row = db_step(stmt, "read its ticks", err)) == DB_ROW) {
        is_ok =
            series_grow((void **)&r->ticks, &r->tick_room, r->tick_count, sizeof *r->ticks, err);
        if (is_ok)
            r->ticks[r->tick_count++] = tick_of(stmt);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static int64_t needed_at(const void *list, size_t i)
{
    return ((const struct needed *)list)[i].tick;
}

/* Those of one batch that are there; they come in any order. */
static bool read_batch(struct reading *r, struct db_stmt *stmt, const struct needed *batch,
                       size_t count, struct error *err)
{
    char *list = list_text(count, needed_at, batch);
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
static bool mark_thinned(struct reading *r, struct error *err)
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

static bool read_needed_ticks(struct reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;

    r->ticks = calloc(r->needed_count + 1, sizeof *r->ticks);
    if (r->ticks == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the ticks");
    for (size_t at = 0; at < r->needed_count; at += BATCH) {
        size_t left = r->needed_count - at;
        bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SERIES_TICKS), &stmt, err) &&
                     read_batch(r, stmt, r->needed + at, left < BATCH ? left : BATCH, err);

        db_finalize(stmt);
        if (!is_ok)
            return false;
    }
    return mark_thinned(r, err);
}

static bool read_timeline(struct reading *r, struct error *err)
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

/* ---- pieces ---- */

static enum gap_cause cause_behind(const struct reading *r, int64_t tick)
{
    size_t low = 0;
    size_t high = r->gap_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->gaps[middle].from_tick < tick)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->gap_count && r->gaps[low].from_tick == tick ? r->gaps[low].cause : GAP_UNKNOWN;
}

static bool take_piece(void *self, const struct usage_piece *piece, struct error *err)
{
    struct reading *r = self;
    const struct series_life *life = &r->range->lives[r->life];
    const struct timeline_tick *first = &r->ticks[piece->first];
    const struct timeline_tick *end = &r->ticks[piece->end];
    const struct usage_part *part = &piece->part;
    int64_t ns = part->measured_ns + part->missing_ns + part->excluded_ns;
    struct store_piece p = {.vm = life->vm,
                            .life = life->life,
                            .tick = first->tick,
                            .end_tick = end->tick,
                            .hour = part->hour,
                            .from_utc_ns = piece->utc_ns,
                            .to_utc_ns = timeline_later(piece->utc_ns, ns),
                            .ns = ns,
                            .kib = piece->kib,
                            .kind = part->missing_ns > 0    ? PIECE_MISSING
                                    : part->excluded_ns > 0 ? PIECE_EXCLUDED
                                                            : PIECE_BILLED};

    if (part->hour < r->range->from_hour || part->hour >= r->range->to_hour)
        return true;
    if (p.kind == PIECE_MISSING)
        p.cause = cause_behind(r, first->tick);
    /* up to the tick that ends it, where that lies where it should but for how clocks are read */
    bool is_up_to_tick = piece->utc_ns - first->utc_ns + ns == end->mono_ns - first->mono_ns;
    int64_t off = end->utc_ns - p.to_utc_ns;

    if (is_up_to_tick && off >= -CLOCK_STEP_NS && off <= CLOCK_STEP_NS &&
        end->utc_ns >= p.from_utc_ns)
        p.to_utc_ns = end->utc_ns;
    if (!series_grow((void **)&r->out->list, &r->out->room, r->out->count, sizeof p, err))
        return false;
    r->out->list[r->out->count++] = p;
    return true;
}

bool series_read_range(struct store *store, const struct series_range *range,
                       struct piece_list *out, struct error *err)
{
    struct reading r = {.store = store, .range = range, .out = out};
    struct piece_sink sink = {take_piece, &r};
    bool is_ok = read_segments(&r, err) && read_gaps(&r, err) && find_needed(&r, err) &&
                 (r.needed_count == 0 || read_timeline(&r, err));

    for (; is_ok && r.needed_count > 0 && r.life < range->life_count; r.life++)
        is_ok = r.segments[r.life].count == 0 ||
                integrate_pieces(&r.timeline, r.segments[r.life].list, r.segments[r.life].count,
                                 range->lives[r.life].counted_tick, &sink, err);
    reading_clear(&r);
    return is_ok;
}
