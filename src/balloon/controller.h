/*
 * controller.h - what one VM wants now: a table of states x events, and a rule for each policy.
 * Pure.
 *
 * A wish is not yet an action: plan.h divides what the host has among those who wish to grow.
 */
#ifndef PAGEMETER_CONTROLLER_H
#define PAGEMETER_CONTROLLER_H

#include "balloon/plan.h"

/* What the host is short of, for those who might give. */
struct pressure {
    bool is_pool_low;       /* surplus is under the pool's goal */
    uint64_t shortfall_kib; /* asked for and not there */
    bool is_slack_short;    /* not even all slack would do: reclaim=swap gives too */
    uint64_t managed_kib;   /* what all managed VMs and the surplus have together */
    uint64_t floors_kib;    /* the sum of their floors */
    uint64_t weights;       /* the sum of their weights */
};

/*
 * Growth: changes the phase, blocked_by and the guard's memory. WISH_NONE when it wants nothing
 * more or may not.
 */
struct wish controller_grow(struct vm *vm, const struct host_rules *rules, int64_t now_ns);

/* Shrinking, for a VM that does not wish to grow. Sets blocked_by when something stands in the way.
 */
struct wish controller_shrink(struct vm *vm, const struct host_rules *rules,
                              const struct pressure *pressure, int64_t now_ns);

/* What stands in the way of any action, REASON_NONE: nothing does. */
enum reason controller_barred(const struct vm *vm, const struct host_rules *rules, int64_t now_ns);

/*
 * More than need + headroom, and above the floor: what it could give; 0 when that is unknown.
 * is_wanted: others lack it, so that only its firm headroom is left to it.
 */
uint64_t controller_slack_kib(const struct vm *vm, bool is_wanted);

static inline struct wish controller_no_wish(struct vm *vm, enum reason blocked_by)
{
    vm->blocked_by = blocked_by;
    return (struct wish){.kind = WISH_NONE};
}

#endif
