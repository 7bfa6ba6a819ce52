#include "serve/curve.h"

#include <stdlib.h>

/* Two clocks read one moment; what overlaps longer is two domains at once. */
#define OVERLAP_NS INT64_C(50000000)

bool curve_put(struct curve *c, int64_t utc_ns, int64_t kib, struct error *err)
{
    struct curve_point *last = c->count > 0 ? &c->list[c->count - 1] : NULL;

    /* a blank of a moment is two clocks too: stretches meet at the hour */
    if (last != NULL &&
        (utc_ns <= last->utc_ns || (last->kib < 0 && utc_ns - last->utc_ns < OVERLAP_NS))) {
        last->kib = kib;
        c->count -= c->count > 1 && last[-1].kib == kib;
        return true;
    }
    if (c->count > 0 && c->list[c->count - 1].kib == kib)
        return true;
    if (c->count == c->room) {
        size_t room = c->room * 2 + 256;
        struct curve_point *larger = realloc(c->list, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory: ask for a shorter range");
        c->list = larger;
        c->room = room;
    }
    c->list[c->count++] = (struct curve_point){utc_ns, kib};
    return true;
}

/* Something begins or ends. */
struct edge {
    int64_t utc_ns;
    int64_t kib; /* that is held more from here on, or less */
    int change;  /* pieces that are there more, or less */
};

static int by_time(const void *one, const void *other)
{
    const struct edge *a = one, *b = other;

    return (a->utc_ns > b->utc_ns) - (a->utc_ns < b->utc_ns);
}

static void cut_overlaps(struct store_piece *pieces, size_t count)
{
    struct store_piece *before = NULL;

    for (size_t i = 0; i < count; i++) {
        struct store_piece *p = &pieces[i];

        if (p->kind != PIECE_BILLED || p->is_again)
            continue;
        /* a moment between two of one life is none either */
        if (before != NULL && ((before->to_utc_ns > p->from_utc_ns &&
                                before->to_utc_ns - p->from_utc_ns < OVERLAP_NS) ||
                               (before->to_utc_ns < p->from_utc_ns && before->life == p->life &&
                                p->from_utc_ns - before->to_utc_ns < OVERLAP_NS)))
            before->to_utc_ns = p->from_utc_ns;
        before = p;
    }
}

static bool sweep(struct curve *c, const struct edge *edges, size_t count, struct error *err)
{
    int64_t kib = 0;
    int pieces = 0;

    for (size_t i = 0; i < count;) {
        int64_t utc_ns = edges[i].utc_ns;

        for (; i < count && edges[i].utc_ns == utc_ns; i++) {
            kib += edges[i].kib;
            pieces += edges[i].change;
        }
        c->peak_kib = pieces > 0 && kib > c->peak_kib ? kib : c->peak_kib;
        if (!curve_put(c, utc_ns, pieces > 0 ? kib : -1, err))
            return false;
    }
    return true;
}

bool curve_add(struct curve *c, struct store_piece *pieces, size_t count, struct error *err)
{
    struct edge *edges = calloc(2 * count + 1, sizeof *edges);
    size_t n = 0;

    if (edges == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory: ask for a shorter range");
    cut_overlaps(pieces, count);
    for (size_t i = 0; i < count; i++) {
        const struct store_piece *p = &pieces[i];

        /* what the clock brings again lies where something lies already */
        if (p->kind != PIECE_BILLED || p->is_again || p->from_utc_ns >= p->to_utc_ns)
            continue;
        edges[n++] = (struct edge){p->from_utc_ns, (int64_t)p->kib, 1};
        edges[n++] = (struct edge){p->to_utc_ns, -(int64_t)p->kib, -1};
    }
    qsort(edges, n, sizeof *edges, by_time);
    bool is_ok = sweep(c, edges, n, err);

    free(edges);
    return is_ok;
}

/* ---- fewer points ---- */

struct bucket {
    size_t least, most, blank, last; /* places; SIZE_MAX: there is none */
};

static size_t bucket_of(int64_t utc_ns, int64_t from, int64_t to, size_t buckets)
{
    __extension__ typedef unsigned __int128 wide;

    if (utc_ns <= from)
        return 0;
    if (utc_ns >= to)
        return buckets - 1;
    return (size_t)((wide)(uint64_t)(utc_ns - from) * buckets / (uint64_t)(to - from));
}

static void look_at(struct bucket *b, const struct curve *c, size_t i)
{
    int64_t kib = c->list[i].kib;

    b->last = i;
    if (kib < 0) {
        b->blank = b->blank == SIZE_MAX ? i : b->blank;
        return;
    }
    if (b->least == SIZE_MAX || kib < c->list[b->least].kib)
        b->least = i;
    if (b->most == SIZE_MAX || kib > c->list[b->most].kib)
        b->most = i;
}

void curve_thin(struct curve *c, int64_t from, int64_t to, size_t most)
{
    size_t buckets = most / CURVE_PER_BUCKET;
    size_t kept = 0;

    if (c->count <= most || from >= to || buckets == 0)
        return;
    for (size_t first = 0, end; first < c->count; first = end) {
        struct bucket b = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
        size_t bucket = bucket_of(c->list[first].utc_ns, from, to, buckets);

        for (end = first;
             end < c->count && bucket_of(c->list[end].utc_ns, from, to, buckets) == bucket; end++)
            look_at(&b, c, end);
        for (size_t i = first; i < end; i++)
            if (i == b.least || i == b.most || i == b.blank || i == b.last)
                c->list[kept++] = c->list[i];
    }
    c->count = kept;
}

void curve_clear(struct curve *c)
{
    free(c->list);
    *c = (struct curve){0};
}
