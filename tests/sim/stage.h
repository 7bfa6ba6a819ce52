/*
 * stage.h - short words in which scenarios set their host.
 */
#ifndef PAGEMETER_TESTS_STAGE_H
#define PAGEMETER_TESTS_STAGE_H

#include <string.h>

#include "scenarios.h"

#define MIB RIG_MIB
#define GIB RIG_GIB
#define AT(seconds) ((int64_t)((seconds)*1e9))

/* A VM in MiB; what is 0 is left at its default. */
struct stage_vm {
    enum sim_model model;
    uint64_t tot, most, floor, ceiling, start, swap, base;
    uint32_t weight;
    enum policy_kind kind; /* POLICY_FIXED means demand: what scenarios mostly want */
    bool is_fixed, is_pvh, has_pci_device;
    uint64_t cache, reread;
    const struct sim_step *steps;
    size_t count;
};

/* dom0 has 512 MiB, the hypervisor's reserve is 1 % or 64 MiB. */
static inline void stage_host(struct rig *rig, uint64_t total_mib)
{
    rig_begin(rig, total_mib * MIB, 512 * MIB);
}

static inline size_t stage_vm(struct rig *rig, const struct stage_vm *vm)
{
    struct sim_birth_form form = {.model = vm->model,
                                  .tot_kib = vm->tot * MIB,
                                  .static_max_kib = vm->most * MIB,
                                  .base_kib = vm->base * MIB,
                                  .swap_kib = vm->swap * MIB,
                                  .is_pvh = vm->is_pvh,
                                  .has_pci_device = vm->has_pci_device,
                                  .program = {.cache_kib = vm->cache * MIB,
                                              .reread_kib_s = vm->reread * MIB}};
    struct policy policy;

    policy_init(&policy);
    policy.kind = vm->is_fixed ? POLICY_FIXED : vm->kind == POLICY_FIXED ? POLICY_DEMAND : vm->kind;
    policy.floor_kib = (vm->floor > 0 ? vm->floor : 128) * MIB;
    policy.ceiling_kib = vm->ceiling * MIB;
    policy.start_kib = vm->start == UINT64_MAX ? UINT64_MAX : vm->start * MIB;
    policy.weight = vm->weight > 0 ? vm->weight : 100;
    return rig_add(rig, &form, &policy, vm->steps, vm->count);
}

#define STAGE_VM(rig, ...) stage_vm(rig, &(struct stage_vm){__VA_ARGS__})
#define STEPS(array) .steps = (array), .count = sizeof(array) / sizeof *(array)

static inline uint64_t tot_mib(const struct rig *rig, size_t guest)
{
    return rig->world.guests[guest].domain.tot_kib / MIB;
}

static inline uint64_t target_mib(const struct rig *rig, size_t guest)
{
    return rig->world.guests[guest].facts.target_kib / MIB;
}

static inline const struct sim_tally *tally(const struct rig *rig, size_t guest)
{
    return &rig->world.guests[guest].tally;
}

/* Is at least half of the headroom available? */
static inline bool is_served(const struct rig *rig, size_t guest)
{
    const struct sim_guest *g = &rig->world.guests[guest];

    return sim_guest_available_kib(g) >= sim_guest_headroom_kib(g) / 2;
}

#endif
