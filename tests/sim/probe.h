/*
 * probe.h - makes the plan of a moment again with its inputs changed, and compares.
 *
 * Twice the same: the same actions (I9). VMs in another order: the same actions for each. One VM's
 * weight raised: it gets no less.
 */
#ifndef PAGEMETER_TESTS_PROBE_H
#define PAGEMETER_TESTS_PROBE_H

#include "rig.h"

struct probe {
    struct rig *rig;
    uint64_t random;
    uint64_t plans;
    uint64_t failures;
};

/* Before a run of the engine: checker's before_run. */
void probe_plan(void *context);

#endif
