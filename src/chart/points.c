#include "chart/points.h"

#include <stdlib.h>

static bool is_same(const struct chart_point *a, const struct chart_point *b)
{
    return a->is_blank == b->is_blank && a->least_kib == b->least_kib && a->kib == b->kib &&
           a->most_kib == b->most_kib;
}

bool points_add(struct points *p, const struct chart_point *point, struct error *err)
{
    struct chart_point next = *point;

    if (p->count > 0 && next.utc_ns <= p->list[p->count - 1].utc_ns)
        next.utc_ns = p->list[--p->count].utc_ns;
    if (p->count > 0 ? is_same(&p->list[p->count - 1], &next) : next.is_blank)
        return true;
    if (p->count == p->room) {
        size_t room = p->room == 0 ? 64 : p->room * 2;
        struct chart_point *larger = realloc(p->list, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for so many points: ask for less");
        p->list = larger;
        p->room = room;
    }
    p->list[p->count++] = next;
    return true;
}

bool points_add_value(struct points *p, int64_t utc_ns, uint64_t kib, struct error *err)
{
    struct chart_point point = {utc_ns, kib, kib, kib, false};

    return points_add(p, &point, err);
}

bool points_add_blank(struct points *p, int64_t utc_ns, struct error *err)
{
    struct chart_point point = {.utc_ns = utc_ns, .is_blank = true};

    return points_add(p, &point, err);
}

void points_clear(struct points *points)
{
    free(points->list);
    *points = (struct points){0};
}

bool points_mean(const struct points *p, const struct series_span *span, uint64_t *kib)
{
    usage_kib_ns sum = 0;
    uint64_t known_ns = 0;

    for (size_t i = 0; i < p->count; i++) {
        int64_t from = p->list[i].utc_ns;
        int64_t to = i + 1 < p->count ? p->list[i + 1].utc_ns : span->to_utc_ns;

        from = from > span->from_utc_ns ? from : span->from_utc_ns;
        to = to < span->to_utc_ns ? to : span->to_utc_ns;
        if (from >= to || p->list[i].is_blank ||
            !usage_add_product(&sum, p->list[i].kib, (uint64_t)(to - from)))
            continue;
        known_ns += (uint64_t)(to - from);
    }
    if (known_ns > 0)
        *kib = (uint64_t)(sum / known_ns);
    return known_ns > 0;
}

bool points_of_series(const struct series *series, enum piece_kind kind, bool is_again,
                      struct points *out, struct error *err)
{
    int64_t reach = INT64_MIN;

    for (size_t i = 0; i < series->count; i++) {
        const struct store_piece *piece = &series->pieces[i];

        if (piece->kind != kind || piece->is_again != is_again ||
            piece->from_utc_ns >= piece->to_utc_ns)
            continue;
        if ((reach < piece->from_utc_ns && !points_add_blank(out, reach, err)) ||
            !points_add_value(out, piece->from_utc_ns, piece->kib, err))
            return false;
        reach = piece->to_utc_ns > reach ? piece->to_utc_ns : reach;
    }
    return out->count == 0 || points_add_blank(out, reach, err);
}
