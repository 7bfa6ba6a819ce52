/*
 * series.c - which stretches of a store are read for a chart, and whether they add up.
 *
 * A stretch between two hour cuts begins in one UTC hour. It is read when that hour is asked for,
 * or when what begins in it may reach into one that is. What comes out is compared with usage_hour,
 * life by life; of hours that differ all ticks are read, and of those that were pruned the average
 * is handed out.
 */
#include "store/series.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "store/series_impl.h"

enum { REGIONS_AT_ONCE = 48 }; /* so that no stretch needs much memory */

static void reading_clear(struct series_reading *r)
{
    free(r->lives);
    free(r->regions);
    free(r->pieces.list);
}

/* ---- lives ---- */

static bool add_life(struct series_reading *r, struct db_stmt *stmt, size_t vm, struct error *err)
{
    struct series_life *lives =
        series_room(r->lives, &r->life_room, r->life_count, sizeof *lives, err);

    if (lives == NULL)
        return false;
    r->lives = lives;
    lives[r->life_count++] = (struct series_life){db_int(stmt, 0), db_int(stmt, 1), db_int(stmt, 2),
                                                  db_int(stmt, 3), vm};
    return true;
}

static bool read_lives_of(struct series_reading *r, size_t vm, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, SQL_SERIES_LIVES, &stmt, err);

    if (is_ok)
        db_bind_uuid(stmt, 1, &r->query->vms[vm]);
    while (is_ok && (row = db_step(stmt, "read its lives", err)) == DB_ROW) {
        if (db_int(stmt, 4) == 0 && !r->query->with_unbilled)
            continue;
        is_ok = add_life(r, stmt, vm, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool read_lives(struct series_reading *r, struct error *err)
{
    for (size_t vm = 0; vm < r->query->vm_count; vm++)
        if (!read_lives_of(r, vm, err))
            return false;
    if (r->life_count > 0)
        qsort(r->lives, r->life_count, sizeof *r->lives, series_by_life);
    return true;
}

static bool find_own(struct series_reading *r)
{
    size_t first = 0;
    size_t end;

    while (first < r->life_count && r->lives[first].life < r->marks->base)
        first++;
    for (end = first; end < r->life_count && r->lives[end].life < r->marks->base + STORE_NUMBERS;)
        end++;
    r->own = r->lives + first;
    r->own_count = end - first;
    return r->own_count > 0;
}

/* ---- which stretches ---- */

static bool add_region(struct series_reading *r, struct series_region region, struct error *err)
{
    struct series_region *regions =
        series_room(r->regions, &r->region_room, r->region_count, sizeof *regions, err);

    if (regions == NULL)
        return false;
    r->regions = regions;
    if (r->region_count > 0)
        r->regions[r->region_count - 1].to = region.from;
    r->regions[r->region_count++] = region;
    return true;
}

static bool has_life(const struct series_reading *r, const struct series_region *region)
{
    for (size_t i = 0; i < r->own_count; i++)
        if (r->own[i].first_tick < region->to && r->own[i].last_tick >= region->from)
            return true;
    return false;
}

/* The last hour that `ns` may reach which begin in the region. */
static int64_t last_hour(const struct series_region *region, int64_t ns)
{
    return region->hour + 1 + (ns > 0 ? ns - 1 : 0) / NS_PER_HOUR;
}

static void want(const struct series_reading *r, struct series_region *region)
{
    region->is_wanted = region->hour < r->query->to_hour &&
                        region->last_hour >= r->query->from_hour && has_life(r, region);
}

/* What is not derived has no usage_hour to be held against, and is read tick by tick. */
static bool read_regions(struct series_reading *r, struct error *err)
{
    const struct store_marks *m = r->marks;
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    int64_t max_gap_ns = 0;
    bool is_ok =
        series_ask(r->store, SQL_SERIES_MAX_GAP, m->base, m->last_tick, &max_gap_ns, err) &&
        db_prepare(&r->store->db, SQL_SERIES_CUTS, &stmt, err);

    r->region_count = 0;
    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){m->pruned_to, m->last_tick}, 2);
    while (is_ok && (row = db_step(stmt, "read its hours", err)) == DB_ROW)
        is_ok = add_region(r,
                           (struct series_region){.from = db_int(stmt, 0),
                                                  .hour = db_int(stmt, 1),
                                                  .first_segment = db_int(stmt, 2)},
                           err);
    db_finalize(stmt);
    if (!is_ok || row != DB_DONE)
        return false;
    if (r->region_count > 0)
        r->regions[r->region_count - 1].to = m->last_tick;
    for (size_t i = 0; i < r->region_count; i++) {
        struct series_region *region = &r->regions[i];

        region->last_hour = last_hour(region, max_gap_ns); /* gaps are longer: want_gaps */
        want(r, region);
        region->is_dense = region->from >= m->derived;
    }
    return true;
}

const struct series_region *series_region_of(const struct series_region *regions, size_t count,
                                             int64_t tick)
{
    size_t low = 0;
    size_t high = count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (regions[middle].from <= tick)
            low = middle;
        else
            high = middle;
    }
    return &regions[low];
}

/* Gaps of many hours begin far before what they reach. */
static bool want_gaps(struct series_reading *r, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&r->store->db, SQL_SERIES_GAPS, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->marks->pruned_to, r->marks->last_tick}, 2);
    while (is_ok && (row = db_step(stmt, "read its gaps", err)) == DB_ROW) {
        const struct series_region *begins =
            series_region_of(r->regions, r->region_count, db_int(stmt, 0));
        struct series_region *region = &r->regions[begins - r->regions];
        int64_t reached = last_hour(region, db_int(stmt, 2));

        region->last_hour = reached > region->last_hour ? reached : region->last_hour;
        want(r, region);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* Neighbours that are read alike, at once. */
static bool read_pieces(struct series_reading *r, struct error *err)
{
    struct series_range range = {.from_hour = r->query->from_hour,
                                 .to_hour = r->query->to_hour,
                                 .lives = r->own,
                                 .life_count = r->own_count};

    for (size_t i = 0, end; i < r->region_count; i = end) {
        const struct series_region *first = &r->regions[i];

        for (end = i + 1; end < r->region_count && end - i < REGIONS_AT_ONCE &&
                          r->regions[end].is_wanted == first->is_wanted &&
                          r->regions[end].is_dense == first->is_dense;)
            end++;
        range.from = first->from;
        range.to = r->regions[end - 1].to;
        range.is_dense = first->is_dense;
        range.first_segment = first->first_segment;
        range.regions = first;
        range.region_count = end < r->region_count ? end - i + 1 : end - i;
        /* those that begin at the last tick lie behind the cut there, if it is one */
        range.end_segment = end + 1 < r->region_count ? r->regions[end + 1].first_segment
                                                      : r->marks->base + STORE_NUMBERS;
        if (first->is_wanted && range.from < range.to &&
            !series_read_range(r->store, &range, &r->pieces, err))
            return false;
    }
    return true;
}

/* ---- one store ---- */

static bool read_store(struct series_reading *r, struct error *err)
{
    size_t first = r->pieces.count;
    bool is_whole = false;

    if (!find_own(r))
        return true;
    if (!read_regions(r, err) || (r->region_count > 0 && !want_gaps(r, err)))
        return false;
    while (!is_whole) {
        r->pieces.count = first;
        if (!read_pieces(r, err) || !series_check(r, first, &is_whole, err))
            return false;
    }
    return series_place(&r->pieces, first, err);
}

static int by_vm_and_time(const void *one, const void *other)
{
    const struct store_piece *a = one, *b = other;

    if (a->vm != b->vm)
        return (a->vm > b->vm) - (a->vm < b->vm);
    if (a->from_utc_ns != b->from_utc_ns)
        return (a->from_utc_ns > b->from_utc_ns) - (a->from_utc_ns < b->from_utc_ns);
    if (a->life != b->life)
        return (a->life > b->life) - (a->life < b->life);
    return (a->tick > b->tick) - (a->tick < b->tick);
}

static bool read_all(struct series_reading *r, struct error *err)
{
    struct store_marks *marks = NULL;
    size_t count = 0;
    bool is_ok = read_lives(r, err) && store_marks(r->store, &marks, &count, err);

    for (size_t i = 0; is_ok && i < count; i++) {
        r->marks = &marks[i];
        is_ok = read_store(r, err);
    }
    free(marks);
    return is_ok;
}

bool store_series(struct store *s, const struct series_query *query, struct store_piece **pieces,
                  size_t *count, struct error *err)
{
    struct series_reading r = {.store = s, .query = query};
    bool is_own = !s->is_in_snapshot;

    if (query->vm_count > SERIES_VMS_MAX)
        return error_set(err, ERR_RANGE, "at most %d VMs at once", SERIES_VMS_MAX);
    if (is_own && !store_snapshot_begin(s, err))
        return false;
    bool is_ok = store_need_hours(s, query->from_hour, err) && read_all(&r, err);

    if (is_own)
        store_snapshot_end(s);
    if (is_ok) {
        if (r.pieces.count > 0)
            qsort(r.pieces.list, r.pieces.count, sizeof *r.pieces.list, by_vm_and_time);
        *pieces = r.pieces.list;
        *count = r.pieces.count;
        r.pieces.list = NULL;
    }
    reading_clear(&r);
    return is_ok;
}
