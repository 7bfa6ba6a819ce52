/*
 * Time goes in steps of some ms while anything moves, so that plain sums of rate * dt do. Every
 * quantity is a whole number of KiB; what a rate yields in one step is rounded down.
 */
#include "balloon/sim_guest.h"

#include <string.h>

#include "common/units.h"

enum { PAGE_KIB = 4 };

#define MIB UINT64_C(1024)
#define SWAP_KIB_S (UINT64_C(200) << 10) /* a disk's rate, in and out */
#define DENIED_MOST_NS INT64_C(60000000) /* then the kernel kills */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* What a rate yields in dt_ns; at most 2^40 KiB/s and a second at a time. */
static uint64_t yield_kib(uint64_t rate_kib_s, int64_t dt_ns)
{
    uint64_t us = (uint64_t)dt_ns / 1000;

    return rate_kib_s * us / 1000000;
}

void sim_guest_init(struct sim_guest *g, const struct sim_birth_form *form, int64_t now_ns)
{
    struct host_domain domain = g->domain;

    memset(g, 0, sizeof *g);
    g->life = LIFE_RUNNING;
    g->domain = domain;
    g->traits = *sim_model_traits(form->model);
    g->program = form->program;
    if (g->program.greedy_permill == 0)
        g->program.greedy_permill = g->traits.greedy_permill;
    g->tot_offset_kib = form->is_pvh ? 64 : 0;
    g->domain.tot_kib = form->tot_kib + g->tot_offset_kib;
    g->domain.max_kib = form->tot_kib + MIB;
    g->domain.outstanding_kib = 0;
    g->domain.cpu_ns = 1;
    g->facts = (struct vm_facts){.target_kib = form->tot_kib,
                                 .static_max_kib = form->static_max_kib,
                                 .has_pci_device = form->has_pci_device};
    g->facts_due_ns = now_ns;
    g->seen_kib = g->next_kib = form->tot_kib;
    g->seen_due_ns = g->text_due_ns = INT64_MAX;
    g->shrink_from = g->domain.tot_kib;
    /* as measured: 43 MiB at a ceiling of 512 MiB, 54 at 1024 */
    g->overhead_kib = 32 * MIB + form->static_max_kib / 47;
    g->base_kib = form->base_kib > g->overhead_kib ? form->base_kib : g->overhead_kib + 24 * MIB;
    g->used_kib = g->base_kib;
    g->swap_total_kib = form->swap_kib;
    g->booted_ns = now_ns;
    g->poll_ns = now_ns + NS_PER_S;
    pace_init(&g->pace);
    g->headroom_kib = 0;
}

uint64_t sim_guest_current_kib(const struct sim_guest *g)
{
    return less(g->domain.tot_kib, g->current_offset_kib);
}

/* What the kernel keeps for itself, and counts as not available. */
static uint64_t watermark_kib(const struct sim_guest *g)
{
    return MIB + sim_guest_current_kib(g) / 512;
}

uint64_t sim_guest_available_kib(const struct sim_guest *g)
{
    return less(sim_guest_current_kib(g), g->used_kib + watermark_kib(g));
}

uint64_t sim_guest_headroom_kib(const struct sim_guest *g)
{
    return headroom_of_need(g->used_kib + watermark_kib(g));
}

/* ---- programs ---- */

static void follow_steps(struct sim_guest *g, int64_t now_ns, int64_t dt_ns)
{
    while (g->step < g->program.count && g->program.steps[g->step].at_ns <= now_ns) {
        g->to_kib = g->program.steps[g->step].to_kib;
        g->rate_kib_s = g->program.steps[g->step].rate_kib_s;
        g->is_killed = false;
        g->step++;
    }
    if (g->is_killed)
        return;
    uint64_t far = g->want_kib < g->to_kib ? g->to_kib - g->want_kib : g->want_kib - g->to_kib;
    uint64_t by = g->rate_kib_s == 0 ? far : least(far, yield_kib(g->rate_kib_s, dt_ns));

    if (g->want_kib < g->to_kib)
        g->want_kib += by;
    else
        g->want_kib -= by;
}

/* A greedy program sizes itself by what it sees, and leaves no less than two watermarks. */
static uint64_t greedy_kib(const struct sim_guest *g, int64_t dt_ns)
{
    uint64_t current = sim_guest_current_kib(g);
    uint64_t share = current / 1000 * g->program.greedy_permill;
    uint64_t goal = less(least(share, less(current, 3 * watermark_kib(g))), g->base_kib);
    uint64_t has = less(g->used_kib + g->swapped_kib, g->base_kib);

    if (goal <= has)
        return goal;
    return has + least(goal - has, yield_kib(g->traits.greedy_kib_s, dt_ns));
}

static void kill_program(struct sim_guest *g)
{
    g->figures.oom_kills++;
    g->tally.ooms++;
    g->is_killed = true;
    g->want_kib = g->to_kib = 0;
    g->used_kib = g->base_kib;
    g->swapped_kib = 0;
    g->denied_ns = 0;
}

static void give_back(struct sim_guest *g, uint64_t freed)
{
    uint64_t from_swap = least(g->swapped_kib, freed);

    g->swapped_kib -= from_swap;
    g->used_kib -= least(g->used_kib, freed - from_swap);
}

/* Pushes up to `wanted` out to swap; what did not fit or was too slow is returned. */
static uint64_t push_out(struct sim_guest *g, uint64_t wanted, int64_t dt_ns)
{
    uint64_t room = less(g->swap_total_kib, g->swapped_kib);
    uint64_t out = least(least(wanted, room), yield_kib(SWAP_KIB_S, dt_ns));

    g->swapped_kib += out;
    g->figures.swap_out += out / PAGE_KIB;
    return wanted - out;
}

/* Reads back what was pushed out, as far as there is room; the rest is read and pushed out again.
 */
static bool read_back(struct sim_guest *g, uint64_t room, int64_t dt_ns)
{
    uint64_t in = least(g->swapped_kib, yield_kib(SWAP_KIB_S, dt_ns));
    uint64_t fits = least(in, room);

    g->used_kib += fits;
    g->swapped_kib -= fits;
    g->figures.swap_in += in / PAGE_KIB;
    g->figures.swap_out += (in - fits) / PAGE_KIB;
    g->figures.major_faults += in / PAGE_KIB;
    return in > 0;
}

/* Gives the program what it wants, as far as there is memory. Returns whether it had to wait. */
static bool serve(struct sim_guest *g, uint64_t wanted, int64_t dt_ns)
{
    uint64_t most = less(sim_guest_current_kib(g), watermark_kib(g) / 2);
    uint64_t has = g->used_kib + g->swapped_kib;
    uint64_t denied = 0;

    if (wanted < has)
        give_back(g, has - wanted);
    if (g->used_kib > most) { /* the balloon took what was in use */
        uint64_t over = g->used_kib - most;

        denied = push_out(g, over, dt_ns);
        g->used_kib -= over - denied;
    } else if (wanted > has) {
        uint64_t got = least(wanted - has, most - g->used_kib);
        uint64_t rest = wanted - has - got;

        g->used_kib += got;
        denied = rest > 0 ? push_out(g, rest, dt_ns) : 0;
    }
    bool has_read = read_back(g, less(most, g->used_kib), dt_ns);

    if (denied == 0 || less(g->swap_total_kib, g->swapped_kib) > 0)
        g->denied_ns = 0;
    else if ((g->denied_ns += dt_ns) >= DENIED_MOST_NS)
        kill_program(g);
    return denied > 0 || has_read;
}

/* The page cache takes what nobody uses; a reader whose files do not fit reads them anew. */
static void cache_files(struct sim_guest *g, int64_t dt_ns)
{
    uint64_t room = less(sim_guest_current_kib(g), g->used_kib + watermark_kib(g));
    uint64_t has = least(g->cache_kib, room);
    uint64_t misses = less(g->program.cache_kib, has);

    if (misses > 0 && g->program.cache_kib > 0) {
        unsigned __int128 read = yield_kib(g->program.reread_kib_s, dt_ns);
        uint64_t lost = less(g->cache_most_kib, has); /* a first read is no refault */

        g->tally.read_kib += (uint64_t)(read * misses / g->program.cache_kib);
        g->figures.refaults += (uint64_t)(read * lost / g->program.cache_kib) / PAGE_KIB;
        has = least(room, has + least(misses, (uint64_t)(read * misses / g->program.cache_kib)));
    }
    g->cache_kib = has;
    if (g->cache_most_kib < has)
        g->cache_most_kib = has;
}

void sim_guest_live(struct sim_guest *g, int64_t now_ns, int64_t dt_ns)
{
    g->tally.held_kib_ns += (unsigned __int128)g->domain.tot_kib * (uint64_t)dt_ns;
    if (g->life != LIFE_RUNNING)
        return;
    g->domain.cpu_ns += (uint64_t)dt_ns / 16;
    follow_steps(g, now_ns, dt_ns);
    uint64_t wanted = g->base_kib + g->want_kib;

    if (g->program.greedy_permill > 0 && !g->is_killed) {
        uint64_t greedy = g->base_kib + greedy_kib(g, dt_ns);

        wanted = greedy > wanted ? greedy : wanted;
    }
    if (serve(g, wanted, dt_ns) || sim_guest_available_kib(g) == 0) {
        g->tally.stall_ns += dt_ns;
        g->figures.stall_some_us += (uint64_t)dt_ns / 1000;
        g->figures.stall_full_us += (uint64_t)dt_ns / 2000;
    }
    cache_files(g, dt_ns);
    if (g->tally.most_tot_kib < g->domain.tot_kib)
        g->tally.most_tot_kib = g->domain.tot_kib;
    if (g->tally.most_used_kib < g->used_kib)
        g->tally.most_used_kib = g->used_kib;
}

/* ---- the balloon driver ---- */

void sim_guest_see_target(struct sim_guest *g)
{
    g->seen_due_ns = INT64_MAX;
    if (g->next_kib == g->seen_kib)
        return;
    g->seen_kib = g->next_kib;
    g->is_asleep = false;
    g->moved_kib = 0;
    g->shrink_from = g->domain.tot_kib;
}

static bool is_between(const struct sim_guest *g, int64_t now_ns)
{
    int64_t period = g->traits.on_ns + g->traits.off_ns;

    return g->traits.off_ns > 0 && (now_ns - g->booted_ns) % period >= g->traits.on_ns;
}

/* Where the driver stops: a partial one keeps a part of what it should give. */
static uint64_t goal_kib(const struct sim_guest *g)
{
    uint64_t goal = g->seen_kib + g->tot_offset_kib;

    if (goal < g->shrink_from && g->traits.keeps_permill > 0)
        goal += (g->shrink_from - goal) / 1000 * g->traits.keeps_permill;
    return goal;
}

int64_t sim_guest_wish_kib(struct sim_guest *g, int64_t now_ns, int64_t dt_ns)
{
    uint64_t goal = goal_kib(g);
    uint64_t tot = g->domain.tot_kib;

    if (goal == tot || g->life != LIFE_RUNNING || g->is_asleep || is_between(g, now_ns))
        return 0;
    if (goal > tot)
        return (int64_t)(least(goal - tot, yield_kib(g->traits.up_kib_s, dt_ns)) & ~UINT64_C(3));
    return -(int64_t)(least(tot - goal, yield_kib(g->traits.down_kib_s, dt_ns)) & ~UINT64_C(3));
}

void sim_guest_moved(struct sim_guest *g, int64_t kib)
{
    g->domain.tot_kib = (uint64_t)((int64_t)g->domain.tot_kib + kib);
    g->moved_kib += (uint64_t)(kib < 0 ? -kib : kib);
    if (g->traits.sleeps_after_kib > 0 && g->moved_kib >= g->traits.sleeps_after_kib)
        g->is_asleep = true;
    if (g->domain.outstanding_kib > 0 && kib > 0)
        g->domain.outstanding_kib = less(g->domain.outstanding_kib, (uint64_t)kib);
}

static bool is_moving(const struct sim_guest *g)
{
    uint64_t goal = goal_kib(g);

    if (g->is_asleep || goal / PAGE_KIB == g->domain.tot_kib / PAGE_KIB)
        return false;
    return goal > g->domain.tot_kib
               ? g->traits.up_kib_s > 0 && g->domain.tot_kib < g->domain.max_kib
               : g->traits.down_kib_s > 0;
}

bool sim_guest_is_busy(const struct sim_guest *g, int64_t now_ns)
{
    if (g->life != LIFE_RUNNING)
        return false;
    if (is_moving(g) || (!g->is_killed && g->want_kib != g->to_kib) || g->swapped_kib > 0)
        return true;
    if (g->step < g->program.count && g->program.steps[g->step].at_ns <= now_ns)
        return true;
    if (g->used_kib + watermark_kib(g) / 2 > sim_guest_current_kib(g))
        return true;
    if (g->program.greedy_permill > 0 && !g->is_killed) {
        uint64_t goal = g->base_kib + greedy_kib(g, NS_PER_S);

        return goal > g->used_kib + PAGE_KIB;
    }
    return g->program.cache_kib > g->cache_kib && sim_guest_available_kib(g) > g->cache_kib;
}
