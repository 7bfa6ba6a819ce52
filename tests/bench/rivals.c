#include "rivals.h"

#include <stdbool.h>

#include "common/units.h"

#define MIB UINT64_C(1024)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/*
 * Fixed: every VM has its ceiling where the host has that much, else the same fraction of it. What
 * a host without any balloon driver does.
 */
static void fixed(const struct rival_host *host, struct rival_vm *vms, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += vms[i].most_kib;
    for (size_t i = 0; i < count; i++)
        vms[i].wish_kib =
            sum <= host->total_kib
                ? vms[i].most_kib
                : (uint64_t)((unsigned __int128)vms[i].most_kib * host->total_kib / sum);
}

/*
 * Qubes qmemman (QubesOS/qubes-core-admin, qubes/qmemman/algo.py and systemstate.py): a VM's
 * preference is 1.3 times what it uses, at least 200 MiB, at most its maximum. A change is made
 * when 150 MiB would move in all, or when a VM is below its preference and would get 15 MiB.
 */
static uint64_t preference(const struct rival_vm *vm)
{
    uint64_t low = vm->least_kib > 200 * MIB ? vm->least_kib : 200 * MIB;

    return clamp(vm->used_kib * 13 / 10, least(low, vm->most_kib), vm->most_kib);
}

static bool is_significant(const struct rival_vm *vms, size_t count)
{
    uint64_t moved = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rival_vm *vm = &vms[i];

        moved += distance(vm->wish_kib, vm->target_kib);
        if (vm->target_kib < preference(vm) && vm->wish_kib > vm->target_kib + 15 * MIB)
            return true;
    }
    return moved > 150 * MIB;
}

static void keep_if_small(struct rival_vm *vms, size_t count)
{
    if (is_significant(vms, count))
        return;
    for (size_t i = 0; i < count; i++)
        vms[i].wish_kib = vms[i].target_kib;
}

/* More is wanted than there is: who is above its preference gives all of that, the rest is shared
 * in proportion to the preferences of those who are below. */
static void share_little(uint64_t free_kib, struct rival_vm *vms, size_t count)
{
    uint64_t wanted = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t preferred = preference(&vms[i]);

        if (preferred < vms[i].target_kib)
            vms[i].wish_kib = preferred;
        else
            wanted += preferred;
    }
    for (size_t i = 0; i < count && wanted > 0; i++)
        if (preference(&vms[i]) >= vms[i].target_kib)
            vms[i].wish_kib = least(vms[i].most_kib,
                                    vms[i].target_kib + (uint64_t)((unsigned __int128)free_kib *
                                                                   preference(&vms[i]) / wanted));
}

static uint64_t sum_preferences(const struct rival_vm *vms, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += preference(&vms[i]);
    return sum;
}

/* The rule alone: 1.3 times what is used, and the rest stays free. */
static void used_times(const struct rival_host *host, struct rival_vm *vms, size_t count)
{
    if (sum_preferences(vms, count) > host->total_kib)
        share_little(host->free_kib, vms, count);
    else
        for (size_t i = 0; i < count; i++)
            vms[i].wish_kib = preference(&vms[i]);
    keep_if_small(vms, count);
}

/* As qmemman does it: what is left beyond the preferences is given out in proportion to them. */
static void qmemman(const struct rival_host *host, struct rival_vm *vms, size_t count)
{
    uint64_t sum = sum_preferences(vms, count);

    if (sum > host->total_kib)
        share_little(host->free_kib, vms, count);
    else
        for (size_t i = 0; i < count; i++)
            vms[i].wish_kib =
                least(vms[i].most_kib,
                      (uint64_t)((unsigned __int128)preference(&vms[i]) * host->total_kib / sum));
    keep_if_small(vms, count);
}

/*
 * Proxmox VE (proxmox/pve-manager, PVE/AutoBalloon.pm, and the pages on dynamic memory management):
 * every 10 s the host is to be used to 80 %. The difference is given to, or taken from, the VMs in
 * proportion to their shares above their minima, at most 100 MiB each. Growing begins with VMs
 * whose free memory is at most a quarter of their minimum, shrinking with the others.
 */
static bool is_pressed(const struct rival_vm *vm)
{
    return vm->free_kib <= vm->least_kib / 4 || vm->target_kib < vm->least_kib;
}

static uint64_t step_toward(const struct rival_vm *vm, uint64_t desired)
{
    if (desired > vm->target_kib)
        return least(desired, vm->target_kib + 100 * MIB);
    return vm->target_kib - least(vm->target_kib - desired, 100 * MIB);
}

/* Moves `by` in proportion to equal shares among those that are pressed, or not. Returns what
 * moved.
 */
static uint64_t move_some(struct rival_vm *vms, size_t count, int64_t by, int pressed)
{
    int64_t above = 0;
    int64_t members = 0;
    uint64_t moved = 0;

    for (size_t i = 0; i < count; i++)
        if (pressed < 0 || is_pressed(&vms[i]) == (pressed == 1)) {
            above += (int64_t)vms[i].target_kib - (int64_t)vms[i].least_kib;
            members++;
        }
    for (size_t i = 0; i < count; i++) {
        if (members == 0 || (pressed >= 0 && is_pressed(&vms[i]) != (pressed == 1)))
            continue;
        int64_t desired = (int64_t)vms[i].least_kib + (above + by) / members;
        uint64_t wish = step_toward(&vms[i], clamp(desired > 0 ? (uint64_t)desired : 0,
                                                   vms[i].least_kib, vms[i].most_kib));

        if ((by > 0) != (wish > vms[i].target_kib))
            continue;
        vms[i].wish_kib = wish;
        moved += distance(wish, vms[i].target_kib);
    }
    return moved;
}

static void proxmox(const struct rival_host *host, struct rival_vm *vms, size_t count)
{
    int64_t goal = (int64_t)host->free_kib - (int64_t)(host->total_kib / 5);

    if (goal > (int64_t)(10 * MIB)) {
        if (move_some(vms, count, goal, 1) == 0)
            (void)move_some(vms, count, goal, -1);
    } else if (goal < -(int64_t)(10 * MIB)) {
        if (move_some(vms, count, goal, 0) == 0)
            (void)move_some(vms, count, goal, -1);
    }
}

/*
 * XAPI squeezed (xapi-project/squeezed, lib/squeeze.ml): every VM gets its dynamic minimum and the
 * same fraction of its range above it, so that all but a little of the host is given out. What
 * guests need plays no part; it acts when VMs come, go or change their ranges.
 */
static void squeezed(const struct rival_host *host, struct rival_vm *vms, size_t count)
{
    uint64_t minima = 0;
    uint64_t ranges = 0;

    for (size_t i = 0; i < count; i++) {
        minima += vms[i].least_kib;
        ranges += vms[i].most_kib - vms[i].least_kib;
    }
    uint64_t surplus = host->total_kib > minima ? host->total_kib - minima : 0;

    surplus = least(surplus, ranges);
    for (size_t i = 0; i < count && ranges > 0; i++)
        vms[i].wish_kib =
            vms[i].least_kib +
            (uint64_t)((unsigned __int128)(vms[i].most_kib - vms[i].least_kib) * surplus / ranges);
}

const struct rival_rule rival_rules[] = {
    {"fixed size", 0, fixed},
    {"used x 1.3", NS_PER_S / 10, used_times},
    {"qmemman", NS_PER_S / 10, qmemman},
    {"proxmox", 10 * NS_PER_S, proxmox},
    {"squeezed", 0, squeezed},
};
const size_t rival_count = sizeof rival_rules / sizeof *rival_rules;
