/*
 * What happens to guests and hosts.
 */
#include "stage.h"

#include "scenarios_list.h"

static const struct sim_step soon[] = {{AT(5), 700 * MIB, 100 * MIB}};
static const struct sim_step later[] = {{AT(100), 700 * MIB, 100 * MIB}};

void scenario_paused(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .swap = 512, STEPS(soon));

    rig_order(rig, 7, ORDER_PAUSE, vm, 0);
    rig_order(rig, 60, ORDER_UNPAUSE, vm, 0);
    rig_start(rig);
    rig_until(rig, 59);
    EXPECT(tot_mib(rig, vm) < 900);
    rig_until(rig, 80);
    EXPECT(is_served(rig, vm));
}

/* Each shrinks when nothing happens to it: so the checker would see an action. */
void scenario_lives(struct rig *rig)
{
    stage_host(rig, 8192);
    size_t paused = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);
    size_t halted = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);
    size_t dying = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);
    size_t moving = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);

    rig_order(rig, 64, ORDER_PAUSE, paused, 0);
    rig_order(rig, 64, ORDER_SHUTDOWN, halted, 0);
    rig_order(rig, 64, ORDER_DESTROY, dying, 0);
    rig_order(rig, 64, ORDER_MIGRATE, moving, 0);
    rig_start(rig);
    rig_until(rig, 64);
    uint64_t before = tot_mib(rig, moving);

    EXPECT(before < 1024);
    rig_until(rig, 200);
    EXPECT(tot_mib(rig, moving) + 64 >= before);
    EXPECT(rig->world.guests[dying].life == LIFE_NONE);
}

/* The domid's first life was small and content; its second must be met anew. */
void scenario_reuse(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);

    rig_order(rig, 200, ORDER_REUSE, vm, 0);
    rig_start(rig);
    rig_until(rig, 199);
    EXPECT(tot_mib(rig, vm) < 600);
    rig_until(rig, 258);
    EXPECT(tot_mib(rig, vm) == 1024);
    rig_until(rig, 600);
    EXPECT(tot_mib(rig, vm) < 300);
}

/* Somebody takes 8 GiB while others grow. */
static void build_beside(struct rig *rig, enum sim_order_kind kind)
{
    static const struct sim_step grow[] = {{AT(5), 3000 * MIB, 100 * MIB}};

    stage_host(rig, 24576);
    size_t one = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 6144, STEPS(grow));
    size_t two = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 6144, STEPS(grow));
    size_t new = STAGE_VM(rig, MODEL_NO_AGENT, .tot = 8192, .most = 8192, .is_fixed = true);

    rig_order(rig, 12, kind, new, 8192 * MIB);
    rig_start(rig);
    rig_until(rig, 60);
    EXPECT(rig->world.guests[new].life == LIFE_RUNNING);
    EXPECT(tot_mib(rig, new) == 8192);
    EXPECT(is_served(rig, one) && is_served(rig, two));
    EXPECT(tally(rig, one)->ooms + tally(rig, two)->ooms == 0);
}

void scenario_other_toolstack(struct rig *rig)
{
    build_beside(rig, ORDER_BUILD);
    build_beside(rig, ORDER_BUILD_BARE);
}

/* The host is full when the other toolstack comes: no grant may make it worse. */
void scenario_surplus_below_zero(struct rig *rig)
{
    stage_host(rig, 6144);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 4096, .swap = 2048, STEPS(later));
    size_t idle = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);
    size_t new = STAGE_VM(rig, MODEL_NO_AGENT, .tot = 3500, .most = 3500, .is_fixed = true);

    rig_order(rig, 90, ORDER_BUILD_BARE, new, 3560 * MIB);
    rig_start(rig);
    rig_until(rig, 95);
    rig_until(rig, 700);
    EXPECT(tot_mib(rig, idle) < 400); /* its slack went to who needed it */
    EXPECT(tally(rig, vm)->ooms == 0);
}

/* Two are short and the host has nothing: what a third gives is shared by weight. */
void scenario_weights(struct rig *rig)
{
    static const struct sim_step grow[] = {{AT(50), 3000 * MIB, 0}};

    stage_host(rig, 4800);
    size_t light = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 4096, .swap = 4096, .weight = 100,
                            STEPS(grow));
    size_t heavy = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 4096, .swap = 4096, .weight = 300,
                            STEPS(grow));
    size_t idle = STAGE_VM(rig, MODEL_IDEAL, .tot = 3072, .most = 3072);

    rig_start(rig);
    rig_until(rig, 58);
    uint64_t light_had = tot_mib(rig, light);
    uint64_t heavy_had = tot_mib(rig, heavy);

    rig_until(rig, 180);
    double got_light = (double)(tot_mib(rig, light) - light_had);
    double got_heavy = (double)(tot_mib(rig, heavy) - heavy_had);

    EXPECT(got_light > 200);
    EXPECT(got_heavy > 2.5 * got_light && got_heavy < 3.5 * got_light);
    EXPECT(tot_mib(rig, idle) >= 128);
}

/* 200 guests, some of them growing at 1 to 5 GB/s, all at once. */
void scenario_many(struct rig *rig)
{
    static struct sim_step burst[5];
    uint64_t ooms = 0;
    size_t served = 0;

    for (uint64_t i = 0; i < 5; i++)
        burst[i] = (struct sim_step){AT(5), 400 * MIB, (i + 1) * 1024 * MIB};
    stage_host(rig, 200 * 1024);
    for (size_t i = 0; i < 200; i++)
        (void)STAGE_VM(rig, MODEL_IDEAL, .tot = 384, .most = 1024, .swap = 1024,
                       .steps = i % 2 == 0 ? &burst[i / 2 % 5] : NULL, .count = i % 2 == 0);
    rig_start(rig);
    rig_until(rig, 40);
    for (size_t i = 0; i < 200; i++) {
        ooms += tally(rig, i)->ooms;
        served += is_served(rig, i);
    }
    EXPECT(ooms == 0);
    EXPECT(served == 200);
}

/* xenstored stops for half a minute: nothing is done, and afterwards all goes on. */
void scenario_hang(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .swap = 1024, STEPS(soon));

    rig_order(rig, 6, ORDER_HANG, vm, 0);
    rig_order(rig, 36, ORDER_CONTINUE, vm, 0);
    rig_start(rig);
    rig_until(rig, 60);
    EXPECT(is_served(rig, vm));
    EXPECT(tally(rig, vm)->ooms == 0);
}

/* Somebody else's target holds for ten minutes; a third in an hour until a person says so. */
void scenario_foreign(struct rig *rig)
{
    static const struct sim_step grow[] = {{AT(5), 500 * MIB, 0}, {AT(6), 0, 0}};

    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 768, .most = 1024, STEPS(grow));

    rig_order(rig, 100, ORDER_TARGET, vm, 800 * MIB);
    rig_start(rig);
    rig_until(rig, 690);
    EXPECT(tot_mib(rig, vm) == 800);
    rig_until(rig, 1100);
    EXPECT(tot_mib(rig, vm) < 400);
}

void scenario_foreign_thrice(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 768, .most = 1024);

    rig_order(rig, 100, ORDER_TARGET, vm, 800 * MIB);
    rig_order(rig, 200, ORDER_TARGET, vm, 820 * MIB);
    rig_order(rig, 300, ORDER_TARGET, vm, 840 * MIB);
    rig_start(rig);
    rig_until(rig, 2500);
    EXPECT(tot_mib(rig, vm) == 840);
}

void scenario_fixed(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024, .is_fixed = true, STEPS(soon));

    rig_start(rig);
    rig_until(rig, 300);
    EXPECT(tot_mib(rig, vm) == 1024);
    EXPECT(rig->decisions == 0);
}

void scenario_dry_run(struct rig *rig)
{
    stage_host(rig, 4096);
    (void)STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .swap = 512, STEPS(soon));
    rig_start(rig);
    rig->engine.rules.mode = MODE_DRY_RUN;
    rig_until(rig, 200);
    EXPECT(rig->decisions > 0);
    EXPECT(rig->checker.actions == 0);
}

void scenario_stopped(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .swap = 1024, STEPS(soon));

    rig_start(rig);
    rig->engine.rules.is_stopped = true;
    rig_until(rig, 100);
    EXPECT(tot_mib(rig, vm) == 512);
}

void scenario_drain(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t idle = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);

    rig_start(rig);
    rig_until(rig, 61);
    rig->engine.rules.is_draining = true;
    rig_until(rig, 160);
    EXPECT(tot_mib(rig, idle) < 200);
    EXPECT(rig->decided[REASON_DRAIN] > 0);
}

/* Grows on swap-in alone, however little is available. */
void scenario_swap_policy(struct rig *rig)
{
    static const struct sim_step fill[] = {{AT(5), 420 * MIB, 50 * MIB},
                                           {AT(60), 700 * MIB, 50 * MIB}};

    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .swap = 1024,
                         .kind = POLICY_SWAP, STEPS(fill));

    rig_start(rig);
    rig_until(rig, 59);
    EXPECT(tot_mib(rig, vm) == 512);
    rig_until(rig, 120);
    EXPECT(tot_mib(rig, vm) > 700);
    EXPECT(rig->decided[REASON_SWAPPING] > 0);
}

void scenario_api(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1536, .kind = POLICY_API);

    rig->policies[vm].size_kib = 900 * MIB;
    rig_start(rig);
    rig_until(rig, 30);
    EXPECT(tot_mib(rig, vm) == 900);
    EXPECT(rig->decided[REASON_ASKED] > 0);
}

/* A dom0 without a cap may still take what it is allowed: that is not handed out. */
void scenario_dom0_allowance(struct rig *rig)
{
    static const struct sim_step grow[] = {{AT(5), 3000 * MIB, 100 * MIB}};

    stage_host(rig, 4096);
    (void)STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 4096, .swap = 4096, STEPS(grow));
    rig->world.dom0.max_kib = UINT64_MAX / 4;
    rig_start(rig);
    rig->engine.rules.ledger.dom0_allowance_kib = 1536 * MIB;
    rig_until(rig, 60);
    EXPECT(sim_world_free_kib(&rig->world) >= 1024 * MIB + 64 * MIB);
}

/* dom0 has a target, and perhaps an agent; it is not a VM all the same. */
void scenario_dom0_untouched(struct rig *rig)
{
    const struct vm_facts facts = {.name = "Domain-0",
                                   .target_kib = 512 * MIB,
                                   .static_max_kib = 1024 * MIB};

    stage_host(rig, 4096);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 512, .most = 1024, .start = 640);

    rig_start(rig);
    for (double at = 0.5; at < 80; at += 1) {
        const struct sim_guest *g = &rig->world.guests[vm];

        rig_until(rig, at);
        engine_facts(&rig->engine, 0, &facts, rig->world.now_ns);
        engine_record(&rig->engine, 0, g->text, g->text_length, rig->world.now_ns);
    }
    EXPECT(rig->world.dom0.tot_kib == 512 * MIB);
    EXPECT(engine_find(&rig->engine, 0) == NULL);
}

/* A donor's memory reaches who is short within seconds, and no sooner than it is free. */
void scenario_donor(struct rig *rig)
{
    stage_host(rig, 2700);
    size_t idle = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 1024);
    size_t vm = STAGE_VM(rig, MODEL_IDEAL, .tot = 1024, .most = 2048, .swap = 1024, .base = 300,
                         STEPS(later));

    rig_start(rig);
    rig_until(rig, 160);
    EXPECT(is_served(rig, vm));
    EXPECT(tot_mib(rig, idle) < 700);
    EXPECT(rig->decided[REASON_POOL] > 0);
}

/* While another waits, one VM has no more than a quarter of the pool in a second. */
void scenario_pool_share(struct rig *rig)
{
    stage_host(rig, 9100); /* 300 MiB for two that want 200 each */
    size_t one = STAGE_VM(rig, MODEL_LIAR_UP, .tot = 4096, .most = 6144, .swap = 1);
    size_t two = STAGE_VM(rig, MODEL_LIAR_UP, .tot = 4096, .most = 6144, .swap = 1);

    rig_start(rig);
    /* both say it at the same moment, again and again */
    rig->world.guests[two].poll_ns = rig->world.guests[one].poll_ns;
    rig_until(rig, 1.9);
    EXPECT(tot_mib(rig, one) > 4096 && tot_mib(rig, two) > 4096);
    EXPECT(tot_mib(rig, one) <= 4096 + 64);
    EXPECT(tot_mib(rig, two) <= 4096 + 64);
}

static const struct sim_step bursts[] = {
    {AT(100), 900 * MIB, 1500 * MIB}, {AT(110), 50 * MIB, 0},
    {AT(200), 900 * MIB, 1500 * MIB}, {AT(210), 50 * MIB, 0},
    {AT(300), 900 * MIB, 1500 * MIB}, {AT(310), 50 * MIB, 0},
};
static const struct sim_step at_last[] = {{AT(500), 2300 * MIB, 50 * MIB}};

/*
 * One that has grown in bursts finds its memory there the next time; and when another needs it,
 * that one has it.
 */
void scenario_learned(struct rig *rig)
{
    stage_host(rig, 4096);
    size_t bursty =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 256, .most = 2048, .swap = 2048, STEPS(bursts));
    size_t needy =
        STAGE_VM(rig, MODEL_IDEAL, .tot = 256, .most = 3072, .floor = 320, STEPS(at_last));

    rig_start(rig);
    rig_until(rig, 199);
    int64_t first = tally(rig, bursty)->stall_ns;

    rig_until(rig, 299);
    int64_t second = tally(rig, bursty)->stall_ns;

    EXPECT(first > 0);
    rig_until(rig, 499);
    EXPECT(tally(rig, bursty)->stall_ns - second < first / 4);
    EXPECT(tot_mib(rig, bursty) > 700);
    EXPECT(rig->decided[REASON_LEARNED] > 0);
    rig_until(rig, 560);
    EXPECT(is_served(rig, needy));
    EXPECT(tally(rig, needy)->stall_ns == 0 && tally(rig, needy)->ooms == 0);
    EXPECT(tot_mib(rig, bursty) < 1000);
}
