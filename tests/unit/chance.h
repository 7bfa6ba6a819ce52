/*
 * chance.h - random tests that can be run again: the seed is printed, and PAGEMETER_TEST_SEED sets
 * it.
 */
#ifndef PAGEMETER_TESTS_CHANCE_H
#define PAGEMETER_TESTS_CHANCE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct chance {
    uint64_t state;
};

static inline struct chance chance_begin(const char *test)
{
    const char *given = getenv("PAGEMETER_TEST_SEED");
    uint64_t seed = 1;

    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    else if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = 1;
    printf("%s: PAGEMETER_TEST_SEED=%" PRIu64 "\n", test, seed);
    return (struct chance){seed * 2 + 1};
}

static inline uint64_t chance_next(struct chance *c)
{
    /* splitmix64 */
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. bound - 1 */
static inline uint64_t chance_below(struct chance *c, uint64_t bound)
{
    return chance_next(c) % bound;
}

/* Once in so many times. */
static inline bool chance_hits(struct chance *c, uint64_t every)
{
    return chance_below(c, every) == 0;
}

#endif
