/*
 * Growth: each policy, the step, the predictor, what bars it, start, and fail-open.
 */
#include "balloon_scene.h"

static const struct host_rules rules = {.mode = MODE_ON};

/* Headroom is 32 MiB here, so that half is 16 and a quarter 8. */
static struct vm with_headroom(uint64_t target_kib, uint64_t available_kib)
{
    struct vm vm = vm_at_rest(1, target_kib, available_kib);

    vm.policy.headroom_kib = 32 * MIB;
    return vm;
}

static struct wish grow_at(struct vm *vm, int64_t at_ns)
{
    return controller_grow(vm, &rules, at_ns);
}

/* ---- demand ---- */

/* need / 8 = 63488 KiB is the largest arm */
static void test_grow_demand_below_half_of_headroom_wishes(void **state)
{
    struct vm at = with_headroom(512 * MIB, 16 * MIB),
              below = with_headroom(512 * MIB, 16 * MIB - 4);

    (void)state;
    assert_no_wish(grow_at(&at, NOW), &at, REASON_NONE);
    assert_wish(grow_at(&below, NOW), WISH_GROW, REASON_SHORT, 512 * MIB + 63488);
}

static void test_grow_step_is_the_largest_of_its_arms(void **state)
{
    static const struct {
        uint64_t target, available, headroom, step;
    } rows[] = {
        {GIB, 0, 32 * MIB, 64 * MIB},         /* min(64 MiB, need / 8 = 128 MiB) */
        {512 * MIB, 0, 32 * MIB, 64 * MIB},   /* need / 8 = 64 MiB */
        {512 * MIB - 32, 0, 32 * MIB, 65532}, /* need / 8 is 4 KiB less */
        {256 * MIB, 0, 32 * MIB, 32 * MIB},   /* missing = need / 8 */
        {256 * MIB, 0, 33 * MIB, 33 * MIB},   /* missing */
        {GIB, 0, 200 * MIB, 200 * MIB},       /* missing, more than 64 MiB */
        {GIB, 99 * MIB, 200 * MIB, 101 * MIB},
        {GIB, 0, 65 * MIB + 3, 65 * MIB}, /* in whole pages */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_at_rest(1, rows[i].target, rows[i].available);

        vm.policy.headroom_kib = rows[i].headroom;
        assert_wish(grow_at(&vm, NOW), WISH_GROW, REASON_SHORT, rows[i].target + rows[i].step);
    }
}

/* 100 MiB/s: in half a second 50 MiB of the 100 are gone. */
static void test_grow_predictor_looks_half_a_second_ahead(void **state)
{
    struct vm vm = vm_at_rest(1, 512 * MIB, 200 * MIB), at;

    (void)state;
    vm_says(&vm, 100 * MIB, NOW + SECOND);
    at = vm;
    at.policy.headroom_kib = 100 * MIB; /* 50 MiB are left: just half */
    assert_no_wish(grow_at(&at, NOW + SECOND), &at, REASON_NONE);
    vm.policy.headroom_kib = 100 * MIB + 8;
    /* missing 8 KiB + 50 MiB; need / 8 = 51.5 MiB */
    assert_wish(grow_at(&vm, NOW + SECOND), WISH_GROW, REASON_PREDICTED, 512 * MIB + 52736);
    vm.policy.headroom_kib = 128 * MIB; /* missing 28 MiB + 50 MiB */
    assert_wish(grow_at(&vm, NOW + SECOND), WISH_GROW, REASON_PREDICTED, 590 * MIB);
}

/* 8 GiB/s for half a second would be 4 GiB: need itself is the most that is foreseen. */
static void test_grow_predictor_foresees_at_most_twice_the_need(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, GIB);

    (void)state;
    vm_says(&vm, 0, NOW + 50 * MS);
    vm.policy.headroom_kib = 32 * MIB;
    assert_wish(grow_at(&vm, NOW + 50 * MS), WISH_GROW, REASON_SHORT, 2 * GIB + 32 * MIB);
}

static void test_grow_stops_at_the_ceiling(void **state)
{
    struct vm near = with_headroom(CEILING - 8 * MIB, 0), at = with_headroom(CEILING, 0);
    struct vm above = with_headroom(2 * GIB, 0);

    (void)state;
    assert_wish(grow_at(&near, NOW), WISH_GROW, REASON_SHORT, CEILING);
    assert_no_wish(grow_at(&at, NOW), &at, REASON_AT_CEILING);
    above.policy.ceiling_kib = GIB;
    assert_no_wish(grow_at(&above, NOW), &above, REASON_AT_CEILING);
}

static void test_grow_below_the_floor_goes_to_it(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 300 * MIB);

    (void)state;
    vm.policy.floor_kib = 600 * MIB;
    assert_wish(grow_at(&vm, NOW), WISH_GROW, REASON_FLOOR, 600 * MIB);
}

/* A floor of no whole page: the VM rests just under it, and is short. */
static void test_grow_odd_floor_does_not_stand_in_the_way(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.policy.floor_kib = 512 * MIB + 1;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
}

/* ---- the other policies ---- */

static void test_grow_swap_waits_for_evidence(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.policy.kind = POLICY_SWAP;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NO_SWAP);
    vm.last.swap_total_kib = vm.last.swap_free_kib = GIB;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NONE);
    vm.last.swap_in = 31;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NONE);
    vm.last.swap_in = 32;
    assert_wish(grow_at(&vm, NOW), WISH_GROW, REASON_SWAPPING, 576 * MIB);
    vm.last.swap_in = 0;
    vm.last.stall_some_us = 100000; /* of a second: a tenth */
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NONE);
    vm.last.stall_some_us = 100001;
    assert_wish(grow_at(&vm, NOW), WISH_GROW, REASON_SWAPPING, 576 * MIB);
}

static void test_grow_swap_takes_each_sign_for_one_grant(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.policy.kind = POLICY_SWAP;
    vm.last.swap_total_kib = vm.last.swap_free_kib = GIB;
    vm.last.swap_in = 32;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
    vm.grant_ns = NOW;
    assert_no_wish(grow_at(&vm, NOW + 50 * MS), &vm, REASON_NONE);
    struct figures f = vm.last;

    f.up_ms += 100;
    f.swap_in += 32;
    vm_take_figures(&vm, &f, false, NOW + 100 * MS);
    assert_int_equal(grow_at(&vm, NOW + 100 * MS).kind, WISH_GROW);
}

static void test_grow_api_goes_to_the_size_asked_for(void **state)
{
    static const struct {
        uint64_t size, target; /* 0: no wish */
        enum reason blocked_by;
    } rows[] = {
        {0, 0, REASON_NONE},
        {700 * MIB, 700 * MIB, REASON_NONE},
        {700 * MIB + 3, 700 * MIB, REASON_NONE},
        {512 * MIB, 0, REASON_NONE},
        {400 * MIB, 0, REASON_NONE},
        {CEILING + GIB, CEILING, REASON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = with_headroom(512 * MIB, 0); /* short, which is not asked */

        vm.policy.kind = POLICY_API;
        vm.policy.size_kib = rows[i].size;
        struct wish wish = grow_at(&vm, NOW);

        if (rows[i].target == 0)
            assert_no_wish(wish, &vm, rows[i].blocked_by);
        else
            assert_wish(wish, WISH_GROW, REASON_ASKED, rows[i].target);
    }
}

/* ---- who may not ---- */

static void test_grow_barred_ones_wish_nothing(void **state)
{
    static const struct {
        const char *what;
        enum reason reason;
    } rows[] = {
        {"fixed", REASON_FIXED},
        {"stopped", REASON_STOPPED},
        {"all stopped", REASON_STOPPED},
        {"hung", REASON_XENSTORE},
        {"no target", REASON_XENSTORE},
        {"paused", REASON_PAUSED},
        {"shut down", REASON_PAUSED},
        {"dying", REASON_PAUSED},
        {"unborn", REASON_PAUSED},
        {"vm1--incoming", REASON_MIGRATING},
        {"vm1--migratedaway", REASON_MIGRATING},
        {"draining", REASON_DRAINING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = with_headroom(512 * MIB, 0);
        struct host_rules r = rules;
        const char *what = rows[i].what;

        vm.policy.kind = strcmp(what, "fixed") == 0 ? POLICY_FIXED : POLICY_DEMAND;
        vm.policy.is_stopped = strcmp(what, "stopped") == 0;
        r.is_stopped = strcmp(what, "all stopped") == 0;
        r.is_xenstore_hung = strcmp(what, "hung") == 0;
        r.is_draining = strcmp(what, "draining") == 0;
        vm.target_kib = strcmp(what, "no target") == 0 ? 0 : vm.target_kib;
        vm.domain.flags |= strcmp(what, "paused") == 0      ? SAMPLE_PAUSED
                           : strcmp(what, "shut down") == 0 ? SAMPLE_SHUTDOWN
                           : strcmp(what, "dying") == 0     ? SAMPLE_DYING
                                                            : 0;
        vm.domain.cpu_ns = strcmp(what, "unborn") != 0;
        (void)snprintf(vm.facts.name, sizeof vm.facts.name, "%s", what);
        assert_no_wish(controller_grow(&vm, &r, NOW), &vm, rows[i].reason);
    }
}

static void test_grow_name_with_a_suffix_inside_is_no_migration(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    (void)snprintf(vm.facts.name, sizeof vm.facts.name, "vm--incoming-2");
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
}

static void test_grow_after_a_failure_waits_5_s(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.failed_ns = NOW - 5 * SECOND + 1;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_FAILED);
    vm.failed_ns = NOW - 5 * SECOND;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
}

static void test_grow_spent_ones_get_nothing_more(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.policy.spend_cap_milli = 1500; /* 1.5 GiB*h */
    vm.spent_kib_ns = KIB_NS_PER_GIB_H * 3 / 2 - 1;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
    vm.spent_kib_ns++;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_SPENT);
    vm.policy.spend_cap_milli = 0;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
}

static void test_grow_stuck_one_waits_until_its_time(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 0);

    (void)state;
    vm.is_stuck = vm.stuck_up = true;
    vm.stuck_until_ns = NOW + 1;
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_STUCK);
    vm.stuck_up = false; /* it did not give: that does not keep it from taking */
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
    vm.stuck_up = true;
    vm.stuck_until_ns = NOW;
    assert_int_equal(grow_at(&vm, NOW).kind, WISH_GROW);
}

/* ---- start, silence ---- */

static void test_grow_start_raises_and_never_lowers(void **state)
{
    static const struct {
        uint64_t start, target; /* 0: no wish */
    } rows[] = {{GIB, GIB}, {512 * MIB + 4, 512 * MIB + 4}, {512 * MIB, 0},    {256 * MIB, 0},
                {0, 0},     {UINT64_MAX, CEILING},          {8 * GIB, CEILING}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_born(1, 512 * MIB, NOW);

        vm.policy.start_kib = rows[i].start;
        struct wish wish = grow_at(&vm, NOW);

        if (rows[i].target == 0)
            assert_no_wish(wish, &vm, REASON_NONE);
        else
            assert_wish(wish, WISH_GROW, REASON_START, rows[i].target);
        assert_int_equal(vm.phase, VM_INIT);
    }
}

static void test_grow_start_ends_with_the_first_record(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);
    struct figures f = figures_at(512 * MIB, 300 * MIB, NOW);

    (void)state;
    vm.policy.start_kib = GIB;
    vm_take_figures(&vm, &f, false, NOW);
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NONE);
    assert_int_equal(vm.phase, VM_RUN);
}

static void test_grow_without_any_record_for_60_s_is_shown(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    assert_no_wish(grow_at(&vm, NOW + 60 * SECOND), &vm, REASON_NONE);
    assert_no_wish(grow_at(&vm, NOW + 60 * SECOND + 1), &vm, REASON_NO_AGENT);
}

static void test_grow_silence_of_60_s_fails_open_to_start(void **state)
{
    struct vm vm = with_headroom(512 * MIB, 300 * MIB);

    (void)state;
    vm.policy.start_kib = GIB;
    assert_no_wish(grow_at(&vm, NOW + 15 * SECOND - 1), &vm, REASON_NONE);
    assert_no_wish(grow_at(&vm, NOW + 15 * SECOND), &vm, REASON_STALE);
    assert_no_wish(grow_at(&vm, NOW + 60 * SECOND - 1), &vm, REASON_STALE);
    assert_wish(grow_at(&vm, NOW + 60 * SECOND), WISH_GROW, REASON_NO_RECORD, GIB);
}

static void test_grow_silence_of_one_above_its_start_keeps_its_target(void **state)
{
    struct vm vm = with_headroom(GIB, 300 * MIB);

    (void)state;
    vm.policy.start_kib = 512 * MIB;
    assert_no_wish(grow_at(&vm, NOW + 60 * SECOND), &vm, REASON_NO_RECORD);
}

static void test_grow_silence_under_other_policies_only_waits(void **state)
{
    static const enum policy_kind kinds[] = {POLICY_SWAP, POLICY_API};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct vm vm = with_headroom(512 * MIB, 300 * MIB);

        vm.policy.kind = kinds[i];
        vm.policy.start_kib = vm.policy.size_kib = GIB;
        assert_no_wish(grow_at(&vm, NOW + 60 * SECOND), &vm, REASON_STALE);
    }
}

/* Its current is not known, and it could not follow. */
static void test_grow_without_a_balloon_driver_is_barred(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);
    struct figures f = figures_at(0, 4 * MIB, NOW);

    (void)state;
    f.total_kib = 470 * MIB;
    f.flags = 0;
    vm_take_figures(&vm, &f, false, NOW);
    assert_no_wish(grow_at(&vm, NOW), &vm, REASON_NO_BALLOON);
    vm.is_fallback = true; /* other agents never tell of one */
    assert_int_equal(controller_barred(&vm, &rules, NOW), REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow_demand_below_half_of_headroom_wishes),
        cmocka_unit_test(test_grow_step_is_the_largest_of_its_arms),
        cmocka_unit_test(test_grow_predictor_looks_half_a_second_ahead),
        cmocka_unit_test(test_grow_predictor_foresees_at_most_twice_the_need),
        cmocka_unit_test(test_grow_stops_at_the_ceiling),
        cmocka_unit_test(test_grow_below_the_floor_goes_to_it),
        cmocka_unit_test(test_grow_odd_floor_does_not_stand_in_the_way),
        cmocka_unit_test(test_grow_swap_waits_for_evidence),
        cmocka_unit_test(test_grow_swap_takes_each_sign_for_one_grant),
        cmocka_unit_test(test_grow_api_goes_to_the_size_asked_for),
        cmocka_unit_test(test_grow_barred_ones_wish_nothing),
        cmocka_unit_test(test_grow_name_with_a_suffix_inside_is_no_migration),
        cmocka_unit_test(test_grow_after_a_failure_waits_5_s),
        cmocka_unit_test(test_grow_spent_ones_get_nothing_more),
        cmocka_unit_test(test_grow_stuck_one_waits_until_its_time),
        cmocka_unit_test(test_grow_start_raises_and_never_lowers),
        cmocka_unit_test(test_grow_start_ends_with_the_first_record),
        cmocka_unit_test(test_grow_without_any_record_for_60_s_is_shown),
        cmocka_unit_test(test_grow_silence_of_60_s_fails_open_to_start),
        cmocka_unit_test(test_grow_silence_of_one_above_its_start_keeps_its_target),
        cmocka_unit_test(test_grow_silence_under_other_policies_only_waits),
        cmocka_unit_test(test_grow_without_a_balloon_driver_is_barred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
