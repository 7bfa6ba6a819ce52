#include "balloon/controller.h"

#include "common/safety.h"

#define MS INT64_C(1000000)
#define POOL_STEP_NS (1000 * MS) /* between two shrinks for the pool */
enum { KIB_PER_PAGE = 4, MINIMUM_SHARE = 100 };

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t whole_pages(uint64_t kib)
{
    return kib - kib % KIB_PER_PAGE;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int64_t quiet_needed_ns(const struct vm *vm, bool is_wanted)
{
    int64_t quiet = (is_wanted ? VM_QUIET_POOL_NS : VM_QUIET_NS) << vm->backoff;

    return quiet < VM_QUIET_MOST_NS ? quiet : VM_QUIET_MOST_NS;
}

static bool may_act_on_record(const struct vm *vm)
{
    return (vm->is_fresh_record && vm->last_ns > vm->taken_ns) ||
           !safety_is_on(SAFETY_BALLOON_ONE_STEP);
}

/* What forbids taking anything from it now, whoever wants it. */
static enum reason shrink_blocker(const struct vm *vm, bool is_wanted, int64_t now_ns)
{
    bool is_recent =
        vm_has_record(vm, now_ns, VM_STALE_NS) || !safety_is_on(SAFETY_BALLOON_FRESH_RECORD);

    if (!is_recent || vm->last_ns == 0)
        return REASON_STALE;
    if (vm->good_records < VM_GOOD_RECORDS || !may_act_on_record(vm))
        return REASON_NONE;
    if (now_ns < vm->young_until_ns && safety_is_on(SAFETY_BALLOON_YOUNG))
        return REASON_YOUNG;
    if (vm->moved_ns != 0)
        return vm->is_stuck ? REASON_STUCK : REASON_TRANSFER;
    if (vm->is_stuck && now_ns < vm->stuck_until_ns)
        return REASON_STUCK;
    if (now_ns - vm->quiet_ns < quiet_needed_ns(vm, is_wanted) &&
        safety_is_on(SAFETY_BALLOON_QUIET))
        return REASON_QUIET;
    return REASON_NONE;
}

static bool is_slack_known(const struct vm *vm)
{
    return vm->last_ns != 0 && (!vm->is_fallback || vm->learned_overhead_kib != 0);
}

/* margin - headroom, and never to below the floor; 0 when there is none. */
uint64_t controller_slack_kib(const struct vm *vm, bool is_wanted)
{
    bool is_firm = is_wanted && safety_is_on(SAFETY_BALLOON_SPARE);
    uint64_t headroom = is_firm ? vm_firm_headroom_kib(vm) : vm_headroom_kib(vm);
    int64_t slack = vm_margin_kib(vm) - (int64_t)headroom;
    uint64_t floor = vm_floor_kib(vm);
    uint64_t above = vm->target_kib > floor ? vm->target_kib - floor : 0;

    if (!is_slack_known(vm) || !vm_may_give(vm))
        return 0;
    if (!safety_is_on(SAFETY_BALLOON_NEED_FLOOR))
        return above;
    return slack > 0 ? min_of((uint64_t)slack, above) : 0;
}

static uint64_t least_step_kib(const struct vm *vm)
{
    return max_of(VM_SLACK_LEAST_KIB, vm->target_kib / MINIMUM_SHARE);
}

/* Rounded up to whole pages: never below what was computed. */
static struct wish shrink_by(struct vm *vm, uint64_t step, enum reason reason)
{
    uint64_t target = (vm->target_kib - step + KIB_PER_PAGE - 1) / KIB_PER_PAGE * KIB_PER_PAGE;

    vm->blocked_by = REASON_NONE;
    return (struct wish){WISH_SHRINK, reason, target};
}

/* The part that belongs to it when all are short: its floor, and by weight what is left of all. */
static uint64_t fair_share_kib(const struct vm *vm, const struct pressure *p)
{
    uint64_t above = p->managed_kib > p->floors_kib ? p->managed_kib - p->floors_kib : 0;
    unsigned __int128 mine = (unsigned __int128)above * vm->policy.weight;

    return vm_floor_kib(vm) + (p->weights != 0 ? (uint64_t)(mine / p->weights) : 0);
}

/* The exception to I5, allowed by reclaim=swap: memory in use goes to the guest's swap. */
static uint64_t reclaim_step_kib(const struct vm *vm, const struct pressure *p)
{
    uint64_t fair = fair_share_kib(vm, p);

    /* another agent's words have no swap-in to stop at */
    if (vm->is_fallback || !p->is_slack_short || !vm->policy.may_reclaim_swap ||
        vm->target_kib <= fair || vm_is_swapping(vm))
        return 0;
    uint64_t step = min_of(min_of(vm->target_kib - fair, VM_STEP_MOST_KIB), p->shortfall_kib);

    return vm->last.swap_free_kib >= 2 * step ? step : 0;
}

/* Above the ceiling, or more than was asked for by policy api: how much too much. */
static uint64_t excess_kib(const struct vm *vm, enum reason *reason)
{
    uint64_t most = vm_ceiling_kib(vm);

    *reason = REASON_CEILING;
    if (vm->policy.kind == POLICY_API) {
        *reason = REASON_ASKED;
        most = vm->policy.size_kib == 0 ? min_of(vm->target_kib, most)
                                        : vm_clamp_kib(vm, vm->policy.size_kib);
    }
    return vm->target_kib > most ? vm->target_kib - most : 0;
}

/* Slack: half of it, at rest; all of it while somebody waits. */
static struct wish shrink_slack(struct vm *vm, const struct pressure *p, bool is_draining,
                                int64_t now_ns)
{
    bool is_wanted = p->shortfall_kib > 0 || p->is_pool_low;
    uint64_t slack = controller_slack_kib(vm, is_wanted || is_draining);
    uint64_t step = min_of(p->shortfall_kib > 0 ? slack : slack / 2, VM_STEP_MOST_KIB);

    if (step < least_step_kib(vm))
        return controller_no_wish(vm, vm->blocked_by);
    if (is_wanted && now_ns - vm->taken_ns < POOL_STEP_NS)
        return controller_no_wish(vm, vm->blocked_by);
    return shrink_by(vm, step, is_draining ? REASON_DRAIN : is_wanted ? REASON_POOL : REASON_SLACK);
}

struct wish controller_shrink(struct vm *vm, const struct host_rules *rules,
                              const struct pressure *pressure, int64_t now_ns)
{
    bool is_wanted = pressure->shortfall_kib > 0 || pressure->is_pool_low || rules->is_draining;
    bool is_barred = controller_barred(vm, rules, now_ns) != REASON_NONE;
    enum reason blocker = is_barred ? REASON_NONE : shrink_blocker(vm, is_wanted, now_ns);
    enum reason reason;

    if (is_barred)
        return controller_no_wish(vm, vm->blocked_by);
    if (!vm_may_give(vm))
        return controller_no_wish(vm, vm->blocked_by != REASON_NONE ? vm->blocked_by
                                                                    : REASON_PASSTHROUGH);
    if (blocker != REASON_NONE)
        return controller_no_wish(vm,
                                  vm->blocked_by != REASON_NONE ? vm->blocked_by
                                  : controller_slack_kib(vm, is_wanted) / 2 >= least_step_kib(vm)
                                      ? blocker
                                      : REASON_NONE);
    if (vm->good_records < VM_GOOD_RECORDS || !may_act_on_record(vm))
        return controller_no_wish(vm, vm->blocked_by);

    uint64_t excess = excess_kib(vm, &reason);
    uint64_t step = min_of(min_of(excess, controller_slack_kib(vm, true)), VM_STEP_MOST_KIB);

    if (whole_pages(step) > 0)
        return shrink_by(vm, step, reason);
    if (excess > 0 && vm->blocked_by == REASON_NONE)
        vm->blocked_by = REASON_CEILING; /* pending: what lies above it is in use */
    if (vm->policy.kind == POLICY_API)
        return controller_no_wish(vm, excess > 0 ? REASON_CEILING : vm->blocked_by);

    struct wish wish = shrink_slack(vm, pressure, rules->is_draining, now_ns);

    if (wish.kind != WISH_NONE || now_ns - vm->taken_ns < POOL_STEP_NS)
        return wish;
    step = whole_pages(reclaim_step_kib(vm, pressure));
    return step >= VM_SLACK_LEAST_KIB ? shrink_by(vm, step, REASON_FAIR_SHARE) : wish;
}
