/*
 * The committing thread: every tick that was queued is stored, in order, however often it takes.
 */
#include "store_scene.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "meter/committer.h"
#include "store/ship_cursor.h"

struct commit_scene {
    struct committer committer;
    struct store_scene *t;
};

bool __wrap_clock_is_synchronised(void);
static bool is_synchronised = true;

bool __wrap_clock_is_synchronised(void)
{
    return is_synchronised;
}

static struct commit_scene c;
static struct queue *queue;

static int begin(void **state)
{
    struct error err;

    if (store_scene_begin(state) != 0)
        return -1;
    c.t = *state;
    assert_ok(queue_open(&queue, 1000, 10000, &err));
    c.committer = (struct committer){.store = c.t->store,
                                     .queue = queue,
                                     .retry_ns = 1000000,
                                     .stop_fd = eventfd(0, EFD_CLOEXEC)};
    (void)signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static int end(void **state)
{
    queue_close(queue);
    (void)close(c.committer.stop_fd);
    return store_scene_end(state);
}

/* Ticks [first, end) into the queue. */
static void enqueue(uint64_t first, uint64_t end_seq)
{
    scene_put(&c.t->s, running(1, 1024));
    for (uint64_t seq = first; seq < end_seq; seq++) {
        struct meter *m = &c.t->s.meter;

        scene_tick(&c.t->s, seq);
        queue_push(queue, &m->row, m->changes, m->change_count);
    }
}

/* No file may grow beyond `bytes`: a full disk. */
static void limit_disk(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void tell_stop(void)
{
    uint64_t one = 1;

    assert_int_equal(write(c.committer.stop_fd, &one, sizeof one), sizeof one);
}

static int64_t stored(void)
{
    return sql_int(c.t->db.text, "SELECT count(*) FROM tick");
}

static void test_committer_stores_all_that_is_queued_then_ends(void **state)
{
    (void)state;
    enqueue(1, 11);
    queue_end(queue);
    committer_run(&c.committer);
    assert_false(c.committer.has_failed);
    assert_int_equal(stored(), 10);
    assert_int_equal(queue_length(queue), 0);
    assert_int_equal(committer_health(&c.committer).commits, 10);
    assert_audit_clean(c.t->store);
}

static void test_committer_told_to_stop_stores_what_is_queued(void **state)
{
    (void)state;
    enqueue(1, 11);
    tell_stop();
    queue_end(queue);
    committer_run(&c.committer);
    assert_false(c.committer.has_failed);
    assert_int_equal(stored(), 10);
}

static void test_committer_derives_an_hour_that_is_complete(void **state)
{
    (void)state;
    enqueue(3590, 3601);
    queue_end(queue);
    committer_run(&c.committer);
    assert_int_equal(sql_int(c.t->db.text, "SELECT count(*) FROM usage_hour"), 1);
}

/* Three hours of 1970, the last one open. */
static void enqueue_old_hours(void)
{
    for (uint64_t seq = 600; seq <= 7200; seq += 600) {
        struct meter *m = &c.t->s.meter;
        struct tick tick = scene_tick_at(&c.t->s, seq);

        tick.utc_ns -= START;
        assert_int_equal(scene_feed_tick(&c.t->s, tick), METER_TICK);
        queue_push(queue, &m->row, m->changes, m->change_count);
    }
    queue_end(queue);
}

static void commit_old_hours(int64_t pruned)
{
    c.committer.retention_ns = 48 * (uint64_t)NS_PER_HOUR;
    enqueue_old_hours();
    committer_run(&c.committer);
    assert_false(c.committer.has_failed);
    assert_int_equal(sql_int(c.t->db.text, "SELECT count(*) FROM prune"), pruned);
    assert_audit_clean(c.t->store);
}

static void test_committer_prunes_what_is_old(void **state)
{
    (void)state;
    commit_old_hours(2);
}

static void test_committer_prunes_nothing_by_a_clock_not_to_be_trusted(void **state)
{
    (void)state;
    is_synchronised = false;
    commit_old_hours(0);
    is_synchronised = true;
}

#define TO "postgresql:///meter"

/* What pagemeter ship has noted; tick -1: nothing of this store. */
static void ship(const char *to, int64_t tick)
{
    struct ship_cursor cursor = {.count = tick >= 0};
    struct error err;

    (void)snprintf(cursor.to, sizeof cursor.to, "%s", to);
    cursor.stores[0] = (struct ship_cursor_store){*store_id(c.t->store), tick};
    assert_ok(ship_cursor_write(c.t->dir, &cursor, &err));
    c.committer.ship_to = TO;
    c.committer.ship_state = c.t->dir;
}

static void test_committer_prunes_nothing_that_was_not_shipped(void **state)
{
    (void)state;
    ship(TO, -1);
    commit_old_hours(0);
}

static void test_committer_prunes_what_was_shipped(void **state)
{
    (void)state;
    ship(TO, 3600); /* the cut behind the first hour, and all before it */
    commit_old_hours(1);
}

static void test_committer_prunes_nothing_by_the_cursor_of_another_destination(void **state)
{
    (void)state;
    ship("postgresql:///other", 3600);
    commit_old_hours(0);
    assert_text_has(c.committer.ship_trouble, "another destination");
}

static void test_committer_prunes_nothing_without_a_cursor(void **state)
{
    (void)state;
    c.committer.ship_to = TO;
    c.committer.ship_state = c.t->dir;
    commit_old_hours(0);
    assert_text_has(c.committer.ship_trouble, "No such file");
}

static void test_committer_prunes_nothing_by_a_cursor_that_is_none(void **state)
{
    void *dir = c.t->dir;

    (void)state;
    (void)scratch_file(&dir, "cursor", "pagemeter-ship 1 " TO "\nall of it\n");
    c.committer.ship_to = TO;
    c.committer.ship_state = c.t->dir;
    commit_old_hours(0);
    assert_text_has(c.committer.ship_trouble, "remove it");
}

static void test_committer_without_a_destination_looks_for_no_cursor(void **state)
{
    (void)state;
    c.committer.ship_to = "";
    c.committer.ship_state = "/nonexistent";
    commit_old_hours(2);
    assert_string_equal(c.committer.ship_trouble, "");
}

static void test_committer_retention_for_ever_prunes_nothing(void **state)
{
    (void)state;
    enqueue_old_hours();
    committer_run(&c.committer);
    assert_int_equal(sql_int(c.t->db.text, "SELECT count(*) FROM prune"), 0);
    assert_int_equal(stored(), 12);
}

static void *run(void *self)
{
    committer_run(self);
    return NULL;
}

static void test_committer_full_disk_is_tried_again_and_loses_nothing(void **state)
{
    pthread_t thread;

    (void)state;
    enqueue(1, 201);
    limit_disk(4096);
    assert_int_equal(pthread_create(&thread, NULL, run, &c.committer), 0);
    while (!committer_health(&c.committer).is_failing)
        assert_int_equal(poll(NULL, 0, 1), 0);
    limit_disk(RLIM_INFINITY);
    queue_end(queue);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(c.committer.has_failed);
    assert_false(committer_health(&c.committer).is_failing);
    assert_int_equal(stored(), 200);
    assert_audit_clean(c.t->store);
}

static void test_committer_full_disk_when_told_to_stop_is_not_tried_for_ever(void **state)
{
    (void)state;
    enqueue(1, 11);
    limit_disk(4096);
    tell_stop();
    committer_run(&c.committer);
    limit_disk(RLIM_INFINITY);
    assert_true(c.committer.has_failed);
    assert_error(&c.committer.failure, ERR_RETRY, "ending with 10 ticks that are not stored");
    assert_int_equal(stored(), 0);
}

static void test_committer_tick_that_can_never_be_stored_ends_it(void **state)
{
    struct tick_row row;

    (void)state;
    enqueue(1, 2);
    row = c.t->s.meter.row;
    queue_push(queue, &row, NULL, 0); /* the same tick again */
    queue_end(queue);
    committer_run(&c.committer);
    assert_true(c.committer.has_failed);
    assert_int_equal(c.committer.failure.code, ERR_STORE);
    assert_int_equal(stored(), 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_committer_stores_all_that_is_queued_then_ends),
        test(test_committer_told_to_stop_stores_what_is_queued),
        test(test_committer_derives_an_hour_that_is_complete),
        test(test_committer_prunes_what_is_old),
        test(test_committer_prunes_nothing_by_a_clock_not_to_be_trusted),
        test(test_committer_prunes_nothing_that_was_not_shipped),
        test(test_committer_prunes_what_was_shipped),
        test(test_committer_prunes_nothing_by_the_cursor_of_another_destination),
        test(test_committer_prunes_nothing_without_a_cursor),
        test(test_committer_prunes_nothing_by_a_cursor_that_is_none),
        test(test_committer_without_a_destination_looks_for_no_cursor),
        test(test_committer_retention_for_ever_prunes_nothing),
        test(test_committer_full_disk_is_tried_again_and_loses_nothing),
        test(test_committer_full_disk_when_told_to_stop_is_not_tried_for_ever),
        test(test_committer_tick_that_can_never_be_stored_ends_it),
    };

    return cmocka_run_group_tests_name("committer", tests, NULL, NULL);
}
