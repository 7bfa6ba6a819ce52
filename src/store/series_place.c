/*
 * series_place.c - where pieces lie when the wall clock is set back, and which of them are one.
 *
 * Up to where a VM's pieces have come on the wall clock is its reach. A piece that begins later, by
 * the ticks, and lies before the reach is there again. Within the little by which clocks are read
 * apart it is only moved.
 */
#include <stdlib.h>

#include "meter/rules.h"
#include "store/series_impl.h"

static int by_vm_and_tick(const void *one, const void *other)
{
    const struct store_piece *a = one, *b = other;

    if (a->vm != b->vm)
        return (a->vm > b->vm) - (a->vm < b->vm);
    if (a->tick != b->tick)
        return (a->tick > b->tick) - (a->tick < b->tick);
    return (a->from_utc_ns > b->from_utc_ns) - (a->from_utc_ns < b->from_utc_ns);
}

/* Up to where a piece has come, by the ticks and by the wall clock. */
struct piece_end {
    size_t vm;
    int64_t tick, utc_ns;
};

static int by_vm_and_end(const void *one, const void *other)
{
    const struct piece_end *a = one, *b = other;

    if (a->vm != b->vm)
        return (a->vm > b->vm) - (a->vm < b->vm);
    return (a->tick > b->tick) - (a->tick < b->tick);
}

/* The part before `reach` is there again. */
static bool split(struct piece_list *out, struct store_piece piece, int64_t reach,
                  struct error *err)
{
    struct store_piece again = piece;

    if (reach < piece.to_utc_ns) {
        int64_t ns = reach - piece.from_utc_ns;

        again.ns = ns < piece.ns ? ns : piece.ns;
        again.to_utc_ns = piece.from_utc_ns = reach;
        piece.ns -= again.ns;
    }
    again.is_again = true;
    /* a clock read a little too late may leave the rest no time at all */
    return series_put(out, &again, err) &&
           (reach >= piece.to_utc_ns || piece.ns == 0 || series_put(out, &piece, err));
}

static bool put(struct piece_list *out, struct store_piece piece, int64_t reach, struct error *err)
{
    if (piece.from_utc_ns < reach && reach - piece.from_utc_ns > CLOCK_STEP_NS)
        return split(out, piece, reach, err);
    if (piece.from_utc_ns < reach)
        piece.from_utc_ns = reach < piece.to_utc_ns ? reach : piece.to_utc_ns;
    return series_put(out, &piece, err);
}

/* list is sorted by vm and tick, the ends of its pieces by vm and the tick that ends them. */
static bool put_all(const struct store_piece *list, size_t count, const struct piece_end *ends,
                    struct piece_list *out, struct error *err)
{
    int64_t reach = INT64_MIN;
    size_t e = 0;

    for (size_t i = 0; i < count; i++) {
        const struct store_piece *p = &list[i];

        if (i > 0 && list[i - 1].vm != p->vm)
            reach = INT64_MIN;
        for (;
             e < count && (ends[e].vm < p->vm || (ends[e].vm == p->vm && ends[e].tick <= p->tick));
             e++)
            if (ends[e].vm == p->vm && ends[e].utc_ns > reach)
                reach = ends[e].utc_ns;
        if (!put(out, *p, p->is_average ? INT64_MIN : reach, err))
            return false;
    }
    return true;
}

static int by_life_and_tick(const void *one, const void *other)
{
    const struct store_piece *a = one, *b = other;

    if (a->life != b->life)
        return (a->life > b->life) - (a->life < b->life);
    if (a->tick != b->tick)
        return (a->tick > b->tick) - (a->tick < b->tick);
    return (a->from_utc_ns > b->from_utc_ns) - (a->from_utc_ns < b->from_utc_ns);
}

static bool is_one(const struct store_piece *a, const struct store_piece *b)
{
    return a->life == b->life && a->hour == b->hour && a->kind == b->kind && a->kib == b->kib &&
           a->cause == b->cause && a->is_again == b->is_again && !a->is_average && !b->is_average &&
           a->end_tick == b->tick && a->to_utc_ns == b->from_utc_ns;
}

static void join(struct piece_list *pieces)
{
    size_t kept = 0;

    if (pieces->count == 0)
        return;
    qsort(pieces->list, pieces->count, sizeof *pieces->list, by_life_and_tick);
    for (size_t i = 1; i < pieces->count; i++) {
        struct store_piece *last = &pieces->list[kept];
        const struct store_piece *next = &pieces->list[i];

        if (is_one(last, next)) {
            last->end_tick = next->end_tick;
            last->to_utc_ns = next->to_utc_ns;
            last->ns += next->ns;
        } else {
            pieces->list[++kept] = *next;
        }
    }
    pieces->count = kept + 1;
}

bool series_place(struct piece_list *pieces, size_t first, struct error *err)
{
    struct store_piece *list = pieces->list + first;
    size_t count = pieces->count - first;
    struct piece_list out = {0};

    if (count == 0)
        return true;
    struct piece_end *ends = calloc(count, sizeof *ends);

    if (ends == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to place what was read");
    qsort(list, count, sizeof *list, by_vm_and_tick);
    for (size_t i = 0; i < count; i++)
        ends[i] = (struct piece_end){list[i].vm, list[i].end_tick,
                                     list[i].is_average ? INT64_MIN : list[i].to_utc_ns};
    qsort(ends, count, sizeof *ends, by_vm_and_end);
    bool is_ok = put_all(list, count, ends, &out, err);

    free(ends);
    pieces->count = first;
    join(&out);
    for (size_t i = 0; is_ok && i < out.count; i++)
        is_ok = series_put(pieces, &out.list[i], err);
    free(out.list);
    return is_ok;
}
