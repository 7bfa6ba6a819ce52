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

/* With the pages that it has, and this need, has it half of its headroom? */
static bool has_enough(const struct vm *vm, uint64_t need_kib)
{
    int64_t held = (int64_t)vm->domain.tot_kib - vm->tot_offset_kib;

    return held - (int64_t)need_kib >= (int64_t)vm_firm_headroom_kib(vm) / 2;
}

static bool is_watched(const struct vm *vm, const struct host_rules *rules, int64_t now_ns)
{
    return rules->mode == MODE_ON && vm_has_record(vm, now_ns, VM_LOST_NS) &&
           controller_barred(vm, rules, now_ns) == REASON_NONE;
}

bool reaction_look(struct vm *vm, const struct host_rules *rules, int64_t now_ns, int64_t *took_ns)
{
    struct reaction *r = &vm->reaction;
    int64_t looked_ns = r->looked_ns;
    uint64_t need = vm_need_kib(vm);

    r->looked_ns = now_ns;
    if (!is_watched(vm, rules, now_ns)) {
        r->since_ns = 0;
        return false;
    }
    if (!has_enough(vm, need)) {
        if (r->since_ns == 0)
            *r = (struct reaction){vm->last_ns > looked_ns ? vm->last_ns : now_ns, need, now_ns};
        return false;
    }
    bool is_served = r->since_ns != 0 && has_enough(vm, r->need_kib);

    *took_ns = now_ns - r->since_ns;
    r->since_ns = 0;
    return is_served;
}
