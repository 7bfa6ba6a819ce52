/*
 * simulate.h - a history of a host, run again through other policies: the engine that runs live,
 * against a made-up host in virtual time (sim_world.h).
 *
 * Each life becomes a guest with the need that it had. What cannot be known is assumed: a balloon
 * driver and an agent that behave, a need that does not depend on what the guest has, and 1 GiB of
 * swap where no figure says otherwise.
 */
#ifndef PAGEMETER_SIMULATE_H
#define PAGEMETER_SIMULATE_H

#include "balloon/history.h"
#include "balloon/plan.h"
#include "common/units.h"

/* What a life came to. short: need + headroom less what it had, times time, where above 0. */
struct simulate_tally {
    usage_kib_ns held_kib_ns, short_kib_ns;
    uint64_t reversals; /* of at least 4 MiB each way */
    uint64_t kills;     /* programs killed for want of memory; unknown of what was recorded */
    uint64_t turned_at_kib;
    int direction;
};

/* By life, as the history has them. */
void simulate_recorded(const struct history *history, struct simulate_tally *tallies);

/* policies: one for each life. */
MUST_CHECK bool simulate_run(const struct history *history, const struct policy *policies,
                             const struct host_rules *rules, struct simulate_tally *tallies,
                             struct error *err);

#endif
