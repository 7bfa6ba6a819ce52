#include "balloon/reaction.h"

#include "balloon/controller.h"

const uint32_t reaction_bounds_ms[REACTION_BOUNDS] = {50,   100,  250,   500,  1000,
                                                      2500, 5000, 10000, 30000};

size_t reaction_place(int64_t took_ns)
{
    size_t place = 0;

    while (place < REACTION_BOUNDS && took_ns > (int64_t)reaction_bounds_ms[place] * 1000000)
        place++;
    return place;
}

/* What its guest has, in units of target. */
static int64_t held_kib(const struct vm *vm)
{
    return (int64_t)vm->domain.tot_kib - (int64_t)vm->facts.videoram_kib - vm->tot_offset_kib;
}

/* What it must have so that half of its headroom is left. */
static int64_t goal_kib(const struct vm *vm)
{
    return (int64_t)vm_need_kib(vm) + (int64_t)vm_firm_headroom_kib(vm) / 2;
}

static bool is_watched(const struct vm *vm, const struct host_rules *rules, int64_t now_ns)
{
    if (rules->mode != MODE_ON || vm->policy.kind != POLICY_DEMAND ||
        !vm_has_record(vm, now_ns, VM_LOST_NS) ||
        controller_barred(vm, rules, now_ns) != REASON_NONE)
        return false;
    switch (vm->blocked_by) {
    case REASON_AT_CEILING:
    case REASON_SPENT:
    case REASON_DRAINING:
        return false;
    default:
        return true;
    }
}

bool reaction_look(struct vm *vm, const struct host_rules *rules, int64_t now_ns, int64_t *took_ns)
{
    struct reaction *r = &vm->reaction;
    int64_t looked_ns = r->looked_ns;

    r->looked_ns = now_ns;
    if (!is_watched(vm, rules, now_ns)) {
        r->since_ns = 0;
        return false;
    }
    if (held_kib(vm) < goal_kib(vm)) {
        if (r->since_ns == 0) {
            r->since_ns = vm->last_ns > looked_ns ? vm->last_ns : now_ns;
            r->goal_kib = goal_kib(vm);
        }
        return false;
    }
    bool is_served = r->since_ns != 0 && held_kib(vm) >= r->goal_kib;

    *took_ns = now_ns - r->since_ns;
    r->since_ns = 0;
    return is_served;
}
