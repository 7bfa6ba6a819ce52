/*
 * One decision over all VMs: who is granted what, and who gives.
 */
#include "balloon_scene.h"
#include "chance.h"

static struct balloon_scene s;

/* 512 MiB, all used: it wishes 64 MiB, for which its cap of 513 MiB must rise by 64 MiB. */
static struct vm *add_short(unsigned domid)
{
    struct vm *vm = scene_add(&s, vm_at_rest(domid, 512 * MIB, 0));

    vm->policy.headroom_kib = 32 * MIB;
    return vm;
}

/* 1 GiB with a headroom of 100 MiB and this much beyond it. */
static struct vm *add_slack(unsigned domid, uint64_t slack_kib)
{
    struct vm *vm = scene_add(&s, vm_at_rest(domid, GIB, 100 * MIB + slack_kib));

    vm->policy.headroom_kib = 100 * MIB;
    return vm;
}

static void carry_out(const struct vm *vm, enum action_kind kind, int64_t at_ns)
{
    const struct action *a = scene_action(&s, vm, kind);

    plan_done(&s.vms[a->vm], a, REASON_NONE, at_ns);
}

/* ---- one asks ---- */

static void test_plan_surplus_for_all_is_granted_with_cap_and_claim(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    scene_plan(&s, NOW, 64 * MIB);
    const struct action *a = scene_action(&s, vm, ACTION_GROW);

    assert_int_equal(a->reason, REASON_SHORT);
    assert_int_equal(a->target_kib, 576 * MIB);
    assert_int_equal(a->cap_kib, 577 * MIB);
    assert_int_equal(a->claim_kib, 576 * MIB);
    assert_int_equal(a->before_kib, 512 * MIB);
    assert_int_equal(a->surplus_kib, 64 * MIB);
    assert_int_equal(s.plan.count, 1);
    assert_int_equal(s.plan.shortfall_kib, 0);
    assert_int_equal(vm->target_kib, 512 * MIB); /* nothing has been done yet */
}

/* The surplus, and what is granted of 64 MiB: nothing under 64 KiB. */
static void test_plan_grants_what_there_is_from_64_kib_on(void **state)
{
    static const struct {
        int64_t surplus;
        uint64_t granted;
    } rows[] = {
        {0, 0},       {4, 0},
        {64 - 4, 0},  {64, 64},
        {67, 64},     {68, 68},
        {1024, 1024}, {64 * 1024 - 4, 64 * 1024 - 4},
        {-4, 0},      {-(600 << 10), 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_begin(&s);
        struct vm *vm = add_short(1);

        scene_plan(&s, NOW, rows[i].surplus);
        assert_int_equal(s.plan.shortfall_kib, 64 * MIB - rows[i].granted);
        assert_int_equal(vm->blocked_by, REASON_NO_SURPLUS);
        if (rows[i].granted == 0) {
            assert_int_equal(s.plan.count, 0);
            continue;
        }
        const struct action *a = scene_action(&s, vm, ACTION_GROW);

        assert_int_equal(a->target_kib, 512 * MIB + rows[i].granted);
        assert_int_equal(a->cap_kib, 513 * MIB + rows[i].granted);
    }
}

static void test_plan_whole_ask_of_less_than_1_mib_is_granted(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    vm->policy.ceiling_kib = 512 * MIB + 4;
    scene_plan(&s, NOW, 4);
    assert_int_equal(scene_action(&s, vm, ACTION_GROW)->target_kib, 512 * MIB + 4);
}

/* What is promised already costs nothing: the cap is not lowered, and not raised. */
static void test_plan_growth_inside_the_cap_needs_no_surplus(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    vm->domain.max_kib = 700 * MIB;
    scene_plan(&s, NOW, 0);
    const struct action *a = scene_action(&s, vm, ACTION_GROW);

    assert_int_equal(a->target_kib, 576 * MIB);
    assert_int_equal(a->cap_kib, 700 * MIB);
    assert_int_equal(a->claim_kib, 576 * MIB);
}

/* I1: when the surplus is below 0, there are no grants. */
static void test_plan_surplus_below_0_grants_nothing_inside_the_cap_either(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    vm->domain.max_kib = 700 * MIB;
    scene_plan(&s, NOW, -4);
    assert_int_equal(s.plan.count, 1); /* the cap comes down, which raises the surplus */
    assert_non_null(scene_action(&s, vm, ACTION_CAP));
}

static void test_plan_growth_to_what_it_has_needs_no_claim(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    vm->domain.tot_kib = vm->domain.max_kib = 800 * MIB; /* it has not given its pages back */
    scene_plan(&s, NOW, 0);
    assert_int_equal(scene_action(&s, vm, ACTION_GROW)->claim_kib, 0);
}

/* ---- many ask ---- */

static void test_plan_divides_by_weight(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 4 * GIB; /* a quarter is no limit here */
    struct vm *light = add_short(1), *heavy = add_short(2);

    heavy->policy.weight = 300;
    scene_plan(&s, NOW, 64 * MIB);
    assert_int_equal(scene_action(&s, light, ACTION_GROW)->target_kib, 528 * MIB);
    assert_int_equal(scene_action(&s, heavy, ACTION_GROW)->target_kib, 560 * MIB);
    assert_int_equal(s.plan.shortfall_kib, 64 * MIB);
}

/* One that is held back asks when its time comes: half of the 64 MiB is kept for it. */
static void test_plan_keeps_the_share_of_one_that_the_guard_holds_back(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 4 * GIB;
    struct vm *needy = add_short(1), *held = add_short(2);

    held->is_tracking = true;
    held->last.swap_total_kib = held->last.swap_free_kib = GIB;
    scene_plan(&s, NOW, 64 * MIB);
    assert_int_equal(scene_action(&s, needy, ACTION_GROW)->target_kib, 544 * MIB);
    assert_null(scene_find(&s, held, ACTION_GROW));
    assert_int_equal(s.plan.shortfall_kib, 32 * MIB);
    scene_plan(&s, NOW, 128 * MIB);
    assert_int_equal(scene_action(&s, needy, ACTION_GROW)->target_kib, 576 * MIB);
    assert_null(scene_find(&s, held, ACTION_GROW));
    assert_int_equal(s.plan.shortfall_kib, 0);
}

/* A pool of 256 MiB: 64 MiB for each in a second, while the other waits. */
static void test_plan_one_takes_a_quarter_of_the_pool_in_a_second(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 256 * MIB;
    struct vm *one = add_short(1), *other = add_short(2);

    one->policy.headroom_kib = other->policy.headroom_kib = 200 * MIB;
    scene_plan(&s, NOW, 300 * MIB); /* 400 are asked for */
    assert_int_equal(scene_action(&s, one, ACTION_GROW)->target_kib, 576 * MIB);
    assert_int_equal(scene_action(&s, other, ACTION_GROW)->target_kib, 576 * MIB);
    assert_int_equal(one->blocked_by, REASON_POOL_SHARE);
    carry_out(one, ACTION_GROW, NOW);
    scene_plan(&s, NOW + SECOND - 1, 300 * MIB);
    assert_null(scene_find(&s, one, ACTION_GROW));
    assert_int_equal(one->blocked_by, REASON_POOL_SHARE);
    assert_int_equal(scene_action(&s, other, ACTION_GROW)->target_kib, 576 * MIB);
    scene_plan(&s, NOW + SECOND, 300 * MIB);
    assert_int_equal(scene_action(&s, one, ACTION_GROW)->target_kib, 640 * MIB);
}

static void test_plan_alone_one_takes_all_of_the_pool(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 256 * MIB;
    struct vm *vm = add_short(1);

    vm->policy.headroom_kib = 400 * MIB;
    scene_plan(&s, NOW, 300 * MIB);
    assert_int_equal(scene_action(&s, vm, ACTION_GROW)->target_kib, 812 * MIB);
}

static void test_plan_enough_for_all_knows_no_quarter(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 256 * MIB;
    struct vm *one = add_short(1), *other = add_short(2);

    one->policy.headroom_kib = other->policy.headroom_kib = 200 * MIB;
    scene_plan(&s, NOW, 400 * MIB);
    assert_int_equal(scene_action(&s, one, ACTION_GROW)->target_kib, 712 * MIB);
    assert_int_equal(scene_action(&s, other, ACTION_GROW)->target_kib, 712 * MIB);
}

static void test_plan_pool_goal_is_2_percent_of_what_is_managed(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 256 * MIB;
    struct vm *vm = scene_add(&s, vm_at_rest(1, 4 * GIB, GIB));

    scene_plan(&s, NOW, (int64_t)(12800 * MIB - 4 * GIB));
    assert_int_equal(s.plan.pool_goal_kib, 256 * MIB);
    scene_plan(&s, NOW, (int64_t)(12800 * MIB - 4 * GIB) + 50);
    assert_int_equal(s.plan.pool_goal_kib, 256 * MIB + 1);
    vm->policy.kind = POLICY_FIXED; /* not managed */
    scene_plan(&s, NOW, (int64_t)(12800 * MIB) + 49);
    assert_int_equal(s.plan.pool_goal_kib, 256 * MIB);
}

/* ---- who gives ---- */

/* What a donor gives is free only when it has come: nothing of it in this plan. */
static void test_plan_shortage_takes_slack_and_does_not_give_it_yet(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *needy = add_short(1), *donor = add_slack(2, 50 * MIB);

    scene_plan(&s, NOW, 0);
    assert_null(scene_find(&s, needy, ACTION_GROW));
    const struct action *a = scene_action(&s, donor, ACTION_SHRINK);

    assert_int_equal(a->reason, REASON_POOL);
    assert_int_equal(a->target_kib, GIB - 50 * MIB);
}

static void test_plan_low_pool_takes_half_of_the_slack(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.pool_least_kib = 256 * MIB;
    struct vm *donor = add_slack(1, 50 * MIB);

    scene_plan(&s, NOW, 256 * MIB - 4);
    assert_int_equal(scene_action(&s, donor, ACTION_SHRINK)->reason, REASON_POOL);
    scene_plan(&s, NOW, 256 * MIB);
    const struct action *a = scene_action(&s, donor, ACTION_SHRINK);

    assert_int_equal(a->reason, REASON_SLACK);
    assert_int_equal(a->target_kib, GIB - 25 * MIB);
}

static void test_plan_draining_shrinks_and_grants_nothing(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.is_draining = true;
    struct vm *needy = add_short(1), *donor = add_slack(2, 50 * MIB);

    scene_plan(&s, NOW, 8 * (int64_t)GIB);
    assert_null(scene_find(&s, needy, ACTION_GROW));
    assert_int_equal(needy->blocked_by, REASON_DRAINING);
    assert_int_equal(scene_action(&s, donor, ACTION_SHRINK)->reason, REASON_DRAIN);
    assert_int_equal(s.plan.count, 1);
}

/* I8: what is wrong with one changes nothing for another. */
static void test_plan_others_troubles_change_nothing(void **state)
{
    (void)state;
    for (int trouble = 0; trouble < 5; trouble++) {
        scene_begin(&s);
        struct vm *other = scene_add(&s, vm_at_rest(1, 512 * MIB, 40 * MIB));
        struct vm *needy = add_short(2), *donor = add_slack(3, 50 * MIB);

        if (trouble == 1)
            other->last_ns = NOW - 3600 * SECOND;
        if (trouble == 2)
            other->is_stuck = true;
        if (trouble == 3)
            other->domain.flags |= SAMPLE_PAUSED;
        if (trouble == 4)
            other->failed_ns = NOW;
        scene_plan(&s, NOW, 20 * MIB);
        assert_int_equal(scene_action(&s, needy, ACTION_GROW)->target_kib, 532 * MIB);
        assert_int_equal(scene_action(&s, donor, ACTION_SHRINK)->target_kib, GIB - 50 * MIB);
    }
}

/* ---- what became of it ---- */

static void test_plan_done_failure_changes_no_target(void **state)
{
    static const enum reason failures[] = {REASON_FAILED, REASON_CLAIM, REASON_DRY_RUN};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        scene_begin(&s);
        struct vm *vm = add_short(1);

        scene_plan(&s, NOW, GIB);
        plan_done(vm, scene_action(&s, vm, ACTION_GROW), failures[i], NOW);
        assert_int_equal(vm->target_kib, 512 * MIB);
        assert_int_equal(vm->claim_ns, 0);
        assert_int_equal(vm->grants, 0);
        assert_int_equal(vm->blocked_by, failures[i]);
        assert_int_equal(vm->failed_ns, failures[i] == REASON_FAILED ? NOW : 0);
    }
}

static void test_plan_done_counts_turns(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_slack(1, 50 * MIB);

    scene_plan(&s, NOW, GIB);
    carry_out(vm, ACTION_SHRINK, NOW);
    assert_int_equal(vm->target_kib, GIB - 25 * MIB);
    assert_int_equal(vm->taken_kib, 25 * MIB);
    assert_int_equal(vm->reversals, 0);
    vm_has(vm, GIB - 25 * MIB, NOW);
    vm->policy.floor_kib = GIB;
    scene_plan(&s, NOW, GIB);
    carry_out(vm, ACTION_GROW, NOW);
    assert_int_equal(vm->taken_kib, 0);
    assert_int_equal(vm->reversals, 1);
    assert_int_equal(vm->shrinks, 1);
    assert_int_equal(vm->grants, 1);
}

/* ---- at random: I1 and I4 ---- */

static void add_random(struct chance *c, unsigned domid)
{
    uint64_t target = FLOOR + chance_below(c, 2 * GIB) / 4 * 4;
    struct vm vm = vm_at_rest(domid, target, chance_below(c, target));

    vm.policy.weight = 1 + (uint32_t)chance_below(c, POLICY_WEIGHT_MOST);
    vm.policy.headroom_kib = 4 * MIB + chance_below(c, 300 * MIB);
    vm.rate_kib_s = chance_below(c, GIB);
    vm.domain.max_kib = target + (chance_hits(c, 3) ? chance_below(c, GIB) : MIB);
    if (chance_hits(c, 4))
        vm.domain.outstanding_kib = chance_below(c, GIB);
    vm.phase = VM_RUN;
    (void)scene_add(&s, vm);
}

static void test_plan_random_never_promises_what_is_not_there(void **state)
{
    struct chance c = chance_begin("plan");

    (void)state;
    for (int run = 0; run < 5000; run++) {
        scene_begin(&s);
        s.rules.pool_least_kib = chance_below(&c, GIB);
        for (unsigned i = 1; i <= SCENE_VMS; i++)
            add_random(&c, i);
        int64_t surplus = (int64_t)chance_below(&c, GIB) - (int64_t)chance_below(&c, 100 * MIB);

        scene_plan(&s, NOW, surplus);
        for (size_t i = 0; i < s.plan.count; i++) {
            const struct action *a = &s.plan.actions[i];

            if (a->kind == ACTION_GROW || a->kind == ACTION_CAP)
                s.domains[a->vm].max_kib = a->cap_kib;
            assert_true(a->target_kib >= FLOOR && a->target_kib <= CEILING);
            assert_true(a->kind != ACTION_GROW || a->target_kib > a->before_kib);
            assert_true(a->kind != ACTION_SHRINK || a->target_kib < a->before_kib);
            assert_true(a->kind != ACTION_CAP || a->cap_kib >= s.domains[a->vm].tot_kib);
        }
        int64_t after = ledger_surplus_kib(&s.host, &s.rules.ledger);

        assert_true(after >= (surplus < 0 ? surplus : 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_surplus_for_all_is_granted_with_cap_and_claim),
        cmocka_unit_test(test_plan_grants_what_there_is_from_64_kib_on),
        cmocka_unit_test(test_plan_whole_ask_of_less_than_1_mib_is_granted),
        cmocka_unit_test(test_plan_growth_inside_the_cap_needs_no_surplus),
        cmocka_unit_test(test_plan_surplus_below_0_grants_nothing_inside_the_cap_either),
        cmocka_unit_test(test_plan_growth_to_what_it_has_needs_no_claim),
        cmocka_unit_test(test_plan_divides_by_weight),
        cmocka_unit_test(test_plan_keeps_the_share_of_one_that_the_guard_holds_back),
        cmocka_unit_test(test_plan_one_takes_a_quarter_of_the_pool_in_a_second),
        cmocka_unit_test(test_plan_alone_one_takes_all_of_the_pool),
        cmocka_unit_test(test_plan_enough_for_all_knows_no_quarter),
        cmocka_unit_test(test_plan_pool_goal_is_2_percent_of_what_is_managed),
        cmocka_unit_test(test_plan_shortage_takes_slack_and_does_not_give_it_yet),
        cmocka_unit_test(test_plan_low_pool_takes_half_of_the_slack),
        cmocka_unit_test(test_plan_draining_shrinks_and_grants_nothing),
        cmocka_unit_test(test_plan_others_troubles_change_nothing),
        cmocka_unit_test(test_plan_done_failure_changes_no_target),
        cmocka_unit_test(test_plan_done_counts_turns),
        cmocka_unit_test(test_plan_random_never_promises_what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
