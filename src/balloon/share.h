/*
 * share.h - divide a sum by weight among those who ask: water-filling, in one pass. Pure.
 *
 * Each gets min(what it asks, weight * level), with one level for all, the highest at which the sum
 * suffices, rounded down to whole pages. So the order of the askers does not matter, more weight
 * never yields less, and nobody gets more than it asked for.
 */
#ifndef PAGEMETER_SHARE_H
#define PAGEMETER_SHARE_H

#include <stddef.h>
#include <stdint.h>

struct share {
    uint64_t ask_kib;
    uint32_t weight;    /* 1 or more */
    uint64_t given_kib; /* the result, a multiple of 4 unless it is the whole ask */
    size_t index;       /* the caller's */
};

/* Fills given_kib of all. May change the order of the array. */
void share_divide(struct share *shares, size_t count, uint64_t sum_kib);

#endif
