#include "balloon/share.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

enum { KIB_PER_PAGE = 4 };

/* By the level at which an ask is filled: ask / weight. Equal levels need no order. */
static int by_level(const void *one, const void *other)
{
    const struct share *a = one, *b = other;
    wide left = (wide)a->ask_kib * b->weight;
    wide right = (wide)b->ask_kib * a->weight;

    return left < right ? -1 : left > right;
}

void share_divide(struct share *shares, size_t count, uint64_t sum_kib)
{
    uint64_t weights = 0;

    for (size_t i = 0; i < count; i++)
        weights += shares[i].weight;
    qsort(shares, count, sizeof *shares, by_level);

    size_t i = 0;

    /* those whose ask lies below the level of all that are left get it whole */
    for (; i < count; i++) {
        if ((wide)shares[i].ask_kib * weights > (wide)sum_kib * shares[i].weight)
            break;
        shares[i].given_kib = shares[i].ask_kib;
        sum_kib -= shares[i].ask_kib;
        weights -= shares[i].weight;
    }
    for (size_t rest = i; rest < count; rest++) {
        uint64_t given = (uint64_t)((wide)sum_kib * shares[rest].weight / weights);

        shares[rest].given_kib = given - given % KIB_PER_PAGE;
    }
}
