/*
 * Every call to the store interrupted at every place: it fails and leaves the store as it was, or
 * it succeeds and all is there. SQLite's own progress handler is what interrupts: after n steps of
 * its virtual machine, for n = 1, 2, 3 ... until the call gets through.
 */
#include "store_scene.h"

#include "store/store_impl.h"

static int steps_left;

/* BEGIN and COMMIT are left alone: interrupted behind their work, they would lie about it. */
static bool is_in_a_statement(sqlite3 *handle)
{
    for (sqlite3_stmt *stmt = NULL; (stmt = sqlite3_next_stmt(handle, stmt)) != NULL;)
        if (sqlite3_stmt_busy(stmt) != 0 && strncmp(sqlite3_sql(stmt), "BEGIN", 5) != 0 &&
            strncmp(sqlite3_sql(stmt), "COMMIT", 6) != 0)
            return true;
    return false;
}

static int interrupt_at_last(void *handle)
{
    if (!is_in_a_statement(handle))
        return 0;
    return --steps_left == 0; /* once: ROLLBACK must get through */
}

static void interrupt_after(struct store *store, int steps)
{
    steps_left = steps;
    sqlite3_progress_handler(store->db.handle, steps > 0 ? 1 : 0, interrupt_at_last,
                             store->db.handle);
}

/* Larger steps later: every place in short calls, a sample of the places in long ones. */
static int next_place(int steps)
{
    return steps + 1 + steps / 64;
}

static int64_t fingerprint(struct store_scene *t)
{
    return sql_int(t->db.text,
                   "SELECT (SELECT count(*) FROM tick) + 100 * (SELECT count(*) FROM life)"
                   " + 10000 * (SELECT count(*) FROM segment)"
                   " + 1000000 * (SELECT count(*) FROM segment WHERE last_tick IS NULL)"
                   " + 100000000 * (SELECT count(*) FROM usage_hour)"
                   " + 10000000000 * (SELECT count(*) FROM usage_day)"
                   " + 1000000000000 * (SELECT count(*) FROM hour_cut)");
}

static void live(struct store_scene *t, uint64_t end)
{
    for (uint64_t seq = 600; seq < end; seq += 600) {
        scene_put(&t->s, running(1, 1024 + 4 * (seq / 1800)));
        scene_put(&t->s, running(2, 2048));
        store_tick(t, seq);
        store_tick(t, seq + 1);
        store_tick(t, seq + 2);
    }
}

static void test_torture_append_is_whole_or_not_at_all(void **state)
{
    struct store_scene *t = *state;
    struct meter *m = &t->s.meter;
    struct error err;
    int failures = 0;

    live(t, 3600);
    scene_put(&t->s, running(3, 512));
    scene_tick(&t->s, 3600); /* a cut, a gap, a life that begins */
    int64_t before = fingerprint(t);

    for (int steps = 1;; steps = next_place(steps)) {
        interrupt_after(t->store, steps);
        bool is_ok = store_append(t->store, &m->row, m->changes, m->change_count, &err);

        interrupt_after(t->store, 0);
        if (is_ok)
            break;
        assert_int_equal(fingerprint(t), before);
        failures++;
    }
    assert_true(failures > 10);
    assert_ok(store_derive(t->store, &err));
    assert_audit_clean(t->store);
}

static void test_torture_derive_goes_on_where_it_was_interrupted(void **state)
{
    struct store_scene *t = *state;
    struct error err;
    int failures = 0;

    for (uint64_t seq = 600; seq < 4 * 3600; seq += 600) {
        scene_put(&t->s, running(1, 1024 + seq));
        scene_tick(&t->s, seq);
        assert_ok(store_append(t->store, &t->s.meter.row, t->s.meter.changes,
                               t->s.meter.change_count, &err));
    }
    struct bill before = bill_of(t->store);

    for (int steps = 1;; steps = next_place(steps)) {
        interrupt_after(t->store, steps);
        bool is_ok = store_derive(t->store, &err);

        interrupt_after(t->store, 0);
        struct bill after = bill_of(t->store);

        assert_same_bill(&after, &before);
        if (is_ok)
            break;
        failures++;
    }
    assert_true(failures > 10);
    assert_audit_clean(t->store);
}

static void test_torture_rebuild_is_whole_or_not_at_all(void **state)
{
    struct store_scene *t = *state;
    struct error err;
    int failures = 0;

    live(t, 3 * 3600);
    struct bill before = bill_of(t->store);
    int64_t print = fingerprint(t);

    for (int steps = 1;; steps = next_place(steps)) {
        interrupt_after(t->store, steps);
        bool is_ok = store_rebuild(t->store, &err);

        interrupt_after(t->store, 0);
        struct bill after = bill_of(t->store);

        assert_same_bill(&after, &before);
        assert_int_equal(fingerprint(t), print);
        if (is_ok)
            break;
        failures++;
    }
    assert_true(failures > 10);
    assert_audit_clean(t->store);
}

static void test_torture_prune_leaves_the_bill_wherever_it_stops(void **state)
{
    struct store_scene *t = *state;
    struct error err;
    int failures = 0;

    live(t, 4 * 3600);
    struct bill before = bill_of(t->store);

    for (int steps = 1;; steps = next_place(steps)) {
        unsigned pruned;

        interrupt_after(t->store, steps);
        bool is_ok = store_prune(t->store, START_HOUR + 3, 100, &pruned, &err);

        interrupt_after(t->store, 0);
        struct bill after = bill_of(t->store);

        assert_same_bill(&after, &before);
        if (is_ok)
            break;
        failures++;
    }
    assert_true(failures > 10);
    assert_audit_clean(t->store);
}

/* A bill with something missing is worse than none. */
static void test_torture_usage_is_whole_or_fails(void **state)
{
    struct store_scene *t = *state;
    int failures = 0;

    live(t, 3 * 3600);
    struct bill whole = bill_of(t->store);

    for (int steps = 1;; steps = next_place(steps)) {
        const struct usage_query all = {.from_hour = 0,
                                        .to_hour = INT64_C(5000000),
                                        .by_hour = true};
        struct bill bill = {.reader = {.add = bill_add}};
        struct error err;

        interrupt_after(t->store, steps);
        bool is_ok = store_usage(t->store, &all, &bill.reader, &err);
        bool got_through = steps_left > 0;

        interrupt_after(t->store, 0);
        free(bill.reader.lives);
        if (is_ok)
            assert_same_bill(&bill, &whole);
        failures += !is_ok;
        if (got_through)
            break;
    }
    assert_true(failures > 10);
}

static void test_torture_load_is_whole_or_fails(void **state)
{
    struct store_scene *t = *state;
    int failures = 0;

    live(t, 3600);
    for (int steps = 1;; steps = next_place(steps)) {
        struct meter_state loaded;
        struct open_life *lives = NULL;
        struct error err = {.code = ERR_NONE};
        size_t count = 0;

        interrupt_after(t->store, steps);
        bool is_ok = store_load(t->store, &loaded, &lives, &count, &err);
        bool got_through = steps_left > 0;

        interrupt_after(t->store, 0);
        if (is_ok) {
            assert_true(loaded.has_host && loaded.has_boot && !loaded.is_booted);
            assert_int_equal(loaded.tick, t->s.meter.state.tick);
            assert_int_equal(loaded.next_life, t->s.meter.state.next_life);
            assert_int_equal(loaded.next_segment, t->s.meter.state.next_segment);
            assert_int_equal(count, 2);
        } else {
            assert_int_not_equal(err.code, ERR_NONE);
            failures++;
        }
        free(lives);
        if (got_through)
            break;
    }
    assert_true(failures > 10);
}

static void test_torture_audit_says_fine_only_when_it_looked_at_all(void **state)
{
    struct store_scene *t = *state;

    live(t, 2 * 3600);
    for (const struct sql_file *audit = sql_audits; audit->name != NULL; audit++) {
        int failures = 0;

        for (int steps = 1;; steps = steps * 2) {
            int64_t findings = -1;
            struct error err;

            interrupt_after(t->store, steps);
            bool is_ok = store_audit(t->store, audit, print_finding, NULL, &findings, &err);

            interrupt_after(t->store, 0);
            if (is_ok) {
                assert_int_equal(findings, 0);
                break;
            }
            failures++;
        }
        assert_true(failures > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_torture_append_is_whole_or_not_at_all),
        store_test(test_torture_derive_goes_on_where_it_was_interrupted),
        store_test(test_torture_rebuild_is_whole_or_not_at_all),
        store_test(test_torture_prune_leaves_the_bill_wherever_it_stops),
        store_test(test_torture_usage_is_whole_or_fails),
        store_test(test_torture_load_is_whole_or_fails),
        store_test(test_torture_audit_says_fine_only_when_it_looked_at_all),
    };

    return cmocka_run_group_tests_name("store_torture", tests, NULL, NULL);
}
