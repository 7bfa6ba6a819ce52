/*
 * series_check.c - do the pieces of a store add up to its usage by the hour?
 */
#include <inttypes.h>
#include <stdlib.h>

#include "store/series_impl.h"

/* What one life has in one hour. */
struct life_hour {
    int64_t life;
    struct usage_part part;
};

struct hours_list {
    struct life_hour *list;
    size_t count, room;
};

int series_by_life(const void *one, const void *other)
{
    const struct series_life *a = one, *b = other;

    return (a->life > b->life) - (a->life < b->life);
}

static void add_to(struct usage_part *sum, const struct usage_part *more)
{
    sum->kib_ns += more->kib_ns;
    sum->measured_ns += more->measured_ns;
    sum->missing_ns += more->missing_ns;
    sum->excluded_ns += more->excluded_ns;
}

static bool add_hour(struct hours_list *h, int64_t life, const struct usage_part *part,
                     struct error *err)
{
    struct life_hour *last = h->count > 0 ? &h->list[h->count - 1] : NULL;

    if (last != NULL && last->life == life && last->part.hour == part->hour) {
        add_to(&last->part, part);
        return true;
    }
    struct life_hour *list = series_room(h->list, &h->room, h->count, sizeof *list, err);

    if (list == NULL)
        return false;
    h->list = list;
    list[h->count++] = (struct life_hour){life, *part};
    return true;
}

static int by_life_and_hour(const void *one, const void *other)
{
    const struct life_hour *a = one, *b = other;

    return a->life != b->life ? (a->life > b->life) - (a->life < b->life)
                              : (a->part.hour > b->part.hour) - (a->part.hour < b->part.hour);
}

static void sort_hours(struct hours_list *h)
{
    size_t kept = 0;

    if (h->count == 0)
        return;
    qsort(h->list, h->count, sizeof *h->list, by_life_and_hour);
    for (size_t i = 1; i < h->count; i++) {
        if (by_life_and_hour(&h->list[kept], &h->list[i]) == 0)
            add_to(&h->list[kept].part, &h->list[i].part);
        else
            h->list[++kept] = h->list[i];
    }
    h->count = kept + 1;
}

static struct usage_part part_of(const struct store_piece *p)
{
    return (struct usage_part){
        .hour = p->hour,
        .kib_ns = p->kind == PIECE_BILLED ? (usage_kib_ns)p->kib * (usage_kib_ns)p->ns : 0,
        .measured_ns = p->kind == PIECE_BILLED ? p->ns : 0,
        .missing_ns = p->kind == PIECE_MISSING ? p->ns : 0,
        .excluded_ns = p->kind == PIECE_EXCLUDED ? p->ns : 0,
    };
}

/* What the pieces from `first` on say of the hours that are derived. */
static bool sum_pieces(const struct series_reading *r, size_t first, struct hours_list *out,
                       struct error *err)
{
    for (size_t i = first; i < r->pieces.count; i++) {
        const struct store_piece *p = &r->pieces.list[i];
        struct usage_part part = part_of(p);

        if (p->tick < r->marks->derived && !add_hour(out, p->life, &part, err))
            return false;
    }
    sort_hours(out);
    return true;
}

static bool read_hours_of(const struct series_reading *r, int64_t life, struct hours_list *out,
                          struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok =
        db_prepare(&r->store->db, STORE_SQL(r->store, SELECT_USAGE_HOURS_OF_LIFE), &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, (const int64_t[]){r->query->from_hour, r->query->to_hour, life}, 3);
    while (is_ok && (row = db_step(stmt, "read its usage", err)) == DB_ROW) {
        struct usage_part part = {
            .hour = db_int(stmt, 1),
            .kib_ns = usage_from_limbs((uint64_t)db_int(stmt, 2), (uint64_t)db_int(stmt, 3)),
            .measured_ns = db_int(stmt, 4),
            .missing_ns = db_int(stmt, 5),
            .excluded_ns = db_int(stmt, 6),
        };

        is_ok = add_hour(out, life, &part, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool read_hours(const struct series_reading *r, struct hours_list *out, struct error *err)
{
    for (size_t i = 0; i < r->own_count; i++)
        if (!read_hours_of(r, r->own[i].life, out, err))
            return false;
    sort_hours(out);
    return true;
}

/* ---- what was pruned ---- */

/* Is more in the books than in the pieces, of each? */
static bool is_more(const struct usage_part *stored, const struct usage_part *found)
{
    return stored->kib_ns >= found->kib_ns && stored->measured_ns >= found->measured_ns &&
           stored->missing_ns >= found->missing_ns && stored->excluded_ns >= found->excluded_ns &&
           (stored->kib_ns == found->kib_ns || stored->measured_ns > found->measured_ns);
}

struct average {
    struct series_reading *r;
    struct store_piece next;
};

static bool add_average(struct average *a, enum piece_kind kind, uint64_t kib, int64_t ns,
                        struct error *err)
{
    if (ns <= 0)
        return true;
    a->next.kind = kind;
    a->next.kib = kib;
    a->next.ns = ns;
    a->next.to_utc_ns = timeline_later(a->next.from_utc_ns, ns);
    if (!series_put(&a->r->pieces, &a->next, err))
        return false;
    a->next.from_utc_ns = a->next.to_utc_ns;
    return true;
}

/* By two values, q and q + 1, that give the same usage in the same time. */
static bool add_averages(struct series_reading *r, size_t vm, const struct life_hour *stored,
                         const struct usage_part *found, struct error *err)
{
    struct average a = {r,
                        {.vm = vm,
                         .life = stored->life,
                         .tick = -1,
                         .end_tick = -1,
                         .hour = stored->part.hour,
                         .from_utc_ns = stored->part.hour * NS_PER_HOUR,
                         .is_average = true}};
    usage_kib_ns usage = stored->part.kib_ns - found->kib_ns;
    int64_t measured = stored->part.measured_ns - found->measured_ns;
    usage_kib_ns span = measured > 0 ? (usage_kib_ns)measured : 1;
    uint64_t q = (uint64_t)(usage / span);
    int64_t more = (int64_t)(usage % span);

    return add_average(&a, PIECE_BILLED, q, measured - more, err) &&
           add_average(&a, PIECE_BILLED, q + 1, more, err) &&
           add_average(&a, PIECE_MISSING, q, stored->part.missing_ns - found->missing_ns, err) &&
           add_average(&a, PIECE_EXCLUDED, q, stored->part.excluded_ns - found->excluded_ns, err);
}

/* ---- one store ---- */

/* The stretches that may have given to this hour are read anew. False: they were read whole. */
static bool make_dense(struct series_reading *r, int64_t hour)
{
    bool is_new = false;

    for (size_t i = 0; i < r->region_count; i++) {
        struct series_region *region = &r->regions[i];

        if (region->is_wanted && !region->is_dense && region->hour <= hour &&
            region->last_hour >= hour)
            region->is_dense = is_new = true;
    }
    return is_new;
}

static bool is_same(const struct usage_part *a, const struct usage_part *b)
{
    return a->kib_ns == b->kib_ns && a->measured_ns == b->measured_ns &&
           a->missing_ns == b->missing_ns && a->excluded_ns == b->excluded_ns;
}

static size_t vm_of(const struct series_reading *r, int64_t life)
{
    struct series_life wanted = {.life = life};
    const struct series_life *found =
        bsearch(&wanted, r->own, r->own_count, sizeof wanted, series_by_life);

    return found != NULL ? found->vm : 0;
}

/* One hour of one life, which the two may have or not; false with *is_whole: it can't be. */
static bool settle(struct series_reading *r, const struct life_hour *stored,
                   const struct life_hour *found, int64_t pruned_hour, bool *is_whole,
                   struct error *err)
{
    static const struct usage_part nothing;
    const struct usage_part *in_store = stored != NULL ? &stored->part : &nothing;
    const struct usage_part *in_pieces = found != NULL ? &found->part : &nothing;
    const struct life_hour *one = stored != NULL ? stored : found;

    if (is_same(in_store, in_pieces))
        return true;
    if (make_dense(r, one->part.hour))
        *is_whole = false;
    if (!*is_whole) /* all is read again */
        return true;
    if (stored != NULL && one->part.hour <= pruned_hour && is_more(in_store, in_pieces))
        return add_averages(r, vm_of(r, one->life), one, in_pieces, err);
    return error_set(err, ERR_STORE,
                     "%s: life %" PRId64 " has other usage in hour %" PRId64
                     " than its segments give; try pagemeter audit",
                     r->store->db.path, one->life, one->part.hour);
}

/* Both are sorted: what only one of them has is compared with nothing. */
static bool compare(struct series_reading *r, const struct hours_list *stored,
                    const struct hours_list *found, bool *is_whole, struct error *err)
{
    int64_t pruned_hour = -1;
    size_t s = 0;
    size_t f = 0;

    *is_whole = true;
    if (!series_ask(r->store, SQL_SERIES_PRUNED_HOUR, r->marks->base, r->marks->pruned_to,
                    &pruned_hour, err))
        return false;
    while (s < stored->count || f < found->count) {
        int order = s == stored->count  ? 1
                    : f == found->count ? -1
                                        : by_life_and_hour(&stored->list[s], &found->list[f]);

        if (!settle(r, order <= 0 ? &stored->list[s] : NULL, order >= 0 ? &found->list[f] : NULL,
                    pruned_hour, is_whole, err))
            return false;
        s += order <= 0;
        f += order >= 0;
    }
    return true;
}

bool series_check(struct series_reading *r, size_t first, bool *is_whole, struct error *err)
{
    struct hours_list stored = {0};
    struct hours_list found = {0};
    bool is_ok = sum_pieces(r, first, &found, err) && read_hours(r, &stored, err) &&
                 compare(r, &stored, &found, is_whole, err);

    free(stored.list);
    free(found.list);
    return is_ok;
}
