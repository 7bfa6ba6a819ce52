/*
 * One guest of each kind.
 */
#include "stage.h"

#include "scenarios_list.h"

/* 800 MiB at 60 MiB/s, then all freed at 60 s. */
static const struct sim_step steady[] = {{AT(5), 800 * MIB, 60 * MIB}, {AT(60), 0, 0}};

void scenario_ideal(struct rig *rig)
{
    stage_host(rig, 8192);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 2048, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 50);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(tally(rig, vm)->stall_ns == 0);
    EXPECT(is_served(rig, vm));
    EXPECT(tot_mib(rig, vm) < 1100); /* what it needs, a headroom and a step */
    rig_until(rig, 600);
    EXPECT(tot_mib(rig, vm) < 180); /* the bill follows the need down */
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(tally(rig, vm)->turns == 1);
}

/* 5 GB/s is faster than any agent polls: that is what swap is for. */
void scenario_burst(struct rig *rig)
{
    static const struct sim_step burst[] = {{AT(5), 600 * MIB, 5120 * MIB}};

    stage_host(rig, 8192);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 2048, .swap = 1024, STEPS(burst));

    rig_start(rig);
    rig_until(rig, 15);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(tally(rig, vm)->stall_ns < 5 * NS_PER_S);
    EXPECT(is_served(rig, vm));
}

/* Ten requests of 200 MiB, one a second, without swap. */
void scenario_requests(struct rig *rig)
{
    static const struct sim_step ten[] = {{AT(5), 2000 * MIB, 200 * MIB}};

    stage_host(rig, 8192);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 4096, .swap = 512, STEPS(ten));

    rig_start(rig);
    rig_until(rig, 30);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(rig->world.guests[vm].want_kib == 2000 * MIB);
    EXPECT(is_served(rig, vm));
}

void scenario_boot_burst(struct rig *rig)
{
    static const struct sim_step boot[] = {{AT(2), 900 * MIB, 5120 * MIB}, {AT(6), 50 * MIB, 0}};

    stage_host(rig, 8192);
    size_t vm =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 256, .most = 1536, .start = UINT64_MAX, STEPS(boot));

    rig_start(rig);
    rig_until(rig, 20);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(tot_mib(rig, vm) == 1536);
    EXPECT(rig->decided[REASON_START] > 0);
    rig_until(rig, 600);
    EXPECT(tot_mib(rig, vm) < 260);
}

void scenario_slow(struct rig *rig)
{
    static const struct sim_step slowly[] = {{AT(5), 600 * MIB, 20 * MIB}};

    stage_host(rig, 8192);
    size_t vm = STAGE_VM(rig, MODEL_SLOW, .tot = 512, .most = 2048, STEPS(slowly));

    rig_start(rig);
    rig_until(rig, 60);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(is_served(rig, vm));
    EXPECT(rig->alerts[REASON_STUCK] == 0);
}

/* It takes and never gives; its neighbour is served all the same. */
void scenario_stuck(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t stuck = STAGE_VM(rig, MODEL_STUCK, .tot = 1024, .most = 1024);
    size_t other = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 50);
    EXPECT(tally(rig, other)->ooms == 0);
    EXPECT(is_served(rig, other));
    rig_until(rig, 300);
    EXPECT(tot_mib(rig, stuck) == 1024);
    EXPECT(rig->alerts[REASON_STUCK] > 0);
    EXPECT(rig->checker.nudges > 0);
    EXPECT(rig->checker.nudges < 100);
}

void scenario_now_and_then(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_NOW_AND_THEN, .tot = 1024, .most = 1024);

    rig_start(rig);
    rig_until(rig, 900);
    EXPECT(tot_mib(rig, vm) < 400);
}

void scenario_partial(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_PARTIAL, .tot = 1024, .most = 1024);

    rig_start(rig);
    rig_until(rig, 900);
    EXPECT(tot_mib(rig, vm) < 1024);
    EXPECT(rig->world.guests[vm].domain.max_kib >= rig->world.guests[vm].domain.tot_kib);
}

/* The Linux driver gives up in the middle, and sleeps until its target differs. */
void scenario_sleeper(struct rig *rig)
{
    static const struct sim_step slowly[] = {{AT(5), 300 * MIB, 0}};

    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_SLEEPER, .tot = 512, .most = 1024, .swap = 512, .base = 250,
                         STEPS(slowly));

    rig_start(rig);
    rig_until(rig, 60);
    EXPECT(rig->decided[REASON_WAKE] > 0);
    EXPECT(is_served(rig, vm));
}

void scenario_no_driver(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_NO_DRIVER, .tot = 512, .most = 1024, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 200);
    EXPECT(tot_mib(rig, vm) == 512);
    EXPECT(rig->world.guests[vm].domain.outstanding_kib == 0);
}

void scenario_no_agent(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_NO_AGENT, .tot = 512, .most = 1024, .start = 640);

    rig_start(rig);
    rig_until(rig, 300);
    EXPECT(tot_mib(rig, vm) == 640); /* raised to its start, and nothing is ever taken */
}

/* A PCI device is passed through: it grows when it is short, and keeps what it has. */
void scenario_passthrough(struct rig *rig)
{
    static const struct sim_step grow[] = {{AT(100), 1200 * MIB, 60 * MIB}, {AT(200), 0, 0}};

    stage_host(rig, 4096);
    size_t vm =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 2048, .has_pci_device = true, STEPS(grow));

    rig_start(rig);
    rig_until(rig, 100);
    EXPECT(tot_mib(rig, vm) == 1024);
    rig_until(rig, 150);
    EXPECT(tally(rig, vm)->ooms == 0);
    EXPECT(is_served(rig, vm));
    uint64_t grown = tot_mib(rig, vm);

    EXPECT(grown > 1200);
    rig_until(rig, 900);
    EXPECT(tot_mib(rig, vm) == grown);
    EXPECT(rig->alerts[REASON_PASSTHROUGH] == 1);
    EXPECT(rig->decided[REASON_LEARNED] == 0);
}

/* Its agent dies while it is short: fail-open. */
void scenario_silence(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1024, .start = 640);

    rig_order(rig, 100, ORDER_SILENCE, vm, 0);
    rig_order(rig, 400, ORDER_SPEAK, vm, 0);
    rig_start(rig);
    rig_until(rig, 100);
    uint64_t before = tot_mib(rig, vm);

    rig_until(rig, 150);
    EXPECT(tot_mib(rig, vm) <= before);
    rig_until(rig, 180);
    EXPECT(tot_mib(rig, vm) == 640);
    EXPECT(rig->decided[REASON_NO_RECORD] > 0);
    EXPECT(rig->alerts[REASON_NO_RECORD] + rig->alerts[REASON_STALE] > 0);
    rig_until(rig, 800);
    EXPECT(tot_mib(rig, vm) < 300);
}

/* A liar that asks for more gets its ceiling at most, and its neighbour what it needs. */
void scenario_liar_up(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t liar = STAGE_VM(rig, MODEL_LIAR_UP, .tot = 256, .most = 4096, .ceiling = 1024);
    size_t other = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 55);
    EXPECT(tot_mib(rig, liar) == 1024);
    EXPECT(tally(rig, other)->ooms == 0);
    EXPECT(is_served(rig, other));
}

void scenario_liar_down(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_LIAR_DOWN, .tot = 1024, .most = 1024, .floor = 300);

    rig_start(rig);
    rig_until(rig, 600);
    EXPECT(tot_mib(rig, vm) >= 300);
    EXPECT(tot_mib(rig, vm) < 400);
}

/* Ten times a second something else: few actions, and never outside its limits. */
void scenario_flapping(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_FLAPPING, .tot = 512, .most = 1024);
    size_t other = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 300);
    EXPECT(tally(rig, vm)->turns < 20);
    EXPECT(tally(rig, other)->ooms == 0);
}

void scenario_garbage(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_GARBAGE, .tot = 512, .most = 1024);
    size_t other = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, STEPS(steady));

    rig_start(rig);
    rig_until(rig, 200);
    EXPECT(tot_mib(rig, vm) == 512);
    EXPECT(tally(rig, other)->ooms == 0);
    EXPECT(engine_find(&rig->engine, (uint16_t)(vm + 1))->hostile_records > 100);
}

static uint64_t feed_greedy(struct rig *rig, enum sim_model model, uint64_t swap, double seconds)
{
    stage_host(rig, 16384);
    size_t vm = STAGE_VM(rig, model, .tot = 512, .most = 8192, .swap = swap);

    rig_start(rig);
    rig_until(rig, seconds);
    EXPECT(tally(rig, vm)->ooms == 0);
    return tot_mib(rig, vm);
}

void scenario_greedy(struct rig *rig)
{
    EXPECT(feed_greedy(rig, MODEL_GREEDY_600, 1024, 60) <= 512);
    EXPECT(feed_greedy(rig, MODEL_GREEDY_770, 1024, 60) <= 512);
    EXPECT(feed_greedy(rig, MODEL_GREEDY_900, 1024, 60) < 640);
}

static const struct sim_step steady_growth[] = {{AT(45), 250 * MIB, 20 * MIB}};

/* Honest growth in a guest with swap looks like greed for a while: it must not be made to wait. */
void scenario_steady_swap(struct rig *rig)
{
    uint64_t least = UINT64_MAX;

    stage_host(rig, 4096);
    size_t vm =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 128, .most = 512, .swap = 128, STEPS(steady_growth));

    rig_start(rig);
    rig_until(rig, 44);
    engine_find(&rig->engine, 1)->filled = VM_FILLED_MOST - 1; /* as after a memory that was lost */
    for (double at = 44; at < 62; at += 0.02) {
        rig_until(rig, at);
        uint64_t available = sim_guest_available_kib(&rig->world.guests[vm]);

        least = available < least ? available : least;
    }
    EXPECT(rig->decided[REASON_GOES_ON] > 0);
    EXPECT(tally(rig, vm)->stall_ns == 0);
    EXPECT(least > 12 * MIB);
}

/* It fills what it gets without a stall: with swap to fall back on it is held. */
void scenario_greedy_held(struct rig *rig)
{
    EXPECT(feed_greedy(rig, MODEL_GREEDY_980, 1024, 60) < 3072);
}

/* It leaves next to nothing: slowed, and never beyond its ceiling. */
void scenario_greedy_all(struct rig *rig)
{
    EXPECT(feed_greedy(rig, MODEL_GREEDY_1000, 1024, 10) < 3584);
    EXPECT(feed_greedy(rig, MODEL_GREEDY_1000, 0, 60) <= 8192);
}

/* A reader of files: what was taken comes back when it reads them from the disk again. */
void scenario_cache_reader(struct rig *rig)
{
    stage_host(rig, 8192);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024, .cache = 600, .reread = 300);

    rig_start(rig);
    rig_until(rig, 400);
    EXPECT(rig->decided[REASON_UNDO] > 0);
    EXPECT(tot_mib(rig, vm) > 600);
    EXPECT(tally(rig, vm)->stall_ns == 0);
}
