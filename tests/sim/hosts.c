#include "hosts.h"

#include <string.h>

#include "../unit/chance.h"

#define MIB RIG_MIB

static struct chance chance_of(uint64_t seed, uint64_t stream)
{
    return (struct chance){seed * 1000003 + stream * 7919 + 1};
}

static uint64_t between(struct chance *c, uint64_t least, uint64_t most)
{
    return least + chance_below(c, most - least + 1);
}

double host_seconds(uint64_t seed)
{
    struct chance c = chance_of(seed, 1);
    uint64_t kind = chance_below(&c, 20);

    if (kind < 13)
        return (double)between(&c, 4, 15);
    return kind < 19 ? (double)between(&c, 95, 130) : (double)between(&c, 200, 300);
}

/* Mostly guests that cooperate, so that the odd one has somebody to harm. */
static enum sim_model pick_model(struct chance *c)
{
    return chance_below(c, 2) == 0 ? MODEL_IDEAL : (enum sim_model)chance_below(c, MODELS);
}

static size_t pick_steps(struct chance *c, uint64_t most_kib, double seconds,
                         struct sim_step *steps)
{
    static const uint64_t rates[] = {64 * MIB, 128 * MIB, 512 * MIB, 1024 * MIB, 5120 * MIB, 0};
    size_t count = chance_below(c, 5);
    int64_t at = 0;

    for (size_t i = 0; i < count; i++) {
        at += (int64_t)((double)chance_below(c, 1000) / 1000.0 * seconds * 1e9 / 3);
        steps[i] = (struct sim_step){.at_ns = at,
                                     .to_kib = chance_hits(c, 3) ? 0 : chance_below(c, most_kib),
                                     .rate_kib_s = rates[chance_below(c, 6)]};
    }
    return count;
}

static void pick_policy(struct chance *c, const struct sim_birth_form *form, struct policy *p)
{
    uint64_t most = form->static_max_kib;
    uint64_t least = most / 10 > 96 * MIB ? most / 10 : 96 * MIB;

    policy_init(p);
    p->kind = POLICY_DEMAND;
    if (chance_hits(c, 8))
        p->kind = (enum policy_kind)chance_below(c, POLICY_KINDS);
    p->floor_kib = chance_hits(c, 8) ? 0 : between(c, least, form->tot_kib) & ~UINT64_C(3);
    p->ceiling_kib = chance_hits(c, 2) ? 0 : between(c, form->tot_kib, most) & ~UINT64_C(3);
    if (chance_hits(c, 4))
        p->start_kib = chance_hits(c, 2) ? UINT64_MAX : form->tot_kib + chance_below(c, 64) * MIB;
    if (p->kind == POLICY_API)
        p->size_kib = between(c, least, most) & ~UINT64_C(3);
    p->weight = (uint32_t)between(c, 1, 500);
    p->may_reclaim_swap = form->swap_kib > 0 && chance_hits(c, 4);
    p->is_stopped = chance_hits(c, 30);
}

static uint64_t add_guest(struct rig *rig, struct chance *c, double seconds)
{
    struct sim_birth_form form = {.model = pick_model(c), .is_pvh = chance_hits(c, 2)};
    struct sim_step steps[RIG_STEPS_MAX];
    struct policy policy;

    form.static_max_kib = between(c, 256, chance_hits(c, 8) ? 16384 : 2048) * MIB;
    form.tot_kib = between(c, form.static_max_kib / 4 / MIB + 64, form.static_max_kib / MIB) * MIB;
    form.swap_kib = chance_hits(c, 2) ? 0 : between(c, 64, 1024) * MIB;
    if (chance_hits(c, 6)) {
        form.program.cache_kib = chance_below(c, form.static_max_kib);
        form.program.reread_kib_s = between(c, 10, 400) * MIB;
    }
    pick_policy(c, &form, &policy);
    size_t count = pick_steps(c, form.static_max_kib, seconds, steps);

    (void)rig_add(rig, &form, &policy, steps, count);
    return form.tot_kib;
}

/* By chances of their own: the other ones of a seed stay as they were. */
static void pick_devices(struct rig *rig, uint64_t seed)
{
    struct chance c = chance_of(seed, 4);

    for (size_t i = 0; i < rig->world.count; i++)
        rig->world.forms[i].has_pci_device = rig->world.guests[i].facts.has_pci_device =
            chance_hits(&c, 12);
}

static void pick_orders(struct rig *rig, struct chance *c, double seconds)
{
    static const enum sim_order_kind kinds[] = {ORDER_PAUSE,   ORDER_UNPAUSE, ORDER_SHUTDOWN,
                                                ORDER_DESTROY, ORDER_REUSE,   ORDER_MIGRATE,
                                                ORDER_TARGET,  ORDER_TARGET,  ORDER_SILENCE,
                                                ORDER_SPEAK,   ORDER_HANG,    ORDER_CONTINUE};
    size_t count = chance_hits(c, 2) ? 0 : chance_below(c, 6);

    for (size_t i = 0; i < count; i++) {
        size_t guest = chance_below(c, rig->world.count);
        double at = (double)chance_below(c, 1000) / 1000.0 * seconds;
        const struct sim_birth_form *form = &rig->world.forms[guest];

        rig_order(rig, at, kinds[chance_below(c, 12)], guest,
                  between(c, form->static_max_kib / 4, form->static_max_kib) & ~UINT64_C(3));
    }
}

/* Another toolstack builds a domain in the middle. */
static void pick_builder(struct rig *rig, struct chance *c, double seconds)
{
    struct sim_birth_form form = {.model = MODEL_NO_AGENT, .tot_kib = 256 * MIB};
    struct policy fixed;

    if (!chance_hits(c, 4))
        return;
    policy_init(&fixed);
    form.static_max_kib = form.tot_kib = between(c, 128, 8192) * MIB;
    size_t i = rig_add(rig, &form, &fixed, NULL, 0);

    rig_order(rig, (double)chance_below(c, 1000) / 1000.0 * seconds,
              chance_hits(c, 2) ? ORDER_BUILD : ORDER_BUILD_BARE, i, form.tot_kib);
}

static void pick_rules(struct rig *rig, struct chance *c)
{
    struct host_rules *rules = &rig->engine.rules;

    if (chance_hits(c, 8))
        rules->ledger.reserved_kib = chance_below(c, 512) * MIB;
    if (chance_hits(c, 8))
        rules->ledger.reserve_kib = chance_below(c, 512) * MIB;
    if (chance_hits(c, 8)) {
        rig->world.dom0.max_kib = UINT64_MAX / 4;
        rules->ledger.dom0_allowance_kib = rig->world.dom0.tot_kib + chance_below(c, 512) * MIB;
    }
    rules->is_draining = chance_hits(c, 30);
    rules->is_stopped = chance_hits(c, 60);
}

void host_make(struct rig *rig, uint64_t seed)
{
    struct chance c = chance_of(seed, 2);
    double seconds = host_seconds(seed);
    size_t count = between(&c, 1, chance_hits(&c, 4) ? 8 : 4);
    uint64_t dom0 = between(&c, 256, 2048) * MIB;
    uint64_t sum = dom0 + 65 * MIB;

    rig_begin(rig, 0, dom0);
    for (size_t i = 0; i < count; i++)
        sum += add_guest(rig, &c, seconds) + 2 * MIB;
    pick_devices(rig, seed);
    /* sometimes short from the beginning, sometimes roomy */
    rig->world.total_kib = sum + sum / 64 + chance_below(&c, 1 + sum / (1 + chance_below(&c, 8)));
    if (chance_hits(&c, 10))
        rig->world.total_kib = sum;
    pick_orders(rig, &c, seconds);
    pick_builder(rig, &c, seconds);
    rig_start(rig);
    rig->world.grain_ns = 20 * NS_PER_S / 1000;
    rig->checker.seed = seed;
    rig->checker.where = "host";
    pick_rules(rig, &c);
}

void host_make_restful(struct rig *rig, uint64_t seed)
{
    struct chance c = chance_of(seed, 3);
    size_t count = between(&c, 1, 5);
    uint64_t sum = 1024 * MIB;

    rig_begin(rig, 0, 512 * MIB);
    for (size_t i = 0; i < count; i++) {
        struct sim_birth_form form = {.model = MODEL_IDEAL, .is_pvh = chance_hits(&c, 2)};
        struct sim_step steps[RIG_STEPS_MAX];
        struct policy policy;

        form.static_max_kib = between(&c, 256, 3072) * MIB;
        form.tot_kib =
            between(&c, form.static_max_kib / 3 / MIB + 64, form.static_max_kib / MIB) * MIB;
        pick_policy(&c, &form, &policy);
        policy.is_stopped = false;
        size_t steps_count = pick_steps(&c, form.static_max_kib * 3 / 4, 30, steps);

        (void)rig_add(rig, &form, &policy, steps, steps_count);
        sum += form.tot_kib;
    }
    rig->world.total_kib = sum + sum / 64 + chance_below(&c, sum);
    rig_start(rig);
    rig->world.grain_ns = 20 * NS_PER_S / 1000;
    rig->checker.seed = seed;
    rig->checker.where = "restful";
}
