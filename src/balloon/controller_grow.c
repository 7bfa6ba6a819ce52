#include "balloon/controller.h"

#include <string.h>

#include "common/safety.h"
#include "meter/record.h"

#define MS INT64_C(1000000)
#define PROBE_NS (150 * MS)
#define EARNEST_NS (500 * MS)
#define LASTS_NS (400 * MS)
#define LOW_NS (1000 * MS)                   /* under a quarter of the headroom for so long */
#define TRACKING_NS (60000 * MS)             /* without a wish to grow: the guard lets go */
#define WATCH_NS (10000 * MS)                /* after a shrink, for refaults that it caused */
#define GIVES_WAY_NS (10000 * MS)            /* after memory in use was taken for others */
#define FAILED_NS (5000 * MS)                /* after a refusal of the hypervisor's or xenstore's */
#define OUTGROWN_BUT_KIB (UINT64_C(4) << 10) /* what it takes until the next record */
enum { FILLED_BUT = 4, OUTGROWN_BUT = 12 };  /* all but a quarter, all but a twelfth */
/*
 * 16 MiB/s read again that fitted before. Fewer cost nobody time where disks are fast, and where
 * they are slow the waiting shows as a stall, which counts by itself.
 */
enum { REFAULTS_PER_S = 4096, KIB_PER_PAGE = 4 };

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A wish for this target when it lies higher than the present one. */
static struct wish grow_to(struct vm *vm, uint64_t target, enum reason reason)
{
    target = vm_clamp_kib(vm, target);
    if (target <= vm->target_kib)
        return controller_no_wish(vm, vm->target_kib >= vm_clamp_kib(vm, UINT64_MAX / 2)
                                          ? REASON_AT_CEILING
                                          : REASON_NONE);
    vm->blocked_by = REASON_NONE;
    return (struct wish){WISH_GROW, reason, target};
}

/* ---- who may be touched at all ---- */

static bool is_alive(const struct vm *vm)
{
    unsigned bad = SAMPLE_PAUSED | SAMPLE_SHUTDOWN | SAMPLE_DYING;

    return (vm->domain.flags & bad) == 0 && vm->domain.cpu_ns > 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* xl's names while it migrates: NAME--incoming, NAME--migratedaway. */
static bool is_migrating(const struct vm *vm)
{
    return ends_with(vm->facts.name, "--incoming") || ends_with(vm->facts.name, "--migratedaway");
}

enum reason controller_barred(const struct vm *vm, const struct host_rules *rules, int64_t now_ns)
{
    if (vm->policy.kind == POLICY_FIXED)
        return REASON_FIXED;
    if (vm->policy.is_stopped || rules->is_stopped)
        return REASON_STOPPED;
    if (!is_alive(vm) && safety_is_on(SAFETY_BALLOON_PAUSED))
        return REASON_PAUSED;
    if (is_migrating(vm) && safety_is_on(SAFETY_BALLOON_MIGRATING))
        return REASON_MIGRATING;
    if (now_ns < vm->foreign_until_ns && safety_is_on(SAFETY_BALLOON_FOREIGN))
        return REASON_FOREIGN;
    /* last: whoever must be left alone is so, hung or not */
    if (rules->is_xenstore_hung || vm->target_kib == 0 || vm->facts.target_kib == 0)
        return REASON_XENSTORE;
    if (vm->last_ns != 0 && !vm->is_fallback && (vm->last.flags & FIGURES_HAS_BALLOON) == 0)
        return REASON_NO_BALLOON;
    if (vm->failed_ns != 0 && now_ns - vm->failed_ns < FAILED_NS)
        return REASON_FAILED;
    return REASON_NONE;
}

/* ---- growing, by policy ---- */

static bool has_swap(const struct vm *vm)
{
    return vm->last.swap_free_kib > 0;
}

/* Rate times the time that the predictor looks ahead. */
static uint64_t ahead_kib(const struct vm *vm)
{
    uint64_t kib = vm->rate_kib_s * (uint64_t)(VM_AHEAD_NS / MS) / 1000;

    return min_of(kib, max_of(vm_need_kib(vm), VM_STEP_MOST_KIB));
}

/* step = max(missing + what is to come, min(64 MiB, need / 8)) */
static uint64_t step_kib(const struct vm *vm, uint64_t coming_kib)
{
    int64_t missing = (int64_t)vm_firm_headroom_kib(vm) - vm_margin_kib(vm);
    uint64_t wanted = (missing > 0 ? (uint64_t)missing : 0) + coming_kib;

    return max_of(wanted, min_of(VM_STEP_MOST_KIB, vm_need_kib(vm) / 8));
}

static uint64_t growth_step_kib(const struct vm *vm)
{
    return step_kib(vm, ahead_kib(vm));
}

/* Has it taken all but so much of its last grant? */
static bool has_taken_grant(const struct vm *vm, uint64_t but_kib)
{
    uint64_t need = vm_need_kib(vm), before = vm->grant_need_kib;

    return need > before && need - before + but_kib >= vm->grant_kib;
}

/* Did it fill its last grant, without stalling once? Three times in a row make it a tracking one.
 */
static void judge_last_grant(struct vm *vm)
{
    if (vm->grant_ns == 0 || vm->is_grant_judged)
        return;
    bool is_filled = has_taken_grant(vm, vm->grant_kib / FILLED_BUT);

    vm->filled = is_filled && !vm->has_stalled ? vm->filled + 1 : 0;
    vm->is_tracking = vm->is_tracking || vm->filled >= VM_FILLED_MOST;
    vm->is_grant_judged = true;
}

static void let_go(struct vm *vm, int64_t now_ns)
{
    if (now_ns - vm->grant_ns > TRACKING_NS) {
        vm->is_tracking = false;
        vm->filled = 0;
    }
}

static bool is_low_for_long(struct vm *vm, int64_t now_ns)
{
    if (vm_margin_kib(vm) >= (int64_t)vm_firm_headroom_kib(vm) / 4) {
        vm->low_ns = 0;
        return false;
    }
    if (vm->low_ns == 0)
        vm->low_ns = now_ns;
    return now_ns - vm->low_ns >= LOW_NS;
}

static void begin_probe(struct vm *vm, int64_t now_ns)
{
    vm->probe_ns = now_ns;
    vm->probe_need_kib = vm_need_kib(vm);
    vm->probe_rate_kib_s = vm->rate_kib_s;
}

/* What it has lasts for a moment at its rate, so that there is time to look; or it is short
 * already. */
static bool may_be_probed(const struct vm *vm)
{
    int64_t margin = vm_margin_kib(vm);

    return margin < (int64_t)vm_firm_headroom_kib(vm) / 2 ||
           (uint64_t)margin >= vm->rate_kib_s * (uint64_t)(LASTS_NS / MS) / 1000;
}

/*
 * Honest growth goes on while nothing is given; a program that takes its share of whatever there is
 * has soon taken it. So a tracking VM is watched for a moment, well within the time that the
 * predictor looks ahead: when it grows on at a quarter of its rate or more, it is in earnest. One
 * that needs a while to take its share looks the same meanwhile: so nothing is given before eleven
 * twelfths of the last grant have been taken, which a share of 0.9 never does.
 */
static bool goes_on(struct vm *vm, int64_t now_ns)
{
    if (vm->probe_ns == 0)
        begin_probe(vm, now_ns);
    if (vm->last_ns < vm->probe_ns + PROBE_NS)
        return false;

    uint64_t span_ms = (uint64_t)((vm->last_ns - vm->probe_ns) / MS);
    uint64_t need = vm_need_kib(vm), before = vm->probe_need_kib;
    uint64_t rate = need > before ? (need - before) * 1000 / span_ms : 0;
    bool is_honest = rate >= vm->probe_rate_kib_s / 4 && rate >= vm_firm_headroom_kib(vm) / 4;

    begin_probe(vm, now_ns);
    if (is_honest)
        vm->earnest_ns = now_ns + EARNEST_NS;
    return is_honest;
}

static bool has_outgrown_grant(const struct vm *vm)
{
    return vm->grant_ns == 0 ||
           has_taken_grant(vm, max_of(vm->grant_kib / OUTGROWN_BUT, OUTGROWN_BUT_KIB));
}

/*
 * More than the ordinary step: what is left of it when nearly all is taken lasts until the next
 * arrives, while one that takes a share stops before.
 */
static uint64_t earnest_step_kib(const struct vm *vm)
{
    return step_kib(vm, VM_STEP_MOST_KIB);
}

/* Begins before the predictor sees a shortage, so that the answer is there when it does. */
static void probe_early(struct vm *vm, int64_t now_ns)
{
    int64_t margin = vm_margin_kib(vm), half = (int64_t)vm_firm_headroom_kib(vm) / 2;

    bool is_nearly_tracking = vm->is_tracking || vm->filled + 1 >= VM_FILLED_MOST;

    if (is_nearly_tracking && margin - 2 * (int64_t)ahead_kib(vm) < half && may_be_probed(vm))
        (void)goes_on(vm, now_ns);
    else
        vm->probe_ns = 0;
}

static struct wish grow_tracking(struct vm *vm, int64_t now_ns)
{
    uint64_t target = vm->target_kib + step_kib(vm, 0);

    if (!may_be_probed(vm))
        vm->probe_ns = 0;
    else if ((goes_on(vm, now_ns) || now_ns < vm->earnest_ns) && has_outgrown_grant(vm))
        return grow_to(vm, vm->target_kib + earnest_step_kib(vm), REASON_GOES_ON);
    if (is_low_for_long(vm, now_ns))
        return grow_to(vm, target, REASON_LONG_SHORT);
    /* each sign is good for one grant */
    if ((vm_is_swapping(vm) || vm_is_stalling(vm)) && vm->last_ns > vm->grant_ns)
        return grow_to(vm, target, REASON_SWAPPING);

    struct wish wish = grow_to(vm, target, REASON_TRACKING);

    if (wish.kind == WISH_GROW) {
        wish.kind = WISH_WAIT;
        vm->blocked_by = REASON_TRACKING;
    }
    return wish;
}

/*
 * What its growth before has taught: a burst such as it had is to find its memory there already.
 * One that fills whatever it gets would have no end of it, and from one that may not give it could
 * not be taken back.
 */
static struct wish grow_spare(struct vm *vm)
{
    int64_t after = vm_margin_kib(vm) - (int64_t)ahead_kib(vm);
    int64_t headroom = (int64_t)vm_headroom_kib(vm);

    if (after >= headroom / 2 || (vm->is_tracking && has_swap(vm)) || !vm_may_give(vm))
        return controller_no_wish(vm, REASON_NONE);

    struct wish wish = grow_to(vm, vm->target_kib + (uint64_t)(headroom - after), REASON_LEARNED);

    if (wish.kind == WISH_GROW && safety_is_on(SAFETY_BALLOON_SPARE))
        wish.kind = WISH_SPARE;
    vm->blocked_by = REASON_NONE; /* it is not short */
    return wish;
}

/*
 * reclaim=swap: what it uses goes to others, and to its swap. It is short by our doing, so it does
 * not ask for it back at once.
 */
static bool gives_way(const struct vm *vm, int64_t now_ns)
{
    return vm->policy.may_reclaim_swap && vm->reclaimed_ns != 0 &&
           now_ns - vm->reclaimed_ns < GIVES_WAY_NS;
}

static struct wish grow_demand(struct vm *vm, int64_t now_ns)
{
    int64_t margin = vm_margin_kib(vm), half = (int64_t)vm_firm_headroom_kib(vm) / 2;
    bool is_short = margin < half;

    if (!is_short && margin - (int64_t)ahead_kib(vm) >= half) {
        vm->low_ns = 0;
        probe_early(vm, now_ns);
        let_go(vm, now_ns);
        return grow_spare(vm);
    }
    if (gives_way(vm, now_ns))
        return controller_no_wish(vm, REASON_FAIR_SHARE);
    judge_last_grant(vm);
    if (vm->is_tracking && has_swap(vm) && safety_is_on(SAFETY_BALLOON_GUARD))
        return grow_tracking(vm, now_ns);
    return grow_to(vm, vm->target_kib + growth_step_kib(vm),
                   is_short ? REASON_SHORT : REASON_PREDICTED);
}

static struct wish grow_swap(struct vm *vm, int64_t now_ns)
{
    (void)now_ns;
    if (vm->last.swap_total_kib == 0)
        return controller_no_wish(vm, REASON_NO_SWAP);
    /* each sign is good for one grant */
    if ((!vm_is_swapping(vm) && !vm_is_stalling(vm)) || vm->last_ns <= vm->grant_ns)
        return controller_no_wish(vm, REASON_NONE);
    return grow_to(vm, vm->target_kib + growth_step_kib(vm), REASON_SWAPPING);
}

static struct wish grow_api(struct vm *vm, int64_t now_ns)
{
    (void)now_ns;
    return vm->policy.size_kib == 0 ? controller_no_wish(vm, REASON_NONE)
                                    : grow_to(vm, vm->policy.size_kib, REASON_ASKED);
}

static struct wish (*const grow_by_policy[POLICY_KINDS])(struct vm *vm, int64_t now_ns) = {
    [POLICY_DEMAND] = grow_demand,
    [POLICY_SWAP] = grow_swap,
    [POLICY_API] = grow_api,
};

/* Half of what was taken from what it uses has been read back. */
static bool has_read_back(const struct vm *vm)
{
    uint64_t in = vm->last.swap_in, before = vm->refault_swap;

    return in > before && in - before > vm->taken_kib / 2 / KIB_PER_PAGE;
}

/* Pages that a shrink took and that came back: it is given back in full. */
static bool must_undo(const struct vm *vm, int64_t now_ns)
{
    if (vm->taken_kib == 0 || now_ns - vm->taken_ns > WATCH_NS || vm->last_ns <= vm->taken_ns ||
        !safety_is_on(SAFETY_BALLOON_UNDO))
        return false;
    if (gives_way(vm, now_ns))
        return has_read_back(vm);
    return vm_refaults_per_s(vm) > vm->refault_rate + REFAULTS_PER_S || vm_is_stalling(vm) ||
           vm_is_swapping(vm);
}

/* Nothing came back: the episode has gone well. */
static void forget_shrink(struct vm *vm, int64_t now_ns)
{
    if (vm->taken_ns == 0 || now_ns - vm->taken_ns <= WATCH_NS)
        return;
    vm->taken_kib = 0;
    vm->backoff = 0;
}

/* ---- states x events ---- */

enum event { EVENT_BARRED, EVENT_SILENT, EVENT_FRESH, EVENT_STALE, EVENT_LOST, EVENTS };

static enum event event_of(const struct vm *vm, enum reason barred, int64_t now_ns)
{
    if (barred != REASON_NONE)
        return EVENT_BARRED;
    if (vm->last_ns == 0)
        return EVENT_SILENT;
    if (vm_has_record(vm, now_ns, VM_STALE_NS))
        return EVENT_FRESH;
    return vm_has_record(vm, now_ns, VM_LOST_NS) ? EVENT_STALE : EVENT_LOST;
}

static struct wish act_nothing(struct vm *vm, int64_t now_ns)
{
    (void)now_ns;
    return controller_no_wish(vm, vm->blocked_by);
}

/* Never lowers. */
static struct wish act_start(struct vm *vm, int64_t now_ns)
{
    bool is_late = now_ns - vm->since_ns > VM_LOST_NS;
    struct wish wish = vm->has_started ? controller_no_wish(vm, REASON_NONE)
                                       : grow_to(vm, vm_start_kib(vm), REASON_START);

    if (wish.kind == WISH_NONE)
        vm->has_started = true;
    if (wish.kind == WISH_NONE && is_late)
        vm->blocked_by = REASON_NO_AGENT;
    return wish;
}

static struct wish act_run(struct vm *vm, int64_t now_ns)
{
    forget_shrink(vm, now_ns);
    if (must_undo(vm, now_ns))
        return grow_to(vm, vm->target_kib + vm->taken_kib, REASON_UNDO);
    if (vm->target_kib < vm_floor_kib(vm))
        return grow_to(vm, vm_floor_kib(vm), REASON_FLOOR);
    return grow_by_policy[vm->policy.kind](vm, now_ns);
}

static struct wish act_wait(struct vm *vm, int64_t now_ns)
{
    (void)now_ns;
    return controller_no_wish(vm, REASON_STALE);
}

/* Its agent may be the victim of the shortage that it would have told. */
static struct wish act_rescue(struct vm *vm, int64_t now_ns)
{
    if (vm->policy.kind != POLICY_DEMAND || !safety_is_on(SAFETY_BALLOON_FAILOPEN))
        return act_wait(vm, now_ns);
    struct wish wish = grow_to(vm, vm_start_kib(vm), REASON_NO_RECORD);

    if (wish.kind == WISH_NONE)
        vm->blocked_by = REASON_NO_RECORD;
    return wish;
}

static const struct {
    enum vm_phase next;
    struct wish (*act)(struct vm *vm, int64_t now_ns);
} table[VM_PHASES][EVENTS] = {
    [VM_INIT] =
        {
            [EVENT_BARRED] = {VM_INIT, act_nothing},
            [EVENT_SILENT] = {VM_INIT, act_start},
            [EVENT_FRESH] = {VM_RUN, act_run},
            [EVENT_STALE] = {VM_RUN, act_wait},
            [EVENT_LOST] = {VM_RUN, act_rescue},
        },
    [VM_RUN] =
        {
            [EVENT_BARRED] = {VM_HOLD, act_nothing},
            [EVENT_SILENT] = {VM_INIT, act_start},
            [EVENT_FRESH] = {VM_RUN, act_run},
            [EVENT_STALE] = {VM_RUN, act_wait},
            [EVENT_LOST] = {VM_RUN, act_rescue},
        },
    [VM_HOLD] =
        {
            [EVENT_BARRED] = {VM_HOLD, act_nothing},
            [EVENT_SILENT] = {VM_INIT, act_start},
            [EVENT_FRESH] = {VM_RUN, act_run},
            [EVENT_STALE] = {VM_RUN, act_wait},
            [EVENT_LOST] = {VM_RUN, act_rescue},
        },
};

static bool is_spent(const struct vm *vm)
{
    unsigned __int128 cap = vm->policy.spend_cap_milli;

    /* 1 GiB*h = 3,774,873,600 KiB*s */
    return cap != 0 && vm->spent_kib_ns >= cap * 3774873600U * 1000000U;
}

struct wish controller_grow(struct vm *vm, const struct host_rules *rules, int64_t now_ns)
{
    enum reason barred = controller_barred(vm, rules, now_ns);
    enum event event = event_of(vm, barred, now_ns);
    enum vm_phase phase = vm->phase;

    vm->blocked_by = barred;
    vm->phase = table[phase][event].next;

    struct wish wish = table[phase][event].act(vm, now_ns);

    if (wish.kind == WISH_NONE)
        return wish;
    if (rules->is_draining)
        return controller_no_wish(vm, REASON_DRAINING);
    if (vm->is_stuck && vm->stuck_up && now_ns < vm->stuck_until_ns)
        return controller_no_wish(vm, REASON_STUCK);
    if (wish.target_kib <= vm->nudged_from_kib)
        return controller_no_wish(vm, REASON_TRANSFER); /* it goes back there by itself */
    return is_spent(vm) ? controller_no_wish(vm, REASON_SPENT) : wish;
}
