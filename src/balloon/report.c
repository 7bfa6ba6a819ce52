#include "balloon/report.h"

#include "balloon/decision.h"
#include "common/units.h"
#include "meter/record.h"

#define MS_NS INT64_C(1000000)

static void add_age(struct reply *reply, const char *key, int64_t from_ns, int64_t now_ns)
{
    reply_number(reply, key, now_ns > from_ns ? (uint64_t)((now_ns - from_ns) / MS_NS) : 0);
}

/* ---- the host ---- */

void report_host(struct reply *reply, const struct engine *e, int64_t now_ns)
{
    const struct ledger_rules *ledger = &e->rules.ledger;

    reply_begin(reply, "host");
    reply_word(reply, "mode", e->rules.mode == MODE_ON ? "on" : "dry-run");
    reply_word(reply, "actuator", e->actuator->ops->kind);
    reply_number(reply, "stopped", e->rules.is_stopped);
    reply_number(reply, "draining", e->rules.is_draining);
    reply_number(reply, "xenstore_hung", e->rules.is_xenstore_hung);
    reply_number(reply, "vms", e->count);
    reply_number(reply, "total_kib", e->host.total_kib);
    reply_number(reply, "free_kib", e->host.free_kib);
    reply_number(reply, "claimed_kib", e->host.outstanding_kib);
    reply_number(reply, "hard_reserve_kib", ledger_hard_reserve_kib(ledger, e->host.total_kib));
    reply_number(reply, "reserved_kib", ledger->reserved_kib);
    reply_number(reply, "dom0_allowance_kib", ledger->dom0_allowance_kib);
    reply_signed(reply, "surplus_kib", e->surplus_kib);
    reply_number(reply, "pool_goal_kib", e->pool_goal_kib);
    reply_number(reply, "shortfall_kib", e->shortfall_kib);
    reply_number(reply, "claims_refused", e->claims_refused);
    add_age(reply, "read_age_ms", e->host.now_ns, now_ns);
    reply_end(reply);
}

void report_reservations(struct reply *reply, const struct reservation *list, size_t count,
                         int64_t utc_ns)
{
    static const struct uuid nobody;
    char uuid[UUID_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        const struct reservation *r = &list[i];

        reply_begin(reply, "reservation");
        reply_word(reply, "name", r->name);
        reply_word(reply, "uuid",
                   uuid_is_equal(&r->uuid, &nobody) ? "-" : uuid_format(&r->uuid, uuid));
        reply_number(reply, "size_kib", r->size_kib);
        reply_number(reply, "filled_kib", r->filled_kib);
        add_age(reply, "left_ms", utc_ns, r->expires_ns);
        reply_end(reply);
    }
}

/* ---- one VM ---- */

const char *report_state(const struct engine *e, const struct vm *vm)
{
    static const char *const phases[VM_PHASES] = {
        [VM_INIT] = "init", [VM_RUN] = "run", [VM_HOLD] = "hold"};

    if ((vm->domain.flags & (SAMPLE_PAUSED | SAMPLE_SHUTDOWN | SAMPLE_DYING)) != 0)
        return "paused";
    if (e->rules.is_stopped || vm->policy.is_stopped)
        return "stopped";
    return vm->is_stuck ? "stuck" : phases[vm->phase];
}

void report_vm(struct reply *reply, const struct engine *e, const struct vm *vm, int64_t now_ns)
{
    char uuid[UUID_TEXT_MAX];
    bool has_record = vm->last_ns != 0;

    reply_begin(reply, "vm");
    reply_number(reply, "domid", vm->domid);
    reply_word(reply, "name", vm->facts.name);
    reply_word(reply, "uuid", uuid_format(&vm->uuid, uuid));
    reply_word(reply, "policy", policy_kind_name(vm->policy.kind));
    reply_word(reply, "state", report_state(e, vm));
    /* without a record there is no need and no available, and 0 would be a lie */
    if (has_record) {
        add_age(reply, "record_age_ms", vm->last_ns, now_ns);
        reply_number(reply, "need_kib", vm_need_kib(vm));
        reply_number(reply, "available_kib", vm->last.available_kib);
        reply_number(reply, "headroom_kib", vm_headroom_kib(vm));
    }
    reply_number(reply, "floor_kib", vm_floor_kib(vm));
    reply_number(reply, "target_kib", vm->target_kib);
    reply_number(reply, "ceiling_kib", vm_ceiling_kib(vm));
    reply_number(reply, "static_max_kib", vm->facts.static_max_kib);
    reply_number(reply, "tot_kib", vm->domain.tot_kib);
    reply_number(reply, "cap_kib", vm->domain.max_kib);
    reply_number(reply, "weight", vm->policy.weight);
    reply_number(reply, "tracking", vm->is_tracking);
    reply_word(reply, "blocked_by", reason_word(vm->blocked_by));
    reply_number(reply, "alerts_withheld", vm->alerts.withheld);
    reply_end(reply);
}

static void report_record(struct reply *reply, const struct vm *vm, int64_t now_ns)
{
    if (vm->last_ns == 0)
        return;
    reply_begin(reply, "record");
    add_age(reply, "age_ms", vm->last_ns, now_ns);
    reply_number(reply, "fallback", vm->is_fallback);
#define ADD_FIGURE(key, member, most) reply_number(reply, #member, vm->last.member);
    FIGURES(ADD_FIGURE)
#undef ADD_FIGURE
    reply_number(reply, "has_balloon", (vm->last.flags & FIGURES_HAS_BALLOON) != 0);
    reply_number(reply, "has_pressure", (vm->last.flags & FIGURES_HAS_PRESSURE) != 0);
    reply_number(reply, "rate_kib_s", vm->rate_kib_s);
    reply_number(reply, "hostile_records", vm->hostile_records);
    reply_end(reply);
}

static void report_block(struct reply *reply, const struct vm *vm)
{
    reply_begin(reply, "block");
    reply_word(reply, "reason", reason_word(vm->blocked_by));
    reply_word(reply, "text", reason_sentence(vm->blocked_by));
    reply_end(reply);
}

/* ---- what the ceiling costs ---- */

static const struct {
    uint64_t ceiling_mib, overhead_mb;
} published[] = {{256, 12}, {512, 20}, {2048, 38}, {6144, 60}};

enum { PUBLISHED = sizeof published / sizeof *published };

uint64_t report_published_overhead_kib(uint64_t ceiling_kib)
{
    size_t i = 1;

    while (i + 1 < PUBLISHED && ceiling_kib > published[i].ceiling_mib << 10)
        i++;
    int64_t x0 = (int64_t)published[i - 1].ceiling_mib << 10;
    int64_t x1 = (int64_t)published[i].ceiling_mib << 10;
    int64_t y0 = (int64_t)published[i - 1].overhead_mb * 1000000 / 1024;
    int64_t y1 = (int64_t)published[i].overhead_mb * 1000000 / 1024;
    int64_t x = ceiling_kib < KIB_MAX ? (int64_t)ceiling_kib : (int64_t)KIB_MAX;
    /* 2^40 * 2^16 fits */
    int64_t y = y0 + (x - x0) * (y1 - y0) / (x1 - x0);

    return y > 0 ? (uint64_t)y : 0;
}

static void report_overhead(struct reply *reply, const struct vm *vm)
{
    uint64_t ceiling = vm_ceiling_kib(vm);
    uint64_t tot = vm->domain.tot_kib;

    reply_begin(reply, "overhead");
    reply_number(reply, "ceiling_kib", ceiling);
    /* while pages are on their way MemTotal and tot_pages are of different times */
    if (vm->last_ns != 0 && vm->moved_ns == 0 && vm->last.total_kib != 0 &&
        tot >= vm->last.total_kib)
        reply_number(reply, "measured_kib", tot - vm->last.total_kib);
    reply_number(reply, "published_kib", report_published_overhead_kib(ceiling));
    reply_end(reply);
}

/* ---- spending and warnings ---- */

static void report_spending(struct reply *reply, const struct vm *vm)
{
    usage_kib_ns milli = vm->spent_kib_ns / (KIB_NS_PER_GIB_H / 1000);

    reply_begin(reply, "spending");
    reply_number(reply, "today_milli_gib_h", milli < UINT64_MAX ? (uint64_t)milli : UINT64_MAX);
    reply_number(reply, "cap_milli_gib_h", vm->policy.spend_cap_milli);
    reply_end(reply);
}

static void warn(struct reply *reply, const char *text)
{
    reply_begin(reply, "warning");
    reply_word(reply, "text", text);
    reply_end(reply);
}

static void warn_of_record(struct reply *reply, const struct vm *vm)
{
    const struct figures *f = &vm->last;

    if (vm->last_ns == 0 || vm->policy.kind == POLICY_FIXED)
        return;
    if ((f->flags & FIGURES_HAS_BALLOON) == 0 && !vm->is_fallback)
        warn(reply, "the guest has no balloon driver: it can't follow a target");
    if (f->swap_total_kib == 0 && vm->policy.kind == POLICY_DEMAND)
        warn(reply, "the guest has no swap: what comes faster than memory can be given is killed");
    if (vm->hostile_records > 0)
        warn(reply, "the guest wrote records that can't be: they were not believed");
}

static void report_warnings(struct reply *reply, const struct vm *vm)
{
    struct policy policy = vm->policy;
    uint64_t ceiling = vm_ceiling_kib(vm);

    /* as they are in force, whether they were set or not */
    policy.floor_kib = vm_floor_kib(vm);
    policy.ceiling_kib = ceiling;
    const char *text = policy.kind != POLICY_FIXED ? policy_warning(&policy) : NULL;

    if (text != NULL)
        warn(reply, text);
    if (vm->policy.ceiling_kib > ceiling)
        warn(reply, "the ceiling lies above memory/static-max, which is what holds");
    if (vm->domain.tot_kib > vm_arrival_kib(vm, ceiling) + VM_ARRIVED_KIB)
        warn(reply, "it has more than its ceiling: that is pending until it gives pages back");
    if (vm->facts.has_pci_device && vm->policy.kind != POLICY_FIXED)
        warn(reply, "a PCI device is passed through to it: it may grow, and gives nothing back; "
                    "policy fixed is the right one");
    warn_of_record(reply, vm);
}

/* ---- decisions ---- */

static void report_decision(struct reply *reply, const struct decision *d, int64_t now_ns)
{
    const struct action *a = &d->action;

    reply_begin(reply, "decision");
    add_age(reply, "age_ms", d->at_ns, now_ns);
    reply_word(reply, "action", decision_actions[a->kind]);
    reply_word(reply, "reason", reason_word(a->reason));
    reply_word(reply, "failure", reason_word(d->failure));
    reply_number(reply, "before_kib", a->before_kib);
    reply_number(reply, "target_kib", a->target_kib);
    reply_number(reply, "cap_kib", a->cap_kib);
    reply_number(reply, "need_kib", d->need_kib);
    reply_number(reply, "available_kib", d->available_kib);
    reply_number(reply, "headroom_kib", d->headroom_kib);
    reply_number(reply, "tot_kib", d->tot_kib);
    reply_number(reply, "rate_kib_s", d->rate_kib_s);
    reply_signed(reply, "surplus_kib", a->surplus_kib);
    reply_word(reply, "text", reason_sentence(a->reason));
    reply_end(reply);
}

void report_explain(struct reply *reply, const struct engine *e, const struct vm *vm,
                    const struct decision *decisions, size_t count, int64_t now_ns)
{
    report_vm(reply, e, vm, now_ns);
    report_record(reply, vm, now_ns);
    report_block(reply, vm);
    report_overhead(reply, vm);
    report_spending(reply, vm);
    report_warnings(reply, vm);
    for (size_t i = 0; i < count; i++)
        report_decision(reply, &decisions[i], now_ns);
}
