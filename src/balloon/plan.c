#include "balloon/plan.h"

#include "balloon/controller.h"
#include "common/safety.h"
#include "common/units.h"

#define MS INT64_C(1000000)
#define PUT_BACK_NS (200 * MS) /* so that the guest sees a nudged target before it is put back */
#define STUCK_NS (60 * NS_PER_S)
#define GRANT_LEAST_KIB UINT64_C(64) /* less than this is given only when it is the whole ask */
#define SCARCE_NS (100 * MS)         /* between two divisions of what does not suffice */
enum { POOL_PARTS = 4, MANAGED_SHARE = 50, STUCK_DOUBLINGS = 4, NUDGE_KIB = 4 };

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct action *add(struct plan *plan, enum action_kind kind, enum reason reason,
                          const struct vm *vm, size_t index)
{
    struct action *a = &plan->actions[plan->count++];

    *a = (struct action){.kind = kind,
                         .reason = reason,
                         .vm = index,
                         .target_kib = vm->target_kib,
                         .cap_kib = vm->domain.max_kib,
                         .before_kib = vm->target_kib,
                         .surplus_kib = plan->surplus_kib};
    return a;
}

/* ---- growing ---- */

/* Up to here the host has promised already. */
static uint64_t promised_kib(const struct vm *vm)
{
    return max_of(vm->domain.max_kib, vm->domain.tot_kib);
}

/* By how much a target lowers the surplus. */
static uint64_t cost_kib(const struct vm *vm, uint64_t target_kib)
{
    uint64_t cap = vm_cap_kib(vm, target_kib), promised = promised_kib(vm);

    return cap > promised ? cap - promised : 0;
}

/* Those who wish to grow by what is firm, or by what is spare. The sum of what they ask. */
static uint64_t collect_asks(struct vm *vms, size_t count, bool is_spare, struct share *shares,
                             size_t *asking)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        enum wish_kind kind = vms[i].wish.kind;

        if (is_spare ? kind != WISH_SPARE : kind != WISH_GROW && kind != WISH_WAIT)
            continue;
        struct share *s = &shares[(*asking)++];

        *s = (struct share){.ask_kib = cost_kib(&vms[i], vms[i].wish.target_kib),
                            .weight = vms[i].policy.weight,
                            .index = i};
        sum += s->ask_kib;
    }
    return sum;
}

/* While others wait, one VM takes at most a quarter of the pool in a second. */
static uint64_t pool_left_kib(const struct vm *vm, uint64_t pool_goal_kib, int64_t now_ns)
{
    uint64_t part = pool_goal_kib / POOL_PARTS;
    uint64_t had = vm_from_pool_kib(vm, now_ns);

    return part > had ? part - had : 0;
}

static void limit_to_pool(const struct vm *vms, struct share *shares, size_t asking,
                          const struct plan *plan, int64_t now_ns)
{
    if (asking < 2 || !safety_is_on(SAFETY_BALLOON_POOL_SHARE))
        return;
    for (size_t i = 0; i < asking; i++)
        shares[i].ask_kib = min_of(shares[i].ask_kib, pool_left_kib(&vms[shares[i].index],
                                                                    plan->pool_goal_kib, now_ns));
}

static void first_come(struct share *shares, size_t asking, uint64_t sum_kib)
{
    for (size_t i = 0; i < asking; i++) {
        shares[i].given_kib = min_of(shares[i].ask_kib, sum_kib);
        sum_kib -= shares[i].given_kib;
    }
}

static void divide(const struct vm *vms, struct plan *plan, size_t asking, uint64_t asked_kib,
                   int64_t now_ns)
{
    uint64_t sum = plan->surplus_kib > 0 ? (uint64_t)plan->surplus_kib : 0;

    if (!safety_is_on(SAFETY_BALLOON_LEDGER))
        sum = asked_kib;
    if (asked_kib > sum)
        limit_to_pool(vms, plan->shares, asking, plan, now_ns);
    if (safety_is_on(SAFETY_BALLOON_WATER_FILLING))
        share_divide(plan->shares, asking, sum);
    else
        first_come(plan->shares, asking, sum);
}

/* The highest target that this much more promise allows. */
static uint64_t target_for(const struct vm *vm, uint64_t given_kib)
{
    uint64_t cap = promised_kib(vm) + given_kib, none = vm_cap_kib(vm, 0);

    return min_of(vm->wish.target_kib, cap > none ? cap - none : 0) / NUDGE_KIB * NUDGE_KIB;
}

/* What of it was given, in KiB of promise. */
static uint64_t grant(struct vm *vm, const struct share *share, struct plan *plan)
{
    uint64_t target = target_for(vm, share->given_kib);

    /* somebody else's doing: no grants until it has passed, not even inside the cap */
    if (plan->surplus_kib < 0 && safety_is_on(SAFETY_BALLOON_LEDGER))
        target = 0;

    if (target < vm->wish.target_kib)
        vm->blocked_by = share->given_kib < share->ask_kib || plan->surplus_kib <= 0
                             ? REASON_NO_SURPLUS
                             : REASON_POOL_SHARE;
    if (target <= vm->target_kib ||
        (target < vm->wish.target_kib && target - vm->target_kib < GRANT_LEAST_KIB))
        return 0;

    uint64_t arrival = vm_arrival_kib(vm, target);
    struct action *a = add(plan, ACTION_GROW, vm->wish.reason, vm, share->index);

    a->target_kib = target;
    a->cap_kib = max_of(vm_cap_kib(vm, target), vm->domain.max_kib);
    a->claim_kib = arrival > vm->domain.tot_kib ? arrival : 0;
    return cost_kib(vm, target);
}

/*
 * What does not suffice is divided ten times a second, not page by page as it trickles in: only
 * then are all who ask there to get their share of it.
 */
static bool is_too_soon(struct plan *plan, uint64_t asked_kib, int64_t now_ns)
{
    bool is_scarce = plan->surplus_kib > 0 && asked_kib > (uint64_t)plan->surplus_kib;

    if (!is_scarce)
        return false;
    if (now_ns - plan->divided_ns < SCARCE_NS)
        return true;
    plan->divided_ns = now_ns;
    return false;
}

static void wait_for_more(struct vm *vms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (vms[i].wish.kind == WISH_GROW) {
            vms[i].wish.kind = WISH_NONE;
            vms[i].blocked_by = REASON_NO_SURPLUS;
        }
}

/* Emits all grants. What is left to wish for is the plan's shortfall; the surplus then, returned.
 */
static int64_t plan_growth(struct vm *vms, size_t count, struct plan *plan, int64_t now_ns)
{
    size_t asking = 0;
    uint64_t asked = collect_asks(vms, count, false, plan->shares, &asking), granted = 0;

    if (is_too_soon(plan, asked, now_ns)) {
        wait_for_more(vms, count);
        asking = 0;
    }
    divide(vms, plan, asking, asked, now_ns);
    for (size_t i = 0; i < asking; i++) {
        struct vm *vm = &vms[plan->shares[i].index];
        size_t before = plan->count;

        if (vm->wish.kind == WISH_WAIT) {
            asked -= cost_kib(vm, vm->wish.target_kib); /* it asks when its time comes */
            continue;
        }
        granted += grant(vm, &plan->shares[i], plan);
        if (plan->count == before)
            vm->wish.kind = WISH_NONE;
    }
    plan->shortfall_kib = asked > granted ? asked - granted : 0;
    return plan->surplus_kib - (int64_t)granted;
}

/*
 * What is only learned is given of what lies beyond two pools: one that the needs of others are
 * served from at once, and one so that it is not taken back as soon as it was given.
 */
static int64_t plan_spare(struct vm *vms, size_t count, struct plan *plan, int64_t left_kib)
{
    int64_t spare = left_kib - 2 * (int64_t)plan->pool_goal_kib;
    bool is_there_some = plan->shortfall_kib == 0 && spare > 0;
    size_t asking = 0;
    uint64_t granted = 0;

    (void)collect_asks(vms, count, true, plan->shares, &asking);
    share_divide(plan->shares, asking, is_there_some ? (uint64_t)spare : 0);
    for (size_t i = 0; i < asking; i++) {
        struct vm *vm = &vms[plan->shares[i].index];
        size_t before = plan->count;

        if (is_there_some) /* without, nothing inside its cap either: others wait for that cap */
            granted += grant(vm, &plan->shares[i], plan);
        vm->wish.kind = plan->count == before ? WISH_NONE : WISH_GROW;
        vm->blocked_by = REASON_NONE;
    }
    return left_kib - (int64_t)granted;
}

/* ---- giving back ---- */

/* The cap follows the domain down, and never below what it has. */
static void plan_cap(const struct vm *vm, size_t index, struct plan *plan)
{
    uint64_t wanted = vm_cap_kib(vm, vm->target_kib);

    if (safety_is_on(SAFETY_BALLOON_CAP_ABOVE_TOT))
        wanted = max_of(wanted, vm->domain.tot_kib);
    if (vm->domain.max_kib > wanted && safety_is_on(SAFETY_BALLOON_CAP_FOLLOWS))
        add(plan, ACTION_CAP, REASON_CAP, vm, index)->cap_kib = wanted;
}

/* Only a claim of ours: that of a domain under construction is its builder's. */
static void plan_claim_end(const struct vm *vm, size_t index, struct plan *plan, int64_t now_ns)
{
    bool is_ours = vm->claim_ns != 0 || !safety_is_on(SAFETY_BALLOON_CLAIM_OTHERS);
    bool is_over = vm_has_arrived(vm) || now_ns - vm->claim_ns >= VM_CLAIM_NS;

    if (is_ours && is_over && (vm->claim_ns != 0 || vm->domain.outstanding_kib > 0) &&
        safety_is_on(SAFETY_BALLOON_CLAIM_END))
        (void)add(plan, ACTION_CLAIM_END, REASON_CLAIM_END, vm, index);
}

/* ---- waking ---- */

/* Does the cap let the guest follow its target? */
static bool is_free_to_follow(const struct vm *vm)
{
    uint64_t arrival = vm_arrival_kib(vm, vm->target_kib);

    return arrival <= vm->domain.tot_kib || arrival <= vm->domain.max_kib;
}

static void give_up(struct vm *vm, size_t index, struct plan *plan, int64_t now_ns)
{
    uint64_t target = vm_resting_target_kib(vm);
    bool is_allowed = target < vm->target_kib || vm_cap_kib(vm, target) <= vm->domain.max_kib;

    vm->is_stuck = true;
    vm->stuck_up = vm_arrival_kib(vm, vm->target_kib) > vm->domain.tot_kib;
    vm->stuck_until_ns = now_ns + (STUCK_NS << min_of(vm->stuck_times, STUCK_DOUBLINGS));
    vm->stuck_times++;
    vm->wakes = 0;
    if (target != vm->target_kib && is_allowed)
        add(plan, ACTION_SHRINK, REASON_STUCK, vm, index)->target_kib = target;
}

/* Where floor and ceiling leave no room there is no nudge. */
static void nudge(const struct vm *vm, size_t index, struct plan *plan)
{
    bool is_down = vm->target_kib >= vm_floor_kib(vm) + NUDGE_KIB;

    if (is_down || vm->target_kib + NUDGE_KIB <= vm_ceiling_kib(vm))
        add(plan, ACTION_NUDGE, REASON_WAKE, vm, index)->target_kib =
            is_down ? vm->target_kib - NUDGE_KIB : vm->target_kib + NUDGE_KIB;
}

/* A target that lay outside floor and ceiling stays where it is: 4 KiB nearer to them (I4). */
static bool put_back(struct vm *vm, size_t index, struct plan *plan, int64_t now_ns)
{
    uint64_t from = vm->nudged_from_kib;

    if (from > vm_ceiling_kib(vm) || from < vm_floor_kib(vm))
        vm->nudged_from_kib = 0;
    else if (now_ns - vm->woken_ns >= PUT_BACK_NS)
        add(plan, ACTION_NUDGE, REASON_WAKE, vm, index)->target_kib = from;
    return true;
}

/*
 * Somebody wrote a target and no cap for it, or lowered the cap: it looks as if much were on its
 * way and nothing is. The target comes back to what the domain has, from where it may grow in
 * order.
 */
static bool come_back(const struct vm *vm, size_t index, struct plan *plan)
{
    uint64_t target = vm_resting_target_kib(vm);

    if (target < vm->target_kib)
        add(plan, ACTION_SHRINK, REASON_UNREACHABLE, vm, index)->target_kib = target;
    return target < vm->target_kib;
}

/* Is it to have less than it has, though nothing may be taken? Then it is not woken to give it. */
static bool would_give(const struct vm *vm)
{
    return !vm_may_give(vm) && vm_arrival_kib(vm, vm->target_kib) < vm->domain.tot_kib;
}

/*
 * The Linux driver gives up after some failed tries and sleeps for an hour; only a target that
 * differs wakes it. True: a target is written by this plan.
 */
static bool plan_waking(struct vm *vm, size_t index, struct plan *plan, int64_t now_ns)
{
    if (!safety_is_on(SAFETY_BALLOON_WAKE))
        return false;
    if (vm->nudged_from_kib != 0)
        return put_back(vm, index, plan, now_ns);
    if (vm->moved_ns == 0 || now_ns - vm->progress_ns < VM_TRANSFER_NS || would_give(vm))
        return false;
    if (!is_free_to_follow(vm)) {
        vm->beyond_ns = vm->beyond_ns == 0 ? now_ns : vm->beyond_ns;
        /* whoever lowered a cap has perhaps lowered the target as well: we hear of it later */
        return now_ns - vm->beyond_ns >= VM_TRANSFER_NS && come_back(vm, index, plan);
    }
    vm->beyond_ns = 0;
    if ((vm->woken_ns != 0 && now_ns - vm->woken_ns < VM_WAKE_NS) ||
        (vm->is_stuck && now_ns < vm->stuck_until_ns))
        return false;
    if (vm->wakes >= VM_WAKES_MOST)
        give_up(vm, index, plan, now_ns);
    else
        nudge(vm, index, plan);
    return true;
}

/* ---- the whole ---- */

static void measure(const struct vm *vms, size_t count, struct pressure *p)
{
    for (size_t i = 0; i < count; i++) {
        if (vms[i].policy.kind == POLICY_FIXED)
            continue;
        p->managed_kib += vms[i].domain.tot_kib;
        p->floors_kib += vm_floor_kib(&vms[i]);
        p->weights += vms[i].policy.weight;
    }
}

static bool is_slack_short(const struct vm *vms, size_t count, uint64_t shortfall_kib)
{
    uint64_t slack = 0;

    for (size_t i = 0; i < count && shortfall_kib > 0; i++)
        if (vms[i].wish.kind == WISH_NONE && vms[i].phase == VM_RUN)
            slack += controller_slack_kib(&vms[i], true);
    return slack / 2 < shortfall_kib;
}

/* What is true of a VM though nothing may be done to it: its cap follows even when xenstore hangs.
 */
static bool may_lower_cap(const struct vm *vm, const struct host_rules *rules, enum reason barred)
{
    return vm->target_kib != 0 && vm->facts.target_kib != 0 && !rules->has_foreign_caps &&
           (barred == REASON_NONE || barred == REASON_XENSTORE);
}

static void plan_one(struct vm *vm, size_t index, const struct host_rules *rules,
                     const struct pressure *pressure, struct plan *plan, int64_t now_ns)
{
    enum reason barred = controller_barred(vm, rules, now_ns);

    if (vm->wish.kind == WISH_GROW)
        return; /* its claim is renewed */
    plan_claim_end(vm, index, plan, now_ns);
    if (may_lower_cap(vm, rules, barred))
        plan_cap(vm, index, plan);
    if (barred != REASON_NONE || plan_waking(vm, index, plan, now_ns))
        return;
    vm->wish = controller_shrink(vm, rules, pressure, now_ns);
    if (vm->wish.kind == WISH_SHRINK)
        add(plan, ACTION_SHRINK, vm->wish.reason, vm, index)->target_kib = vm->wish.target_kib;
}

void plan_make(const struct host_view *host, const struct host_rules *rules, struct vm *vms,
               size_t count, struct plan *plan)
{
    struct pressure pressure = {0};

    plan->count = 0;
    plan->surplus_kib = ledger_surplus_kib(host, &rules->ledger);
    measure(vms, count, &pressure);
    if (plan->surplus_kib > 0)
        pressure.managed_kib += (uint64_t)plan->surplus_kib;
    plan->pool_goal_kib = max_of(rules->pool_least_kib, pressure.managed_kib / MANAGED_SHARE);
    for (size_t i = 0; i < count; i++)
        vms[i].wish = controller_grow(&vms[i], rules, host->now_ns);

    int64_t left = plan_growth(vms, count, plan, host->now_ns);

    left = plan_spare(vms, count, plan, left);

    pressure.shortfall_kib = plan->shortfall_kib;
    pressure.is_pool_low = left < (int64_t)plan->pool_goal_kib;
    pressure.is_slack_short = is_slack_short(vms, count, plan->shortfall_kib);
    for (size_t i = 0; i < plan->count && rules->has_foreign_caps; i++) {
        plan->actions[i].claim_kib = 0;
        plan->actions[i].cap_kib = vms[plan->actions[i].vm].domain.max_kib;
    }
    for (size_t i = 0; i < count; i++)
        plan_one(&vms[i], i, rules, &pressure, plan, host->now_ns);
}
