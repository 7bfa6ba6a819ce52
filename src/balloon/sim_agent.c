#include "balloon/sim_agent.h"

#include <string.h>

#include "agent/figures_format.h"
#include "common/units.h"

#define FLAP_NS (NS_PER_S / 10)

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* What the kernel of the guest would say, counters included. */
static struct figures look(struct sim_guest *g, int64_t now_ns)
{
    struct figures *f = &g->figures;

    f->up_ms = (uint64_t)(now_ns - g->booted_ns) / 1000000;
    f->current_kib = sim_guest_current_kib(g);
    f->total_kib = less(f->current_kib, g->overhead_kib);
    f->available_kib = sim_guest_available_kib(g);
    f->cached_kib = g->cache_kib;
    f->free_kib = less(f->available_kib, g->cache_kib);
    f->swap_total_kib = g->swap_total_kib;
    f->swap_free_kib = less(g->swap_total_kib, g->swapped_kib);
    f->committed_kib = g->used_kib + g->swapped_kib;
    f->flags = FIGURES_HAS_PRESSURE;
    if (g->traits.up_kib_s > 0)
        f->flags |= FIGURES_HAS_BALLOON;
    return *f;
}

/* A liar's figures are possible, but not true. */
static void bend(const struct sim_guest *g, struct figures *f)
{
    bool is_short = g->traits.word == WORD_SHORT || (g->traits.word == WORD_FLAPS && g->is_flapped);

    if (is_short)
        f->available_kib = f->free_kib = 0;
    else if (g->traits.word == WORD_AMPLE || g->traits.word == WORD_FLAPS)
        f->available_kib = f->free_kib = f->total_kib;
}

static void write_record(struct sim_guest *g, const struct figures *f)
{
    g->text_length = figures_format(f, g->text);
}

/* One kind of nonsense after the other. */
static void write_garbage(struct sim_guest *g, const struct figures *f)
{
    struct figures lie = *f;

    switch (g->garbage++ % 6) {
    case 0:
        g->text_length = 0;
        return;
    case 1:
        memset(g->text, '9', sizeof g->text);
        g->text_length = sizeof g->text;
        return;
    case 2:
        memset(g->text, 0, sizeof g->text);
        g->text_length = 40;
        return;
    case 3:
        lie.available_kib = lie.total_kib + 4;
        break;
    case 4:
        lie.total_kib = lie.current_kib = FIGURES_KIB_MAX;
        lie.available_kib = 0;
        break;
    default:
        lie.swap_free_kib = lie.swap_total_kib + 1;
        break;
    }
    write_record(g, &lie);
}

static void send(struct sim_guest *g, int64_t now_ns)
{
    struct figures f = look(g, now_ns);

    g->figures.seq = f.seq = figures_next_seq(g->figures.seq);
    g->is_flapped = !g->is_flapped;
    bend(g, &f);
    if (g->traits.word == WORD_GARBAGE || g->traits.word == WORD_OTHERS)
        write_garbage(g, &f);
    else
        write_record(g, &f);
    if (g->text_due_ns == INT64_MAX) /* the newest wins: it arrives when the first would have */
        g->text_due_ns = now_ns + SIM_AGENT_WAY_NS;
}

bool sim_agent_is_woken(const struct sim_guest *g)
{
    return g->tally.stall_ns - g->polled_stall_ns >= SIM_AGENT_STALL_NS;
}

void sim_agent_poll(struct sim_guest *g, int64_t now_ns)
{
    uint64_t now_ms = (uint64_t)(now_ns / 1000000);
    uint64_t available = sim_guest_available_kib(g);
    struct pace_look look = {available, sim_guest_current_kib(g)};
    bool is_mad = g->traits.word == WORD_FLAPS || g->traits.word == WORD_GARBAGE;

    g->pace.headroom_kib = g->headroom_kib > 0 ? g->headroom_kib : sim_guest_headroom_kib(g);
    g->polled_stall_ns = g->tally.stall_ns;
    bool is_due = is_mad || pace_is_due(&g->pace, now_ms, &look);

    g->poll_ns = is_mad ? now_ns + FLAP_NS
                        : (int64_t)pace_next_look_ms(&g->pace, now_ms, available) * 1000000;
    if (g->poll_ns <= now_ns)
        g->poll_ns = now_ns + 1000000;
    if (!is_due || g->life != LIFE_RUNNING || g->is_silent || g->traits.word == WORD_NONE)
        return;
    pace_sent(&g->pace, now_ms, &look);
    send(g, now_ns);
}
