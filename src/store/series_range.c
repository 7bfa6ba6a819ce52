/*
 * series_range.c - one stretch of a store in pieces: the segments of some lives, and as few ticks
 * as will do (series_ticks.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"
#include "meter/rules.h"
#include "store/series_impl.h"

void *series_room(void *list, size_t *room, size_t count, size_t size, struct error *err)
{
    if (list != NULL && count < *room)
        return list;
    size_t more = *room == 0 ? 256 : *room * 2;
    void *larger = realloc(list, more * size);

    if (larger == NULL)
        (void)error_set(err, ERR_NOMEM, "not enough memory for so many changes: ask for less");
    else
        *room = more;
    return larger;
}

bool series_ask(struct store *store, const char *sql, int64_t from, int64_t to, int64_t *out,
                struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&store->db, sql, &stmt, err);

    if (is_ok) {
        db_bind_ints(stmt, (const int64_t[]){from, to}, 2);
        is_ok = db_run_int(stmt, "read its ticks", out, err);
    }
    db_finalize(stmt);
    return is_ok;
}

bool series_put(struct piece_list *out, const struct store_piece *piece, struct error *err)
{
    struct store_piece *list = series_room(out->list, &out->room, out->count, sizeof *list, err);

    if (list == NULL)
        return false;
    out->list = list;
    list[out->count++] = *piece;
    return true;
}

static void reading_clear(struct series_range_reading *r)
{
    for (size_t i = 0; r->segments != NULL && i < r->range->life_count; i++)
        free(r->segments[i].list);
    free(r->segments);
    free(r->needed);
    free(r->gaps);
    free(r->ticks);
    free(r->timeline.runs);
}

/* "[1,2,3]", the caller's to free; NULL: no memory. Each is written by put, at most
 * SERIES_ITEM_TEXT long.
 */
char *series_list_text(const struct series_range_reading *r, size_t count,
                       int (*put)(const struct series_range_reading *r, size_t i, char *out))
{
    char *text = malloc(count * SERIES_ITEM_TEXT + 3);
    char *p = text;

    if (text == NULL)
        return NULL;
    *p++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *p++ = ',';
        p += put(r, i, p);
    }
    (void)strcpy(p, "]");
    return text;
}

/* ---- what of the lives is there ---- */

static int put_life(const struct series_range_reading *r, size_t i, char *out)
{
    return sprintf(out, "%" PRId64, r->range->lives[i].life);
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

static bool take_segment(struct series_range_reading *r, struct db_stmt *stmt, struct error *err)
{
    size_t life = find_life(r->range, db_int(stmt, 0));
    int64_t last = db_int(stmt, 2);

    if (life == r->range->life_count)
        return true;
    struct series_segments *s = &r->segments[life];

    struct segment *list = series_room(s->list, &s->room, s->count, sizeof *list, err);

    if (list == NULL)
        return false;
    s->list = list;
    list[s->count++] = (struct segment){
        .first_tick = db_int(stmt, 1),
        .last_tick = last < r->range->to ? last : r->range->to,
        .kib = (uint64_t)db_int(stmt, 3),
        .is_counted = db_int(stmt, 4) != 0,
    };
    return true;
}

/* What narrows it further: PostgreSQL keeps segments by the hour of their region. */
static void bind_narrower(const struct series_range_reading *r, struct db_stmt *stmt)
{
    const struct series_range *range = r->range;
    int64_t least = INT64_MAX;
    int64_t most = 0;

    if (!r->store->db.is_postgres) {
        db_bind_int(stmt, 5, range->lives[0].life);
        db_bind_int(stmt, 6, range->lives[range->life_count - 1].life);
        return;
    }
    for (size_t i = 0; i < range->region_count; i++) {
        least = range->regions[i].hour < least ? range->regions[i].hour : least;
        most = range->regions[i].hour > most ? range->regions[i].hour : most;
    }
    db_bind_int(stmt, 5, least);
    db_bind_int(stmt, 6, most);
}

static bool read_segments(struct series_range_reading *r, struct error *err)
{
    const struct series_range *range = r->range;
    char *lives = series_list_text(r, range->life_count, put_life);
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    r->segments = calloc(range->life_count, sizeof *r->segments);
    if (lives == NULL || r->segments == NULL) {
        free(lives);
        return error_set(err, ERR_NOMEM, "not enough memory to read the segments");
    }
    bool is_ok = db_prepare(&r->store->db, STORE_SQL(r->store, SERIES_SEGMENTS), &stmt, err);

    if (is_ok) {
        db_bind_ints(stmt, (const int64_t[]){range->first_segment, range->end_segment, range->to},
                     3);
        db_bind_text(stmt, 4, lives);
        bind_narrower(r, stmt);
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

static bool take_gap(struct series_range_reading *r, struct db_stmt *stmt, struct error *err)
{
    struct series_gap *gaps = series_room(r->gaps, &r->gap_room, r->gap_count, sizeof *gaps, err);

    if (gaps == NULL)
        return false;
    r->gaps = gaps;
    gaps[r->gap_count++] =
        (struct series_gap){db_int(stmt, 0), db_int(stmt, 1), cause_of(db_text(stmt, 3))};
    return true;
}

static bool read_gaps(struct series_range_reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, SQL_SERIES_GAPS, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->range->from, r->range->to}, 2);
    while (is_ok && (row = db_step(stmt, "read its gaps", err)) == DB_ROW)
        is_ok = take_gap(r, stmt, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* ---- pieces ---- */

static enum gap_cause cause_behind(const struct series_range_reading *r, int64_t tick)
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
    struct series_range_reading *r = self;
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
    return series_put(r->out, &p, err);
}

bool series_read_range(struct store *store, const struct series_range *range,
                       struct piece_list *out, struct error *err)
{
    struct series_range_reading r = {.store = store, .range = range, .out = out};
    struct piece_sink sink = {take_piece, &r};
    bool is_ok = read_segments(&r, err) && read_gaps(&r, err) && series_need(&r, err) &&
                 (r.needed_count == 0 || series_read_timeline(&r, err));

    for (; is_ok && r.needed_count > 0 && r.life < range->life_count; r.life++)
        is_ok = r.segments[r.life].count == 0 ||
                integrate_pieces(&r.timeline, r.segments[r.life].list, r.segments[r.life].count,
                                 range->lives[r.life].counted_tick, &sink, err);
    reading_clear(&r);
    return is_ok;
}
