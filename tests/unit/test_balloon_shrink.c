/*
 * Shrinking: when, by how much, what forbids it.
 */
#include "balloon_scene.h"

static const struct host_rules rules = {.mode = MODE_ON};
static const struct pressure no_pressure;

/* 1 GiB with a headroom of 100 MiB and this much beyond it. */
static struct vm with_slack(uint64_t target_kib, uint64_t slack_kib)
{
    struct vm vm = vm_at_rest(1, target_kib, 100 * MIB + slack_kib);

    vm.policy.headroom_kib = 100 * MIB;
    return vm;
}

static struct wish shrink_under(struct vm *vm, const struct pressure *pressure, int64_t at_ns)
{
    struct wish grow = controller_grow(vm, &rules, at_ns);

    assert_int_equal(grow.kind, WISH_NONE);
    return controller_shrink(vm, &rules, pressure, at_ns);
}

static struct wish shrink_at(struct vm *vm, int64_t at_ns)
{
    return shrink_under(vm, &no_pressure, at_ns);
}

/* The wish is carried out, and the guest follows at once. */
static void take(struct vm *vm, struct wish wish, int64_t at_ns)
{
    struct action a = {.kind = wish.kind == WISH_GROW ? ACTION_GROW : ACTION_SHRINK,
                       .reason = wish.reason,
                       .target_kib = wish.target_kib,
                       .cap_kib = vm_cap_kib(vm, wish.target_kib),
                       .before_kib = vm->target_kib};

    assert_true(wish.kind != WISH_NONE);
    plan_done(vm, &a, REASON_NONE, at_ns);
    vm_has(vm, wish.target_kib, at_ns);
}

/* The next record, of a guest whose current follows its target. */
static void say(struct vm *vm, uint64_t available_kib, int64_t at_ns)
{
    vm->last.current_kib = vm->last.total_kib = vm->target_kib;
    vm_says(vm, available_kib, at_ns);
}

/* ---- by how much ---- */

static void test_shrink_takes_half_of_the_slack_up_to_64_mib(void **state)
{
    static const struct {
        uint64_t target, slack, taken; /* 0: nothing */
    } rows[] = {
        {GIB, 400 * MIB, 64 * MIB},
        {GIB, 128 * MIB, 64 * MIB},
        {GIB, 128 * MIB - 8, 64 * MIB - 4},
        {GIB, 100 * MIB, 50 * MIB},
        {GIB, 2 * 10488, 10488}, /* 1 % is 10485 KiB, 10488 in whole pages */
        {GIB, 2 * 10484, 0},
        {256 * MIB, 8 * MIB, 4 * MIB}, /* 1 % is less than 4 MiB */
        {256 * MIB, 8 * MIB - 4, 0},
        {256 * MIB, 0, 0},
        {400 * MIB, 8192, 4096}, /* 1 % is 4096 KiB: both arms */
        {400 * MIB + 100, 8192, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = with_slack(rows[i].target, rows[i].slack);

        if (rows[i].taken == 0)
            assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_NONE);
        else
            assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_SLACK,
                        rows[i].target - rows[i].taken);
    }
}

static void test_shrink_takes_all_of_the_slack_while_others_are_short(void **state)
{
    const struct pressure pressure = {.shortfall_kib = 4};
    struct vm vm = with_slack(GIB, 50 * MIB), large = with_slack(GIB, 400 * MIB);

    (void)state;
    assert_wish(shrink_under(&vm, &pressure, NOW), WISH_SHRINK, REASON_POOL, GIB - 50 * MIB);
    assert_wish(shrink_under(&large, &pressure, NOW), WISH_SHRINK, REASON_POOL, GIB - 64 * MIB);
}

/* 64 MiB/s for each donor */
static void test_shrink_for_the_pool_is_once_a_second(void **state)
{
    const struct pressure pressure = {.is_pool_low = true};
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    take(&vm, shrink_under(&vm, &pressure, NOW), NOW);
    say(&vm, 436 * MIB, NOW + 500 * MS);
    assert_no_wish(shrink_under(&vm, &pressure, NOW + SECOND - 1), &vm, REASON_NONE);
    assert_wish(shrink_under(&vm, &pressure, NOW + SECOND), WISH_SHRINK, REASON_POOL,
                GIB - 128 * MIB);
}

static void test_shrink_never_goes_below_the_floor(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.policy.floor_kib = GIB - 30 * MIB;
    assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_SLACK, GIB - 15 * MIB);
    vm.policy.floor_kib = GIB;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_NONE);
}

/* I4, I5: rounding goes up, not below the floor or what the guest needs */
static void test_shrink_rounds_to_no_less_than_floor_and_need(void **state)
{
    const struct pressure pressure = {.shortfall_kib = GIB};
    struct vm vm = with_slack(512 * MIB, 50 * MIB + 1);
    struct wish wish;

    (void)state;
    wish = shrink_under(&vm, &pressure, NOW);
    assert_int_equal(wish.kind, WISH_SHRINK);
    assert_true(wish.target_kib >= vm_need_kib(&vm) + vm_headroom_kib(&vm));
    vm = with_slack(512 * MIB, 300 * MIB);
    vm.policy.floor_kib = 500 * MIB + 1;
    wish = shrink_under(&vm, &pressure, NOW);
    assert_int_equal(wish.kind, WISH_SHRINK);
    assert_true(wish.target_kib >= vm.policy.floor_kib);
}

static void test_shrink_while_draining_takes_half_of_the_slack(void **state)
{
    const struct host_rules draining = {.mode = MODE_ON, .is_draining = true};
    struct vm vm = with_slack(GIB, 40 * MIB);

    (void)state;
    vm.quiet_ns = NOW - 2 * SECOND;
    assert_wish(controller_shrink(&vm, &draining, &no_pressure, NOW), WISH_SHRINK, REASON_DRAIN,
                GIB - 20 * MIB);
}

/* ---- when ---- */

static void test_shrink_needs_30_s_of_quiet_doubled_up_to_10_min(void **state)
{
    static const int64_t seconds[] = {30, 60, 120, 240, 480, 600};

    (void)state;
    for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct vm vm = with_slack(GIB, 400 * MIB);

        vm.backoff = i;
        vm.quiet_ns = NOW - seconds[i] * SECOND + 1;
        assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_QUIET);
        vm.quiet_ns--;
        assert_int_equal(shrink_at(&vm, NOW).kind, WISH_SHRINK);
    }
}

static void test_shrink_for_others_needs_2_s_of_quiet(void **state)
{
    static const struct pressure pressures[] = {{.is_pool_low = true}, {.shortfall_kib = 4}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct vm vm = with_slack(GIB, 400 * MIB);

        vm.quiet_ns = NOW - 2 * SECOND + 1;
        assert_no_wish(shrink_under(&vm, &pressures[i], NOW), &vm, REASON_QUIET);
        vm.quiet_ns--;
        assert_int_equal(shrink_under(&vm, &pressures[i], NOW).kind, WISH_SHRINK);
    }
}

static void test_shrink_quiet_begins_with_growth_and_stall(void **state)
{
    struct vm grown = with_slack(GIB, 400 * MIB), stalled = grown;

    (void)state;
    take(&grown, (struct wish){WISH_GROW, REASON_SHORT, GIB + 64 * MIB}, NOW);
    assert_int_equal(grown.quiet_ns, NOW);
    stalled.last.stall_some_us = 0;
    struct figures f = stalled.last;

    f.up_ms += 1000;
    f.stall_some_us = 100001;
    vm_take_figures(&stalled, &f, false, NOW + SECOND);
    assert_no_wish(shrink_at(&stalled, NOW + SECOND), &stalled, REASON_QUIET);
}

static void test_shrink_takes_one_step_for_a_record(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    take(&vm, shrink_at(&vm, NOW), NOW);
    assert_no_wish(shrink_at(&vm, NOW + 2 * SECOND), &vm, REASON_NONE);
    say(&vm, 436 * MIB, NOW + 2 * SECOND);
    assert_wish(shrink_at(&vm, NOW + 2 * SECOND), WISH_SHRINK, REASON_SLACK, GIB - 128 * MIB);
}

static void test_shrink_waits_for_the_transfer_before(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.moved_ns = NOW - SECOND;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_TRANSFER);
}

static void test_shrink_takes_nothing_in_the_first_60_s(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.young_until_ns = NOW + 1;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_YOUNG);
    vm.young_until_ns = NOW;
    assert_int_equal(shrink_at(&vm, NOW).kind, WISH_SHRINK);
    vm = vm_born(1, GIB, NOW);
    assert_int_equal(vm.young_until_ns, NOW + 60 * SECOND);
}

static void test_shrink_needs_a_record_of_less_than_15_s(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB), stale = vm, unheard = vm_born(1, GIB, NOW);

    (void)state;
    assert_int_equal(shrink_at(&vm, NOW + 15 * SECOND - 1).kind, WISH_SHRINK);
    assert_no_wish(shrink_at(&stale, NOW + 15 * SECOND), &stale, REASON_STALE);
    assert_int_equal(shrink_at(&unheard, NOW + 100 * SECOND).kind, WISH_NONE);
}

static void test_shrink_after_silence_needs_three_records(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);
    int64_t at = NOW + 70 * SECOND;

    (void)state;
    say(&vm, 500 * MIB, at);
    assert_no_wish(shrink_at(&vm, at), &vm, REASON_NONE);
    say(&vm, 500 * MIB, at + SECOND);
    assert_no_wish(shrink_at(&vm, at + SECOND), &vm, REASON_NONE);
    say(&vm, 500 * MIB, at + 2 * SECOND);
    assert_int_equal(shrink_at(&vm, at + 2 * SECOND).kind, WISH_SHRINK);
}

static void test_shrink_stuck_one_keeps_what_it_has(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.is_stuck = true;
    vm.stuck_until_ns = NOW + 1;
    assert_no_wish(controller_shrink(&vm, &rules, &no_pressure, NOW), &vm, REASON_STUCK);
    vm.stuck_until_ns = NOW;
    assert_int_equal(controller_shrink(&vm, &rules, &no_pressure, NOW).kind, WISH_SHRINK);
}

/* ---- what is not known is not taken ---- */

static void test_shrink_fallback_gives_nothing_before_its_overhead_is_learned(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.is_fallback = true;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_NONE);
    vm.policy.ceiling_kib = 512 * MIB;
    assert_int_equal(shrink_at(&vm, NOW).kind, WISH_NONE);
    vm.learned_overhead_kib = 4;
    assert_int_equal(shrink_at(&vm, NOW).kind, WISH_SHRINK);
}

static const struct pressure dear; /* see below */
static struct vm reclaimable(uint64_t target_kib, uint64_t swap_free_kib);

static void test_shrink_fallback_is_not_reclaimed_before_its_overhead_is_learned(void **state)
{
    struct vm vm = reclaimable(2 * GIB, GIB);

    (void)state;
    vm.is_fallback = true;
    assert_int_equal(shrink_under(&vm, &dear, NOW).kind, WISH_NONE);
}

/* cur is 0 without the flag b: its need is unknown, not nothing */
static void test_shrink_without_a_word_on_current_takes_nothing(void **state)
{
    struct vm vm = vm_born(1, GIB, NOW - 1000 * SECOND);
    struct figures f = figures_at(0, 4 * MIB, NOW - 3 * SECOND);

    (void)state;
    f.total_kib = 980 * MIB;
    f.flags = 0;
    vm_take_figures(&vm, &f, false, NOW - 3 * SECOND);
    for (int i = 2; i >= 0; i--)
        vm_says(&vm, 4 * MIB, NOW - i * SECOND);
    assert_int_equal(controller_shrink(&vm, &rules, &no_pressure, NOW).kind, WISH_NONE);
}

/* ---- ceilings, api ---- */

static void test_shrink_ceiling_below_use_is_pending(void **state)
{
    struct vm vm = with_slack(GIB, 0);

    (void)state;
    vm.policy.ceiling_kib = 512 * MIB;
    assert_int_equal(shrink_at(&vm, NOW).kind, WISH_NONE);
    say(&vm, 120 * MIB, NOW + SECOND); /* 20 MiB are free: all of them */
    assert_wish(shrink_at(&vm, NOW + SECOND), WISH_SHRINK, REASON_CEILING, GIB - 20 * MIB);
    say(&vm, 101 * MIB, NOW + 2 * SECOND); /* and less than the minimum of others */
    assert_wish(shrink_at(&vm, NOW + 2 * SECOND), WISH_SHRINK, REASON_CEILING, GIB - MIB);
    say(&vm, 500 * MIB, NOW + 3 * SECOND);
    assert_wish(shrink_at(&vm, NOW + 3 * SECOND), WISH_SHRINK, REASON_CEILING, GIB - 64 * MIB);
}

static void test_shrink_ceiling_just_below_is_reached_exactly(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.policy.ceiling_kib = GIB - 4;
    assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_CEILING, GIB - 4);
}

static void test_shrink_api_goes_down_to_the_size_asked_for(void **state)
{
    struct vm vm = with_slack(GIB, 30 * MIB);

    (void)state;
    vm.policy.kind = POLICY_API;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_NONE); /* none asked: its slack is its own */
    vm.policy.size_kib = GIB - 10 * MIB;
    assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_ASKED, GIB - 10 * MIB);
    vm.policy.size_kib = GIB - 50 * MIB; /* as far as it needs it not */
    assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_ASKED, GIB - 30 * MIB);
    vm.policy.size_kib = 2 * GIB;
    vm.policy.ceiling_kib = GIB - 20 * MIB;
    assert_wish(shrink_at(&vm, NOW), WISH_SHRINK, REASON_ASKED, GIB - 20 * MIB);
}

static void test_shrink_api_size_below_use_is_pending(void **state)
{
    struct vm vm = with_slack(GIB, 0);

    (void)state;
    vm.policy.kind = POLICY_API;
    vm.policy.size_kib = 512 * MIB;
    assert_no_wish(shrink_at(&vm, NOW), &vm, REASON_CEILING);
}

static void test_shrink_api_without_a_size_follows_its_ceiling(void **state)
{
    struct vm vm = with_slack(GIB, 400 * MIB);

    (void)state;
    vm.policy.kind = POLICY_API;
    vm.policy.ceiling_kib = GIB - 20 * MIB;
    assert_int_equal(shrink_at(&vm, NOW).kind, WISH_SHRINK);
}

/* ---- reclaim=swap ---- */

/* Fair share: its floor of 128 MiB and half of 2048 - 256 MiB = 1024 MiB. */
static const struct pressure dear = {.shortfall_kib = GIB,
                                     .is_slack_short = true,
                                     .managed_kib = 2 * GIB,
                                     .floors_kib = 2 * FLOOR,
                                     .weights = 200};

static struct vm reclaimable(uint64_t target_kib, uint64_t swap_free_kib)
{
    struct vm vm = with_slack(target_kib, 0);

    vm.policy.may_reclaim_swap = true;
    vm.last.swap_total_kib = 8 * GIB;
    vm.last.swap_free_kib = swap_free_kib;
    return vm;
}

static void test_shrink_reclaim_needs_free_swap_of_twice_the_step(void **state)
{
    struct vm at = reclaimable(2 * GIB, 128 * MIB), below = reclaimable(2 * GIB, 128 * MIB - 4);

    (void)state;
    assert_wish(shrink_under(&at, &dear, NOW), WISH_SHRINK, REASON_FAIR_SHARE, 2 * GIB - 64 * MIB);
    assert_no_wish(shrink_under(&below, &dear, NOW), &below, REASON_NONE);
}

static void test_shrink_reclaim_ends_at_the_fair_share(void **state)
{
    struct vm above = reclaimable(1028 * MIB, GIB), near = reclaimable(1028 * MIB - 4, GIB);
    struct vm at = reclaimable(1024 * MIB, GIB);

    (void)state;
    assert_wish(shrink_under(&above, &dear, NOW), WISH_SHRINK, REASON_FAIR_SHARE, 1024 * MIB);
    assert_int_equal(shrink_under(&near, &dear, NOW).kind, WISH_NONE); /* under 4 MiB */
    assert_int_equal(shrink_under(&at, &dear, NOW).kind, WISH_NONE);
}

static void test_shrink_reclaim_takes_no_more_than_is_short(void **state)
{
    struct pressure p = dear;
    struct vm vm = reclaimable(2 * GIB, GIB);

    (void)state;
    p.shortfall_kib = 8 * MIB;
    assert_wish(shrink_under(&vm, &p, NOW), WISH_SHRINK, REASON_FAIR_SHARE, 2 * GIB - 8 * MIB);
}

static void test_shrink_reclaim_is_off_by_default_and_waits_for_slack(void **state)
{
    struct pressure p = dear;
    struct vm vm = reclaimable(2 * GIB, GIB);

    (void)state;
    vm.policy.may_reclaim_swap = false;
    assert_int_equal(shrink_under(&vm, &dear, NOW).kind, WISH_NONE);
    vm.policy.may_reclaim_swap = true;
    p.is_slack_short = false; /* all slack together would do */
    assert_int_equal(shrink_under(&vm, &p, NOW).kind, WISH_NONE);
}

static void test_shrink_reclaim_stops_on_swap_in(void **state)
{
    struct vm vm = reclaimable(2 * GIB, GIB);

    (void)state;
    vm.last.swap_in = 32;
    assert_int_equal(controller_shrink(&vm, &rules, &dear, NOW).kind, WISH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shrink_takes_half_of_the_slack_up_to_64_mib),
        cmocka_unit_test(test_shrink_takes_all_of_the_slack_while_others_are_short),
        cmocka_unit_test(test_shrink_for_the_pool_is_once_a_second),
        cmocka_unit_test(test_shrink_never_goes_below_the_floor),
        cmocka_unit_test(test_shrink_rounds_to_no_less_than_floor_and_need),
        cmocka_unit_test(test_shrink_while_draining_takes_half_of_the_slack),
        cmocka_unit_test(test_shrink_needs_30_s_of_quiet_doubled_up_to_10_min),
        cmocka_unit_test(test_shrink_for_others_needs_2_s_of_quiet),
        cmocka_unit_test(test_shrink_quiet_begins_with_growth_and_stall),
        cmocka_unit_test(test_shrink_takes_one_step_for_a_record),
        cmocka_unit_test(test_shrink_waits_for_the_transfer_before),
        cmocka_unit_test(test_shrink_takes_nothing_in_the_first_60_s),
        cmocka_unit_test(test_shrink_needs_a_record_of_less_than_15_s),
        cmocka_unit_test(test_shrink_after_silence_needs_three_records),
        cmocka_unit_test(test_shrink_stuck_one_keeps_what_it_has),
        cmocka_unit_test(test_shrink_fallback_gives_nothing_before_its_overhead_is_learned),
        cmocka_unit_test(test_shrink_fallback_is_not_reclaimed_before_its_overhead_is_learned),
        cmocka_unit_test(test_shrink_without_a_word_on_current_takes_nothing),
        cmocka_unit_test(test_shrink_ceiling_below_use_is_pending),
        cmocka_unit_test(test_shrink_ceiling_just_below_is_reached_exactly),
        cmocka_unit_test(test_shrink_api_goes_down_to_the_size_asked_for),
        cmocka_unit_test(test_shrink_api_size_below_use_is_pending),
        cmocka_unit_test(test_shrink_api_without_a_size_follows_its_ceiling),
        cmocka_unit_test(test_shrink_reclaim_needs_free_swap_of_twice_the_step),
        cmocka_unit_test(test_shrink_reclaim_ends_at_the_fair_share),
        cmocka_unit_test(test_shrink_reclaim_takes_no_more_than_is_short),
        cmocka_unit_test(test_shrink_reclaim_is_off_by_default_and_waits_for_slack),
        cmocka_unit_test(test_shrink_reclaim_stops_on_swap_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
