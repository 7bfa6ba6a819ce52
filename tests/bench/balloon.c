/*
 * balloon.c - memory on demand beside the rules of others, on the same simulated hosts and traces.
 *
 * Prints, for each host and rule: what is billed, what was suffered, and how fast it reacted; then
 * whether this controller has no more stall than the best of the others, and the fewest GiB*h
 * among those without stall. And the fastest steady growth that it survives.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/chance.h"
#include "balloon/sim_run.h"
#include "common/units.h"
#include "rivals.h"

#define MIB UINT64_C(1024)
#define BEGIN_NS (1000 * NS_PER_S)

enum { VMS_MOST = 64, STEPS_MOST = 600, EPISODES_MOST = 1 << 17, RULES_MOST = 8 };

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench: %s\n", err->text);
    exit(3);
}

/* ---- traces ---- */

enum role { ROLE_IDLE, ROLE_SERVICE, ROLE_JOB, ROLE_BURST, ROLE_READER };

/* A host: so many of each role, and how much memory it has for the sum of the ceilings. */
struct bench_host {
    const char *name;
    unsigned of_role[5];
    unsigned room_percent;
    double seconds;
};

static const struct bench_host hosts[] = {
    {"gentle", {8, 10, 6, 0, 0}, 60, 3600}, {"roomy", {4, 12, 8, 0, 0}, 110, 3600},
    {"readers", {4, 8, 4, 0, 8}, 60, 3600}, {"bursts", {6, 6, 4, 8, 0}, 60, 3600},
    {"tight", {8, 10, 6, 0, 0}, 40, 3600},  {"bursts-4h", {6, 6, 4, 8, 0}, 60, 14400},
};

static struct sim_step steps[VMS_MOST][STEPS_MOST];

struct maker {
    struct chance chance;
    struct sim_step *steps;
    size_t count;
    double at_s;
    uint64_t most_kib; /* of a program: the ceiling without the kernel */
};

static double between(struct chance *c, double low, double high)
{
    return low + (high - low) * (double)chance_below(c, 100001) / 100000.0;
}

/* The size moves to this share of the most, at so many MiB/s, and stays for some seconds. */
static void move(struct maker *m, double share, double mib_s, double stay_s)
{
    struct sim_step *step = &m->steps[m->count];
    uint64_t before = m->count > 0 ? m->steps[m->count - 1].to_kib : 0;

    if (m->count == STEPS_MOST)
        return;
    step->at_ns = BEGIN_NS + (int64_t)(m->at_s * 1e9);
    step->to_kib = (uint64_t)(share * (double)m->most_kib);
    step->rate_kib_s = (uint64_t)(mib_s * 1024);
    double far =
        step->to_kib > before ? (double)(step->to_kib - before) : (double)(before - step->to_kib);

    m->at_s += stay_s + (mib_s > 0 ? far / 1024 / mib_s : 0);
    m->count++;
}

static void follow_role(struct maker *m, enum role role)
{
    struct chance *c = &m->chance;

    switch (role) {
    case ROLE_IDLE:
        move(m, between(c, 0.02, 0.08), between(c, 1, 10), between(c, 60, 300));
        break;
    case ROLE_SERVICE:
    case ROLE_READER:
        move(m, between(c, 0.05, 0.5), between(c, 2, 20), between(c, 30, 240));
        break;
    case ROLE_JOB:
        move(m, between(c, 0.4, 0.85), between(c, 10, 50), between(c, 30, 180));
        move(m, between(c, 0.02, 0.1), 0, between(c, 240, 800));
        break;
    case ROLE_BURST:
        move(m, between(c, 0.2, 0.7), between(c, 512, 5120), between(c, 10, 60));
        move(m, between(c, 0.02, 0.1), 0, between(c, 120, 600));
        break;
    }
}

static const uint64_t ceilings_mib[] = {1024, 1536, 2048, 3072, 4096};

static void add_vm(struct sim_world *w, struct chance *c, enum role role, double seconds)
{
    uint64_t ceiling = ceilings_mib[chance_below(c, 5)] * MIB;
    struct sim_birth_form form = {.model = MODEL_IDEAL,
                                  .tot_kib = ceiling / 4,
                                  .static_max_kib = ceiling,
                                  .swap_kib = role == ROLE_BURST ? ceiling : 0,
                                  .is_pvh = chance_hits(c, 2)};
    struct maker m = {.chance = *c, .steps = steps[w->count], .most_kib = ceiling - 200 * MIB};

    /* programs begin when the machine has booted and may be shrunk */
    m.at_s = 90 + between(&m.chance, 0, 120);
    while (m.at_s < seconds && m.count < STEPS_MOST)
        follow_role(&m, role);
    form.program.steps = m.steps;
    form.program.count = m.count;
    if (role == ROLE_READER) {
        form.program.cache_kib = ceiling / 4;
        form.program.reread_kib_s = (uint64_t)between(c, 50, 300) * MIB;
    }
    c->state = m.chance.state;
    (void)sim_world_add(w, &form, true);
}

static uint64_t least_of(uint64_t most_kib)
{
    return most_kib / 8 > 128 * MIB ? most_kib / 8 : 128 * MIB;
}

static void make_world(struct sim_world *w, const struct bench_host *host, uint64_t seed)
{
    struct chance c = {seed * 977 + 1};
    uint64_t sum = 0;

    sim_world_reset(w, 0, 1024 * MIB, 1024 * MIB);
    for (int role = ROLE_IDLE; role <= ROLE_READER; role++)
        for (unsigned i = 0; i < host->of_role[role]; i++)
            add_vm(w, &c, (enum role)role, host->seconds);
    for (size_t i = 0; i < w->count; i++)
        sum += w->forms[i].static_max_kib;
    w->total_kib = 1024 * MIB + sum / 100 * host->room_percent * 101 / 100;
}

/* ---- what is measured ---- */

struct bench_result {
    const char *name;
    double gib_h, stall_s, overshoot_mib, turns_per_hour, read_gib;
    uint64_t ooms;
    double median_ms, p99_ms;
    size_t episodes, unserved;
};

static int64_t episodes[EPISODES_MOST];
static size_t episode_count, unserved;

/* An episode: below half of the headroom, until there is that much again. */
static void watch(void *context, struct sim_world *w)
{
    (void)context;
    for (size_t i = 0; i < w->count; i++) {
        struct sim_guest *g = &w->guests[i];
        bool is_low = sim_guest_available_kib(g) < sim_guest_headroom_kib(g) / 2;

        if (is_low && g->tally.low_ns == 0) {
            g->tally.low_ns = w->now_ns;
        } else if (!is_low && g->tally.low_ns != 0) {
            if (episode_count < EPISODES_MOST)
                episodes[episode_count++] = w->now_ns - g->tally.low_ns;
            g->tally.low_ns = 0;
        }
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static double quantile_ms(unsigned per_cent)
{
    if (episode_count == 0)
        return 0;
    return (double)episodes[(episode_count - 1) * per_cent / 100] / 1e6;
}

static struct bench_result measure(const struct sim_world *w, const char *name, double seconds)
{
    struct bench_result r = {.name = name};
    uint64_t turns = 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct sim_guest *g = &w->guests[i];

        r.gib_h += (double)g->tally.held_kib_ns / (double)KIB_NS_PER_GIB_H;
        r.stall_s += (double)g->tally.stall_ns / 1e9;
        r.ooms += g->tally.ooms;
        r.read_gib += (double)g->tally.read_kib / 1048576;
        turns += g->tally.turns;
        r.unserved += g->tally.low_ns != 0;
        r.overshoot_mib += ((double)g->tally.most_tot_kib - (double)g->tally.most_used_kib) / 1024;
    }
    r.overshoot_mib /= (double)w->count;
    r.turns_per_hour = (double)turns / (double)w->count / (seconds / 3600);
    qsort(episodes, episode_count, sizeof *episodes, by_time);
    r.episodes = episode_count;
    r.median_ms = quantile_ms(50);
    r.p99_ms = quantile_ms(99);
    return r;
}

/* ---- rivals as controllers ---- */

struct rival {
    struct sim_world *world;
    const struct rival_rule *rule;
    int64_t next_ns;
    struct rival_vm vms[VMS_MOST];
};

static void rival_hears(struct sim_controller *c, uint16_t domid, const char *text, size_t length,
                        int64_t now_ns)
{
    (void)c, (void)domid, (void)text, (void)length, (void)now_ns;
}

static bool rival_learns(struct sim_controller *c, uint16_t domid, const struct vm_facts *facts,
                         int64_t now_ns)
{
    (void)c, (void)domid, (void)facts, (void)now_ns;
    return true;
}

static bool rival_lacks(struct sim_controller *c, uint16_t domid)
{
    (void)c, (void)domid;
    return false;
}

static void rival_hangs(struct sim_controller *c, bool is_hung)
{
    (void)c, (void)is_hung;
}

static struct rival_host look(struct rival *r)
{
    const struct sim_world *w = r->world;

    for (size_t i = 0; i < w->count; i++) {
        const struct sim_guest *g = &w->guests[i];
        uint64_t current = sim_guest_current_kib(g);
        uint64_t in_use = g->used_kib + g->cache_kib;

        r->vms[i] = (struct rival_vm){.least_kib = least_of(g->facts.static_max_kib),
                                      .most_kib = g->facts.static_max_kib,
                                      .target_kib = g->facts.target_kib,
                                      .tot_kib = g->domain.tot_kib,
                                      .used_kib = g->used_kib + g->swapped_kib,
                                      .free_kib = current > in_use ? current - in_use : 0,
                                      .wish_kib = g->facts.target_kib};
    }
    /* the hypervisor keeps 1 %, and every domain its 64 KiB */
    uint64_t kept = w->total_kib / 100 + w->count * 64;
    uint64_t free = sim_world_free_kib(w);

    return (struct rival_host){.total_kib = w->total_kib - w->dom0.tot_kib - kept,
                               .free_kib = free > kept ? free - kept : 0};
}

static void apply(struct rival *r, bool is_growing)
{
    struct actuator *a = &r->world->actuator;
    struct error err;

    for (size_t i = 0; i < r->world->count; i++) {
        const struct rival_vm *vm = &r->vms[i];
        uint16_t domid = (uint16_t)(i + 1);
        uint64_t most = vm->wish_kib > vm->tot_kib ? vm->wish_kib : vm->tot_kib;

        if (vm->wish_kib == vm->target_kib || (vm->wish_kib > vm->target_kib) != is_growing)
            continue;
        if (!a->ops->set_cap(a, domid, most + MIB, &err) ||
            !a->ops->set_target(a, domid, vm->wish_kib & ~UINT64_C(3), &err))
            die(&err);
    }
}

static bool rival_runs(struct sim_controller *c, const struct cause *cause, struct error *err)
{
    struct rival *r = c->context;

    (void)cause, (void)err;
    if (r->world->now_ns < r->next_ns)
        return true;
    struct rival_host host = look(r);

    r->rule->decide(&host, r->vms, r->world->count);
    apply(r, false);
    apply(r, true);
    r->next_ns = r->rule->period_ns > 0 ? r->world->now_ns + r->rule->period_ns : INT64_MAX;
    return true;
}

static int64_t rival_waits(struct sim_controller *c)
{
    return ((struct rival *)c->context)->next_ns;
}

static void run_world(struct sim_world *w, struct sim_controller *controller, double seconds)
{
    struct sim_run run = {.world = w, .controller = controller, .watch = watch};
    struct error err;

    episode_count = unserved = 0;
    if (!sim_run_until(&run, BEGIN_NS + (int64_t)(seconds * 1e9), &err))
        die(&err);
}

static struct bench_result run_rival(struct sim_world *w, const struct bench_host *host,
                                     uint64_t seed, const struct rival_rule *rule)
{
    static struct rival rival;
    struct sim_controller controller = {.record = rival_hears,
                                        .facts = rival_learns,
                                        .lacks_facts = rival_lacks,
                                        .hang = rival_hangs,
                                        .run = rival_runs,
                                        .next_ns = rival_waits,
                                        .context = &rival};

    make_world(w, host, seed);
    rival = (struct rival){.world = w, .rule = rule};
    run_world(w, &controller, host->seconds);
    return measure(w, rule->name, host->seconds);
}

/* ---- this controller ---- */

static bool is_by_need; /* a headroom by need alone, which growth before does not raise */

static void find_policy(void *context, const struct uuid *uuid, const char *name,
                        struct policy *out)
{
    const struct sim_world *w = context;
    size_t i = (size_t)uuid->bytes[14] << 8 | uuid->bytes[15];

    (void)name;
    policy_init(out);
    out->kind = POLICY_DEMAND;
    out->is_headroom_adaptive = !is_by_need;
    out->floor_kib = least_of(w->forms[i].static_max_kib);
}

static void ignore_decision(void *context, const struct decision *decision)
{
    (void)context, (void)decision;
}

static void ignore_alert(void *context, const struct vm *vm, enum reason reason)
{
    (void)context, (void)vm, (void)reason;
}

static void begin_engine(struct engine *engine, struct sim_world *w)
{
    struct error err;

    if (!engine_init(engine, &w->actuator, &err))
        die(&err);
    engine->rules.mode = MODE_ON;
    engine->policies = (struct policy_source){find_policy, w};
    engine->sink = (struct engine_sink){.decided = ignore_decision, .alert = ignore_alert};
}

static struct bench_result run_ours(struct sim_world *w, const struct bench_host *host,
                                    uint64_t seed, const char *name)
{
    static struct engine engine;

    make_world(w, host, seed);
    begin_engine(&engine, w);
    struct sim_controller controller = sim_engine_controller(&engine);

    run_world(w, &controller, host->seconds);
    engine_clear(&engine);
    return measure(w, name, host->seconds);
}

/* ---- what is printed ---- */

static void print_result(const struct bench_result *r)
{
    printf("  %-12s %9.3f %9.2f %5" PRIu64 " %9.0f %9.2f %8.0f %8.0f %7zu %5zu %9.0f\n",
           r->name, r->gib_h, r->stall_s, r->ooms, r->overshoot_mib, r->turns_per_hour,
           r->median_ms, r->p99_ms, r->episodes, r->unserved, r->read_gib);
}

static const char *yes(bool is_so)
{
    return is_so ? "yes" : "NO";
}

/* results[0] is ours, results[1] with a headroom by need alone. */
static void print_mark(const struct bench_result *results, size_t count)
{
    double best_stall = -1;
    bool is_cheapest = true;

    for (size_t i = 2; i < count; i++) {
        if (best_stall < 0 || results[i].stall_s < best_stall)
            best_stall = results[i].stall_s;
        if (results[i].stall_s <= results[0].stall_s && results[i].ooms <= results[0].ooms &&
            results[i].gib_h < results[0].gib_h)
            is_cheapest = false;
    }
    printf("  no more stall than the best: %s; fewest GiB*h among those with no more: %s\n\n",
           yes(results[0].stall_s <= best_stall), yes(is_cheapest));
}

static void compare(struct sim_world *w, const struct bench_host *host, uint64_t seed)
{
    struct bench_result results[RULES_MOST];
    size_t count = 0;

    results[count++] = run_ours(w, host, seed, "pagemeter");
    is_by_need = true;
    results[count++] = run_ours(w, host, seed, "  by need");
    is_by_need = false;
    printf("%s: %zu VMs for %.0f s, %.0f GiB for %u %% of the ceilings, seed %" PRIu64 "\n",
           host->name, w->count, host->seconds, (double)w->total_kib / 1048576, host->room_percent,
           seed);
    printf("  %-12s %9s %9s %5s %9s %9s %8s %8s %7s %5s %9s\n", "rule", "GiB*h", "stall s", "OOMs",
           "over MiB", "turns/h", "med ms", "p99 ms", "short", "never", "read GiB");
    for (size_t i = 0; i < rival_count; i++)
        results[count++] = run_rival(w, host, seed, &rival_rules[i]);
    for (size_t i = 0; i < count; i++)
        print_result(&results[i]);
    print_mark(results, count);
}

/* ---- the fastest steady growth without a stall ---- */

enum { PHASES = 10, RATE_MOST_MIB_S = 2048 };

/*
 * A guest that has come to rest, or one that has so much that its agent polls once a second; its
 * program begins somewhere between two polls.
 */
struct growth_form {
    uint64_t need_mib;
    bool is_at_rest;
};

static bool survives(struct sim_world *w, const struct growth_form *f, uint64_t mib_s, int phase)
{
    static struct engine engine;
    int64_t apart_ns = f->is_at_rest ? NS_PER_S / 10 : NS_PER_S;
    int64_t from_ns = f->is_at_rest ? 120 * NS_PER_S : 20 * NS_PER_S;
    uint64_t headroom = headroom_of_need(f->need_mib * MIB);
    struct sim_step step = {BEGIN_NS + from_ns + apart_ns / PHASES * phase, 4096 * MIB,
                            mib_s * MIB};
    struct sim_birth_form form = {.model = MODEL_IDEAL,
                                  .tot_kib = f->need_mib * MIB + 5 * headroom,
                                  .static_max_kib = 6 * f->need_mib * MIB,
                                  .base_kib = f->need_mib * MIB,
                                  .program = {.steps = &step, .count = 1}};

    sim_world_reset(w, 65536 * MIB, 1024 * MIB, 1024 * MIB);
    (void)sim_world_add(w, &form, true);
    begin_engine(&engine, w);
    struct sim_controller controller = sim_engine_controller(&engine);

    run_world(w, &controller, (double)(from_ns / NS_PER_S) + 10);
    engine_clear(&engine);
    return w->guests[0].tally.stall_ns == 0 && w->guests[0].tally.ooms == 0;
}

/* The fastest that is survived wherever between two polls it begins. */
static uint64_t fastest(struct sim_world *w, const struct growth_form *f)
{
    uint64_t low = 0;

    for (uint64_t step = RATE_MOST_MIB_S / 2; step > 0; step /= 2) {
        bool is_safe = true;

        for (int phase = 0; phase < PHASES && is_safe; phase++)
            is_safe = survives(w, f, low + step, phase);
        if (is_safe)
            low += step;
    }
    return low;
}

static void survival(struct sim_world *w)
{
    static const uint64_t needs[] = {512, 1024, 2048, 4096, 8192};

    printf("fastest steady growth without stall, wherever between two polls it begins\n");
    printf("  %10s %14s %15s %22s\n", "need MiB", "headroom MiB", "at rest MiB/s",
           "with much free MiB/s");
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        struct growth_form at_rest = {needs[i], true};
        struct growth_form rich = {needs[i], false};

        printf("  %10" PRIu64 " %14" PRIu64 " %15" PRIu64 " %22" PRIu64 "\n", needs[i],
               headroom_of_need(needs[i] * MIB) / MIB, fastest(w, &at_rest), fastest(w, &rich));
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    struct sim_world world;
    struct error err;

    if (!sim_world_init(&world, VMS_MOST, &err))
        die(&err);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        compare(&world, &hosts[i], seed);
    survival(&world);
    sim_world_clear(&world);
    return 0;
}
