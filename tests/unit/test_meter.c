/*
 * What happens to the host: order, gaps, boots, restarts, clock steps, cuts. Lives: test_lives.c.
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

/* Everything that a refusal must leave as it was. */
struct picture {
    struct meter_state state;
    struct open_life life;
    size_t life_count;
    int64_t seen_tick;
    int64_t seen_mono_ns;
    enum gap_cause cause;
    bool is_restarted;
    uint64_t max_gap_ns;
};

static struct picture take_picture(void)
{
    return (struct picture){s.meter.state,        s.meter.lives[0],     s.meter.life_count,
                            s.meter.seen_tick,    s.meter.seen_mono_ns, s.meter.cause,
                            s.meter.is_restarted, s.meter.max_gap_ns};
}

static void assert_unchanged(const struct picture *before)
{
    struct picture now = take_picture();

    assert_memory_equal(&now.state, &before->state, sizeof now.state);
    assert_memory_equal(&now.life, &before->life, sizeof now.life);
    assert_int_equal(now.life_count, before->life_count);
    assert_int_equal(now.seen_tick, before->seen_tick);
    assert_int_equal(now.seen_mono_ns, before->seen_mono_ns);
    assert_int_equal(now.cause, before->cause);
    assert_int_equal(now.is_restarted, before->is_restarted);
    assert_int_equal(now.max_gap_ns, before->max_gap_ns);
}

static void feed_gap(enum gap_cause cause)
{
    assert_int_equal(scene_feed(&s, (struct record){.kind = RECORD_GAP, .gap = cause}),
                     METER_NOTHING);
}

static void feed_boot(struct uuid boot)
{
    assert_int_equal(scene_feed(&s, (struct record){.kind = RECORD_BOOT, .boot = boot}),
                     METER_NOTHING);
}

static void test_meter_tick_before_any_head_refused(void **state)
{
    struct meter_state nothing = {.has_boot = false};
    struct rules rules = {"", ""};
    struct meter meter;
    struct error err;
    struct record record = {.kind = RECORD_TICK, .tick = scene_tick_at(&s, 1)};

    (void)state;
    assert_ok(meter_init(&meter, &rules, &nothing, NULL, 0, &err));
    assert_int_equal(meter_feed(&meter, &record, &err), METER_REFUSED);
    assert_error(&err, ERR_INPUT, "comes before any P record");
    meter_clear(&meter);
}

static void test_meter_first_tick_writes_boot_restart_and_cut(void **state)
{
    (void)state;
    scene_tick(&s, 10);
    assert_uuid_equal(&the_change(&s, CHANGE_BOOT)->uuid, (struct uuid[]){BOOT});
    assert_int_equal(the_change(&s, CHANGE_BOOT)->number, 0);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.mono_ns, 10 * NS_PER_S);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.utc_offset_ns, START);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.interval_ns, NS_PER_S);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.max_gap_ns, MAX_GAP);
    assert_int_equal(the_change(&s, CHANGE_CUT)->number, START_HOUR);
    assert_int_equal(the_change(&s, CHANGE_CUT)->segment, 1);
    assert_int_equal(s.meter.row.tick, 10);
}

static void test_meter_quiet_tick_changes_nothing(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    scene_tick(&s, 2);
    assert_int_equal(s.meter.change_count, 0);
    assert_int_equal(s.meter.row.tick, 2);
    assert_int_equal(s.meter.row.late_ns, 0);
    assert_int_equal(s.meter.row.utc_diff_ns, 0);
}

static void test_meter_row_carries_window_and_clock(void **state)
{
    struct tick tick = scene_tick_at(&s, 1);

    (void)state;
    tick.window_ns = 777;
    tick.is_synchronised = false;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(s.meter.row.window_ns, 777);
    assert_false(s.meter.row.is_synchronised);
}

static void test_meter_row_differences_give_the_times_back(void **state)
{
    struct tick tick = scene_tick_at(&s, 7);

    (void)state;
    scene_tick(&s, 5);
    tick.mono_ns += 12345;
    tick.utc_ns += 12345 - 678;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(s.meter.row.late_ns, 12345);
    assert_int_equal(s.meter.row.utc_diff_ns, -678);
}

static void test_meter_same_seq_again_refused_unchanged(void **state)
{
    struct tick tick = scene_tick_at(&s, 3);

    (void)state;
    scene_tick(&s, 3);
    struct picture before = take_picture();

    tick.mono_ns += 1;
    (void)scene_feed_tick(&s, tick);
    scene_refuses(&s, ERR_REFUSED, "tick 3 is not after tick 3");
    assert_unchanged(&before);
}

static void test_meter_next_seq_at_same_time_refused_unchanged(void **state)
{
    struct tick tick = scene_tick_at(&s, 4);

    (void)state;
    scene_tick(&s, 3);
    struct picture before = take_picture();

    tick.mono_ns = 3 * NS_PER_S;
    (void)scene_feed_tick(&s, tick);
    scene_refuses(&s, ERR_CLOCK, "is not after that of the tick before");
    assert_unchanged(&before);
}

static void test_meter_one_nanosecond_later_taken(void **state)
{
    struct tick tick = scene_tick_at(&s, 4);

    (void)state;
    scene_tick(&s, 3);
    tick.mono_ns = 3 * NS_PER_S + 1;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
}

static void test_meter_goes_on_after_a_refusal(void **state)
{
    (void)state;
    scene_tick(&s, 3);
    (void)scene_feed_tick(&s, scene_tick_at(&s, 2));
    scene_refuses(&s, ERR_REFUSED, "is not after");
    scene_tick(&s, 4);
    assert_int_equal(s.meter.change_count, 0);
}

static void test_meter_head_of_another_host_refused_unchanged(void **state)
{
    struct record head = head_record();

    (void)state;
    scene_tick(&s, 1);
    struct picture before = take_picture();

    head.head.host = uuid_of(0x99);
    head.head.max_gap_ns = 1;
    (void)scene_feed(&s, head);
    scene_refuses(&s, ERR_REFUSED, "the store belongs to host 11111111-");
    assert_unchanged(&before);
}

static void test_meter_window_of_max_gap_makes_a_tick(void **state)
{
    struct tick tick = scene_tick_at(&s, 1);

    (void)state;
    tick.window_ns = MAX_GAP;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_null(s.meter.skipped);
}

static void test_meter_window_beyond_max_gap_makes_none(void **state)
{
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    scene_tick(&s, 1);
    tick.window_ns = MAX_GAP + 1;
    assert_int_equal(scene_feed_tick(&s, tick), METER_NOTHING);
    assert_non_null(s.meter.skipped);
    assert_int_equal(s.meter.state.tick, 1);
}

static void test_meter_skipped_tick_is_seen_all_the_same(void **state)
{
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    scene_tick(&s, 1);
    tick.window_ns = MAX_GAP + 1;
    (void)scene_feed_tick(&s, tick);
    (void)scene_feed_tick(&s, scene_tick_at(&s, 2));
    scene_refuses(&s, ERR_REFUSED, "tick 2 is not after tick 2");
}

static void test_meter_interval_of_max_gap_is_no_gap(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    scene_tick(&s, 6);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 0);
}

static void test_meter_interval_one_nanosecond_longer_is_a_gap(void **state)
{
    struct tick tick = scene_tick_at(&s, 6);

    (void)state;
    scene_tick(&s, 1);
    tick.mono_ns += 1;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(the_change(&s, CHANGE_GAP)->number, 1);
    assert_int_equal(the_change(&s, CHANGE_GAP)->span_ns, MAX_GAP + 1);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_UNKNOWN);
}

static void test_meter_gap_ends_no_life_and_no_segment(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    scene_tick(&s, 100);
    assert_int_equal(s.meter.change_count, 1);
    assert_int_equal(life_of(&s, 1)->life, 1);
}

static void test_meter_first_cause_explains_the_gap(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    feed_gap(GAP_READ_FAILED);
    feed_gap(GAP_OVERRUN);
    meter_note_gap(&s.meter, GAP_QUEUE_FULL);
    scene_tick(&s, 100);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_READ_FAILED);
}

static void test_meter_cause_is_forgotten_at_the_next_tick(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    feed_gap(GAP_OVERRUN);
    scene_tick(&s, 3);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 0);
    scene_tick(&s, 100);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_UNKNOWN);
}

static void test_meter_skipped_tick_explains_the_gap(void **state)
{
    struct tick tick = scene_tick_at(&s, 2);

    (void)state;
    scene_tick(&s, 1);
    tick.window_ns = MAX_GAP + 1;
    (void)scene_feed_tick(&s, tick);
    scene_tick(&s, 10);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_WINDOW);
}

static void test_meter_max_gap_at_the_later_tick_decides(void **state)
{
    struct record head = head_record();

    (void)state;
    scene_tick(&s, 1);
    head.head.max_gap_ns = 20 * (uint64_t)NS_PER_S;
    assert_int_equal(scene_feed(&s, head), METER_NOTHING);
    scene_tick(&s, 21);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 0);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.max_gap_ns, 20 * NS_PER_S);
    head.head.max_gap_ns = (uint64_t)NS_PER_S;
    assert_int_equal(scene_feed(&s, head), METER_NOTHING);
    scene_tick(&s, 23);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 1);
}

static void test_meter_restart_record_writes_a_row_with_next_tick(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    assert_int_equal(scene_feed(&s, (struct record){.kind = RECORD_RESTART}), METER_NOTHING);
    scene_tick(&s, 2);
    assert_int_equal(s.meter.change_count, 1);
    assert_int_equal(the_change(&s, CHANGE_RESTART)->restart.mono_ns, 2 * NS_PER_S);
    scene_tick(&s, 3);
    assert_int_equal(s.meter.change_count, 0);
}

static void test_meter_long_restart_is_a_gap_with_that_cause(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    (void)scene_feed(&s, (struct record){.kind = RECORD_RESTART});
    scene_tick(&s, 30);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_RESTART);
}

static void test_meter_boot_numbers_ticks_on(void **state)
{
    (void)state;
    scene_tick(&s, 500);
    feed_boot(NEXT_BOOT);
    scene_tick(&s, 3);
    assert_int_equal(s.meter.row.tick, 501);
    assert_int_equal(the_change(&s, CHANGE_BOOT)->number, 498);
    assert_uuid_equal(&the_change(&s, CHANGE_BOOT)->uuid, (struct uuid[]){NEXT_BOOT});
    assert_int_equal(count_changes(&s, CHANGE_CUT), 1);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 0);
    scene_tick(&s, 4);
    assert_int_equal(s.meter.row.tick, 502);
}

static void test_meter_head_with_another_boot_is_a_boot(void **state)
{
    struct record head = head_record();

    (void)state;
    scene_tick(&s, 500);
    head.head.boot = NEXT_BOOT;
    assert_int_equal(scene_feed(&s, head), METER_NOTHING);
    assert_uuid_equal(meter_boot(&s.meter), (struct uuid[]){NEXT_BOOT});
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_BOOT), 1);
}

static void test_meter_boot_that_runs_already_refused_unchanged(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    struct picture before = take_picture();

    (void)scene_feed(&s, (struct record){.kind = RECORD_BOOT, .boot = BOOT});
    scene_refuses(&s, ERR_REFUSED, "running already");
    assert_unchanged(&before);
}

static void test_meter_boot_and_clock_far_apart_is_no_clock_step(void **state)
{
    struct tick tick = scene_tick_at(&s, 1);

    (void)state;
    scene_tick(&s, 500);
    feed_boot(NEXT_BOOT);
    tick.utc_ns += 24 * NS_PER_HOUR;
    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_int_equal(count_changes(&s, CHANGE_CLOCK_STEP), 0);
}

static void test_meter_end_record_is_nothing(void **state)
{
    (void)state;
    scene_tick(&s, 1);
    struct picture before = take_picture();

    assert_int_equal(scene_feed(&s, (struct record){.kind = RECORD_END}), METER_NOTHING);
    assert_unchanged(&before);
}

static void test_meter_before_any_boot_knows_none(void **state)
{
    struct meter_state nothing = {.has_boot = false};
    struct rules rules = {"", ""};
    struct meter meter;
    struct error err;

    (void)state;
    assert_ok(meter_init(&meter, &rules, &nothing, NULL, 0, &err));
    assert_null(meter_boot(&meter));
    meter_clear(&meter);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_meter_tick_before_any_head_refused),
        test(test_meter_first_tick_writes_boot_restart_and_cut),
        test(test_meter_quiet_tick_changes_nothing),
        test(test_meter_row_carries_window_and_clock),
        test(test_meter_row_differences_give_the_times_back),
        test(test_meter_same_seq_again_refused_unchanged),
        test(test_meter_next_seq_at_same_time_refused_unchanged),
        test(test_meter_one_nanosecond_later_taken),
        test(test_meter_goes_on_after_a_refusal),
        test(test_meter_head_of_another_host_refused_unchanged),
        test(test_meter_window_of_max_gap_makes_a_tick),
        test(test_meter_window_beyond_max_gap_makes_none),
        test(test_meter_skipped_tick_is_seen_all_the_same),
        test(test_meter_interval_of_max_gap_is_no_gap),
        test(test_meter_interval_one_nanosecond_longer_is_a_gap),
        test(test_meter_gap_ends_no_life_and_no_segment),
        test(test_meter_first_cause_explains_the_gap),
        test(test_meter_cause_is_forgotten_at_the_next_tick),
        test(test_meter_skipped_tick_explains_the_gap),
        test(test_meter_max_gap_at_the_later_tick_decides),
        test(test_meter_restart_record_writes_a_row_with_next_tick),
        test(test_meter_long_restart_is_a_gap_with_that_cause),
        test(test_meter_boot_numbers_ticks_on),
        test(test_meter_head_with_another_boot_is_a_boot),
        test(test_meter_boot_that_runs_already_refused_unchanged),
        test(test_meter_boot_and_clock_far_apart_is_no_clock_step),
        test(test_meter_end_record_is_nothing),
        test(test_meter_before_any_boot_knows_none),
    };

    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
