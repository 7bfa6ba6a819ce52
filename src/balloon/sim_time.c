/*
 * Time in a made-up world: guests live, domains are built and torn down, orders are carried out.
 */
#include <stdio.h>

#include "balloon/sim_agent.h"
#include "balloon/sim_world.h"
#include "common/units.h"

#define MIB UINT64_C(1024)
#define BUILD_KIB_S (UINT64_C(2) << 20) /* a toolstack fills a domain */
#define DESTROY_KIB_S (UINT64_C(8) << 20)

/* ---- orders ---- */

static void build(struct sim_world *w, const struct sim_order *order)
{
    struct sim_guest *g = &w->guests[order->guest];
    struct error err;

    sim_world_begin(w, order->guest, 1);
    g->life = LIFE_BUILDING;
    g->domain.cpu_ns = 0;
    g->domain.tot_kib = 0;
    g->domain.max_kib = order->kib + MIB;
    g->facts.target_kib = g->seen_kib = g->next_kib = order->kib;
    g->facts_due_ns = INT64_MAX;
    if (order->kind == ORDER_BUILD && !w->actuator.ops->claim(&w->actuator, g->domain.domid,
                                                              order->kib + g->tot_offset_kib, &err))
        g->life = LIFE_NONE;
}

static void rename_guest(struct sim_world *w, struct sim_guest *g)
{
    (void)snprintf(g->facts.name, sizeof g->facts.name, "vm%u--migratedaway",
                   (unsigned)g->domain.domid);
    g->facts_due_ns = w->now_ns + SIM_WATCH_NS;
}

static void change_life(struct sim_guest *g, enum sim_life from, enum sim_life to)
{
    if (g->life == from)
        g->life = to;
}

static void obey_life(struct sim_world *w, const struct sim_order *order)
{
    struct sim_guest *g = &w->guests[order->guest];

    switch (order->kind) {
    case ORDER_PAUSE:
        change_life(g, LIFE_RUNNING, LIFE_PAUSED);
        break;
    case ORDER_UNPAUSE:
        change_life(g, LIFE_PAUSED, LIFE_RUNNING);
        break;
    case ORDER_SHUTDOWN:
        change_life(g, LIFE_RUNNING, LIFE_SHUTDOWN);
        break;
    case ORDER_DESTROY:
        g->life = LIFE_DYING;
        break;
    case ORDER_REUSE:
        sim_world_begin(w, order->guest, g->domain.uuid.bytes[13] + 1U);
        break;
    case ORDER_MIGRATE:
        rename_guest(w, g);
        break;
    case ORDER_TARGET: /* as libxl does it: the cap goes with it, either way */
        g->domain.max_kib = order->kib + g->facts.videoram_kib + MIB;
        sim_world_write_target(w, g, order->kib);
        break;
    case ORDER_SILENCE:
    case ORDER_SPEAK:
        g->is_silent = order->kind == ORDER_SILENCE;
        break;
    default:
        break;
    }
}

static void obey(struct sim_world *w, const struct sim_order *order)
{
    bool is_there = sim_world_has(&w->guests[order->guest]);

    if (order->kind == ORDER_HANG || order->kind == ORDER_CONTINUE)
        w->is_hung = order->kind == ORDER_HANG;
    else if (order->kind == ORDER_BUILD || order->kind == ORDER_BUILD_BARE) {
        if (!is_there)
            build(w, order);
    } else if (is_there) {
        obey_life(w, order);
    }
}

/* ---- what happens next ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t guest_next(const struct sim_world *w, const struct sim_guest *g)
{
    int64_t next = g->poll_ns;

    if (!w->is_hung) {
        next = earlier(next, g->text_due_ns);
        next = earlier(next, g->facts_due_ns);
        next = earlier(next, g->seen_due_ns);
    }
    if (g->step < g->program.count)
        next = earlier(next, g->program.steps[g->step].at_ns);
    if (g->life == LIFE_BUILDING || g->life == LIFE_DYING || sim_guest_is_busy(g, w->now_ns))
        next = earlier(next, w->now_ns + w->grain_ns);
    return next;
}

int64_t sim_world_next_ns(const struct sim_world *w)
{
    int64_t next = w->now_ns + NS_PER_S;

    if (w->order_next < w->order_count)
        next = earlier(next, w->orders[w->order_next].at_ns);
    for (size_t i = 0; i < w->count; i++)
        if (sim_world_has(&w->guests[i]))
            next = earlier(next, guest_next(w, &w->guests[i]));
    return next > w->now_ns ? next : w->now_ns + w->grain_ns;
}

/* ---- time passes ---- */

static uint64_t yield_kib(uint64_t kib_s, int64_t dt_ns)
{
    return (kib_s * (uint64_t)(dt_ns / 1000) / 1000000) & ~UINT64_C(3);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void tear_down(struct sim_guest *g, int64_t dt_ns)
{
    g->domain.outstanding_kib = 0;
    g->domain.tot_kib -= least(g->domain.tot_kib, yield_kib(DESTROY_KIB_S, dt_ns));
    if (g->domain.tot_kib == 0)
        g->life = LIFE_NONE;
}

/* A toolstack fills the domain, and gives up when there is nothing left. */
static void construct(struct sim_world *w, struct sim_guest *g, int64_t dt_ns)
{
    uint64_t full = g->facts.target_kib + g->tot_offset_kib;
    uint64_t by = least(full - g->domain.tot_kib, yield_kib(BUILD_KIB_S, dt_ns));

    by = least(by, sim_world_most_kib(w, g));
    sim_guest_moved(g, (int64_t)by);
    if (g->domain.tot_kib == full) {
        g->life = LIFE_RUNNING;
        g->domain.cpu_ns = 1;
        g->domain.outstanding_kib = 0;
        g->facts_due_ns = w->now_ns + SIM_INTRODUCE_NS;
    } else if (by == 0 && dt_ns >= NS_PER_S / 1000) {
        g->life = LIFE_DYING;
    }
}

static void move(struct sim_world *w, struct sim_guest *g, int64_t dt_ns)
{
    int64_t wish = sim_guest_wish_kib(g, w->now_ns, dt_ns);

    if (wish > 0)
        wish = (int64_t)least((uint64_t)wish, sim_world_most_kib(w, g));
    if (wish != 0)
        sim_guest_moved(g, wish);
}

static void pass_guest(struct sim_world *w, struct sim_guest *g, int64_t dt_ns)
{
    if (g->life == LIFE_BUILDING)
        construct(w, g, dt_ns);
    else if (g->life == LIFE_DYING)
        tear_down(g, dt_ns);
    else
        move(w, g, dt_ns);
    sim_guest_live(g, w->now_ns, dt_ns);
    if (g->seen_due_ns <= w->now_ns && g->life == LIFE_RUNNING && !w->is_hung)
        sim_guest_see_target(g);
    if (g->poll_ns <= w->now_ns || sim_agent_is_woken(g))
        sim_agent_poll(g, w->now_ns);
}

void sim_world_pass(struct sim_world *w, int64_t to_ns)
{
    int64_t dt_ns = to_ns - w->now_ns;

    w->now_ns = to_ns;
    for (size_t i = 0; i < w->count; i++)
        if (sim_world_has(&w->guests[i]))
            pass_guest(w, &w->guests[i], dt_ns);
    while (w->order_next < w->order_count && w->orders[w->order_next].at_ns <= to_ns)
        obey(w, &w->orders[w->order_next++]);
}
