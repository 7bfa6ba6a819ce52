/*
 * sim_agent.h - the agent of a made-up guest: when it polls, when it sends, and what it says.
 *
 * When is modd's own decision (agent/pace.h), and so is the form of the record. PSI is an extra
 * wake-up. Liars bend the figures; some send nonsense.
 */
#ifndef PAGEMETER_SIM_AGENT_H
#define PAGEMETER_SIM_AGENT_H

#include "balloon/sim_guest.h"

#define SIM_AGENT_WAY_NS INT64_C(8000000) /* from the agent's write to the daemon */

/* PSI wakes it: so much stall since the last poll. */
#define SIM_AGENT_STALL_NS INT64_C(50000000)
bool sim_agent_is_woken(const struct sim_guest *g);

/* Its next poll is due: perhaps it sends; then g->text is under way. */
void sim_agent_poll(struct sim_guest *g, int64_t now_ns);

#endif
