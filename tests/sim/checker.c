#include "checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

#define MIB INT64_C(1024)
#define S NS_PER_S
#define NUDGE_KIB 4
#define LEARNED_KIB (2 * MIB) /* offsets are learned: targets are exact to this */

static void __attribute__((format(printf, 3, 4)))
complain(struct checker *c, uint16_t domid, const char *fmt, ...)
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

static struct sim_guest *guest_of(const struct checker *c, uint16_t domid)
{
    return sim_world_guest(c->world, domid);
}

static struct watched *watched_of(struct checker *c, uint16_t domid)
{
    return &c->watched[domid - 1];
}

/* The target as far as the engine can know: what it wrote, or was told. */
static uint64_t known_target(const struct watched *w)
{
    return w->known_kib > 0 ? w->known_kib : w->first_kib;
}

static uint64_t floor_of(const struct checker *c, uint16_t domid)
{
    uint64_t floor = c->policies[domid - 1].floor_kib;

    return floor > 0 ? floor : c->watched[domid - 1].first_kib;
}

static uint64_t ceiling_of(const struct checker *c, uint16_t domid)
{
    uint64_t ceiling = c->policies[domid - 1].ceiling_kib;
    uint64_t most = guest_of(c, domid)->facts.static_max_kib;

    return ceiling > 0 && ceiling < most ? ceiling : most;
}

/* A new life: nothing of the last one counts. */
static void meet(struct checker *c, const struct host_domain *d)
{
    struct watched *w = watched_of(c, d->domid);

    if (w->listed_ns != 0 && uuid_is_equal(&w->uuid, &d->uuid))
        return;
    *w = (struct watched){.uuid = d->uuid,
                          .listed_ns = c->world->now_ns,
                          .first_kib = guest_of(c, d->domid)->facts.target_kib,
                          .tot_kib = d->tot_kib,
                          .tot_ns = c->world->now_ns};
}

/* ---- what the engine does ---- */

/* I3, I6, I7: may anything be done to this domain now? */
static bool is_allowed(struct checker *c, uint16_t domid, const char *what)
{
    struct sim_guest *g = domid == 0 ? NULL : guest_of(c, domid);

    if (domid == 0)
        complain(c, domid, "I7 %s on dom0", what);
    else if (g == NULL)
        complain(c, domid, "I6 %s on a domain that is not there", what);
    else if (g->life != LIFE_RUNNING)
        complain(c, domid, "I6 %s on a domain in life %d", what, (int)g->life);
    else if (watched_of(c, domid)->is_renamed)
        complain(c, domid, "I6 %s on a migrating domain", what);
    if (c->read_ns != c->world->now_ns)
        complain(c, domid, "I3 %s on a reading that is %.3f s old", what,
                 (double)(c->world->now_ns - c->read_ns) / 1e9);
    return g != NULL;
}

/* I1 around one call. */
static void check_ledger(struct checker *c, uint16_t domid, const char *what, int64_t before)
{
    int64_t after = checker_surplus_kib(c);

    if (after < 0 && after < before)
        complain(c, domid, "I1 %s brings surplus from %" PRId64 " to %" PRId64 " KiB", what, before,
                 after);
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
            watched_of(c, view->domains[i].domid)->read_cap_kib = view->domains[i].max_kib;
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
        const struct sim_guest *g = guest_of(c, domid);
        const struct watched *w = watched_of(c, domid);

        if (cap_kib < g->domain.max_kib && cap_kib < g->domain.tot_kib) {
            if (!is_judged_stuck(c, domid))
                complain(c, domid, "I2 the cap goes to %" PRIu64 ", below tot %" PRIu64, cap_kib,
                         g->domain.tot_kib);
            else if (c->world->now_ns - w->tot_ns < 2 * S)
                complain(c, domid, "I2 judged stuck, but it moved %.3f s ago",
                         (double)(c->world->now_ns - w->tot_ns) / 1e9);
        }
        if (cap_kib < known_target(w) + g->facts.videoram_kib)
            complain(c, domid, "I2 the cap %" PRIu64 " is below the target %" PRIu64, cap_kib,
                     known_target(w));
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
    const struct sim_guest *g = guest_of(c, domid);
    struct watched *w = watched_of(c, domid);
    uint64_t full = known_target(w) + g->tot_offset_kib;

    if (g->life == LIFE_RUNNING && g->domain.outstanding_kib > 0 &&
        g->domain.tot_kib + (uint64_t)LEARNED_KIB < full && c->world->now_ns - w->claim_ns < 5 * S)
        w->ended_missing_kib = full - g->domain.tot_kib;
}

static bool claim(struct actuator *a, uint16_t domid, uint64_t total_kib, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;
    int64_t before = checker_surplus_kib(c);
    /* its own claim may be given back whatever became of the domain */
    bool is_own_end = total_kib == 0 && domid != 0 && guest_of(c, domid) != NULL &&
                      watched_of(c, domid)->claim_ns != 0;
    bool is_known = is_own_end || is_allowed(c, domid, total_kib > 0 ? "claim" : "end of claim");

    if (is_own_end)
        note_claim_end(c, domid);
    else if (domid != 0 && guest_of(c, domid) != NULL)
        watched_of(c, domid)->ended_missing_kib = 0;
    note(c, 2, domid, total_kib);
    bool is_ok = c->world->actuator.ops->claim(&c->world->actuator, domid, total_kib, err);

    if (!is_ok && err->code != ERR_REFUSED)
        complain(c, domid, "I2 an impossible claim: %s", err->text);
    if (is_known)
        watched_of(c, domid)->claim_ns =
            guest_of(c, domid)->domain.outstanding_kib > 0 ? c->world->now_ns : 0;
    check_ledger(c, domid, "claim", before);
    return is_ok;
}

/* I5, and I6's first minute. */
static void check_shrink(struct checker *c, uint16_t domid, uint64_t target_kib)
{
    const struct sim_guest *g = guest_of(c, domid);
    const struct policy *policy = &c->policies[domid - 1];
    struct watched *w = watched_of(c, domid);
    int64_t now = c->world->now_ns;

    c->shrinks++;
    if (w->record_ns == 0 || now - w->record_ns > 15 * S)
        complain(c, domid, "I5 a shrink without a fresh record");
    if (w->shrinks++ > 0)
        complain(c, domid, "I5 a second shrink on one record");
    if (now - w->listed_ns < 60 * S)
        complain(c, domid, "I6 a shrink after %.1f s", (double)(now - w->listed_ns) / 1e9);
    uint64_t headroom =
        policy->headroom_kib > 0 ? policy->headroom_kib : headroom_of_need(w->need_kib);
    int64_t leaves = (int64_t)(target_kib + g->tot_offset_kib) - (int64_t)g->current_offset_kib -
                     (int64_t)w->need_kib;

    if (leaves + LEARNED_KIB < (int64_t)headroom && !policy->may_reclaim_swap)
        complain(c, domid,
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
    const struct sim_guest *g = guest_of(c, domid);
    const struct watched *w = watched_of(c, domid);
    uint64_t tot = target_kib + g->tot_offset_kib;
    uint64_t start = c->policies[domid - 1].start_kib;

    c->grows++;
    if (g->domain.max_kib < target_kib + g->facts.videoram_kib)
        complain(c, domid, "I2 a target of %" PRIu64 " above the cap %" PRIu64, target_kib,
                 g->domain.max_kib);
    if (tot > g->domain.tot_kib + (uint64_t)LEARNED_KIB &&
        g->domain.outstanding_kib + g->domain.tot_kib + (uint64_t)LEARNED_KIB < tot)
        complain(c, domid, "I2 a target of %" PRIu64 " with a claim of %" PRIu64, target_kib,
                 g->domain.outstanding_kib);
    if (w->record_ns == 0 && target_kib > floor_of(c, domid) &&
        target_kib > (start > 0 ? start : w->first_kib))
        complain(c, domid, "I8 growth to %" PRIu64 " without any good record", target_kib);
}

static bool set_target(struct actuator *a, uint16_t domid, uint64_t target_kib, struct error *err)
{
    struct checker *c = (struct checker *)(void *)a;
    int64_t before = checker_surplus_kib(c);

    note(c, 3, domid, target_kib);
    if (is_allowed(c, domid, "set_target")) {
        struct watched *w = watched_of(c, domid);
        uint64_t was = known_target(w);
        uint64_t ceiling = ceiling_of(c, domid);
        /* a floor that is not set may lie above the ceiling: then the ceiling counts */
        uint64_t floor = floor_of(c, domid) < ceiling ? floor_of(c, domid) : ceiling;
        uint64_t off = away(target_kib, floor, ceiling);

        /* pages that it has not: nothing is taken */
        bool is_withdrawn = target_kib < was && is_judged_stuck(c, domid) &&
                            target_kib + guest_of(c, domid)->tot_offset_kib + 128 >=
                                guest_of(c, domid)->domain.tot_kib;

        /* waking a driver moves a target by one page and puts it back, wherever it lies */
        bool is_nudge = target_kib + NUDGE_KIB == was || was + NUDGE_KIB == target_kib;

        if (off > 0 && off >= away(was, floor, ceiling) && !is_nudge)
            complain(c, domid,
                     "I4 %" PRIu64 " is outside %" PRIu64 "..%" PRIu64 " (was %" PRIu64 ")",
                     target_kib, floor, ceiling, was);
        if (c->world->now_ns < w->foreign_until_ns)
            complain(c, domid, "I6 a target is written while somebody else's holds");
        if (c->hung_ns != 0)
            complain(c, domid, "a target is written while xenstore hangs");
        if (c->policies[domid - 1].kind == POLICY_FIXED || c->policies[domid - 1].is_stopped)
            complain(c, domid, "a target is written for a VM that is fixed or stopped");
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

/* ---- what the engine hears ---- */

/* Whether a record can be, by the world's own knowledge of it and not by its text. */
static bool is_good(const struct sim_guest *g, const struct watched *w)
{
    uint64_t cap = g->domain.max_kib > w->read_cap_kib ? g->domain.max_kib : w->read_cap_kib;

    if (cap < g->domain.tot_kib) /* a cap that somebody lowered at once */
        cap = g->domain.tot_kib;
    uint64_t most = cap + cap / 64;

    if (g->traits.word == WORD_GARBAGE || g->traits.word == WORD_OTHERS)
        return false;
    return g->figures.total_kib <= most && g->figures.current_kib <= most;
}

static uint64_t said_available(const struct sim_guest *g)
{
    const char *at = strstr(g->text, " avail=");
    uint64_t value = 0;

    if (at != NULL)
        (void)sscanf(at, " avail=%" SCNu64, &value);
    return value;
}

static void hear_record(struct sim_controller *s, uint16_t domid, const char *text, size_t length,
                        int64_t now_ns)
{
    struct checker *c = s->context;
    const struct sim_guest *g = guest_of(c, domid);
    struct watched *w = watched_of(c, domid);

    /* a record reaches the engine only after it has listed the domain */
    if (g != NULL && engine_find(c->engine, domid) != NULL && is_good(g, w)) {
        w->record_ns = now_ns;
        w->shrinks = 0;
        w->need_kib = g->figures.current_kib - said_available(g);
        w->swap_free_kib = g->figures.swap_free_kib;
    }
    c->inner.record(&c->inner, domid, text, length, now_ns);
}

static bool is_ours(const struct watched *w, uint64_t target_kib)
{
    for (unsigned i = 0; i < 8 && i < w->written; i++)
        if (w->written_kib[i] == target_kib)
            return true;
    return false;
}

/* I6: ten minutes, and after three in an hour until a person says so. */
static void note_foreign(struct watched *w, int64_t now_ns)
{
    memmove(w->foreign_ns, w->foreign_ns + 1, 2 * sizeof *w->foreign_ns);
    w->foreign_ns[2] = now_ns;
    bool is_third = w->foreign_ns[0] != 0 && now_ns - w->foreign_ns[0] <= 3600 * S;

    w->foreign_until_ns = is_third ? INT64_MAX : now_ns + 600 * S;
    w->written = 0; /* the present target is no longer one of ours */
}

static bool hear_facts(struct sim_controller *s, uint16_t domid, const struct vm_facts *facts,
                       int64_t now_ns)
{
    struct checker *c = s->context;
    struct watched *w = watched_of(c, domid);
    if (!c->inner.facts(&c->inner, domid, facts, now_ns))
        return false;
    w->is_renamed = strstr(facts->name, "--") != NULL;
    if (!w->has_facts)
        w->first_kib = w->told_kib = facts->target_kib;
    else if (facts->target_kib != w->told_kib && !is_ours(w, facts->target_kib))
        note_foreign(w, now_ns);
    w->has_facts = true;
    w->told_kib = w->known_kib = facts->target_kib;
    return true;
}

static bool lacks_facts(struct sim_controller *s, uint16_t domid)
{
    struct checker *c = s->context;

    return c->inner.lacks_facts(&c->inner, domid);
}

static void hear_hang(struct sim_controller *s, bool is_hung)
{
    struct checker *c = s->context;

    if (is_hung && c->hung_ns == 0)
        c->hung_ns = c->world->now_ns;
    else if (!is_hung)
        c->hung_ns = 0;
    c->inner.hang(&c->inner, is_hung);
}

/* I3: 50 ms while a transfer is open: a claim of ours is. */
static int64_t wait_for(struct sim_controller *s)
{
    struct checker *c = s->context;
    int64_t next = c->inner.next_ns(&c->inner);
    int64_t wait = next - c->world->now_ns;

    for (size_t i = 0; i < c->world->count; i++) {
        const struct sim_guest *g = &c->world->guests[i];

        if (g->life == LIFE_RUNNING && g->domain.outstanding_kib > 0 && wait > S / 20)
            complain(c, g->domain.domid, "I3 the next look is in %.3f s with a transfer open",
                     (double)wait / 1e9);
    }
    if (wait <= 0 || wait > S)
        complain(c, 0, "I3 the next look is in %.3f s", (double)wait / 1e9);
    return wait > 0 ? next : c->world->now_ns + S / 1000;
}

static bool run(struct sim_controller *s, const struct cause *cause, struct error *err)
{
    struct checker *c = s->context;

    if (c->before_run != NULL)
        c->before_run(c->context);
    return c->inner.run(&c->inner, cause, err);
}

/* ---- states of the world ---- */

static void watch_claim(struct checker *c, const struct sim_guest *g, struct watched *w)
{
    if (w->ended_missing_kib > 0 && g->life == LIFE_RUNNING)
        complain(c, g->domain.domid, "I2 a claim ended with %" PRIu64 " KiB to come",
                 w->ended_missing_kib);
    w->ended_missing_kib = 0;
    if (g->life == LIFE_RUNNING && !w->is_renamed && w->claim_ns != 0 &&
        g->domain.outstanding_kib > 0 && c->world->now_ns - w->claim_ns > 6 * S + S / 5)
        complain(c, g->domain.domid, "I2 a claim is open for more than 6 s");
}

/* I1: a donor's cap comes down behind its pages. */
static void watch_cap(struct checker *c, const struct sim_guest *g, struct watched *w)
{
    uint64_t slack = (uint64_t)(MIB + LEARNED_KIB);
    int64_t now = c->world->now_ns;

    if (!w->has_shrunk || g->life != LIFE_RUNNING || w->is_renamed ||
        g->domain.tot_kib > g->facts.target_kib + 2 * g->tot_offset_kib + 128 ||
        g->domain.max_kib <=
            g->facts.target_kib + g->facts.videoram_kib + g->tot_offset_kib + slack)
        w->settled_ns = 0;
    else if (w->settled_ns == 0)
        w->settled_ns = now;
    else if (now - w->settled_ns > 4 * S && c->engine->rules.mode == MODE_ON &&
             now >= w->foreign_until_ns) {
        complain(c, g->domain.domid, "I1 cap %" PRIu64 " stays above target %" PRIu64,
                 g->domain.max_kib, g->facts.target_kib);
        w->has_shrunk = false;
    }
}

/* Is it short though it cooperates, and the host could give it what it lacks? */
static bool is_hungry(const struct checker *c, const struct sim_guest *g, const struct watched *w,
                      uint64_t *missing)
{
    const struct policy *policy = &c->policies[g->domain.domid - 1];
    const struct host_rules *rules = &c->engine->rules;
    uint64_t headroom = sim_guest_headroom_kib(g);
    uint64_t available = sim_guest_available_kib(g);
    uint64_t need = sim_guest_current_kib(g) - available;

    *missing = headroom > available ? headroom - available : 0;
    return c->is_strict_about_hunger && rules->mode == MODE_ON && !rules->is_stopped &&
           !rules->is_draining && c->hung_ns == 0 && !c->world->is_hung &&
           g->life == LIFE_RUNNING && !w->is_renamed && g->traits.word == WORD_HONEST &&
           g->traits.up_kib_s >= (UINT64_C(1) << 19) && g->traits.off_ns == 0 &&
           g->traits.sleeps_after_kib == 0 && g->traits.keeps_permill == 0 && !g->is_silent &&
           policy->kind == POLICY_DEMAND && !policy->is_stopped && policy->headroom_kib == 0 &&
           policy->spend_cap_milli == 0 && c->world->now_ns >= w->foreign_until_ns &&
           g->program.greedy_permill == 0 && g->swap_total_kib == 0 && available < headroom / 2 &&
           need + headroom + (uint64_t)LEARNED_KIB < ceiling_of(c, g->domain.domid) &&
           checker_surplus_kib(c) > (int64_t)*missing + 2 * MIB;
}

/* A cooperative VM in need is satisfied in a bounded time when the surplus suffices. */
static void watch_hunger(struct checker *c, const struct sim_guest *g, struct watched *w)
{
    int64_t now = c->world->now_ns;
    uint64_t missing;

    if (!is_hungry(c, g, w, &missing)) {
        w->hungry_ns = 0;
        return;
    }
    if (w->hungry_ns == 0 || w->hungry_want_kib != g->used_kib) {
        w->hungry_ns = now;
        w->hungry_want_kib = g->used_kib;
        w->hungry_missing_kib = missing;
    }
    /* an agent's keep-alive is the slowest way to hear of it; a quarter of the pool each second */
    int64_t bound = 7 * S + (int64_t)(w->hungry_missing_kib / (64 * 1024)) * S;

    if (now - w->hungry_ns > bound) {
        complain(c, g->domain.domid,
                 "hungry for %.1f s: available %" PRIu64 ", missing %" PRIu64 ", surplus %" PRId64,
                 (double)(now - w->hungry_ns) / 1e9, sim_guest_available_kib(g), missing,
                 checker_surplus_kib(c));
        w->hungry_ns = now;
    }
}

void checker_watch(void *context, struct sim_world *world)
{
    struct checker *c = context;

    for (size_t i = 0; i < world->count; i++) {
        const struct sim_guest *g = &world->guests[i];
        struct watched *w = &c->watched[i];

        if (g->life == LIFE_NONE || w->listed_ns == 0)
            continue;
        if (w->tot_kib != g->domain.tot_kib) {
            w->tot_kib = g->domain.tot_kib;
            w->tot_ns = world->now_ns;
        }
        watch_claim(c, g, w);
        watch_cap(c, g, w);
        watch_hunger(c, g, w);
    }
}

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
    c->controller = (struct sim_controller){.record = hear_record,
                                            .facts = hear_facts,
                                            .lacks_facts = lacks_facts,
                                            .hang = hear_hang,
                                            .run = run,
                                            .next_ns = wait_for,
                                            .context = c};
    memset(watched, 0, world->room * sizeof *watched);
}
