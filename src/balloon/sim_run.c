#include "balloon/sim_run.h"

#include "common/units.h"

#define HUNG_NS (2 * NS_PER_S) /* no answer for so long is the state "xenstore hung" */
#define AGAIN_NS (NS_PER_S / 10)

/* ---- the engine as a controller ---- */

static void engine_takes_record(struct sim_controller *c, uint16_t domid, const char *text,
                                size_t length, int64_t now_ns)
{
    engine_record(c->context, domid, text, length, now_ns);
}

static bool engine_takes_facts(struct sim_controller *c, uint16_t domid,
                               const struct vm_facts *facts, int64_t now_ns)
{
    if (engine_find(c->context, domid) == NULL)
        return false;
    engine_facts(c->context, domid, facts, now_ns);
    return true;
}

static bool engine_lacks_facts(struct sim_controller *c, uint16_t domid)
{
    const struct vm *vm = engine_find(c->context, domid);

    return vm != NULL && vm->facts.target_kib == 0;
}

static void engine_hangs(struct sim_controller *c, bool is_hung)
{
    struct engine *engine = c->context;

    engine->rules.is_xenstore_hung = is_hung;
}

static bool engine_runs(struct sim_controller *c, const struct cause *cause, struct error *err)
{
    return engine_run(c->context, cause, err);
}

static int64_t engine_waits(struct sim_controller *c)
{
    return engine_next_ns(c->context);
}

struct sim_controller sim_engine_controller(struct engine *engine)
{
    return (struct sim_controller){.record = engine_takes_record,
                                   .facts = engine_takes_facts,
                                   .lacks_facts = engine_lacks_facts,
                                   .hang = engine_hangs,
                                   .run = engine_runs,
                                   .next_ns = engine_waits,
                                   .context = engine};
}

/* ---- the loop ---- */

static bool run_now(struct sim_run *r, const struct cause *cause, struct error *err)
{
    r->runs++;
    if (!r->controller->run(r->controller, cause, err))
        return false;
    r->timer_ns = r->controller->next_ns(r->controller);
    return true;
}

static bool bring_facts(struct sim_run *r, struct sim_guest *g)
{
    int64_t now = r->world->now_ns;

    g->facts_due_ns = now + AGAIN_NS;
    if (!r->controller->facts(r->controller, g->domain.domid, &g->facts, now))
        return false;
    g->facts_due_ns = INT64_MAX;
    return true;
}

static void bring_record(struct sim_run *r, struct sim_guest *g)
{
    g->text_due_ns = INT64_MAX;
    r->controller->record(r->controller, g->domain.domid, g->text, g->text_length,
                          r->world->now_ns);
}

/* A hang is noticed after two seconds; when it is over everything is read anew. */
static void notice_hang(struct sim_run *r)
{
    int64_t now = r->world->now_ns;

    if (r->world->is_hung && r->hung_ns == 0)
        r->hung_ns = now;
    if (r->hung_ns != 0)
        r->controller->hang(r->controller, r->world->is_hung && now - r->hung_ns >= HUNG_NS);
    if (!r->world->is_hung)
        r->hung_ns = 0;
}

/* What came of one guest. True: something did. */
static bool bring_news(struct sim_run *r, struct sim_guest *g)
{
    int64_t now = r->world->now_ns;
    bool is_introduced = g->facts_due_ns == INT64_MAX && g->life != LIFE_BUILDING;
    bool are_facts_due =
        g->facts_due_ns <= now ||
        (is_introduced && r->controller->lacks_facts(r->controller, g->domain.domid));
    bool has_news = are_facts_due && bring_facts(r, g);

    if (g->text_due_ns > now)
        return has_news;
    bring_record(r, g);
    return true;
}

/* As the daemon does it: all that came, then one run. */
static bool bring(struct sim_run *r, struct error *err)
{
    struct sim_world *w = r->world;
    struct cause cause = {.kind = CAUSE_TIMER};
    bool is_due = r->timer_ns <= w->now_ns;

    for (size_t i = 0; i < w->count && !w->is_hung; i++) {
        struct sim_guest *g = &w->guests[i];

        if (g->life == LIFE_NONE || !bring_news(r, g))
            continue;
        cause = (struct cause){CAUSE_RECORD, g->figures.seq, g->domain.domid};
        is_due = true;
    }
    return !is_due || run_now(r, &cause, err);
}

bool sim_run_until(struct sim_run *r, int64_t until_ns, struct error *err)
{
    while (r->world->now_ns < until_ns) {
        int64_t next = sim_world_next_ns(r->world);

        if (r->timer_ns > r->world->now_ns && r->timer_ns < next)
            next = r->timer_ns;
        sim_world_pass(r->world, next < until_ns ? next : until_ns);
        if (r->watch != NULL)
            r->watch(r->context, r->world);
        notice_hang(r);
        if (!bring(r, err))
            return false;
    }
    return true;
}
