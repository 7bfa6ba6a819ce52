#include "properties.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../unit/chance.h"
#include "hosts.h"
#include "probe.h"

enum { PROBE_EVERY = 8 };

uint64_t property_invariants(struct rig *rig, uint64_t first, uint64_t count)
{
    struct probe probe = {.rig = rig, .random = first};
    uint64_t failed = 0;

    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t before = probe.failures;

        host_make(rig, seed);
        if (seed % PROBE_EVERY == 0) {
            rig->checker.before_run = probe_plan;
            rig->checker.context = &probe;
        }
        rig_until(rig, host_seconds(seed));
        failed += rig->checker.violations > 0 || probe.failures > before;
    }
    return failed;
}

static uint64_t run_once(struct rig *rig, uint64_t seed)
{
    uint64_t log;

    host_make(rig, seed);
    rig->checker.is_quiet = true;
    rig_until(rig, host_seconds(seed));
    log = rig->checker.log;
    for (size_t i = 0; i < rig->world.count; i++)
        log = log * 31 + rig->log_of[i];
    return log;
}

uint64_t property_deterministic(struct rig *rig, uint64_t first, uint64_t count)
{
    uint64_t failed = 0;

    for (uint64_t seed = first; seed < first + count; seed++)
        if (run_once(rig, seed) != run_once(rig, seed)) {
            printf("VIOLATION twice seed=%" PRIu64 ": I9 the second run differs\n", seed);
            failed++;
        }
    return failed;
}

/* A host with a bystander: its size is fixed, and all that changes is what it says. */
static void run_beside(struct rig *rig, uint64_t seed, enum sim_word word, uint64_t *logs)
{
    host_make(rig, seed);
    rig->checker.is_quiet = true;
    rig->policies[0].kind = POLICY_FIXED;
    rig->world.guests[0].traits = *sim_model_traits(MODEL_IDEAL);
    rig->world.guests[0].traits.word = word;
    rig_until(rig, host_seconds(seed));
    memcpy(logs, rig->log_of, sizeof rig->log_of);
}

uint64_t property_isolated(struct rig *rig, uint64_t first, uint64_t count)
{
    static uint64_t honest[RIG_VMS_MAX], garbage[RIG_VMS_MAX];
    uint64_t failed = 0;

    for (uint64_t seed = first; seed < first + count; seed++) {
        run_beside(rig, seed, WORD_HONEST, honest);
        run_beside(rig, seed, WORD_OTHERS, garbage);
        if (memcmp(honest + 1, garbage + 1, sizeof honest - sizeof *honest) != 0) {
            printf("VIOLATION beside seed=%" PRIu64 ": I8 garbage of one changes another\n", seed);
            failed++;
        }
    }
    return failed;
}

enum { REST_S = 12000, STILL_S = 100 }; /* what was learned fades within hours */

uint64_t property_restful(struct rig *rig, uint64_t first, uint64_t count)
{
    uint64_t failed = 0;

    for (uint64_t seed = first; seed < first + count; seed++) {
        host_make_restful(rig, seed);
        rig_until(rig, REST_S - STILL_S);
        uint64_t before = rig->checker.actions;

        rig_until(rig, REST_S);
        if (rig->checker.actions > before)
            printf("VIOLATION restful seed=%" PRIu64 ": %" PRIu64 " actions at the fixpoint\n",
                   seed, rig->checker.actions - before);
        failed += rig->checker.actions > before || rig->checker.violations > 0;
    }
    return failed;
}
