#include "balloon/growth.h"

static void halve(struct growth *growth)
{
    growth->total = 0;
    for (int i = 0; i < GROWTH_BUCKETS; i++) {
        growth->counts[i] /= 2;
        growth->total += growth->counts[i];
    }
}

void growth_add(struct growth *growth, uint64_t by_kib)
{
    int bucket = 0;

    while (bucket < GROWTH_BUCKETS - 1 && by_kib > UINT64_C(1024) << bucket)
        bucket++;
    growth->counts[bucket]++;
    if (++growth->total >= GROWTH_COUNT_MOST)
        halve(growth);
}

uint64_t growth_quantile_kib(const struct growth *growth)
{
    uint64_t seen = 0;

    if (growth->total < GROWTH_COUNT_LEAST)
        return 0;
    for (int i = 0; i < GROWTH_BUCKETS; i++) {
        seen += growth->counts[i];
        if (seen * 1000 >= (uint64_t)growth->total * GROWTH_QUANTILE_PER_MILLE)
            return UINT64_C(1024) << i;
    }
    return UINT64_C(1024) << (GROWTH_BUCKETS - 1);
}
