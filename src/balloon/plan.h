/*
 * plan.h - one decision over all VMs: who grows, who shrinks, by how much, and why. Pure (I9).
 *
 * A function of the host's snapshot, the VMs (with their policies and records) and the host's
 * rules: integers, no clock, no heap. Grants of one plan together never exceed the surplus (I1); a
 * donor's pages are given on by a later plan, when they are free. Every action lies inside the
 * limits that BALLOON.md states as I1-I8.
 */
#ifndef PAGEMETER_PLAN_H
#define PAGEMETER_PLAN_H

#include "balloon/ledger.h"
#include "balloon/share.h"
#include "balloon/vm.h"

enum host_mode { MODE_DRY_RUN, MODE_ON };

struct host_rules {
    struct ledger_rules ledger;
    enum host_mode mode;
    bool is_stopped; /* `balloon stop`: sizes stay as they are */
    bool is_draining;
    bool is_xenstore_hung;
    bool has_foreign_caps; /* a toolstack keeps the caps (xe): none is set, nothing is claimed */
    uint64_t
        pool_least_kib; /* the goal of the fast pool is this or 2 % of managed memory: 256 MiB */
};

enum action_kind {
    ACTION_GROW,      /* cap, claim, target */
    ACTION_SHRINK,    /* target */
    ACTION_CAP,       /* the cap alone, downwards */
    ACTION_CLAIM_END, /* gives a claim back */
    ACTION_NUDGE      /* a target moved by 4 KiB, or put back: wakes the balloon driver */
};

struct action {
    enum action_kind kind;
    enum reason reason;
    size_t vm;           /* index into the plan's VMs */
    uint64_t target_kib; /* GROW, SHRINK, NUDGE: the new one */
    uint64_t cap_kib;    /* GROW, CAP: the new one */
    uint64_t claim_kib;  /* GROW: the total that the domain is to have; 0: no claim */
    uint64_t before_kib; /* the target before */
    int64_t surplus_kib; /* of the snapshot that this was decided on */
};

/* At most one change of target for each VM, one cap, one end of a claim. */
enum { PLAN_ACTIONS_PER_VM = 3 };

struct plan {
    struct action *actions; /* the caller's, PLAN_ACTIONS_PER_VM for each VM */
    size_t count;
    int64_t surplus_kib; /* before the actions */
    uint64_t pool_goal_kib;
    uint64_t shortfall_kib; /* asked for and not granted */
    int64_t divided_ns;     /* in and out: when a surplus that did not suffice was last divided */
    struct share *shares;   /* the caller's, one for each VM: scratch */
};

/*
 * Decides. vms[i].domain must be of host; VMs that the host does not list are not given. Changes
 * what the VMs remember (phase, timers, blocked_by), but no target: plan_done does, when an action
 * has been carried out.
 */
void plan_make(const struct host_view *host, const struct host_rules *rules, struct vm *vms,
               size_t count, struct plan *plan);

/* An action was carried out, or failed for this reason (REASON_NONE: it worked). */
void plan_done(struct vm *vm, const struct action *action, enum reason failure, int64_t now_ns);

#endif
