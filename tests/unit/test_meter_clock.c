/*
 * What the wall clock does to a tick: hours, steps, new bases. It never changes an integral.
 */
#include "scene.h"

static struct scene s;

static int begin(void **state)
{
    (void)state;
    scene_begin(&s);
    scene_put(&s, running(1, 1024));
    return 0;
}

static int end(void **state)
{
    (void)state;
    scene_end(&s);
    return 0;
}

/* A tick one second after the last, while the wall clock says utc_ns. */
static void tick_at(uint64_t seq, int64_t utc_ns)
{
    struct tick tick = scene_tick_at(&s, seq);

    tick.utc_ns = utc_ns;
    if (scene_feed_tick(&s, tick) != METER_TICK)
        fail_msg("no tick: %s", s.err.text);
}

/* The times of the last row, as the view tick_time computes them. */
static void assert_placed(int64_t mono_ns, int64_t utc_ns)
{
    const struct tick_row *row = &s.meter.row;
    const struct restart_row *base = &s.meter.restart;
    int64_t since = 0;
    int64_t mono = 0;
    int64_t utc = 0;

    assert_false(__builtin_mul_overflow(row->tick - s.meter.restart_tick,
                                        (int64_t)base->interval_ns, &since));
    assert_false(__builtin_add_overflow(base->mono_ns, since, &mono));
    assert_false(__builtin_add_overflow(mono, row->late_ns, &mono));
    assert_false(__builtin_add_overflow(mono, base->utc_offset_ns, &utc));
    assert_false(__builtin_add_overflow(utc, row->utc_diff_ns, &utc));
    assert_true(mono == mono_ns);
    assert_true(utc == utc_ns);
}

static void test_clock_last_nanosecond_of_an_hour_is_no_cut(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START + NS_PER_HOUR - 1);
    assert_int_equal(count_changes(&s, CHANGE_CUT), 0);
}

static void test_clock_first_nanosecond_of_an_hour_cuts_every_segment(void **state)
{
    (void)state;
    scene_put(&s, running(2, 2048));
    tick_at(1, START + NS_PER_HOUR - NS_PER_S);
    tick_at(2, START + NS_PER_HOUR);
    assert_int_equal(the_change(&s, CHANGE_CUT)->number, START_HOUR + 1);
    assert_int_equal(the_change(&s, CHANGE_CUT)->segment, 3);
    assert_int_equal(count_changes(&s, CHANGE_SEGMENT_END), 2);
    assert_int_equal(count_changes(&s, CHANGE_SEGMENT_BEGIN), 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_END), 0);
}

static void test_clock_back_into_the_hour_before_is_a_cut(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START - 1);
    assert_int_equal(the_change(&s, CHANGE_CUT)->number, START_HOUR - 1);
}

static void test_clock_100_ms_ahead_is_no_step(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START + NS_PER_S + CLOCK_STEP_NS);
    assert_int_equal(count_changes(&s, CHANGE_CLOCK_STEP), 0);
}

static void test_clock_one_nanosecond_more_ahead_is_a_step(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START + NS_PER_S + CLOCK_STEP_NS + 1);
    assert_int_equal(the_change(&s, CHANGE_CLOCK_STEP)->span_ns, CLOCK_STEP_NS + 1);
}

static void test_clock_100_ms_behind_is_no_step(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START + NS_PER_S - CLOCK_STEP_NS);
    assert_int_equal(count_changes(&s, CHANGE_CLOCK_STEP), 0);
}

static void test_clock_one_nanosecond_more_behind_is_a_step(void **state)
{
    (void)state;
    tick_at(1, START);
    tick_at(2, START + NS_PER_S - CLOCK_STEP_NS - 1);
    assert_int_equal(the_change(&s, CHANGE_CLOCK_STEP)->span_ns, -CLOCK_STEP_NS - 1);
}

static void test_clock_drift_below_a_step_each_tick_is_never_a_step(void **state)
{
    (void)state;
    tick_at(1, START);
    for (int64_t i = 1; i < 50; i++) {
        tick_at(1 + (uint64_t)i, START + i * (NS_PER_S + CLOCK_STEP_NS));
        assert_int_equal(count_changes(&s, CHANGE_CLOCK_STEP), 0);
    }
}

static void test_clock_step_across_a_restart_is_recorded(void **state)
{
    (void)state;
    tick_at(1, START);
    scene_restart(&s);
    tick_at(2, START + 10 * NS_PER_S);
    assert_int_equal(the_change(&s, CHANGE_CLOCK_STEP)->span_ns, 9 * NS_PER_S);
}

static void test_clock_of_1970_is_placed(void **state)
{
    (void)state;
    tick_at(1, 0);
    assert_placed(NS_PER_S, 0);
    assert_int_equal(the_change(&s, CHANGE_CUT)->number, 0);
}

static void test_clock_from_one_end_of_time_to_the_other_is_placed(void **state)
{
    (void)state;
    tick_at(1, 0);
    tick_at(2, INT64_MAX);
    assert_placed(2 * NS_PER_S, INT64_MAX);
    assert_int_equal(the_change(&s, CHANGE_CLOCK_STEP)->span_ns, INT64_MAX - NS_PER_S);
    tick_at(3, 0);
    assert_placed(3 * NS_PER_S, 0);
    assert_int_equal(the_change(&s, CHANGE_CLOCK_STEP)->span_ns, -INT64_MAX);
}

static void test_clock_difference_that_does_not_fit_makes_a_new_base(void **state)
{
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    tick_at(1, INT64_MAX);
    tick.mono_ns = 3 * NS_PER_S;
    tick.utc_ns = 0;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(count_changes(&s, CHANGE_RESTART), 1);
    assert_placed(3 * NS_PER_S, 0);
}

static void test_clock_interval_of_ten_years_is_a_gap_and_longer_is_refused(void **state)
{
    const int64_t ten_years = INT64_C(10) * 366 * 24 * NS_PER_HOUR;
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    tick_at(1, START);
    tick.mono_ns = NS_PER_S + ten_years + 1;
    assert_int_equal(scene_feed_tick(&s, tick), METER_REFUSED);
    assert_int_equal(s.err.code, ERR_RANGE);
    tick.mono_ns = NS_PER_S + ten_years;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(the_change(&s, CHANGE_GAP)->span_ns, ten_years);
}

static void test_clock_late_tick_of_a_long_interval_is_placed(void **state)
{
    struct record head = head_record();
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    head.head.interval_ns = INT64_MAX;
    (void)scene_feed(&s, head);
    tick_at(1, START);
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_placed(2 * NS_PER_S, START + 2 * NS_PER_S);
    tick = scene_tick_at(&s, 4);
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_placed(4 * NS_PER_S, START + 4 * NS_PER_S);
}

static void test_clock_largest_seq_is_placed(void **state)
{
    struct tick tick = scene_tick_at(&s, 1);

    (void)state;
    tick_at(1, START);
    tick.seq = (UINT64_C(1) << 53) - 1;
    tick.mono_ns += NS_PER_S;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_placed(tick.mono_ns, tick.utc_ns);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_clock_last_nanosecond_of_an_hour_is_no_cut),
        test(test_clock_first_nanosecond_of_an_hour_cuts_every_segment),
        test(test_clock_back_into_the_hour_before_is_a_cut),
        test(test_clock_100_ms_ahead_is_no_step),
        test(test_clock_one_nanosecond_more_ahead_is_a_step),
        test(test_clock_100_ms_behind_is_no_step),
        test(test_clock_one_nanosecond_more_behind_is_a_step),
        test(test_clock_drift_below_a_step_each_tick_is_never_a_step),
        test(test_clock_step_across_a_restart_is_recorded),
        test(test_clock_of_1970_is_placed),
        test(test_clock_from_one_end_of_time_to_the_other_is_placed),
        test(test_clock_difference_that_does_not_fit_makes_a_new_base),
        test(test_clock_interval_of_ten_years_is_a_gap_and_longer_is_refused),
        test(test_clock_late_tick_of_a_long_interval_is_placed),
        test(test_clock_largest_seq_is_placed),
    };

    return cmocka_run_group_tests_name("meter_clock", tests, NULL, NULL);
}
