#include "balloon/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "balloon/sim_run.h"

#define MIB UINT64_C(1024)
#define SWAP_ASSUMED_KIB (UINT64_C(1) << 20)
#define TURN_KIB (4 * MIB)
#define RAMP_NS NS_PER_S /* what a tick shows came about within a second */

/* ---- what is counted ---- */

static void tally_hold(struct simulate_tally *t, uint64_t tot_kib, uint64_t need_kib,
                       int64_t span_ns)
{
    uint64_t wanted = need_kib + headroom_of_need(need_kib);

    /* 2^40 KiB for 2^63 ns fit */
    (void)!usage_add_product(&t->held_kib_ns, tot_kib, (uint64_t)span_ns);
    if (wanted > tot_kib)
        (void)!usage_add_product(&t->short_kib_ns, wanted - tot_kib, (uint64_t)span_ns);
}

/* A turn is a move of TURN_KIB against the last direction, from the outermost point since. */
static void tally_turn(struct simulate_tally *t, uint64_t tot_kib)
{
    if (t->turned_at_kib == 0)
        t->turned_at_kib = tot_kib;
    int way = tot_kib >= t->turned_at_kib + TURN_KIB   ? 1
              : tot_kib + TURN_KIB <= t->turned_at_kib ? -1
                                                       : 0;
    bool is_further = (t->direction > 0 && tot_kib > t->turned_at_kib) ||
                      (t->direction < 0 && tot_kib < t->turned_at_kib);

    if (way != 0 && way != t->direction) {
        t->reversals += t->direction != 0;
        t->direction = way;
        t->turned_at_kib = tot_kib;
    } else if (is_further) {
        t->turned_at_kib = tot_kib;
    }
}

/* ---- as recorded ---- */

static void recorded_life(const struct history_life *life, struct simulate_tally *t)
{
    size_t tot = 0;
    size_t need = 0;

    for (int64_t at = life->from_ns; at < life->to_ns;) {
        int64_t next = life->to_ns;

        while (tot + 1 < life->tot.count && life->tot.list[tot + 1].at_ns <= at)
            tot++;
        while (need + 1 < life->need.count && life->need.list[need + 1].at_ns <= at)
            need++;
        if (tot + 1 < life->tot.count && life->tot.list[tot + 1].at_ns < next)
            next = life->tot.list[tot + 1].at_ns;
        if (need + 1 < life->need.count && life->need.list[need + 1].at_ns < next)
            next = life->need.list[need + 1].at_ns;
        tally_hold(t, life->tot.list[tot].kib, life->need.count > 0 ? life->need.list[need].kib : 0,
                   next - at);
        tally_turn(t, life->tot.list[tot].kib);
        at = next;
    }
}

void simulate_recorded(const struct history *h, struct simulate_tally *tallies)
{
    for (size_t i = 0; i < h->count; i++) {
        tallies[i] = (struct simulate_tally){0};
        recorded_life(&h->lives[i], &tallies[i]);
    }
}

/* ---- once more ---- */

struct simulation {
    const struct history *history;
    const struct policy *policies;
    struct simulate_tally *tallies;
    struct sim_world world;
    struct engine engine;
    struct sim_step **steps; /* by life */
    struct sim_order *orders;
    size_t order_count;
    int64_t begin_ns;   /* the world's clock at the first tick */
    int64_t watched_ns; /* up to here it is counted */
    bool has_engine;
};

/* What its programs use, for its kernel to say that it needs this. */
static uint64_t used_of_need(uint64_t need_kib)
{
    uint64_t kernel = MIB + need_kib / 512;

    return need_kib > kernel ? need_kib - kernel : 0;
}

static uint64_t need_of_guest(const struct sim_guest *g)
{
    uint64_t used = g->base_kib + g->want_kib;

    return used + MIB + used / 512;
}

static bool make_steps(struct simulation *s, size_t i, uint64_t base_kib, struct error *err)
{
    const struct levels *need = &s->history->lives[i].need;
    uint64_t before = 0;

    s->steps[i] = calloc(need->count + 1, sizeof **s->steps);
    if (s->steps[i] == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to simulate");
    for (size_t k = 0; k < need->count; k++) {
        uint64_t used = used_of_need(need->list[k].kib);
        uint64_t to = used > base_kib ? used - base_kib : 0;
        uint64_t by = to > before ? to - before : before - to;

        s->steps[i][k] = (struct sim_step){.at_ns = s->begin_ns + need->list[k].at_ns,
                                           .to_kib = to,
                                           .rate_kib_s = k == 0 ? 0 : by + 4};
        before = to;
    }
    return true;
}

static void add_order(struct simulation *s, int64_t at_ns, enum sim_order_kind kind, size_t guest,
                      uint64_t kib)
{
    s->orders[s->order_count++] = (struct sim_order){s->begin_ns + at_ns, kind, guest, kib};
}

static bool add_guest(struct simulation *s, size_t i, struct error *err)
{
    const struct history_life *life = &s->history->lives[i];
    uint64_t tot = life->tot.list[0].kib;
    uint64_t ceiling = s->policies[i].ceiling_kib;
    uint64_t static_max = life->max_kib > tot ? life->max_kib : tot;
    bool is_there = life->from_ns == 0;

    if (ceiling > static_max)
        static_max = ceiling;
    /* a domain that is first seen under construction has not all of its memory yet */
    for (size_t k = 0; !is_there && k < life->tot.count; k++)
        if (life->tot.list[k].at_ns <= life->from_ns + RAMP_NS && life->tot.list[k].kib > tot)
            tot = life->tot.list[k].kib;
    struct sim_birth_form form = {
        .model = MODEL_IDEAL,
        .tot_kib = tot & ~UINT64_C(3),
        .static_max_kib = static_max,
        .base_kib = 33 * MIB + static_max / 47, /* the least that a made-up kernel takes */
        .swap_kib = life->has_figures ? life->swap_kib : SWAP_ASSUMED_KIB};

    if (!make_steps(s, i, form.base_kib, err))
        return false;
    form.program = (struct sim_program){.steps = s->steps[i], .count = life->need.count};
    (void)sim_world_add(&s->world, &form, is_there);
    if (!is_there)
        add_order(s, life->from_ns, ORDER_BUILD, i, form.tot_kib);
    if (!life->is_open)
        add_order(s, life->to_ns, ORDER_DESTROY, i, 0);
    return true;
}

static int compare_orders(const void *left, const void *right)
{
    const struct sim_order *a = left;
    const struct sim_order *b = right;

    return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

static void find_policy(void *context, const struct uuid *uuid, const char *name,
                        struct policy *out)
{
    const struct simulation *s = context;
    size_t i = (size_t)(uuid->bytes[14] << 8 | uuid->bytes[15]);

    (void)name;
    *out = s->policies[i];
}

static void ignore_decision(void *context, const struct decision *decision)
{
    (void)context;
    (void)decision;
}

static void watch(void *context, struct sim_world *world)
{
    struct simulation *s = context;
    int64_t span_ns = world->now_ns - s->watched_ns;

    s->watched_ns = world->now_ns;
    for (size_t i = 0; i < world->count; i++) {
        const struct sim_guest *g = &world->guests[i];
        struct simulate_tally *t = &s->tallies[i];

        if (!sim_world_has(g) || g->life == LIFE_DYING)
            continue;
        tally_hold(t, g->domain.tot_kib, need_of_guest(g), span_ns);
        if (g->life == LIFE_RUNNING)
            tally_turn(t, g->domain.tot_kib);
        t->kills = g->tally.ooms;
    }
}

static bool build(struct simulation *s, const struct host_rules *rules, struct error *err)
{
    const struct history *h = s->history;

    s->steps = calloc(h->count + 1, sizeof *s->steps); /* NOLINT: pointers are meant */
    s->orders = calloc(2 * h->count + 1, sizeof *s->orders);
    if (s->steps == NULL || s->orders == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to simulate");
    if (!sim_world_init(&s->world, h->count + 1, err))
        return false;
    sim_world_reset(&s->world, h->total_kib, h->dom0.tot_kib, h->dom0.max_kib);
    s->begin_ns = s->watched_ns = s->world.now_ns;
    for (size_t i = 0; i < h->count; i++)
        if (!add_guest(s, i, err))
            return false;
    qsort(s->orders, s->order_count, sizeof *s->orders, compare_orders);
    s->world.orders = s->orders;
    s->world.order_count = s->order_count;
    if (!engine_init(&s->engine, &s->world.actuator, err))
        return false;
    s->has_engine = true;
    s->engine.rules = *rules;
    s->engine.rules.mode = MODE_ON;
    s->engine.policies = (struct policy_source){find_policy, s};
    s->engine.sink = (struct engine_sink){.decided = ignore_decision, .context = s};
    return true;
}

static void clear(struct simulation *s)
{
    if (s->has_engine)
        engine_clear(&s->engine);
    sim_world_clear(&s->world);
    for (size_t i = 0; s->steps != NULL && i < s->history->count; i++)
        free(s->steps[i]);
    free(s->steps);
    free(s->orders);
}

bool simulate_run(const struct history *h, const struct policy *policies,
                  const struct host_rules *rules, struct simulate_tally *tallies, struct error *err)
{
    struct simulation s = {.history = h, .policies = policies, .tallies = tallies};

    memset(tallies, 0, h->count * sizeof *tallies);
    bool is_ok = build(&s, rules, err);

    if (is_ok) {
        struct sim_controller controller = sim_engine_controller(&s.engine);
        struct sim_run run = {.world = &s.world,
                              .controller = &controller,
                              .watch = watch,
                              .context = &s};

        is_ok = sim_run_until(&run, s.begin_ns + h->end_ns, err);
    }
    clear(&s);
    return is_ok;
}
