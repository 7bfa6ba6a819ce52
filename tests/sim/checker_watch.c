#include "checker_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    const struct sim_guest *g = checker_guest(c, domid);
    struct watched *w = checker_watched(c, domid);

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
    struct watched *w = checker_watched(c, domid);
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
            checker_complain(c, g->domain.domid,
                             "I3 the next look is in %.3f s with a transfer open",
                             (double)wait / 1e9);
    }
    if (wait <= 0 || wait > S)
        checker_complain(c, 0, "I3 the next look is in %.3f s", (double)wait / 1e9);
    return wait > 0 ? next : c->world->now_ns + S / 1000;
}

static bool run(struct sim_controller *s, const struct cause *cause, struct error *err)
{
    struct checker *c = s->context;

    if (c->before_run != NULL)
        c->before_run(c->context);
    return c->inner.run(&c->inner, cause, err);
}

struct sim_controller checker_controller(struct checker *c)
{
    return (struct sim_controller){.record = hear_record,
                                   .facts = hear_facts,
                                   .lacks_facts = lacks_facts,
                                   .hang = hear_hang,
                                   .run = run,
                                   .next_ns = wait_for,
                                   .context = c};
}

/* ---- states of the world ---- */

static void watch_claim(struct checker *c, const struct sim_guest *g, struct watched *w)
{
    if (w->ended_missing_kib > 0 && g->life == LIFE_RUNNING)
        checker_complain(c, g->domain.domid, "I2 a claim ended with %" PRIu64 " KiB to come",
                         w->ended_missing_kib);
    w->ended_missing_kib = 0;
    if (g->life == LIFE_RUNNING && !w->is_renamed && w->claim_ns != 0 &&
        g->domain.outstanding_kib > 0 && c->world->now_ns - w->claim_ns > 6 * S + S / 5)
        checker_complain(c, g->domain.domid, "I2 a claim is open for more than 6 s");
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
        checker_complain(c, g->domain.domid, "I1 cap %" PRIu64 " stays above target %" PRIu64,
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
           g->traits.up_kib_s >= (UINT64_C(1) << 19) && g->traits.down_kib_s > 0 &&
           g->traits.off_ns == 0 && g->traits.sleeps_after_kib == 0 &&
           g->traits.keeps_permill == 0 && !g->is_silent && policy->kind == POLICY_DEMAND &&
           !policy->is_stopped && policy->headroom_kib == 0 && policy->spend_cap_milli == 0 &&
           c->world->now_ns >= w->foreign_until_ns && g->program.greedy_permill == 0 &&
           g->swap_total_kib == 0 && available < headroom / 2 &&
           need + headroom + (uint64_t)LEARNED_KIB < checker_ceiling_kib(c, g->domain.domid) &&
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
        checker_complain(c, g->domain.domid,
                         "hungry for %.1f s: available %" PRIu64 ", missing %" PRIu64
                         ", surplus %" PRId64,
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
