/*
 * Segments and ticks to usage: rules 3, 4, 6 and 8.
 */
#include "check.h"

#include "meter/integrate.h"

enum { TICKS = 16, RUNS = 64, HOURS = 8 };

#define MAX_GAP ((uint64_t)(5 * NS_PER_S))

static struct timeline_tick ticks[TICKS];
static struct timeline_run runs[RUNS];
static struct timeline tl;
static struct usage_part sums[HOURS]; /* by hour */
static struct error err;

static int begin(void **state)
{
    (void)state;
    tl = (struct timeline){.ticks = ticks, .runs = runs, .run_capacity = RUNS};
    memset(sums, 0, sizeof sums);
    return 0;
}

/* The next tick, so long after the one before it, on the wall clock too. */
static void add_tick(int64_t after_ns)
{
    struct timeline_tick *t = &ticks[tl.tick_count++];

    *t = (struct timeline_tick){.tick = (int64_t)tl.tick_count * 10,
                                .mono_ns = NS_PER_S,
                                .max_gap_ns = MAX_GAP};
    if (tl.tick_count > 1) {
        t->mono_ns = t[-1].mono_ns + after_ns;
        t->utc_ns = t[-1].utc_ns + after_ns;
    }
}

/* So many ticks, a second apart. */
static void add_seconds(size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_tick(NS_PER_S);
}

static void build(void)
{
    assert_ok(timeline_build(&tl, &err));
}

static bool add_part(void *self, const struct usage_part *part, struct error *error)
{
    (void)self;
    (void)error;
    assert_in_range(part->hour, 0, HOURS - 1);
    struct usage_part *sum = &sums[part->hour];

    assert_true(usage_add(&sum->kib_ns, part->kib_ns));
    sum->measured_ns += part->measured_ns;
    sum->missing_ns += part->missing_ns;
    sum->excluded_ns += part->excluded_ns;
    return true;
}

static const struct usage_sink sink = {add_part, NULL};

static void integrate(const struct segment *segments, size_t count, int64_t counted_tick)
{
    build();
    assert_ok(integrate_life(&tl, segments, count, counted_tick, &sink, &err));
}

/* Tick numbers are 10, 20, ...; a segment is given by the places of its ticks, from 0. */
static struct segment seg(size_t first, size_t last, uint64_t kib, bool is_counted)
{
    return (struct segment){ticks[first].tick, ticks[last].tick, kib, is_counted};
}

static void assert_hour(int64_t hour, usage_kib_ns kib_ns, int64_t measured, int64_t missing,
                        int64_t excluded)
{
    assert_usage_equal(sums[hour].kib_ns, kib_ns);
    assert_int_equal(sums[hour].measured_ns, measured);
    assert_int_equal(sums[hour].missing_ns, missing);
    assert_int_equal(sums[hour].excluded_ns, excluded);
}

static void test_timeline_of_one_tick_has_no_run(void **state)
{
    (void)state;
    add_seconds(1);
    build();
    assert_int_equal(tl.run_count, 0);
}

static void test_timeline_neighbours_of_one_hour_are_one_run(void **state)
{
    (void)state;
    add_seconds(5);
    build();
    assert_int_equal(tl.run_count, 1);
    assert_int_equal(runs[0].first, 0);
    assert_int_equal(runs[0].end, 4);
    assert_false(runs[0].is_gap);
}

static void test_timeline_interval_of_max_gap_is_whole(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick((int64_t)MAX_GAP);
    build();
    assert_false(runs[0].is_gap);
}

static void test_timeline_interval_one_nanosecond_longer_is_a_gap(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick((int64_t)MAX_GAP + 1);
    add_seconds(1);
    build();
    assert_int_equal(tl.run_count, 2);
    assert_true(runs[0].is_gap);
    assert_false(runs[1].is_gap);
}

static void test_timeline_max_gap_of_the_later_tick_decides(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick(2 * NS_PER_S);
    add_tick(2 * NS_PER_S);
    ticks[1].max_gap_ns = (uint64_t)NS_PER_S;
    build();
    assert_int_equal(tl.run_count, 2);
    assert_true(runs[0].is_gap);
    assert_false(runs[1].is_gap);
}

static void test_timeline_no_interval_leads_to_a_boot(void **state)
{
    (void)state;
    add_seconds(4);
    ticks[2].is_boot = true;
    build();
    assert_int_equal(tl.run_count, 2);
    assert_int_equal(runs[0].end, 1);
    assert_int_equal(runs[1].first, 2);
}

static void test_timeline_interval_up_to_the_hour_is_whole(void **state)
{
    (void)state;
    add_seconds(1);
    ticks[0].utc_ns = NS_PER_HOUR - NS_PER_S;
    add_seconds(1);
    build();
    assert_int_equal(tl.run_count, 1);
    assert_false(runs[0].is_part);
    assert_int_equal(runs[0].hour, 0);
}

static void test_timeline_interval_across_the_hour_is_cut_there(void **state)
{
    (void)state;
    add_seconds(1);
    ticks[0].utc_ns = NS_PER_HOUR - NS_PER_S + 1;
    add_seconds(1);
    build();
    assert_int_equal(tl.run_count, 2);
    assert_int_equal(runs[0].part_ns, NS_PER_S - 1);
    assert_int_equal(runs[1].part_ns, 1);
    assert_int_equal(runs[1].hour, 1);
    assert_int_equal(timeline_runs_needed(&ticks[0], &ticks[1]), 2);
}

static void test_timeline_long_gap_has_a_part_in_each_hour(void **state)
{
    (void)state;
    add_seconds(1);
    ticks[0].utc_ns = NS_PER_HOUR / 2;
    add_tick(3 * NS_PER_HOUR);
    build();
    assert_int_equal(tl.run_count, 4);
    assert_int_equal(runs[0].part_ns, NS_PER_HOUR / 2);
    assert_int_equal(runs[1].part_ns, NS_PER_HOUR);
    assert_int_equal(runs[2].part_ns, NS_PER_HOUR);
    assert_int_equal(runs[3].part_ns, NS_PER_HOUR / 2);
    for (int64_t hour = 0; hour < 4; hour++)
        assert_int_equal(runs[hour].hour, hour);
}

static void test_timeline_wall_clock_of_the_later_tick_places_nothing(void **state)
{
    (void)state;
    add_seconds(2);
    ticks[1].utc_ns = 5 * NS_PER_HOUR;
    build();
    assert_int_equal(tl.run_count, 1);
    assert_int_equal(runs[0].hour, 0);
}

static void test_timeline_last_hour_of_all_is_placed(void **state)
{
    (void)state;
    add_seconds(2);
    ticks[0].utc_ns = INT64_MAX;
    ticks[1].utc_ns = 0;
    build();
    assert_int_equal(runs[0].hour, INT64_MAX / NS_PER_HOUR);
}

static void test_timeline_capacity_that_just_suffices_suffices(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick(3 * NS_PER_HOUR);
    tl.run_capacity = 3;
    build();
    assert_int_equal(tl.run_count, 3);
}

static void test_timeline_capacity_too_small_refused(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick(3 * NS_PER_HOUR);
    tl.run_capacity = 2;
    assert_fails(timeline_build(&tl, &err), ERR_RANGE, "too many hours between tick 10");
}

static void test_timeline_find_gives_place_or_count(void **state)
{
    (void)state;
    assert_int_equal(timeline_find(&tl, 10), 0);
    add_seconds(5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(timeline_find(&tl, ticks[i].tick), i);
    assert_int_equal(timeline_find(&tl, 9), 5);
    assert_int_equal(timeline_find(&tl, 11), 5);
    assert_int_equal(timeline_find(&tl, 51), 5);
}

static void test_integrate_n_samples_give_n_less_2_rectangles(void **state)
{
    (void)state;
    add_seconds(6);
    integrate((struct segment[]){seg(0, 4, 1024, true)}, 1, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)1024 * 3 * 1000000000, 3 * NS_PER_S, 0, NS_PER_S);
}

static void test_integrate_two_samples_give_nothing(void **state)
{
    (void)state;
    add_seconds(4);
    integrate((struct segment[]){seg(1, 2, 1024, true)}, 1, ticks[1].tick);
    assert_hour(0, 0, 0, 0, NS_PER_S);
}

static void test_integrate_one_sample_has_no_length(void **state)
{
    (void)state;
    add_seconds(4);
    integrate((struct segment[]){seg(1, 1, 1024, true)}, 1, ticks[1].tick);
    assert_hour(0, 0, 0, 0, 0);
}

static void test_integrate_value_holds_until_the_next_tick(void **state)
{
    (void)state;
    add_seconds(6);
    integrate((struct segment[]){seg(0, 2, 1000, true), seg(3, 4, 3000, true)}, 2, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)(2 * 1000 + 3000) * 1000000000, 3 * NS_PER_S, 0, NS_PER_S);
}

static void test_integrate_first_counted_alone_in_its_segment_is_dropped(void **state)
{
    (void)state;
    add_seconds(6);
    integrate((struct segment[]){seg(0, 0, 1000, true), seg(1, 4, 3000, true)}, 2, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)3000 * 3 * 1000000000, 3 * NS_PER_S, 0, NS_PER_S);
}

static void test_integrate_what_does_not_count_is_excluded(void **state)
{
    (void)state;
    add_seconds(6);
    integrate((struct segment[]){seg(0, 4, 1024, false)}, 1, -1);
    assert_hour(0, 0, 0, 0, 4 * NS_PER_S);
}

static void test_integrate_intervals_in_which_counting_stops_and_resumes_are_excluded(void **state)
{
    (void)state;
    add_seconds(10);
    integrate((struct segment[]){seg(0, 2, 100, true), seg(3, 4, 100, false), seg(5, 8, 100, true)},
              3, ticks[0].tick);
    /* 0-1 first, 2-3 stops, 3-4 inside, 4-5 resumes; the sample at 5 is no first one */
    assert_hour(0, (usage_kib_ns)100 * 4 * 1000000000, 4 * NS_PER_S, 0, 4 * NS_PER_S);
}

static void test_integrate_gap_between_counted_samples_is_missing(void **state)
{
    (void)state;
    add_seconds(3);
    add_tick((int64_t)MAX_GAP + 1);
    add_seconds(2);
    integrate((struct segment[]){seg(0, 4, 100, true)}, 1, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)100 * 2 * 1000000000, 2 * NS_PER_S, (int64_t)MAX_GAP + 1,
                NS_PER_S);
}

static void test_integrate_sample_behind_a_gap_is_no_first_one(void **state)
{
    (void)state;
    add_seconds(2);
    add_tick(10 * NS_PER_S);
    add_seconds(2);
    integrate((struct segment[]){seg(0, 1, 100, true), seg(2, 3, 200, true)}, 2, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)200 * 1000000000, NS_PER_S, 10 * NS_PER_S, NS_PER_S);
}

static void test_integrate_gap_behind_the_first_counted_sample_is_excluded(void **state)
{
    (void)state;
    add_seconds(1);
    add_tick(10 * NS_PER_S);
    add_seconds(3);
    integrate((struct segment[]){seg(0, 3, 100, true)}, 1, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)100 * 2 * 1000000000, 2 * NS_PER_S, 0, 10 * NS_PER_S);
}

static void test_integrate_gap_in_which_counting_stops_is_excluded(void **state)
{
    (void)state;
    add_seconds(2);
    add_tick(10 * NS_PER_S);
    add_seconds(2);
    integrate((struct segment[]){seg(0, 1, 100, true), seg(2, 3, 100, false)}, 2, ticks[0].tick);
    assert_hour(0, 0, 0, 0, 12 * NS_PER_S);
}

static void test_integrate_interval_behind_the_last_tick_is_not_the_lifes(void **state)
{
    (void)state;
    add_seconds(6);
    integrate((struct segment[]){seg(0, 3, 100, true)}, 1, -1);
    assert_int_equal(sums[0].measured_ns + sums[0].excluded_ns, 3 * NS_PER_S);
}

static void test_integrate_segment_at_the_end_tells_the_interval_before_it(void **state)
{
    (void)state;
    add_seconds(4);
    integrate((struct segment[]){seg(0, 2, 100, true), seg(3, 3, 700, true)}, 2, -1);
    assert_hour(0, (usage_kib_ns)100 * 3 * 1000000000, 3 * NS_PER_S, 0, 0);
}

static void test_integrate_first_counted_in_an_earlier_call_is_no_first_here(void **state)
{
    (void)state;
    add_seconds(4);
    integrate((struct segment[]){seg(0, 3, 100, true)}, 1, 5);
    assert_hour(0, (usage_kib_ns)100 * 3 * 1000000000, 3 * NS_PER_S, 0, 0);
}

static void test_integrate_rectangle_across_hours_adds_up(void **state)
{
    (void)state;
    add_seconds(2);
    ticks[1].utc_ns = NS_PER_HOUR - 400000000;
    add_tick(NS_PER_S);
    add_tick(NS_PER_S);
    integrate((struct segment[]){seg(0, 3, 1000, true)}, 1, ticks[0].tick);
    assert_hour(0, (usage_kib_ns)1000 * 400000000, 400000000, 0, NS_PER_S);
    assert_hour(1, (usage_kib_ns)1000 * 1600000000, 1600000000, 0, 0);
}

static void test_integrate_64_tib_for_a_long_interval_is_exact(void **state)
{
    (void)state;
    add_seconds(2);
    ticks[0].max_gap_ns = ticks[1].max_gap_ns = INT64_MAX;
    add_tick(NS_PER_HOUR);
    ticks[2].max_gap_ns = INT64_MAX;
    integrate((struct segment[]){seg(0, 2, UINT64_C(64) << 30, true)}, 1, ticks[0].tick);
    assert_usage_equal(sums[0].kib_ns + sums[1].kib_ns, KIB_NS_PER_GIB_H * 64 * 1024);
}

static void test_integrate_segment_without_its_ticks_refused(void **state)
{
    struct segment wrong = {11, 20, 100, true};

    (void)state;
    add_seconds(4);
    build();
    assert_fails(integrate_life(&tl, &wrong, 1, -1, &sink, &err), ERR_STORE, "has no such ticks");
    wrong = (struct segment){20, 45, 100, true};
    assert_fails(integrate_life(&tl, &wrong, 1, -1, &sink, &err), ERR_STORE, "from tick 20 to 45");
    wrong = (struct segment){30, 20, 100, true};
    assert_fails(integrate_life(&tl, &wrong, 1, -1, &sink, &err), ERR_STORE, "from tick 30 to 20");
}

static bool refuse_part(void *self, const struct usage_part *part, struct error *error)
{
    (void)self;
    (void)part;
    return error_set(error, ERR_RETRY, "the disk is full");
}

static void test_integrate_failing_sink_ends_it(void **state)
{
    const struct usage_sink full = {refuse_part, NULL};
    struct segment segment;

    (void)state;
    add_seconds(4);
    build();
    segment = seg(0, 3, 100, true);
    assert_fails(integrate_life(&tl, &segment, 1, -1, &full, &err), ERR_RETRY, "the disk is full");
}

#define test(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_timeline_of_one_tick_has_no_run),
        test(test_timeline_neighbours_of_one_hour_are_one_run),
        test(test_timeline_interval_of_max_gap_is_whole),
        test(test_timeline_interval_one_nanosecond_longer_is_a_gap),
        test(test_timeline_max_gap_of_the_later_tick_decides),
        test(test_timeline_no_interval_leads_to_a_boot),
        test(test_timeline_interval_up_to_the_hour_is_whole),
        test(test_timeline_interval_across_the_hour_is_cut_there),
        test(test_timeline_long_gap_has_a_part_in_each_hour),
        test(test_timeline_wall_clock_of_the_later_tick_places_nothing),
        test(test_timeline_last_hour_of_all_is_placed),
        test(test_timeline_capacity_that_just_suffices_suffices),
        test(test_timeline_capacity_too_small_refused),
        test(test_timeline_find_gives_place_or_count),
        test(test_integrate_n_samples_give_n_less_2_rectangles),
        test(test_integrate_two_samples_give_nothing),
        test(test_integrate_one_sample_has_no_length),
        test(test_integrate_value_holds_until_the_next_tick),
        test(test_integrate_first_counted_alone_in_its_segment_is_dropped),
        test(test_integrate_what_does_not_count_is_excluded),
        test(test_integrate_intervals_in_which_counting_stops_and_resumes_are_excluded),
        test(test_integrate_gap_between_counted_samples_is_missing),
        test(test_integrate_sample_behind_a_gap_is_no_first_one),
        test(test_integrate_gap_behind_the_first_counted_sample_is_excluded),
        test(test_integrate_gap_in_which_counting_stops_is_excluded),
        test(test_integrate_interval_behind_the_last_tick_is_not_the_lifes),
        test(test_integrate_segment_at_the_end_tells_the_interval_before_it),
        test(test_integrate_first_counted_in_an_earlier_call_is_no_first_here),
        test(test_integrate_rectangle_across_hours_adds_up),
        test(test_integrate_64_tib_for_a_long_interval_is_exact),
        test(test_integrate_segment_without_its_ticks_refused),
        test(test_integrate_failing_sink_ends_it),
    };

    return cmocka_run_group_tests_name("integrate", tests, NULL, NULL);
}
