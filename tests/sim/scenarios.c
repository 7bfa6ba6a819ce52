#include "scenarios.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenarios_list.h"

#define SCENARIO_ROW(name) {#name, scenario_##name},
const struct scenario scenarios[] = {SCENARIOS(SCENARIO_ROW)};
const size_t scenario_count = sizeof scenarios / sizeof *scenarios;

static bool is_well;

void scenario_expect(bool is_so, const char *what, const char *file, int line)
{
    const char *base = strrchr(file, '/');

    if (is_so)
        return;
    is_well = false;
    printf("%s:%d: not so: %s\n", base != NULL ? base + 1 : file, line, what);
}

bool scenario_run(struct rig *rig, const struct scenario *scenario)
{
    is_well = true;
    rig->checker.where = scenario->name;
    scenario->run(rig);
    return is_well && rig->checker.violations == 0;
}

void scenario_show(const struct rig *rig)
{
    for (size_t i = 0; i < rig->world.count; i++) {
        const struct sim_guest *g = &rig->world.guests[i];
        const struct policy *p = &rig->policies[i];

        printf("dom%zu %s %s tot=%" PRIu64 " max=%" PRIu64 " floor=%" PRIu64 " ceiling=%" PRIu64
               " start=%" PRIu64 " swap=%" PRIu64 " cache=%" PRIu64 " weight=%u%s%s\n",
               i + 1, g->traits.name, policy_kind_name(p->kind), g->domain.tot_kib,
               g->facts.static_max_kib, p->floor_kib, p->ceiling_kib, p->start_kib,
               g->swap_total_kib, g->program.cache_kib, p->weight,
               p->may_reclaim_swap ? " reclaim=swap" : "", p->is_stopped ? " stopped" : "");
        for (size_t k = 0; k < g->program.count; k++)
            printf("    at %.3f to %" PRIu64 " by %" PRIu64 " KiB/s\n",
                   (double)(g->program.steps[k].at_ns - RIG_BEGIN_NS) / 1e9,
                   g->program.steps[k].to_kib, g->program.steps[k].rate_kib_s);
    }
    for (size_t i = 0; i < rig->order_count; i++)
        printf("order at %.3f kind=%d dom%zu kib=%" PRIu64 "\n",
               (double)(rig->orders[i].at_ns - RIG_BEGIN_NS) / 1e9, (int)rig->orders[i].kind,
               rig->orders[i].guest + 1, rig->orders[i].kib);
    printf("total=%" PRIu64 " surplus=%" PRId64 "\n", rig->world.total_kib,
           checker_surplus_kib(&rig->checker));
}

void scenario_trace(const struct decision *d)
{
    static const char *const kinds[] = {"grow", "shrink", "cap", "claim-end", "nudge"};

    printf("%9.3f dom%u %s %s %" PRIu64 " -> %" PRIu64 " cap=%" PRIu64 " claim=%" PRIu64
           " need=%" PRIu64 " available=%" PRIu64 " headroom=%" PRIu64 " tot=%" PRIu64
           " surplus=%" PRId64 " %s\n",
           (double)(d->at_ns - RIG_BEGIN_NS) / 1e9, (unsigned)d->domid, kinds[d->action.kind],
           reason_word(d->action.reason), d->action.before_kib, d->action.target_kib,
           d->action.cap_kib, d->action.claim_kib, d->need_kib, d->available_kib, d->headroom_kib,
           d->tot_kib, d->action.surplus_kib, reason_word(d->failure));
}
