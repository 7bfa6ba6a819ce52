/*
 * growth.h - how fast a VM has grown before: a decaying distribution, and its quantile. Pure.
 *
 * Each pair of records tells by how much need grew, scaled to VM_AHEAD_NS, the time within which
 * memory arrives. Buckets are powers of two from 1 MiB on; when the counts have come to
 * GROWTH_COUNT_MOST all are halved, so that the last few hundred records weigh most. The quantile
 * is the headroom that would have been enough for so many of them: headroom=adaptive.
 */
#ifndef PAGEMETER_GROWTH_H
#define PAGEMETER_GROWTH_H

#include <stdint.h>

enum { GROWTH_BUCKETS = 13, GROWTH_COUNT_MOST = 1024, GROWTH_COUNT_LEAST = 64 };
enum { GROWTH_QUANTILE_PER_MILLE = 990 };

struct growth {
    uint32_t counts[GROWTH_BUCKETS]; /* bucket i: up to 2^i MiB within VM_AHEAD_NS */
    uint32_t total;
};

/* by_kib: growth within VM_AHEAD_NS. */
void growth_add(struct growth *growth, uint64_t by_kib);

/*
 * The upper end of the bucket in which the quantile lies, in KiB; 0 while fewer than
 * GROWTH_COUNT_LEAST records have been seen, which say nothing.
 */
uint64_t growth_quantile_kib(const struct growth *growth);

#endif
