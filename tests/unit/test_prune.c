/*
 * What is older than the retention goes; what it gave to the bill stays.
 */
#include "store_scene.h"

enum { ALL = 1000000 };

/* Some seconds in each hour from START on, up to the first tick of hour `hours`. */
static void live(struct store_scene *t, unsigned hours)
{
    for (uint64_t hour = 0; hour < hours; hour++) {
        scene_put(&t->s, running(1, 1024 + 4 * hour));
        scene_put(&t->s, running(2 + (unsigned)hour % 3, 2048));
        store_ticks(t, 3600 * hour + 1, 3600 * hour + 20, 1);
        if (hour % 2 == 1)
            scene_remove(&t->s, 2 + (unsigned)hour % 3);
        store_ticks(t, 3600 * hour + 3590, 3600 * (hour + 1), 1);
    }
    store_tick(t, 3600 * (uint64_t)hours);
}

static unsigned prune(struct store_scene *t, int64_t before_hour, unsigned hours_max)
{
    unsigned pruned = 99;
    struct error err;

    assert_ok(store_prune(t->store, before_hour, hours_max, &pruned, &err));
    return pruned;
}

static int64_t count(struct store_scene *t, const char *table)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return sql_int(t->db.text, sql);
}

static void test_prune_empty_store_has_nothing_to_do(void **state)
{
    assert_int_equal(prune(*state, START_HOUR + 100, ALL), 0);
}

static void test_prune_deletes_raw_rows_of_old_hours_only(void **state)
{
    struct store_scene *t = *state;

    live(t, 5);
    int64_t ticks = count(t, "tick");

    assert_int_equal(prune(t, START_HOUR + 2, ALL), 2);
    assert_int_equal(count(t, "tick"), ticks - 2 * 29);
    assert_int_equal(sql_int(t->db.text, "SELECT min(hour) FROM hour_cut"), START_HOUR + 2);
    assert_int_equal(sql_int(t->db.text, "SELECT min(tick) FROM tick"), 7201);
    assert_int_equal(sql_int(t->db.text, "SELECT count(*) FROM segment WHERE first_tick < 7201"),
                     0);
}

static void test_prune_leaves_the_bill_as_it_was(void **state)
{
    struct store_scene *t = *state;

    live(t, 5);
    struct bill before = bill_of(t->store);

    assert_int_equal(prune(t, START_HOUR + 4, ALL), 4);
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
}

static void test_prune_leaves_the_audit_clean(void **state)
{
    struct store_scene *t = *state;

    live(t, 5);
    for (int64_t hour = 1; hour <= 5; hour++) {
        assert_int_equal(prune(t, START_HOUR + hour, ALL), 1);
        assert_audit_clean(t->store);
    }
}

static void test_prune_lets_the_audit_find_usage_changed_afterwards(void **state)
{
    struct store_scene *t = *state;
    int64_t findings = 0;
    struct error err;

    live(t, 5);
    assert_int_equal(prune(t, START_HOUR + 3, ALL), 3);
    sql_do(t->db.text, "UPDATE usage_hour SET kib_s = kib_s + 1"
                       " WHERE life = 1 AND hour = (SELECT min(hour) FROM usage_hour)");
    for (const struct sql_file *audit = sql_audits; audit->name != NULL; audit++)
        if (strcmp(audit->name, "usage_conserved") == 0)
            assert_ok(store_audit(t->store, audit, print_finding, NULL, &findings, &err));
    assert_int_equal(findings, 1);
}

static void test_prune_hour_that_is_asked_for_stays(void **state)
{
    struct store_scene *t = *state;

    live(t, 3);
    assert_int_equal(prune(t, START_HOUR, ALL), 0);
    assert_int_equal(prune(t, START_HOUR + 1, ALL), 1);
}

static void test_prune_stops_at_so_many_hours(void **state)
{
    struct store_scene *t = *state;

    live(t, 5);
    assert_int_equal(prune(t, START_HOUR + 5, 2), 2);
    assert_int_equal(sql_int(t->db.text, "SELECT min(hour) FROM hour_cut"), START_HOUR + 2);
    assert_int_equal(prune(t, START_HOUR + 5, 0), 0);
}

static void test_prune_never_touches_hours_that_are_not_derived(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    for (uint64_t seq = 1; seq < 4 * 3600; seq += 600) { /* appended, never derived */
        scene_tick(&t->s, seq);
        assert_ok(store_append(t->store, &t->s.meter.row, t->s.meter.changes,
                               t->s.meter.change_count, &err));
    }
    int64_t ticks = count(t, "tick");

    assert_int_equal(prune(t, START_HOUR + 100, ALL), 0);
    assert_int_equal(count(t, "tick"), ticks);
}

static void test_prune_never_touches_the_hour_that_is_open(void **state)
{
    struct store_scene *t = *state;

    live(t, 2);
    assert_int_equal(prune(t, START_HOUR + 100, ALL), 2);
    assert_int_equal(count(t, "tick"), 1);
    assert_int_equal(count(t, "hour_cut"), 1);
}

static void test_prune_again_finds_nothing(void **state)
{
    struct store_scene *t = *state;

    live(t, 4);
    assert_int_equal(prune(t, START_HOUR + 3, ALL), 3);
    assert_int_equal(prune(t, START_HOUR + 3, ALL), 0);
}

static void test_prune_metering_goes_on_afterwards(void **state)
{
    struct store_scene *t = *state;

    live(t, 3);
    assert_int_equal(prune(t, START_HOUR + 100, ALL), 3);
    struct bill before = bill_of(t->store);

    store_reopen(t);
    store_ticks(t, 3 * 3600 + 1, 3 * 3600 + 11, 1);
    struct bill after = bill_of(t->store);
    /* VM 1 and the other that is there go on without a beginning of their own */
    int64_t lives = (int64_t)t->s.meter.life_count;

    assert_int_equal(after.measured_ns + after.excluded_ns,
                     before.measured_ns + before.excluded_ns + 10 * lives * NS_PER_S);
    assert_audit_clean(t->store);
}

static void test_prune_keeps_lives_gaps_and_boots(void **state)
{
    struct store_scene *t = *state;

    live(t, 4);
    int64_t lives = count(t, "life");
    int64_t gaps = count(t, "gap");

    assert_int_equal(prune(t, START_HOUR + 100, ALL), 4);
    assert_int_equal(count(t, "life"), lives);
    assert_int_equal(count(t, "gap"), gaps);
    assert_int_equal(count(t, "boot"), 1);
    assert_int_equal(count(t, "restart"), 1);
}

static void test_prune_refuses_a_rebuild_from_then_on(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 3);
    struct bill before = bill_of(t->store);

    assert_int_equal(prune(t, START_HOUR + 1, ALL), 1);
    assert_fails(store_rebuild(t->store, &err), ERR_REFUSED, "were pruned");
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
}

static void test_prune_hours_of_a_clock_that_went_back_go_in_order(void **state)
{
    struct store_scene *t = *state;
    struct tick tick;

    live(t, 3);
    tick = scene_tick_at(&t->s, 3 * 3600 + 1);
    tick.utc_ns -= 2 * NS_PER_HOUR;
    assert_int_equal(scene_feed_tick(&t->s, tick), METER_TICK);
    store_write(t);
    struct bill before = bill_of(t->store);

    (void)prune(t, START_HOUR + 2, ALL);
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
    assert_audit_clean(t->store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_prune_empty_store_has_nothing_to_do),
        store_test(test_prune_deletes_raw_rows_of_old_hours_only),
        store_test(test_prune_leaves_the_bill_as_it_was),
        store_test(test_prune_leaves_the_audit_clean),
        store_test(test_prune_lets_the_audit_find_usage_changed_afterwards),
        store_test(test_prune_hour_that_is_asked_for_stays),
        store_test(test_prune_stops_at_so_many_hours),
        store_test(test_prune_never_touches_hours_that_are_not_derived),
        store_test(test_prune_never_touches_the_hour_that_is_open),
        store_test(test_prune_again_finds_nothing),
        store_test(test_prune_metering_goes_on_afterwards),
        store_test(test_prune_keeps_lives_gaps_and_boots),
        store_test(test_prune_refuses_a_rebuild_from_then_on),
        store_test(test_prune_hours_of_a_clock_that_went_back_go_in_order),
    };

    return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
