#include "checker.h"
#include "checker_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

void checker_complain(struct checker *c, uint16_t domid, const char *fmt, ...)
{
    va_list args;

    if (c->violations++ >= CHECKER_SAID_MAX || c->is_quiet)
        return;
    printf("VIOLATION %s seed=%" PRIu64 " t=%.3fs dom=%u: ", c->where, c->seed,
           (double)(c->world->now_ns - 1000 * S) / 1e9, (unsigned)domid);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
}

static void note(struct checker *c, uint64_t kind, uint16_t domid, uint64_t value)
{
    const uint64_t words[] = {kind, domid, value, (uint64_t)c->world->now_ns};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        c->log = (c->log ^ words[i]) * UINT64_C(0x100000001b3) + (c->log >> 29);
    c->actions++;
    c->last_action_ns = c->world->now_ns;
}

/* ---- the ledger, again ---- */

static int64_t promise(const struct checker *c, const struct host_domain *d)
{
    int64_t cap = (int64_t)d->max_kib;

    if (d->domid == 0 && d->max_kib >= (UINT64_C(1) << 40))
        cap = (int64_t)c->engine->rules.ledger.dom0_allowance_kib;
    int64_t open = cap - (int64_t)d->tot_kib;

    if (open < (int64_t)d->outstanding_kib)
        open = (int64_t)d->outstanding_kib;
    return open > 0 ? open : 0;
}

int64_t checker_surplus_kib(const struct checker *c)
{
    const struct ledger_rules *rules = &c->engine->rules.ledger;
    struct host_view view;

    sim_world_look(c->world, c->scratch, &view);
    int64_t reserve = (int64_t)(view.total_kib / 100);

    if (reserve < 64 * MIB)
        reserve = 64 * MIB;
    if (reserve < (int64_t)rules->reserve_kib)
        reserve = (int64_t)rules->reserve_kib;
    int64_t surplus = (int64_t)view.free_kib - reserve - (int64_t)rules->reserved_kib;

    for (size_t i = 0; i < view.count; i++)
        surplus -= promise(c, &view.domains[i]);
    return surplus;
}

/* ---- one guest ---- */

struct sim_guest *checker_guest(const struct checker *c, uint16_t domid)
{
    return sim_world_guest(c->world, domid);
}

struct watched *checker_watched(struct checker *c, uint16_t domid)
{
    return &c->watched[domid - 1];
}

uint64_t checker_target_kib(const struct watched *w)
{
    return w->known_kib > 0 ? w->known_kib : w->first_kib;
}

static uint64_t floor_of(const struct checker *c, uint16_t domid)
{
    uint64_t floor = c->policies[domid - 1].floor_kib;

    return floor > 0 ? floor : c->watched[domid - 1].first_kib;
}

uint64_t checker_ceiling_kib(const struct checker *c, uint16_t domid)
{
    uint64_t ceiling = c->policies[domid - 1].ceiling_kib;
    uint64_t most = checker_guest(c, domid)->facts.static_max_kib;

    return ceiling > 0 && ceiling < most ? ceiling : most;
}

/* A new life: nothing of the last one counts. */
static void meet(struct checker *c, const struct host_domain *d)
{
    struct watched *w = checker_watched(c, d->domid);

    if (w->listed_ns != 0 && uuid_is_equal(&w->uuid, &d->uuid))
        return;
    *w = (struct watched){.uuid = d->uuid,
                          .listed_ns = c->world->now_ns,
                          .first_kib = checker_guest(c, d->domid)->facts.target_kib,
                          .tot_kib = d->tot_kib,
                          .tot_ns = c->world->now_ns};
}

/* ---- what the engine does ---- */

/* I3, I6, I7: may anything be done to this domain now? */
static bool is_allowed(struct checker *c, uint16_t domid, const char *what)
{
    struct sim_guest *g = domid == 0 ? NULL : checker_guest(c, domid);

    if (domid == 0)
        checker_complain(c, domid, "I7 %s on dom0", what);
    else if (g == NULL)
        checker_complain(c, domid, "I6 %s on a domain that is not there", what);
    else if (g->life != LIFE_RUNNING)
        checker_complain(c, domid, "I6 %s on a domain in life %d", what, (int)g->life);
    else if (checker_watched(c, domid)->is_renamed)
        checker_complain(c, domid, "I6 %s on a migrating domain", what);
    if (c->read_ns != c->world->now_ns)
        checker_complain(c, domid, "I3 %s on a reading that is %.3f s old", what,
                         (double)(c->world->now_ns - c->read_ns) / 1e9);
    return g != NULL;
}

/* I1 around one call. */
static void check_ledger(struct checker *c, uint16_t domid, const char *what, int64_t before)
{
    int64_t after = checker_surplus_kib(c);

    if (after < 0 && after < before)
        checker_complain(c, domid, "I1 %s brings surplus from %" PRId64 " to %" PRId64 " KiB", what,
                         before, after);
}

static bool read_host(struct actuator *a, struct host_view *view, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;

    c->read_ns = c->world->now_ns;
    if (!c->world->actuator.ops->read(&c->world->actuator, view, err))
        return false;
    for (size_t i = 0; i < view->count; i++)
        if (view->domains[i].domid != 0) {
            meet(c, &view->domains[i]);
            checker_watched(c, view->domains[i].domid)->read_cap_kib = view->domains[i].max_kib;
        }
    return true;
}

static bool is_judged_stuck(const struct checker *c, uint16_t domid)
{
    const struct vm *vm = engine_find(c->engine, domid);

    return vm != NULL && vm->is_stuck;
}

static bool set_cap(struct actuator *a, uint16_t domid, uint64_t cap_kib, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;
    int64_t before = checker_surplus_kib(c);

    if (is_allowed(c, domid, "set_cap")) {
        const struct sim_guest *g = checker_guest(c, domid);
        const struct watched *w = checker_watched(c, domid);

        if (cap_kib < g->domain.max_kib && cap_kib < g->domain.tot_kib) {
            if (!is_judged_stuck(c, domid))
                checker_complain(c, domid, "I2 the cap goes to %" PRIu64 ", below tot %" PRIu64,
                                 cap_kib, g->domain.tot_kib);
            else if (c->world->now_ns - w->tot_ns < 2 * S)
                checker_complain(c, domid, "I2 judged stuck, but it moved %.3f s ago",
                                 (double)(c->world->now_ns - w->tot_ns) / 1e9);
        }
        if (cap_kib < checker_target_kib(w) + g->facts.videoram_kib)
            checker_complain(c, domid, "I2 the cap %" PRIu64 " is below the target %" PRIu64,
                             cap_kib, checker_target_kib(w));
    }
    note(c, 1, domid, cap_kib);
    c->caps++;
    bool is_ok = c->world->actuator.ops->set_cap(&c->world->actuator, domid, cap_kib, err);

    check_ledger(c, domid, "set_cap", before);
    return is_ok;
}

/*
 * I2: on arrival, or after 5 s. Xen allows one claim: another may take its place at the same
 * instant, so that whether it really ended shows when time goes on (watch_claim).
 */
static void note_claim_end(struct checker *c, uint16_t domid)
{
    const struct sim_guest *g = checker_guest(c, domid);
    struct watched *w = checker_watched(c, domid);
    uint64_t full = checker_target_kib(w) + g->tot_offset_kib;

    if (g->life == LIFE_RUNNING && g->domain.outstanding_kib > 0 &&
        g->domain.tot_kib + (uint64_t)LEARNED_KIB < full && c->world->now_ns - w->claim_ns < 5 * S)
        w->ended_missing_kib = full - g->domain.tot_kib;
}

static bool claim(struct actuator *a, uint16_t domid, uint64_t total_kib, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;
    int64_t before = checker_surplus_kib(c);
    /* its own claim may be given back whatever became of the domain */
    bool is_own_end = total_kib == 0 && domid != 0 && checker_guest(c, domid) != NULL &&
                      checker_watched(c, domid)->claim_ns != 0;
    bool is_known = is_own_end || is_allowed(c, domid, total_kib > 0 ? "claim" : "end of claim");

    if (is_own_end)
        note_claim_end(c, domid);
    else if (domid != 0 && checker_guest(c, domid) != NULL)
        checker_watched(c, domid)->ended_missing_kib = 0;
    note(c, 2, domid, total_kib);
    bool is_ok = c->world->actuator.ops->claim(&c->world->actuator, domid, total_kib, err);

    if (!is_ok && err->code != ERR_REFUSED)
        checker_complain(c, domid, "I2 an impossible claim: %s", err->text);
    if (is_known)
        checker_watched(c, domid)->claim_ns =
            checker_guest(c, domid)->domain.outstanding_kib > 0 ? c->world->now_ns : 0;
    check_ledger(c, domid, "claim", before);
    return is_ok;
}

/* I5, and I6's first minute. */
static void check_shrink(struct checker *c, uint16_t domid, uint64_t target_kib)
{
    const struct sim_guest *g = checker_guest(c, domid);
    const struct policy *policy = &c->policies[domid - 1];
    struct watched *w = checker_watched(c, domid);
    int64_t now = c->world->now_ns;

    c->shrinks++;
    if (g->facts.has_pci_device)
        checker_complain(c, domid, "a shrink of a VM with a passed-through device");
    if (w->record_ns == 0 || now - w->record_ns > 15 * S)
        checker_complain(c, domid, "I5 a shrink without a fresh record");
    if (w->shrinks++ > 0)
        checker_complain(c, domid, "I5 a second shrink on one record");
    if (now - w->listed_ns < 60 * S)
        checker_complain(c, domid, "I6 a shrink after %.1f s", (double)(now - w->listed_ns) / 1e9);
    uint64_t headroom =
        policy->headroom_kib > 0 ? policy->headroom_kib : headroom_of_need(w->need_kib);
    int64_t leaves = (int64_t)(target_kib + g->tot_offset_kib) - (int64_t)g->current_offset_kib -
                     (int64_t)w->need_kib;

    if (leaves + LEARNED_KIB < (int64_t)headroom && !policy->may_reclaim_swap)
        checker_complain(c, domid,
                         "I5 a target of %" PRIu64 " leaves %" PRId64 " of need %" PRIu64
                         ", headroom %" PRIu64,
                         target_kib, leaves, w->need_kib, headroom);
    w->has_shrunk = true;
    w->settled_ns = 0;
}

static uint64_t away(uint64_t target, uint64_t floor, uint64_t ceiling)
{
    if (target > ceiling)
        return target - ceiling;
    return target < floor ? floor - target : 0;
}

/* I2: the cap and the claim come before a target that is raised. */
static void check_grow(struct checker *c, uint16_t domid, uint64_t target_kib)
{
    const struct sim_guest *g = checker_guest(c, domid);
    const struct watched *w = checker_watched(c, domid);
    uint64_t tot = target_kib + g->tot_offset_kib;
    uint64_t start = c->policies[domid - 1].start_kib;

    c->grows++;
    if (g->domain.max_kib < target_kib + g->facts.videoram_kib)
        checker_complain(c, domid, "I2 a target of %" PRIu64 " above the cap %" PRIu64, target_kib,
                         g->domain.max_kib);
    if (tot > g->domain.tot_kib + (uint64_t)LEARNED_KIB &&
        g->domain.outstanding_kib + g->domain.tot_kib + (uint64_t)LEARNED_KIB < tot)
        checker_complain(c, domid, "I2 a target of %" PRIu64 " with a claim of %" PRIu64,
                         target_kib, g->domain.outstanding_kib);
    if (w->record_ns == 0 && target_kib > floor_of(c, domid) &&
        target_kib > (start > 0 ? start : w->first_kib))
        checker_complain(c, domid, "I8 growth to %" PRIu64 " without any good record", target_kib);
}

static bool set_target(struct actuator *a, uint16_t domid, uint64_t target_kib, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;
    int64_t before = checker_surplus_kib(c);

    note(c, 3, domid, target_kib);
    if (is_allowed(c, domid, "set_target")) {
        struct watched *w = checker_watched(c, domid);
        uint64_t was = checker_target_kib(w);
        uint64_t ceiling = checker_ceiling_kib(c, domid);
        /* a floor that is not set may lie above the ceiling: then the ceiling counts */
        uint64_t floor = floor_of(c, domid) < ceiling ? floor_of(c, domid) : ceiling;
        uint64_t off = away(target_kib, floor, ceiling);

        /* pages that it has not: nothing is taken */
        bool is_withdrawn = target_kib < was && is_judged_stuck(c, domid) &&
                            target_kib + checker_guest(c, domid)->tot_offset_kib + 128 >=
                                checker_guest(c, domid)->domain.tot_kib;

        /* waking a driver moves a target by one page and puts it back, wherever it lies */
        bool is_nudge = target_kib + NUDGE_KIB == was || was + NUDGE_KIB == target_kib;

        if (off > 0 && off >= away(was, floor, ceiling) && !is_nudge)
            checker_complain(c, domid,
                             "I4 %" PRIu64 " is outside %" PRIu64 "..%" PRIu64 " (was %" PRIu64 ")",
                             target_kib, floor, ceiling, was);
        if (c->world->now_ns < w->foreign_until_ns)
            checker_complain(c, domid, "I6 a target is written while somebody else's holds");
        if (c->hung_ns != 0)
            checker_complain(c, domid, "a target is written while xenstore hangs");
        if (c->policies[domid - 1].kind == POLICY_FIXED || c->policies[domid - 1].is_stopped)
            checker_complain(c, domid, "a target is written for a VM that is fixed or stopped");
        if (is_nudge)
            c->nudges++;
        else if (target_kib < was && !is_withdrawn)
            check_shrink(c, domid, target_kib);
        else if (target_kib > was)
            check_grow(c, domid, target_kib);
        w->written_kib[w->written++ % 8] = w->known_kib = target_kib;
    }
    bool is_ok = c->world->actuator.ops->set_target(&c->world->actuator, domid, target_kib, err);

    check_ledger(c, domid, "set_target", before);
    return is_ok;
}

static bool tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                 struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;

    return c->world->actuator.ops->tell(&c->world->actuator, domid, node, value, err);
}

static const struct actuator_ops ops = {.kind = "checked",
                                        .read = read_host,
                                        .set_cap = set_cap,
                                        .claim = claim,
                                        .set_target = set_target,
                                        .tell = tell};

void checker_begin(struct checker *c, struct sim_world *world, struct engine *engine,
                   const struct policy *policies)
{
    struct watched *watched = c->watched;
    struct host_domain *scratch = c->scratch;
    const char *where = c->where;

    *c = (struct checker){.actuator = {&ops},
                          .world = world,
                          .engine = engine,
                          .policies = policies,
                          .watched = watched,
                          .scratch = scratch,
                          .where = where,
                          .is_strict_about_hunger = true,
                          .inner = sim_engine_controller(engine),
                          .log = 1469598103};
    c->controller = checker_controller(c);
    memset(watched, 0, world->room * sizeof *watched);
}
