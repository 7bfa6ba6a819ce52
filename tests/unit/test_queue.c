#include "check.h"

#include <pthread.h>

#include "chance.h"
#include "meter/queue.h"

static struct queue *open_queue(size_t ticks, size_t changes)
{
    struct queue *queue = NULL;
    struct error err;

    assert_ok(queue_open(&queue, ticks, changes, &err));
    return queue;
}

/* A tick whose changes carry its number, so that they are told apart when they come back. */
static void push(struct queue *queue, int64_t tick, size_t count)
{
    struct tick_row row = {.tick = tick};
    struct change changes[64];

    assert_true(count <= sizeof changes / sizeof *changes);
    for (size_t i = 0; i < count; i++)
        changes[i] = (struct change){.kind = CHANGE_GAP, .number = tick, .span_ns = (int64_t)i};
    queue_push(queue, &row, changes, count);
}

static void assert_oldest(struct queue *queue, int64_t tick, size_t count)
{
    struct queued_tick got;

    assert_true(queue_wait(queue, &got));
    assert_int_equal(got.row.tick, tick);
    assert_int_equal(got.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got.changes[i].number, tick);
        assert_int_equal(got.changes[i].span_ns, i);
    }
}

static void test_queue_new_one_is_empty_with_room(void **state)
{
    struct queue *queue = open_queue(1, 4);

    (void)state;
    assert_int_equal(queue_length(queue), 0);
    assert_true(queue_has_room(queue, 4));
    assert_false(queue_has_ended(queue));
    queue_close(queue);
}

static void test_queue_close_accepts_null(void **state)
{
    (void)state;
    queue_close(NULL);
}

static void test_queue_more_changes_than_there_is_memory_for_never_fit(void **state)
{
    struct queue *queue = open_queue(1, 4);

    (void)state;
    assert_false(queue_has_room(queue, 5));
    queue_close(queue);
}

static void test_queue_ticks_come_out_in_order_with_their_changes(void **state)
{
    struct queue *queue = open_queue(3, 16);

    (void)state;
    push(queue, 1, 2);
    push(queue, 2, 0);
    push(queue, 3, 5);
    assert_oldest(queue, 1, 2);
    queue_drop(queue);
    assert_oldest(queue, 2, 0);
    queue_drop(queue);
    assert_oldest(queue, 3, 5);
    queue_close(queue);
}

static void test_queue_oldest_stays_until_dropped(void **state)
{
    struct queue *queue = open_queue(2, 4);

    (void)state;
    push(queue, 1, 1);
    assert_oldest(queue, 1, 1);
    assert_oldest(queue, 1, 1);
    assert_int_equal(queue_length(queue), 1);
    queue_close(queue);
}

static void test_queue_quiet_ticks_fill_all_slots(void **state)
{
    struct queue *queue = open_queue(3, 16);

    (void)state;
    for (int64_t tick = 1; tick <= 3; tick++) {
        assert_true(queue_has_room(queue, 0));
        push(queue, tick, 0);
    }
    assert_int_equal(queue_length(queue), 3);
    assert_false(queue_has_room(queue, 0));
    queue_close(queue);
}

static void test_queue_quiet_tick_leaves_room_for_changes(void **state)
{
    struct queue *queue = open_queue(3, 16);

    (void)state;
    push(queue, 1, 0);
    assert_true(queue_has_room(queue, 10));
    queue_close(queue);
}

static void test_queue_quiet_tick_behind_a_busy_one_leaves_room(void **state)
{
    struct queue *queue = open_queue(4, 16);

    (void)state;
    push(queue, 1, 5);
    push(queue, 2, 0);
    queue_drop(queue);
    assert_true(queue_has_room(queue, 5));
    push(queue, 3, 5);
    assert_oldest(queue, 2, 0);
    queue_drop(queue);
    assert_oldest(queue, 3, 5);
    queue_close(queue);
}

static void test_queue_slots_are_the_limit_of_ticks(void **state)
{
    struct queue *queue = open_queue(2, 16);

    (void)state;
    push(queue, 1, 1);
    assert_true(queue_has_room(queue, 1));
    push(queue, 2, 1);
    assert_false(queue_has_room(queue, 1));
    queue_drop(queue);
    assert_true(queue_has_room(queue, 1));
    queue_close(queue);
}

static void test_queue_push_without_room_changes_nothing(void **state)
{
    struct queue *queue = open_queue(2, 4);

    (void)state;
    push(queue, 1, 3);
    push(queue, 2, 4);
    assert_int_equal(queue_length(queue), 1);
    assert_oldest(queue, 1, 3);
    queue_close(queue);
}

static void test_queue_changes_of_a_tick_wrap_to_the_beginning_whole(void **state)
{
    struct queue *queue = open_queue(4, 10);

    (void)state;
    push(queue, 1, 6);
    push(queue, 2, 3);
    queue_drop(queue);
    assert_true(queue_has_room(queue, 4));
    push(queue, 3, 4);
    assert_oldest(queue, 2, 3);
    queue_drop(queue);
    assert_oldest(queue, 3, 4);
    queue_close(queue);
}

static void test_queue_end_lets_the_rest_out_and_then_says_so(void **state)
{
    struct queue *queue = open_queue(2, 4);
    struct queued_tick got;

    (void)state;
    push(queue, 1, 1);
    queue_end(queue);
    assert_true(queue_has_ended(queue));
    assert_oldest(queue, 1, 1);
    queue_drop(queue);
    assert_false(queue_wait(queue, &got));
    queue_close(queue);
}

/*
 * Random pushes and drops against a list. What fits is not the model's to say exactly (a tick lies
 * in one piece), only that an empty queue takes all that its memory holds, and that what is in
 * comes out as it went in.
 */
static void test_queue_random_sizes_come_out_as_they_went_in(void **state)
{
    struct chance chance = chance_begin("queue");
    enum { TICKS = 7, CHANGES = 40, STEPS = 200000 };
    struct queue *queue = open_queue(TICKS, CHANGES);
    size_t counts[TICKS];
    int64_t first = 0;
    int64_t next = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        size_t count = chance_hits(&chance, 3) ? 0 : (size_t)chance_below(&chance, CHANGES + 2);
        size_t used = (size_t)(next - first);
        bool has_room = queue_has_room(queue, count);

        assert_int_equal(queue_length(queue), used);
        if (used == 0)
            assert_true(has_room == (count <= CHANGES));
        if (used == TICKS || count > CHANGES)
            assert_false(has_room);
        if (has_room && chance_hits(&chance, 2)) {
            push(queue, next, count);
            counts[next++ % TICKS] = count;
        } else if (used > 0) {
            assert_oldest(queue, first, counts[first % TICKS]);
            queue_drop(queue);
            first++;
        }
    }
    queue_close(queue);
}

static void *take_all(void *self)
{
    struct queue *queue = self;
    struct queued_tick got;
    int64_t sum = 0;

    while (queue_wait(queue, &got)) {
        for (size_t i = 0; i < got.count; i++)
            sum += got.changes[i].number;
        queue_drop(queue);
    }
    return (void *)(intptr_t)sum;
}

static void test_queue_between_two_threads_loses_nothing(void **state)
{
    enum { TICKS = 20000 };
    struct queue *queue = open_queue(8, 64);
    int64_t sum = 0;
    pthread_t thread;
    void *taken;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_all, queue), 0);
    for (int64_t tick = 0; tick < TICKS; tick++) {
        size_t count = (size_t)(tick % 9);

        while (!queue_has_room(queue, count))
            continue;
        push(queue, tick, count);
        sum += tick * (int64_t)count;
    }
    queue_end(queue);
    assert_int_equal(pthread_join(thread, &taken), 0);
    assert_int_equal((intptr_t)taken, sum);
    queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_new_one_is_empty_with_room),
        cmocka_unit_test(test_queue_close_accepts_null),
        cmocka_unit_test(test_queue_more_changes_than_there_is_memory_for_never_fit),
        cmocka_unit_test(test_queue_ticks_come_out_in_order_with_their_changes),
        cmocka_unit_test(test_queue_oldest_stays_until_dropped),
        cmocka_unit_test(test_queue_quiet_ticks_fill_all_slots),
        cmocka_unit_test(test_queue_quiet_tick_leaves_room_for_changes),
        cmocka_unit_test(test_queue_quiet_tick_behind_a_busy_one_leaves_room),
        cmocka_unit_test(test_queue_slots_are_the_limit_of_ticks),
        cmocka_unit_test(test_queue_push_without_room_changes_nothing),
        cmocka_unit_test(test_queue_changes_of_a_tick_wrap_to_the_beginning_whole),
        cmocka_unit_test(test_queue_end_lets_the_rest_out_and_then_says_so),
        cmocka_unit_test(test_queue_random_sizes_come_out_as_they_went_in),
        cmocka_unit_test(test_queue_between_two_threads_loses_nothing),
    };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
