#include "balloon/vm.h"

#include <string.h>

#include "common/safety.h"
#include "common/units.h"
#include "meter/record.h"

enum {
    SWAP_IN_PAGES = 32,        /* fewer between two records are no sign of shortage */
    STALL_SHARE = 10,          /* a stall is more than a tenth of the time */
    STALL_LEAST_US = 20000,    /* less is perhaps kswapd at work, which the kernel counts too */
    RATE_SPAN_LEAST_MS = 50,   /* growth over less is noise */
    RATE_SPAN_MOST_MS = 10000, /* growth over more says nothing of now */
    KIB_PER_PAGE = 4
};
#define RATE_MOST_KIB_S (UINT64_C(8) << 20)
#define ADAPTIVE_MOST_KIB (UINT64_C(2048) << 10)
#define OFFSET_MOST_KIB (INT64_C(2) << 10)
#define PVH_OFFSET_KIB INT64_C(64) /* 16 pages [lab] */
#define STILL_NS NS_PER_S /* a domain whose pages have not changed for so long is at rest */
#define FOREIGN_WINDOW_NS (3600 * NS_PER_S)

void vm_init(struct vm *vm, const struct host_domain *domain, int64_t now_ns)
{
    *vm = (struct vm){.uuid = domain->uuid, .domid = domain->domid, .domain = *domain};
    policy_init(&vm->policy);
    vm->since_ns = now_ns;
    vm->young_until_ns = now_ns + VM_YOUNG_NS;
    vm->quiet_ns = vm->still_ns = now_ns;
    /* a domain that runs has no builder any more: its claim is one of ours, from before a crash */
    vm->claim_ns = domain->cpu_ns > 0 && domain->outstanding_kib > 0 ? now_ns : 0;
    vm->tot_offset_kib = (domain->flags & SAMPLE_HVM) != 0 ? PVH_OFFSET_KIB : 0;
}

void vm_restart(struct vm *vm, int64_t now_ns)
{
    vm->foreign_until_ns = 0;
    memset(vm->foreign_ns, 0, sizeof vm->foreign_ns);
    vm->is_stuck = false;
    vm->stuck_until_ns = 0;
    vm->stuck_times = 0;
    vm->backoff = 0;
    vm->failed_ns = 0;
    vm->quiet_ns = now_ns;
}

/* ---- what it needs ---- */

bool vm_has_record(const struct vm *vm, int64_t now_ns, int64_t not_older_ns)
{
    return vm->last_ns != 0 && now_ns - vm->last_ns < not_older_ns;
}

uint64_t vm_ceiling_kib(const struct vm *vm)
{
    uint64_t ceiling = vm->policy.ceiling_kib, most = vm->facts.static_max_kib;

    if (most == 0 || !safety_is_on(SAFETY_BALLOON_STATIC_MAX))
        return ceiling != 0 ? ceiling : vm->target_kib;
    return ceiling != 0 && ceiling < most ? ceiling : most;
}

uint64_t vm_floor_kib(const struct vm *vm)
{
    uint64_t ceiling = vm_ceiling_kib(vm);
    uint64_t floor = vm->policy.floor_kib != 0 ? vm->policy.floor_kib : vm->first_target_kib;

    floor = (floor + KIB_PER_PAGE - 1) / KIB_PER_PAGE * KIB_PER_PAGE; /* targets are whole pages */
    return floor < ceiling ? floor : ceiling;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

uint64_t vm_start_kib(const struct vm *vm)
{
    return clamp(vm->policy.start_kib, vm_floor_kib(vm), vm_ceiling_kib(vm));
}

uint64_t vm_clamp_kib(const struct vm *vm, uint64_t target_kib)
{
    if (safety_is_on(SAFETY_BALLOON_BOUNDS))
        target_kib = clamp(target_kib, vm_floor_kib(vm), vm_ceiling_kib(vm));
    return target_kib - target_kib % KIB_PER_PAGE;
}

static uint64_t need_of(const struct figures *f)
{
    return f->current_kib > f->available_kib ? f->current_kib - f->available_kib : 0;
}

uint64_t vm_need_kib(const struct vm *vm)
{
    int64_t need = (int64_t)need_of(&vm->last) + vm->current_offset_kib;

    return vm->last_ns == 0 || need < 0 ? 0 : (uint64_t)need;
}

uint64_t vm_firm_headroom_kib(const struct vm *vm)
{
    return vm->policy.headroom_kib != 0 ? vm->policy.headroom_kib
                                        : headroom_of_need(vm_need_kib(vm));
}

/*
 * Twice the quantile, since growth is answered when half of the headroom is left; and no more than
 * its ceiling has room for.
 */
static uint64_t learned_headroom_kib(const struct vm *vm)
{
    uint64_t need = vm_need_kib(vm), ceiling = vm_ceiling_kib(vm);
    uint64_t room = ceiling > need ? ceiling - need : 0;

    return clamp(2 * growth_quantile_kib(&vm->growth), 0,
                 room < ADAPTIVE_MOST_KIB ? room : ADAPTIVE_MOST_KIB);
}

uint64_t vm_headroom_kib(const struct vm *vm)
{
    uint64_t firm = vm_firm_headroom_kib(vm);
    uint64_t learned = vm->policy.is_headroom_adaptive ? learned_headroom_kib(vm) : 0;

    return learned > firm ? learned : firm;
}

int64_t vm_margin_kib(const struct vm *vm)
{
    return (int64_t)vm->target_kib - (int64_t)vm_need_kib(vm);
}

uint64_t vm_cap_kib(const struct vm *vm, uint64_t target_kib)
{
    uint64_t offset = vm->tot_offset_kib > 0 ? (uint64_t)vm->tot_offset_kib : 0;

    return target_kib + vm->facts.videoram_kib + offset + VM_CAP_SLACK_KIB;
}

uint64_t vm_from_pool_kib(const struct vm *vm, int64_t now_ns)
{
    return now_ns - vm->pool_ns < NS_PER_S ? vm->pool_kib : 0;
}

/* ---- rates, by the last two records ---- */

/* The time between them by the guest's clock, in ms; 0: they do not follow each other. */
static uint64_t span_ms(const struct vm *vm)
{
    if (vm->before_ns == 0 || vm->last.up_ms <= vm->before.up_ms)
        return 0;
    return vm->last.up_ms - vm->before.up_ms;
}

static uint64_t rise(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

bool vm_is_stalling(const struct vm *vm)
{
    uint64_t span = span_ms(vm);

    if (span == 0 || (vm->last.flags & FIGURES_HAS_PRESSURE) == 0)
        return false;

    uint64_t stall_us = rise(vm->before.stall_some_us, vm->last.stall_some_us);

    return stall_us > span * 1000 / STALL_SHARE && stall_us > STALL_LEAST_US;
}

bool vm_is_swapping(const struct vm *vm)
{
    return span_ms(vm) != 0 && rise(vm->before.swap_in, vm->last.swap_in) >= SWAP_IN_PAGES;
}

uint64_t vm_refaults_per_s(const struct vm *vm)
{
    uint64_t span = span_ms(vm), pages = rise(vm->before.refaults, vm->last.refaults);

    return span == 0 || pages > UINT32_MAX ? 0 : pages * 1000 / span;
}

/* What found no room, and was wanted all the same: need alone can't rise above what there is. */
static uint64_t swapped_out_kib(const struct vm *vm)
{
    uint64_t pages = rise(vm->before.swap_out, vm->last.swap_out);

    return clamp(pages, 0, FIGURES_KIB_MAX / KIB_PER_PAGE) * KIB_PER_PAGE;
}

static uint64_t growth_per_s(const struct vm *vm)
{
    uint64_t span = span_ms(vm), grown = rise(need_of(&vm->before), need_of(&vm->last));

    if (span == 0 || span > RATE_SPAN_MOST_MS)
        return 0;
    if (span < RATE_SPAN_LEAST_MS)
        span = RATE_SPAN_LEAST_MS;
    return clamp((grown + swapped_out_kib(vm)) * 1000 / span, 0, RATE_MOST_KIB_S);
}

/* ---- the guest's word ---- */

/* Another agent's figures have no current: tot_pages - MemTotal is learned once, at rest. */
static void complete_fallback(struct vm *vm, struct figures *f)
{
    if (vm->learned_overhead_kib == 0 && vm->moved_ns == 0 && vm->domain.tot_kib > f->total_kib)
        vm->learned_overhead_kib = vm->domain.tot_kib - f->total_kib;
    f->current_kib = f->total_kib + vm->learned_overhead_kib;
}

static void learn_current_offset(struct vm *vm)
{
    int64_t offset = (int64_t)vm->target_kib - (int64_t)vm->last.current_kib;

    if (vm->moved_ns != 0 || vm->target_kib == 0 || (vm->last.flags & FIGURES_IS_MOVING) != 0)
        return;
    /* a Linux HVM guest counts video memory and firmware out of what it has */
    if (offset <= OFFSET_MOST_KIB + (int64_t)vm->facts.videoram_kib && offset >= -OFFSET_MOST_KIB)
        vm->current_offset_kib = offset;
}

void vm_take_figures(struct vm *vm, const struct figures *f, bool is_fallback, int64_t now_ns)
{
    bool was_silent = vm->last_ns == 0 || now_ns - vm->last_ns >= VM_STALE_NS;

    vm->before = vm->last;
    vm->before_ns = vm->last_ns;
    vm->last = *f;
    vm->last_ns = now_ns;
    if (is_fallback)
        complete_fallback(vm, &vm->last);
    vm->is_fallback = is_fallback;
    vm->good_records = was_silent ? 1 : vm->good_records + 1;
    vm->is_fresh_record = true;
    vm->rate_kib_s = growth_per_s(vm);
    if (span_ms(vm) != 0)
        growth_add(&vm->growth, vm->rate_kib_s * (uint64_t)(VM_AHEAD_NS / 1000000) / 1000);
    learn_current_offset(vm);
    if (vm_is_stalling(vm) || vm_is_swapping(vm)) {
        vm->quiet_ns = now_ns;
        vm->has_stalled = true;
    }
}

/* ---- targets ---- */

void vm_note_written(struct vm *vm, uint64_t target_kib, int64_t now_ns)
{
    if (vm->wrote_ns == 0)
        vm->written[vm->written_next++ % VM_ECHOES] = vm->target_kib;
    vm->target_kib = target_kib;
    vm->facts.target_kib = target_kib; /* until xenstore says otherwise */
    vm->written[vm->written_next++ % VM_ECHOES] = target_kib;
    vm->wrote_ns = now_ns;
    vm->moved_ns = now_ns;
    vm->progress_ns = now_ns;
    vm->progress_kib = vm->domain.tot_kib;
}

static bool is_echo(const struct vm *vm, uint64_t target_kib)
{
    for (unsigned i = 0; i < VM_ECHOES; i++)
        if (vm->written[i] == target_kib)
            return true;
    return false;
}

static void adopt(struct vm *vm, uint64_t target_kib, int64_t now_ns)
{
    vm->target_kib = target_kib;
    vm->moved_ns = vm->progress_ns = now_ns;
    vm->progress_kib = vm->domain.tot_kib;
    vm->nudged_from_kib = 0;
    vm->wakes = 0;
}

void vm_note_foreign(struct vm *vm, uint64_t target_kib, int64_t now_ns)
{
    int64_t *oldest = &vm->foreign_ns[0];

    adopt(vm, target_kib, now_ns);
    for (int i = 1; i < VM_FOREIGN_MOST; i++)
        if (vm->foreign_ns[i] < *oldest)
            oldest = &vm->foreign_ns[i];
    *oldest = now_ns;
    vm->foreign_until_ns = now_ns + VM_HOLD_NS;
    for (int i = 0; i < VM_FOREIGN_MOST; i++)
        if (vm->foreign_ns[i] == 0 || now_ns - vm->foreign_ns[i] >= FOREIGN_WINDOW_NS)
            return;
    vm->foreign_until_ns = INT64_MAX;
}

/* A target while the toolstack still builds the domain, or of a VM that is not ours, is no quarrel.
 */
static bool is_ours(const struct vm *vm)
{
    return vm->policy.kind != POLICY_FIXED && vm->domain.cpu_ns > 0;
}

void vm_take_facts(struct vm *vm, const struct vm_facts *facts, int64_t now_ns)
{
    uint64_t target = facts->target_kib;

    vm->facts = *facts;
    if (vm->first_target_kib == 0)
        vm->first_target_kib = target;
    if (target == 0 || target == vm->target_kib)
        return;
    bool is_lost_write = vm->is_write_lost && is_echo(vm, target);

    vm->is_write_lost = false;
    if (vm->target_kib == 0 || !is_ours(vm) || is_lost_write)
        adopt(vm, target, now_ns);
    else if (!is_echo(vm, target) || now_ns - vm->wrote_ns > VM_ECHO_NS)
        vm_note_foreign(vm, target, now_ns);
}

/* ---- the domain ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

uint64_t vm_arrival_kib(const struct vm *vm, uint64_t target_kib)
{
    int64_t tot = (int64_t)(target_kib + vm->facts.videoram_kib) + vm->tot_offset_kib;

    return tot > 0 ? (uint64_t)tot : 0;
}

uint64_t vm_resting_target_kib(const struct vm *vm)
{
    int64_t rest =
        (int64_t)vm->domain.tot_kib - (int64_t)vm->facts.videoram_kib - vm->tot_offset_kib;
    uint64_t target = rest > 0 ? (uint64_t)rest - (uint64_t)rest % KIB_PER_PAGE : 0;

    /* above the ceiling it is right where that is nearer than the present target, and only there */
    if (target > vm_ceiling_kib(vm))
        return target < vm->target_kib ? target : vm->target_kib;
    return vm_clamp_kib(vm, target);
}

bool vm_has_arrived(const struct vm *vm)
{
    return distance(vm->domain.tot_kib, vm_arrival_kib(vm, vm->target_kib)) <= VM_ARRIVED_KIB;
}

bool vm_may_give(const struct vm *vm)
{
    return !vm->facts.has_pci_device || !safety_is_on(SAFETY_BALLOON_PASSTHROUGH);
}

/* A Linux HVM guest has less than its target by nature: its driver balloons video memory out. */
static void learn_tot_offset(struct vm *vm, int64_t now_ns)
{
    int64_t offset =
        (int64_t)vm->domain.tot_kib - (int64_t)(vm->target_kib + vm->facts.videoram_kib);

    if (vm->wrote_ns == 0 && now_ns - vm->still_ns >= STILL_NS && offset <= OFFSET_MOST_KIB &&
        offset >= -OFFSET_MOST_KIB - (int64_t)vm->facts.videoram_kib)
        vm->tot_offset_kib = offset;
}

/* Is an echo of an old target all that xenstore has, long after the last was written? */
static bool has_lost_target(const struct vm *vm, int64_t now_ns)
{
    return vm->wrote_ns != 0 && vm->facts.target_kib != 0 &&
           vm->facts.target_kib != vm->target_kib && now_ns - vm->wrote_ns > VM_ECHO_NS;
}

void vm_take_domain(struct vm *vm, const struct host_domain *domain, int64_t now_ns)
{
    if (domain->tot_kib != vm->domain.tot_kib)
        vm->still_ns = now_ns;
    vm->domain = *domain;
    if (vm->target_kib == 0)
        return;
    if (has_lost_target(vm, now_ns) && is_ours(vm))
        vm_note_foreign(vm, vm->facts.target_kib, now_ns);
    learn_tot_offset(vm, now_ns);

    uint64_t to = vm_arrival_kib(vm, vm->target_kib);

    if (vm_has_arrived(vm)) {
        vm->moved_ns = 0;
        vm->wakes = 0;
        vm->is_stuck = vm->is_stuck && now_ns < vm->stuck_until_ns;
        return;
    }
    if (vm->moved_ns == 0) { /* it has left its target by itself, or at ours being told late */
        vm->moved_ns = vm->progress_ns = now_ns;
        vm->progress_kib = domain->tot_kib;
    }
    if (distance(domain->tot_kib, to) + VM_ARRIVED_KIB <= distance(vm->progress_kib, to)) {
        vm->progress_kib = domain->tot_kib;
        vm->progress_ns = now_ns;
        vm->wakes = 0; /* slow is not stuck */
    }
}
