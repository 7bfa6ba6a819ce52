/*
 * properties.h - what must hold on every random host, beyond what the checker watches.
 */
#ifndef PAGEMETER_TESTS_PROPERTIES_H
#define PAGEMETER_TESTS_PROPERTIES_H

#include "rig.h"

/*
 * Each runs hosts with seeds from `first` and returns how many of them failed; the first failures
 * are printed with their seed.
 */

/* I1-I7 by the checker; on some, every plan is also made again (see probe.h). */
uint64_t property_invariants(struct rig *rig, uint64_t first, uint64_t count);

/* I9: the same inputs twice give the same actions. */
uint64_t property_deterministic(struct rig *rig, uint64_t first, uint64_t count);

/* I8: what one VM says, or that it says nothing, changes nothing for the others. */
uint64_t property_isolated(struct rig *rig, uint64_t first, uint64_t count);

/* Where all programs have come to rest, so has memory. */
uint64_t property_restful(struct rig *rig, uint64_t first, uint64_t count);

#endif
