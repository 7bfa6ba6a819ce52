#include "balloon/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/figures_parse.h"
#include "common/safety.h"
#include "common/units.h"
#include "meter/record.h"

#define MS INT64_C(1000000)
#define BUSY_NS (50 * MS)            /* between readings while a transfer is open */
#define BUSY_MOST_NS (60 * NS_PER_S) /* a transfer open for longer is no reason to hurry */
#define SPEND_GAP_NS (5 * NS_PER_S)  /* a longer interval between readings is not counted */
#define DRY_NS (60 * NS_PER_S)       /* between two sayings of one thing in dry run */
#define OLD_VIEW_NS NS_PER_S
#define POOL_LEAST_KIB (UINT64_C(256) << 10)
enum { ROOM_FIRST = 64, HEADROOM_TELL_PART = 8 };

/* The first room, or twice what there is. False: no memory, nothing has changed. */
static bool make_room(struct engine *e)
{
    size_t room = e->room == 0 ? ROOM_FIRST : 2 * e->room;

    if (room > BALLOON_VMS_MAX)
        return false;
    struct vm *vms = realloc(e->vms, room * sizeof *vms);

    if (vms != NULL)
        e->vms = vms;
    struct action *actions = realloc(e->actions, room * PLAN_ACTIONS_PER_VM * sizeof *actions);

    if (actions != NULL)
        e->actions = actions;
    struct share *shares = realloc(e->shares, room * sizeof *shares);

    if (shares != NULL)
        e->shares = shares;
    if (vms == NULL || actions == NULL || shares == NULL)
        return false;
    e->room = room;
    return true;
}

bool engine_init(struct engine *e, struct actuator *actuator, struct error *err)
{
    *e = (struct engine){.actuator = actuator};
    e->rules.pool_least_kib = POOL_LEAST_KIB;
    if (make_room(e))
        return true;
    engine_clear(e);
    return error_set(err, ERR_NOMEM, "no memory for the list of VMs");
}

void engine_clear(struct engine *e)
{
    free(e->vms);
    free(e->actions);
    free(e->shares);
    e->vms = NULL;
    e->actions = NULL;
    e->shares = NULL;
    e->count = 0;
}

/* ---- the VMs: those that the host lists, by domid ---- */

static size_t place_of(const struct engine *e, uint16_t domid)
{
    size_t low = 0, high = e->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (e->vms[middle].domid < domid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct vm *engine_find(struct engine *e, uint16_t domid)
{
    size_t at = place_of(e, domid);

    return at < e->count && e->vms[at].domid == domid ? &e->vms[at] : NULL;
}

static void find_policy(struct engine *e, struct vm *vm)
{
    if (e->policies.find != NULL)
        e->policies.find(e->policies.context, &vm->uuid, vm->facts.name, &vm->policy);
}

/* One that finds no room is not managed: its cap counts in the ledger all the same. */
static void add_vm(struct engine *e, size_t at, const struct host_domain *domain, int64_t now_ns)
{
    if (e->count == e->room && !make_room(e))
        return;
    memmove(&e->vms[at + 1], &e->vms[at], (e->count - at) * sizeof *e->vms);
    e->count++;
    vm_init(&e->vms[at], domain, now_ns);
    find_policy(e, &e->vms[at]);
}

static void drop_vm(struct engine *e, size_t at)
{
    e->count--;
    memmove(&e->vms[at], &e->vms[at + 1], (e->count - at) * sizeof *e->vms);
}

static void count_spending(const struct engine *e, struct vm *vm, int64_t now_ns)
{
    int64_t span_ns = now_ns - e->read_ns;

    if (vm->day != e->day) {
        vm->day = e->day;
        vm->spent_kib_ns = 0;
    }
    if (vm->since_ns < now_ns && span_ns > 0 && span_ns <= SPEND_GAP_NS)
        vm->spent_kib_ns += (unsigned __int128)vm->domain.tot_kib * (uint64_t)span_ns;
}

static bool is_same_life(const struct vm *vm, const struct host_domain *domain)
{
    return vm->domid == domain->domid &&
           (uuid_is_equal(&vm->uuid, &domain->uuid) || !safety_is_on(SAFETY_BALLOON_LIFE));
}

/* Both lists ascend by domid: one pass. */
static void follow_domains(struct engine *e)
{
    int64_t now_ns = e->host.now_ns;
    size_t at = 0;

    for (size_t i = 0; i < e->host.count; i++) {
        const struct host_domain *domain = &e->host.domains[i];

        if (domain->domid == 0 && safety_is_on(SAFETY_BALLOON_DOM0))
            continue;
        while (at < e->count &&
               (e->vms[at].domid < domain->domid ||
                (e->vms[at].domid == domain->domid && !is_same_life(&e->vms[at], domain))))
            drop_vm(e, at);
        if (at == e->count || e->vms[at].domid != domain->domid) {
            add_vm(e, at, domain, now_ns);
            if (at == e->count || e->vms[at].domid != domain->domid)
                continue;
        }
        count_spending(e, &e->vms[at], now_ns);
        vm_take_domain(&e->vms[at], domain, now_ns);
        at++;
    }
    while (e->count > at)
        drop_vm(e, at);
    e->read_ns = now_ns;
}

void engine_reload(struct engine *e, int64_t now_ns)
{
    for (size_t i = 0; i < e->count; i++) {
        enum policy_kind kind = e->vms[i].policy.kind;

        find_policy(e, &e->vms[i]);
        if (kind == POLICY_FIXED && e->vms[i].policy.kind != POLICY_FIXED)
            vm_restart(&e->vms[i], now_ns);
    }
}

/* ---- what guests and toolstacks say ---- */

static void tell_counted(struct engine *e, const struct vm *vm, enum tally_what what,
                         enum reason reason)
{
    if (e->sink.counted != NULL)
        e->sink.counted(e->sink.context, vm, what, reason);
}

void engine_disbelieve(struct engine *e, struct vm *vm)
{
    vm->hostile_records++;
    tell_counted(e, vm, TALLY_HOSTILE, REASON_NONE);
}

static void take(struct engine *e, struct vm *vm, const struct figures *f, bool is_fallback,
                 int64_t now_ns)
{
    uint64_t cap =
        vm->domain.max_kib > vm->domain.tot_kib ? vm->domain.max_kib : vm->domain.tot_kib;
    struct error err;

    if (figures_are_possible(f, cap, &err) || !safety_is_on(SAFETY_BALLOON_HOSTILE_RECORD))
        vm_take_figures(vm, f, is_fallback, now_ns);
    else
        engine_disbelieve(e, vm);
}

void engine_record(struct engine *e, uint16_t domid, const char *text, size_t length,
                   int64_t now_ns)
{
    struct vm *vm = engine_find(e, domid);
    struct figures f;
    struct error err;

    if (vm == NULL)
        return;
    if (figures_parse(text, length, &f, &err))
        take(e, vm, &f, false, now_ns);
    else
        engine_disbelieve(e, vm);
}

void engine_fallback(struct engine *e, uint16_t domid, const struct figures *f, int64_t now_ns)
{
    struct vm *vm = engine_find(e, domid);

    /* the agent's own records are better, as long as they come */
    if (vm != NULL && (vm->is_fallback || !vm_has_record(vm, now_ns, VM_LOST_NS)))
        take(e, vm, f, true, now_ns);
}

void engine_facts(struct engine *e, uint16_t domid, const struct vm_facts *facts, int64_t now_ns)
{
    struct vm *vm = engine_find(e, domid);

    if (vm == NULL)
        return;
    bool is_named = strcmp(vm->facts.name, facts->name) != 0;

    vm_take_facts(vm, facts, now_ns);
    if (is_named)
        find_policy(e, vm);
}

/* ---- acting ---- */

/* Undoes what was begun: best effort, the next reading tells what is there. */
static void take_back(struct engine *e, const struct vm *vm, const struct action *a,
                      bool is_claimed)
{
    struct actuator *out = e->actuator;
    struct error err;
    bool is_back = !is_claimed || out->ops->claim(out, vm->domid, 0, &err);

    if (is_back && a->cap_kib > vm->domain.max_kib)
        (void)!out->ops->set_cap(out, vm->domid, vm->domain.max_kib, &err);
}

static bool claim(struct engine *e, const struct vm *vm, const struct action *a, struct error *err)
{
    struct actuator *out = e->actuator;

    /* Xen allows one claim: the older one ends, the cap keeps its place in the ledger */
    if ((vm->claim_ns != 0 || vm->domain.outstanding_kib != 0) &&
        !out->ops->claim(out, vm->domid, 0, err))
        return false;
    return out->ops->claim(out, vm->domid, a->claim_kib, err);
}

/* Cap, claim, target: in this order (I2). */
static enum reason grow(struct engine *e, const struct vm *vm, const struct action *a,
                        struct error *err)
{
    struct actuator *out = e->actuator;
    bool must_claim = a->claim_kib != 0 && safety_is_on(SAFETY_BALLOON_CLAIM);

    if (a->cap_kib > vm->domain.max_kib && safety_is_on(SAFETY_BALLOON_CAP_FIRST) &&
        !out->ops->set_cap(out, vm->domid, a->cap_kib, err))
        return REASON_FAILED;
    if (must_claim && !claim(e, vm, a, err)) {
        e->claims_refused++;
        take_back(e, vm, a, false);
        return err->code == ERR_REFUSED ? REASON_CLAIM : REASON_FAILED;
    }
    if (!out->ops->set_target(out, vm->domid, a->target_kib, err)) {
        take_back(e, vm, a, must_claim);
        return REASON_FAILED;
    }
    return REASON_NONE;
}

static enum reason carry_out(struct engine *e, const struct vm *vm, const struct action *a)
{
    struct actuator *out = e->actuator;
    struct error err;
    bool is_done = false;

    switch (a->kind) {
    case ACTION_GROW:
        return grow(e, vm, a, &err);
    case ACTION_SHRINK:
    case ACTION_NUDGE:
        is_done = out->ops->set_target(out, vm->domid, a->target_kib, &err);
        break;
    case ACTION_CAP:
        is_done = out->ops->set_cap(out, vm->domid, a->cap_kib, &err);
        break;
    case ACTION_CLAIM_END:
        is_done = out->ops->claim(out, vm->domid, 0, &err);
        break;
    }
    return is_done ? REASON_NONE : REASON_FAILED;
}

/* In dry run the same thing would be said again and again. */
static bool is_said(struct vm *vm, const struct action *a, int64_t now_ns)
{
    if (a->kind == ACTION_CAP || a->kind == ACTION_CLAIM_END)
        return true;
    if (vm->dry_ns != 0 && now_ns - vm->dry_ns < DRY_NS && vm->dry_target_kib == a->target_kib)
        return true;
    vm->dry_ns = now_ns;
    vm->dry_target_kib = a->target_kib;
    return false;
}

static void tell_decision(struct engine *e, const struct vm *vm, const struct action *a,
                          const struct cause *cause, enum reason failure)
{
    struct decision d = {
        .at_ns = e->host.now_ns,
        .cause = *cause,
        .action = *a,
        .failure = failure,
        .domid = vm->domid,
        .uuid = vm->uuid,
        .need_kib = vm_need_kib(vm),
        .available_kib = vm->last.available_kib,
        .headroom_kib = vm_headroom_kib(vm),
        .tot_kib = vm->domain.tot_kib,
        .rate_kib_s = vm->rate_kib_s,
    };

    if (e->sink.decided != NULL)
        e->sink.decided(e->sink.context, &d);
}

/* By how much a grant has lowered the surplus. */
static int64_t cost_of(const struct vm *vm, const struct action *a)
{
    uint64_t promised =
        vm->domain.max_kib > vm->domain.tot_kib ? vm->domain.max_kib : vm->domain.tot_kib;

    return a->cap_kib > promised ? (int64_t)(a->cap_kib - promised) : 0;
}

static void act(struct engine *e, const struct action *a, const struct cause *cause)
{
    struct vm *vm = &e->vms[a->vm];
    bool is_dry = e->rules.mode == MODE_DRY_RUN;
    uint64_t reversals = vm->reversals;
    enum reason failure = is_dry ? REASON_DRY_RUN : carry_out(e, vm, a);

    if (failure == REASON_NONE && a->kind == ACTION_GROW)
        e->surplus_kib -= cost_of(vm, a);
    if (!is_dry || !is_said(vm, a, e->host.now_ns))
        tell_decision(e, vm, a, cause, failure);
    plan_done(vm, a, failure, e->host.now_ns);
    if (vm->reversals != reversals)
        tell_counted(e, vm, TALLY_REVERSAL, REASON_NONE);
}

/* ---- what others should know ---- */

/* The agent decides by it when to speak. */
static void tell_headroom(struct engine *e, struct vm *vm)
{
    uint64_t headroom = vm_headroom_kib(vm), told = vm->told_headroom_kib;
    uint64_t off = headroom > told ? headroom - told : told - headroom;
    char text[24];
    struct error err;

    if (vm->last_ns == 0 || vm->is_fallback || off * HEADROOM_TELL_PART <= told)
        return;
    (void)snprintf(text, sizeof text, "%" PRIu64, headroom);
    if (e->actuator->ops->tell(e->actuator, vm->domid, "headroom", text, &err))
        vm->told_headroom_kib = headroom;
}

static void tell_alert(struct engine *e, const struct vm *vm, enum reason trouble)
{
    if (e->sink.alert != NULL)
        e->sink.alert(e->sink.context, vm, trouble);
}

static void tell_alerts(struct engine *e)
{
    int64_t now_ns = e->host.now_ns;
    enum reason of_host = e->surplus_kib < 0 ? REASON_NO_SURPLUS : REASON_NONE;

    for (size_t i = 0; i < e->count; i++) {
        struct vm *vm = &e->vms[i];

        if (alerts_note(&vm->alerts, alerts_trouble(vm, now_ns), now_ns))
            tell_alert(e, vm, vm->alerts.present);
    }
    if (alerts_note(&e->alerts, of_host, now_ns))
        tell_alert(e, NULL, of_host);
}

static void tell_refusals(struct engine *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct vm *vm = &e->vms[i];
        enum reason refused = tally_is_refusal(vm->blocked_by) ? vm->blocked_by : REASON_NONE;

        if (refused != REASON_NONE && refused != vm->refused_by)
            tell_counted(e, vm, TALLY_REFUSAL, refused);
        vm->refused_by = refused;
    }
}

static void tell_reactions(struct engine *e)
{
    for (size_t i = 0; i < e->count; i++) {
        int64_t took_ns;

        if (reaction_look(&e->vms[i], &e->rules, e->host.now_ns, &took_ns) &&
            e->sink.reacted != NULL)
            e->sink.reacted(e->sink.context, &e->vms[i], took_ns);
    }
}

/* ---- one round ---- */

static bool read_host(struct engine *e, struct error *err)
{
    struct host_view view = {0};

    if (!e->actuator->ops->read(e->actuator, &view, err))
        return false;
    if (!safety_is_on(SAFETY_BALLOON_FRESH_READ) && view.now_ns - e->read_ns < OLD_VIEW_NS)
        view.free_kib = e->host.free_kib;
    e->host = view;
    return true;
}

bool engine_run(struct engine *e, const struct cause *cause, struct error *err)
{
    if (!read_host(e, err))
        return error_context(err, "the host cannot be read, so nothing is done");
    follow_domains(e);
    tell_reactions(e);

    struct plan plan = {.actions = e->actions, .shares = e->shares, .divided_ns = e->divided_ns};

    plan_make(&e->host, &e->rules, e->vms, e->count, &plan);
    e->divided_ns = plan.divided_ns;
    e->surplus_kib = plan.surplus_kib;
    e->pool_goal_kib = plan.pool_goal_kib;
    e->shortfall_kib = plan.shortfall_kib;
    for (size_t i = 0; i < plan.count; i++)
        act(e, &plan.actions[i], cause);
    for (size_t i = 0; i < e->count; i++)
        if (e->rules.mode == MODE_ON && e->vms[i].policy.kind != POLICY_FIXED)
            tell_headroom(e, &e->vms[i]);
    tell_refusals(e);
    tell_alerts(e);
    return true;
}

static bool is_busy(const struct vm *vm, int64_t now_ns)
{
    if (vm->policy.kind == POLICY_FIXED)
        return false;
    return vm->nudged_from_kib != 0 || vm->claim_ns != 0 || vm->low_ns != 0 ||
           (vm->moved_ns != 0 && !vm->is_stuck && now_ns - vm->moved_ns < BUSY_MOST_NS);
}

int64_t engine_next_ns(const struct engine *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (is_busy(&e->vms[i], e->read_ns))
            return e->read_ns + BUSY_NS;
    return e->read_ns + NS_PER_S;
}
