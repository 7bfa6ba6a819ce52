/*
 * The sampling thread, run here without a thread: a source of the test's own yields records, and
 * what reaches the queue and the meter is looked at.
 */
#include "scene.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "meter/sampler.h"

enum { RECORDS = 64 };

/* Yields the records in turn; before number drop_at it takes everything out of the queue. */
struct script {
    struct source source;
    struct record records[RECORDS];
    size_t count;
    size_t next;
    size_t drop_at;
    struct queue *queue;
    bool fails;
};

static struct script script;
static struct scene s;
static struct sampler sampler;

static void empty_queue(void)
{
    while (queue_length(script.queue) > 0)
        queue_drop(script.queue);
}

static bool script_next(struct source *source, struct record *out, struct error *err)
{
    (void)source;
    if (script.next == script.drop_at)
        empty_queue();
    if (script.next == script.count && script.fails)
        return error_set(err, ERR_SYSTEM, "the hypervisor is gone");
    *out = script.next < script.count ? script.records[script.next]
                                      : (struct record){.kind = RECORD_END};
    script.next++;
    return true;
}

static void script_close(struct source *source)
{
    (void)source;
}

static const struct source_ops script_ops = {script_next, script_close};

static int begin(void **state)
{
    struct error err;

    (void)state;
    scene_begin(&s);
    scene_put(&s, running(1, 1024));
    script = (struct script){.source = {&script_ops, -1, true}, .drop_at = RECORDS};
    sampler = (struct sampler){.source = &script.source,
                               .meter = &s.meter,
                               .stop_fd = eventfd(0, EFD_CLOEXEC)};
    assert_ok(queue_open(&script.queue, 3, 1000, &err));
    sampler.queue = script.queue;
    return 0;
}

static int end(void **state)
{
    (void)state;
    queue_close(script.queue);
    (void)close(sampler.stop_fd);
    scene_end(&s);
    return 0;
}

static void yield(struct record record)
{
    script.records[script.count++] = record;
}

static void yield_ticks(uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++)
        yield((struct record){.kind = RECORD_TICK, .tick = scene_tick_at(&s, seq)});
}

static void test_sampler_every_tick_reaches_the_queue(void **state)
{
    (void)state;
    yield_ticks(1, 3);
    sampler_run(&sampler);
    struct sampler_health health = sampler_health(&sampler);

    assert_false(sampler.has_failed);
    assert_int_equal(queue_length(script.queue), 3);
    assert_int_equal(health.ticks, 3);
    assert_int_equal(health.dropped, 0);
    assert_int_equal(health.seq, 3);
    assert_int_equal(health.domains, 1);
    assert_int_equal(health.counted, 1);
    assert_int_equal(health.counted_kib, 1024);
}

static void test_sampler_tick_without_room_does_not_exist(void **state)
{
    (void)state;
    yield_ticks(1, 5);
    sampler_run(&sampler);
    assert_int_equal(queue_length(script.queue), 3);
    assert_int_equal(sampler_health(&sampler).dropped, 2);
    assert_int_equal(s.meter.state.tick, 3); /* the meter never saw them */
}

static void test_sampler_room_again_within_max_gap_is_no_gap(void **state)
{
    (void)state;
    yield_ticks(1, 8);
    script.drop_at = 7;
    sampler_run(&sampler);
    assert_int_equal(s.meter.state.tick, 8);
    assert_int_equal(sampler_health(&sampler).dropped, 4);
    assert_int_equal(count_changes(&s, CHANGE_GAP), 0);
}

static void test_sampler_room_again_later_is_a_gap_with_that_cause(void **state)
{
    (void)state;
    yield_ticks(1, 9);
    script.drop_at = 8;
    sampler_run(&sampler);
    assert_int_equal(s.meter.state.tick, 9);
    assert_int_equal(the_change(&s, CHANGE_GAP)->number, 3);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_QUEUE_FULL);
}

static void test_sampler_failed_reading_explains_the_gap(void **state)
{
    (void)state;
    yield_ticks(1, 1);
    yield((struct record){.kind = RECORD_GAP, .gap = GAP_READ_FAILED});
    yield((struct record){.kind = RECORD_GAP, .gap = GAP_OVERRUN});
    yield_ticks(20, 20);
    sampler_run(&sampler);
    assert_int_equal(sampler_health(&sampler).missed, 2);
    assert_int_equal(the_change(&s, CHANGE_GAP)->cause, GAP_READ_FAILED);
}

static void test_sampler_wide_window_is_no_tick(void **state)
{
    (void)state;
    yield_ticks(1, 2);
    script.records[1].tick.window_ns = MAX_GAP + 1;
    sampler_run(&sampler);
    assert_int_equal(queue_length(script.queue), 1);
    assert_int_equal(sampler_health(&sampler).ticks, 1);
}

static void test_sampler_first_record_is_taken_before_the_source(void **state)
{
    (void)state;
    sampler.has_first = true;
    sampler.first = (struct record){.kind = RECORD_TICK, .tick = scene_tick_at(&s, 1)};
    yield_ticks(2, 2);
    sampler_run(&sampler);
    assert_int_equal(sampler_health(&sampler).ticks, 2);
}

static void test_sampler_failing_source_ends_it_with_its_reason(void **state)
{
    (void)state;
    yield_ticks(1, 2);
    script.fails = true;
    sampler_run(&sampler);
    assert_true(sampler.has_failed);
    assert_error(&sampler.failure, ERR_SYSTEM, "the hypervisor is gone");
    assert_int_equal(queue_length(script.queue), 2);
}

static void test_sampler_refused_record_ends_it_with_its_reason(void **state)
{
    (void)state;
    yield_ticks(2, 2);
    yield_ticks(1, 1);
    sampler_run(&sampler);
    assert_true(sampler.has_failed);
    assert_error(&sampler.failure, ERR_REFUSED, "tick 1 is not after tick 2");
}

static void test_sampler_unpaced_source_waits_for_room_until_told_to_stop(void **state)
{
    uint64_t one = 1;

    (void)state;
    script.source.is_live = false;
    yield_ticks(1, 9);
    assert_int_equal(write(sampler.stop_fd, &one, sizeof one), sizeof one);
    sampler_run(&sampler);
    assert_false(sampler.has_failed);
    assert_int_equal(sampler_health(&sampler).dropped, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_sampler_every_tick_reaches_the_queue),
        test(test_sampler_tick_without_room_does_not_exist),
        test(test_sampler_room_again_within_max_gap_is_no_gap),
        test(test_sampler_room_again_later_is_a_gap_with_that_cause),
        test(test_sampler_failed_reading_explains_the_gap),
        test(test_sampler_wide_window_is_no_tick),
        test(test_sampler_first_record_is_taken_before_the_source),
        test(test_sampler_failing_source_ends_it_with_its_reason),
        test(test_sampler_refused_record_ends_it_with_its_reason),
        test(test_sampler_unpaced_source_waits_for_room_until_told_to_stop),
    };

    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
