#include "chart/downsample.h"

__extension__ typedef unsigned __int128 wide;

/* The places of those that stay; count: there is none. */
struct bucket {
    size_t least, most, blank, last;
};

static size_t bucket_of(const struct series_span *span, size_t buckets, int64_t utc_ns)
{
    wide length = (wide)((uint64_t)span->to_utc_ns - (uint64_t)span->from_utc_ns);

    if (utc_ns <= span->from_utc_ns || length == 0)
        return 0;
    if (utc_ns >= span->to_utc_ns)
        return buckets - 1;
    return (size_t)((wide)((uint64_t)utc_ns - (uint64_t)span->from_utc_ns) * buckets / length);
}

static void look_at(struct bucket *b, const struct points *p, size_t i)
{
    const struct chart_point *point = &p->list[i];

    b->last = i;
    if (point->is_blank) {
        b->blank = b->blank == p->count ? i : b->blank;
        return;
    }
    if (b->least == p->count || point->least_kib < p->list[b->least].least_kib)
        b->least = i;
    if (b->most == p->count || point->most_kib > p->list[b->most].most_kib)
        b->most = i;
}

static bool is_kept(const struct bucket *b, size_t i)
{
    return i == b->least || i == b->most || i == b->blank || i == b->last;
}

void downsample(struct points *p, const struct series_span *span, size_t most)
{
    size_t buckets = most / DOWNSAMPLE_PER_BUCKET;
    size_t kept = 0;

    if (p->count <= most || buckets == 0)
        return;
    for (size_t first = 0, end; first < p->count; first = end) {
        struct bucket b = {p->count, p->count, p->count, p->count};
        size_t bucket = bucket_of(span, buckets, p->list[first].utc_ns);

        for (end = first; end < p->count && bucket_of(span, buckets, p->list[end].utc_ns) == bucket;
             end++)
            look_at(&b, p, end);
        for (size_t i = first; i < end; i++)
            if (is_kept(&b, i))
                p->list[kept++] = p->list[i];
    }
    p->count = kept;
}
