/*
 * ship.db: how far it came at each destination, and how it goes there.
 */
#include "scratch.h"

#include "store/ship_store.h"

#define TO "postgresql://h1@db/meter"
#define OTHER "postgresql:///other"

static struct ship_store *opened(void **state, enum store_mode mode)
{
    struct ship_store *store = NULL;
    struct error err;

    assert_ok(ship_store_open(&store, *state, mode, &err));
    return store;
}

static void note(struct ship_store *store, const char *to, int64_t tick, const char *error,
                 int64_t utc_ns)
{
    struct ship_mark mark = {.store = uuid_of(7),
                             .tick = tick,
                             .utc_ns = 100 + tick,
                             .confirmed_ns = utc_ns,
                             .conflicts = 2,
                             .pruned_to = -1};
    struct ship_note n = {to, utc_ns, &mark, tick >= 0 ? 1 : 0, error};
    struct error err;

    assert_ok(ship_store_note(store, &n, &err));
}

/* ---- what is read ---- */

struct seen {
    size_t count;
    struct ship_row rows[8];
    char destinations[8][64], errors[8][64];
};

static bool see(void *self, const struct ship_row *row, struct error *err)
{
    struct seen *s = self;

    (void)err;
    s->rows[s->count] = *row;
    (void)snprintf(s->destinations[s->count], 64, "%s", row->destination);
    (void)snprintf(s->errors[s->count], 64, "%s", row->error != NULL ? row->error : "");
    s->count++;
    return true;
}

static struct seen read_all(struct ship_store *store)
{
    struct seen seen = {0};
    struct ship_rows rows = {see, &seen};
    struct error err;

    assert_ok(ship_store_read(store, &rows, &err));
    return seen;
}

static void test_ship_store_new_one_is_empty(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);

    assert_int_equal(read_all(store).count, 0);
    ship_store_close(store);
    ship_store_close(NULL);
}

static void test_ship_store_note_is_read_again_by_another(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);

    note(store, TO, 5, NULL, 1000);
    struct ship_store *reader = opened(state, STORE_READ);
    struct seen seen = read_all(reader);

    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.destinations[0], TO);
    assert_true(seen.rows[0].has_mark);
    assert_int_equal(seen.rows[0].mark.tick, 5);
    assert_int_equal(seen.rows[0].mark.utc_ns, 105);
    assert_int_equal(seen.rows[0].mark.confirmed_ns, 1000);
    assert_int_equal(seen.rows[0].mark.pruned_to, -1);
    assert_null(seen.rows[0].error);
    ship_store_close(reader);
    ship_store_close(store);
}

static void test_ship_store_conflicts_add_up_and_what_was_pruned_stays(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);
    struct ship_mark mark = {.store = uuid_of(7), .tick = 1, .pruned_to = 9};
    struct ship_note n = {TO, 1, &mark, 1, NULL};
    struct error err;

    assert_ok(ship_store_note(store, &n, &err));
    note(store, TO, 5, NULL, 1000);
    note(store, TO, 4, NULL, 2000); /* PostgreSQL has lost something */
    struct seen seen = read_all(store);

    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0].mark.tick, 4);
    assert_int_equal(seen.rows[0].mark.conflicts, 4);
    assert_int_equal(seen.rows[0].mark.pruned_to, 9);
    ship_store_close(store);
}

static void test_ship_store_failure_has_a_beginning_and_an_end(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);

    note(store, TO, -1, "away", 1000);
    note(store, TO, -1, "still away", 2000);
    struct seen seen = read_all(store);

    assert_int_equal(seen.count, 1); /* before anything was shipped */
    assert_false(seen.rows[0].has_mark);
    assert_string_equal(seen.errors[0], "still away");
    assert_int_equal(seen.rows[0].since_ns, 1000);
    assert_int_equal(seen.rows[0].last_ns, 2000);
    assert_int_equal(seen.rows[0].ended_ns, 0);
    note(store, TO, 5, NULL, 3000);
    note(store, TO, 6, NULL, 4000);
    seen = read_all(store);
    assert_int_equal(seen.count, 1);
    assert_true(seen.rows[0].has_mark);
    assert_int_equal(seen.rows[0].ended_ns, 3000);
    note(store, TO, 6, "away again", 5000);
    seen = read_all(store);
    assert_int_equal(seen.rows[0].since_ns, 5000);
    assert_int_equal(seen.rows[0].ended_ns, 0);
    ship_store_close(store);
}

static void test_ship_store_destinations_do_not_mix(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);

    note(store, TO, 5, NULL, 1000);
    note(store, OTHER, 2, "away", 1000);
    struct seen seen = read_all(store);

    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.destinations[0], OTHER);
    assert_string_equal(seen.errors[0], "away");
    assert_int_equal(seen.rows[0].mark.tick, 2);
    assert_string_equal(seen.destinations[1], TO);
    assert_null(seen.rows[1].error);
    ship_store_close(store);
}

static void test_ship_store_note_is_all_or_nothing(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);
    struct ship_mark marks[2] = {{.store = uuid_of(1), .tick = 1, .pruned_to = -1},
                                 {.store = uuid_of(2), .tick = -2, .pruned_to = -1}};
    struct ship_note n = {TO, 1, marks, 2, NULL};
    struct error err;

    assert_fails(ship_store_note(store, &n, &err), ERR_STORE, "can't note what was shipped");
    assert_int_equal(read_all(store).count, 0);
    marks[1].tick = -1;
    assert_ok(ship_store_note(store, &n, &err));
    assert_int_equal(read_all(store).count, 2);
    ship_store_close(store);
}

static void test_ship_store_has_one_writer(void **state)
{
    struct ship_store *store = opened(state, STORE_WRITE);
    struct ship_store *second = NULL;
    struct error err;

    assert_fails(ship_store_open(&second, *state, STORE_WRITE, &err), ERR_REFUSED,
                 "one ship per store");
    ship_store_close(store);
}

static void test_ship_store_that_is_not_there_is_not_made_for_a_reader(void **state)
{
    struct ship_store *store = NULL;
    struct error err;

    assert_fails(ship_store_open(&store, *state, STORE_READ, &err), ERR_SYSTEM,
                 "has pagemeter ship written there?");
    assert_false(is_there(scratch_path(state, "ship.db").text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_ship_store_new_one_is_empty),
        scratch_test(test_ship_store_note_is_read_again_by_another),
        scratch_test(test_ship_store_conflicts_add_up_and_what_was_pruned_stays),
        scratch_test(test_ship_store_failure_has_a_beginning_and_an_end),
        scratch_test(test_ship_store_destinations_do_not_mix),
        scratch_test(test_ship_store_note_is_all_or_nothing),
        scratch_test(test_ship_store_has_one_writer),
        scratch_test(test_ship_store_that_is_not_there_is_not_made_for_a_reader),
    };

    return cmocka_run_group_tests_name("ship_store", tests, NULL, NULL);
}
