/*
 * What a VM needs, by its records: need, margin, headroom, rates, stalls, and its limits.
 */
#include "balloon_scene.h"

/* ---- need, margin, headroom ---- */

static void test_vm_need_is_current_less_available(void **state)
{
    struct vm vm = vm_at_rest(1, 512 * MIB, 100 * MIB);

    (void)state;
    assert_int_equal(vm_need_kib(&vm), 412 * MIB);
    assert_int_equal(vm_margin_kib(&vm), 100 * MIB);
    vm.target_kib = 400 * MIB;
    assert_int_equal(vm_margin_kib(&vm), -12 * (int64_t)MIB);
}

/* Its current is 1 MiB less than the target at which it rests: need is told in units of target. */
static void test_vm_need_counts_the_offset_of_current(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);
    struct figures f = figures_at(511 * MIB, 100 * MIB, NOW);

    (void)state;
    vm_take_figures(&vm, &f, false, NOW);
    assert_int_equal(vm.current_offset_kib, MIB);
    assert_int_equal(vm_need_kib(&vm), 412 * MIB);
}

static void test_vm_need_without_a_record_is_nothing(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    assert_int_equal(vm_need_kib(&vm), 0);
}

static void test_vm_headroom_is_5_percent_between_16_and_256_mib(void **state)
{
    static const struct {
        uint64_t need, expected;
    } rows[] = {
        {0, 16384},        {327680, 16384},   {327699, 16384},
        {327700, 16385},   {2097152, 104857}, {5242879, 262143},
        {5242880, 262144}, {5242900, 262144}, {64 * GIB, 262144},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_at_rest(1, rows[i].need + 100 * MIB, 100 * MIB);

        assert_int_equal(vm_headroom_kib(&vm), rows[i].expected);
        vm.policy.headroom_kib = 4 * MIB;
        assert_int_equal(vm_headroom_kib(&vm), 4 * MIB);
    }
}

/* ---- rates ---- */

/* The rate after need has grown by so much between two records of so many ms. */
static uint64_t rate_after(uint64_t grown_kib, int64_t span_ms)
{
    struct vm vm = vm_at_rest(1, 3 * GIB, 2 * GIB);

    vm_says(&vm, 2 * GIB - grown_kib, NOW + span_ms * MS);
    return vm.rate_kib_s;
}

static void test_vm_rate_is_growth_of_need_per_second(void **state)
{
    (void)state;
    assert_int_equal(rate_after(100 * MIB, 1000), 102400);
    assert_int_equal(rate_after(100 * MIB, 100), 1024000);
    assert_int_equal(rate_after(0, 1000), 0);
}

static void test_vm_rate_of_a_very_short_time_is_that_of_50_ms(void **state)
{
    (void)state;
    assert_int_equal(rate_after(1000, 50), 20000);
    assert_int_equal(rate_after(1000, 49), 20000);
    assert_int_equal(rate_after(1000, 1), 20000);
    assert_int_equal(rate_after(1020, 51), 20000);
}

static void test_vm_rate_of_more_than_10_s_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(rate_after(1000, 10000), 100);
    assert_int_equal(rate_after(1000, 10001), 0);
}

static void test_vm_rate_is_at_most_8_gib_per_second(void **state)
{
    (void)state;
    assert_int_equal(rate_after(GIB, 125), 8 * GIB);
    assert_int_equal(rate_after(GIB, 124), 8 * GIB);
}

static void test_vm_rate_of_falling_need_is_none(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 100 * MIB);

    (void)state;
    vm_says(&vm, 200 * MIB, NOW + SECOND);
    assert_int_equal(vm.rate_kib_s, 0);
}

/* A guest whose clock stands or goes back: no rate, no stall, nothing to divide by. */
static void test_vm_rate_of_a_standing_clock_is_none(void **state)
{
    (void)state;
    for (uint64_t back = 0; back < 2; back++) {
        struct vm vm = vm_at_rest(1, GIB, 200 * MIB);
        struct figures f = figures_at(GIB, 0, NOW - (int64_t)back * SECOND);

        f.swap_in = f.stall_some_us = f.refaults = 1000000;
        vm_take_figures(&vm, &f, false, NOW + SECOND);
        assert_int_equal(vm.rate_kib_s, 0);
        assert_false(vm_is_stalling(&vm));
        assert_false(vm_is_swapping(&vm));
        assert_int_equal(vm_refaults_per_s(&vm), 0);
    }
}

/* ---- stalls, swap, refaults ---- */

static struct vm after_counters(uint64_t stall_us, uint64_t swap_in, uint64_t refaults)
{
    struct vm vm = vm_at_rest(1, GIB, 200 * MIB);
    struct figures f = figures_at(GIB, 200 * MIB, NOW + 2 * SECOND);

    f.stall_some_us = stall_us;
    f.swap_in = swap_in;
    f.refaults = refaults;
    vm_take_figures(&vm, &f, false, NOW + 2 * SECOND);
    return vm;
}

static void test_vm_stall_is_more_than_a_tenth_of_the_time(void **state)
{
    struct vm at = after_counters(200000, 0, 0), above = after_counters(200001, 0, 0);

    (void)state;
    assert_false(vm_is_stalling(&at));
    assert_true(vm_is_stalling(&above));
    above.last.flags &= ~(unsigned)FIGURES_HAS_PRESSURE;
    assert_false(vm_is_stalling(&above));
}

/* The kernel counts kswapd at work as a stall. */
static void test_vm_stall_of_20_ms_within_a_short_time_is_none(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 200 * MIB);
    struct figures f = figures_at(GIB, 200 * MIB, NOW + 100 * MS);

    (void)state;
    f.stall_some_us = 20000;
    vm_take_figures(&vm, &f, false, NOW + 100 * MS);
    assert_false(vm_is_stalling(&vm));
    vm.last.stall_some_us++;
    assert_true(vm_is_stalling(&vm));
}

static void test_vm_swapping_is_32_pages_or_more(void **state)
{
    struct vm below = after_counters(0, 31, 0), at = after_counters(0, 32, 0);

    (void)state;
    assert_false(vm_is_swapping(&below));
    assert_true(vm_is_swapping(&at));
}

static void test_vm_stall_and_swap_break_the_quiet(void **state)
{
    struct vm calm = after_counters(200000, 31, 1000000);
    struct vm stalled = after_counters(200001, 0, 0), swapped = after_counters(0, 32, 0);

    (void)state;
    assert_true(calm.quiet_ns < NOW && !calm.has_stalled);
    assert_true(stalled.quiet_ns == NOW + 2 * SECOND && stalled.has_stalled);
    assert_true(swapped.quiet_ns == NOW + 2 * SECOND && swapped.has_stalled);
}

static void test_vm_refaults_are_per_second(void **state)
{
    struct vm vm = after_counters(0, 0, 513), wild = after_counters(0, 0, UINT64_MAX);

    (void)state;
    assert_int_equal(vm_refaults_per_s(&vm), 256);
    assert_int_equal(vm_refaults_per_s(&wild), 0); /* no guest can: not believed */
}

static void test_vm_counters_that_fall_are_no_rise(void **state)
{
    struct vm vm = after_counters(1000000, 1000, 1000);
    struct figures f = figures_at(GIB, 200 * MIB, NOW + 3 * SECOND);

    (void)state;
    vm_take_figures(&vm, &f, false, NOW + 3 * SECOND);
    assert_false(vm_is_stalling(&vm));
    assert_false(vm_is_swapping(&vm));
    assert_int_equal(vm_refaults_per_s(&vm), 0);
}

/* ---- records ---- */

static void test_vm_records_count_anew_after_15_s_of_silence(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 200 * MIB), silent = vm;

    (void)state;
    assert_int_equal(vm.good_records, 4);
    vm_says(&vm, 200 * MIB, NOW + 15 * SECOND - 1);
    assert_int_equal(vm.good_records, 5);
    vm_says(&silent, 200 * MIB, NOW + 15 * SECOND);
    assert_int_equal(silent.good_records, 1);
}

static void test_vm_has_record_until_its_age_is_reached(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 200 * MIB), born = vm_born(1, GIB, NOW);

    (void)state;
    assert_true(vm_has_record(&vm, NOW + 15 * SECOND - 1, VM_STALE_NS));
    assert_false(vm_has_record(&vm, NOW + 15 * SECOND, VM_STALE_NS));
    assert_false(vm_has_record(&born, NOW, VM_LOST_NS));
}

/* Other agents' figures: no current in them. */
static const struct figures foreign_words = {.total_kib = 900 * MIB, .available_kib = 100 * MIB};

static void test_vm_fallback_learns_its_overhead_once_at_rest(void **state)
{
    struct vm vm = vm_born(1, GIB, NOW);
    struct figures f = foreign_words;

    (void)state;
    vm_take_figures(&vm, &f, true, NOW);
    assert_int_equal(vm.learned_overhead_kib, 124 * MIB);
    assert_int_equal(vm.last.current_kib, GIB);
    assert_int_equal(vm_need_kib(&vm), 924 * MIB);
    f.total_kib -= MIB; /* later it is not learned again */
    vm_take_figures(&vm, &f, true, NOW + SECOND);
    assert_int_equal(vm.learned_overhead_kib, 124 * MIB);
}

static void test_vm_fallback_learns_nothing_while_it_moves(void **state)
{
    struct vm vm = vm_born(1, GIB, NOW);

    (void)state;
    vm_note_written(&vm, 2 * GIB, NOW);
    vm_take_figures(&vm, &foreign_words, true, NOW);
    assert_int_equal(vm.learned_overhead_kib, 0);
}

static void test_vm_fallback_with_more_than_the_domain_has_is_not_learned_from(void **state)
{
    struct vm vm = vm_born(1, 900 * MIB, NOW);

    (void)state;
    vm_take_figures(&vm, &foreign_words, true, NOW);
    assert_int_equal(vm.learned_overhead_kib, 0);
}

/* ---- limits ---- */

static void test_vm_limits_by_policy_static_max_and_first_target(void **state)
{
    static const struct {
        uint64_t floor, ceiling, static_max, least, most;
    } rows[] = {
        {FLOOR, 2 * GIB, 4 * GIB, FLOOR, 2 * GIB},
        {FLOOR, 4 * GIB, 2 * GIB, FLOOR, 2 * GIB}, /* static-max is never exceeded */
        {FLOOR, 0, 2 * GIB, FLOOR, 2 * GIB},
        {FLOOR, 2 * GIB, 0, FLOOR, 2 * GIB},
        {FLOOR, 0, 0, FLOOR, GIB},           /* nothing is known: it stays where it is */
        {0, 2 * GIB, 4 * GIB, GIB, 2 * GIB}, /* the size at which it was first seen */
        {0, GIB / 2, 4 * GIB, GIB / 2, GIB / 2},
        {3 * GIB, 4 * GIB, 2 * GIB, 2 * GIB, 2 * GIB},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_born(1, GIB, NOW);

        vm.policy.floor_kib = rows[i].floor;
        vm.policy.ceiling_kib = rows[i].ceiling;
        vm.facts.static_max_kib = rows[i].static_max;
        assert_int_equal(vm_floor_kib(&vm), rows[i].least);
        assert_int_equal(vm_ceiling_kib(&vm), rows[i].most);
        assert_int_equal(vm_clamp_kib(&vm, 0), rows[i].least);
        assert_int_equal(vm_clamp_kib(&vm, UINT64_MAX), rows[i].most);
    }
}

static void test_vm_clamp_is_in_whole_pages(void **state)
{
    struct vm vm = vm_born(1, GIB, NOW);

    (void)state;
    assert_int_equal(vm_clamp_kib(&vm, 300003), 300000);
    assert_int_equal(vm_clamp_kib(&vm, 300004), 300004);
    vm.policy.ceiling_kib = 400003;
    assert_int_equal(vm_clamp_kib(&vm, GIB), 400000);
}

/* I4: inside floor .. ceiling */
static void test_vm_clamp_of_an_odd_floor_is_not_below_it(void **state)
{
    struct vm vm = vm_born(1, GIB, NOW);

    (void)state;
    vm.policy.floor_kib = FLOOR + 1;
    assert_int_equal(vm_clamp_kib(&vm, 0), FLOOR + 4);
}

static void test_vm_start_lies_inside_the_limits(void **state)
{
    static const struct {
        uint64_t start, expected;
    } rows[] = {{0, FLOOR}, {UINT64_MAX, CEILING}, {FLOOR - 4, FLOOR},
                {GIB, GIB}, {CEILING, CEILING},    {CEILING + 4, CEILING}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_born(1, GIB, NOW);

        vm.policy.start_kib = rows[i].start;
        assert_int_equal(vm_start_kib(&vm), rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vm_need_is_current_less_available),
        cmocka_unit_test(test_vm_need_counts_the_offset_of_current),
        cmocka_unit_test(test_vm_need_without_a_record_is_nothing),
        cmocka_unit_test(test_vm_headroom_is_5_percent_between_16_and_256_mib),
        cmocka_unit_test(test_vm_rate_is_growth_of_need_per_second),
        cmocka_unit_test(test_vm_rate_of_a_very_short_time_is_that_of_50_ms),
        cmocka_unit_test(test_vm_rate_of_more_than_10_s_says_nothing),
        cmocka_unit_test(test_vm_rate_is_at_most_8_gib_per_second),
        cmocka_unit_test(test_vm_rate_of_falling_need_is_none),
        cmocka_unit_test(test_vm_rate_of_a_standing_clock_is_none),
        cmocka_unit_test(test_vm_stall_is_more_than_a_tenth_of_the_time),
        cmocka_unit_test(test_vm_stall_of_20_ms_within_a_short_time_is_none),
        cmocka_unit_test(test_vm_swapping_is_32_pages_or_more),
        cmocka_unit_test(test_vm_stall_and_swap_break_the_quiet),
        cmocka_unit_test(test_vm_refaults_are_per_second),
        cmocka_unit_test(test_vm_counters_that_fall_are_no_rise),
        cmocka_unit_test(test_vm_records_count_anew_after_15_s_of_silence),
        cmocka_unit_test(test_vm_has_record_until_its_age_is_reached),
        cmocka_unit_test(test_vm_fallback_learns_its_overhead_once_at_rest),
        cmocka_unit_test(test_vm_fallback_learns_nothing_while_it_moves),
        cmocka_unit_test(test_vm_fallback_with_more_than_the_domain_has_is_not_learned_from),
        cmocka_unit_test(test_vm_limits_by_policy_static_max_and_first_target),
        cmocka_unit_test(test_vm_clamp_is_in_whole_pages),
        cmocka_unit_test(test_vm_clamp_of_an_odd_floor_is_not_below_it),
        cmocka_unit_test(test_vm_start_lies_inside_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
