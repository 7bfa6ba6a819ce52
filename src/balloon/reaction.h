/*
 * reaction.h - how long a need waits until its memory is there. Pure.
 *
 * It begins when a VM under `demand` has less available than half of its headroom, by its record,
 * and ends with the first reading of the host by which it has that again, since pages have come. A
 * need that goes away by itself is no reaction; nor is one of a VM that may not be touched, or that
 * has all that its owner lets it have. What stood in the way meanwhile is counted elsewhere
 * (tally.h, refusals).
 */
#ifndef PAGEMETER_REACTION_H
#define PAGEMETER_REACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reaction {
    int64_t since_ns;  /* arrival of the record that told of it; 0: nothing is waited for */
    int64_t goal_kib;  /* what its need of then, and half of its headroom of then, take */
    int64_t looked_ns; /* the last look */
};

struct vm;
struct host_rules;

/* After each reading. True: it is over, and has taken so long. */
bool reaction_look(struct vm *vm, const struct host_rules *rules, int64_t now_ns, int64_t *took_ns);

/* Upper bounds of a histogram, ascending; one more place is for what took longer. */
enum { REACTION_BOUNDS = 9, REACTION_PLACES };
extern const uint32_t reaction_bounds_ms[REACTION_BOUNDS];

/* Its place: the first whose bound it does not exceed, or REACTION_BOUNDS. */
size_t reaction_place(int64_t took_ns);

#endif
