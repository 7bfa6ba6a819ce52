/*
 * balloon.db: what was set is there after a restart, who set it is never lost, and what was decided
 * is read back as it was written.
 */
#include "scratch.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "store/balloon_store.h"

struct scene {
    void *dir;
    struct balloon_store *store;
};

static int begin(void **state)
{
    static struct scene t;
    struct error err;

    t = (struct scene){0};
    if (scratch_begin(&t.dir) != 0 || !balloon_store_open(&t.store, t.dir, STORE_WRITE, &err))
        return -1;
    *state = &t;
    return 0;
}

static int end(void **state)
{
    struct scene *t = *state;

    balloon_store_close(t->store);
    return scratch_end(&t->dir);
}

static int run_sql(void **state, const char *sql)
{
    struct scene *t = *state;
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db;

    (void)snprintf(path, sizeof path, "%s/balloon.db", (const char *)t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

    (void)sqlite3_close(db);
    return code;
}

static int64_t count_of(void **state, const char *table)
{
    struct scene *t = *state;
    char path[SCRATCH_PATH_MAX];
    char sql[128];
    sqlite3 *db;
    sqlite3_stmt *stmt;

    (void)snprintf(path, sizeof path, "%s/balloon.db", (const char *)t->dir);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(stmt, 0);

    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return count;
}

static void write_one(void **state, struct balloon_entry entry)
{
    struct scene *t = *state;
    struct error err;

    assert_ok(balloon_store_write(t->store, &entry, 1, &err));
}

static struct balloon_entry setting(unsigned vm, const char *key, const char *value)
{
    struct balloon_entry e = {.kind = ENTRY_SETTING, .utc_ns = 1000, .who = "alice"};

    e.setting.is_host = vm == 0;
    if (vm != 0)
        e.setting.vm = uuid_of(vm);
    (void)strcpy(e.setting.key, key);
    (void)strcpy(e.setting.value, value);
    return e;
}

static struct balloon_entry decision(unsigned vm, int64_t utc_ns)
{
    return (
        struct balloon_entry){.kind = ENTRY_DECISION,
                              .utc_ns = utc_ns,
                              .decision = {.at_ns = 5,
                                           .cause = {.kind = CAUSE_RECORD, .number = 7, .domid = 3},
                                           .action = {.kind = ACTION_GROW,
                                                      .reason = REASON_SHORT,
                                                      .target_kib = 300000,
                                                      .cap_kib = 301024,
                                                      .claim_kib = 300000,
                                                      .before_kib = 200000,
                                                      .surplus_kib = -4},
                                           .failure = REASON_DRY_RUN,
                                           .domid = 3,
                                           .uuid = uuid_of(vm),
                                           .need_kib = 190000,
                                           .available_kib = 8000,
                                           .headroom_kib = 16384,
                                           .tot_kib = 200016,
                                           .rate_kib_s = 100}};
}

static struct balloon_entry figure(unsigned vm, int64_t utc_ns)
{
    struct balloon_entry e = {.kind = ENTRY_FIGURE, .utc_ns = utc_ns};

    e.figure = (struct balloon_figure){.vm = uuid_of(vm),
                                       .domid = 3,
                                       .figures = {.seq = 9, .current_kib = 1000, .flags = 3},
                                       .tot_kib = 1016,
                                       .headroom_kib = 16384,
                                       .floor_kib = 500,
                                       .ceiling_kib = 2000};
    e.figure.figures.stall_full_us = UINT64_MAX;
    return e;
}

static void reopen(void **state)
{
    struct scene *t = *state;
    struct error err;

    balloon_store_close(t->store);
    t->store = NULL;
    assert_ok(balloon_store_open(&t->store, t->dir, STORE_WRITE, &err));
}

static void test_balloon_store_settings_are_there_after_a_restart(void **state)
{
    struct scene *t = *state;
    struct balloon_setting *list = NULL;
    struct error err;
    struct uuid one = uuid_of(1);
    size_t count;

    write_one(state, setting(1, "policy", "demand"));
    write_one(state, setting(1, "floor", "256M"));
    write_one(state, setting(0, "stopped", "yes"));
    write_one(state, setting(1, "floor", "512M"));
    reopen(state);
    assert_ok(balloon_store_settings(t->store, &list, &count, &err));
    assert_int_equal(count, 3);
    assert_true(list[0].is_host);
    assert_string_equal(list[0].key, "stopped");
    assert_false(list[1].is_host);
    assert_uuid_equal(&list[1].vm, &one);
    assert_string_equal(list[1].key, "floor");
    assert_string_equal(list[1].value, "512M");
    assert_string_equal(list[2].value, "demand");
    free(list);
}

static void test_balloon_store_setting_taken_back_leaves_who_and_what(void **state)
{
    struct scene *t = *state;
    struct balloon_setting *list = NULL;
    struct error err;
    size_t count;

    write_one(state, setting(1, "policy", "demand"));
    write_one(state, setting(1, "policy", ""));
    assert_ok(balloon_store_settings(t->store, &list, &count, &err));
    assert_int_equal(count, 0);
    free(list);
    assert_int_equal(count_of(state, "setting_change WHERE who = 'alice' AND old = '' AND "
                                     "new = 'demand' AND utc_ns = 1000"),
                     1);
    assert_int_equal(count_of(state, "setting_change WHERE old = 'demand' AND new = ''"), 1);
}

static void test_balloon_store_changes_are_append_only(void **state)
{
    write_one(state, setting(1, "policy", "demand"));
    assert_int_equal(run_sql(state, "UPDATE setting_change SET who = 'bob'"), SQLITE_CONSTRAINT);
    assert_int_equal(run_sql(state, "DELETE FROM setting_change"), SQLITE_CONSTRAINT);
    assert_int_equal(count_of(state, "setting_change"), 1);
}

static void test_balloon_store_reservation_is_replaced_and_given_up(void **state)
{
    struct scene *t = *state;
    struct balloon_entry e = {.kind = ENTRY_RESERVE, .utc_ns = 1, .who = "root"};
    struct reservation *list = NULL;
    struct error err;
    size_t count;

    e.reservation = (struct reservation){.name = "web2", .size_kib = 1024, .expires_ns = 99};
    write_one(state, e);
    e.reservation.size_kib = 2048;
    write_one(state, e);
    reopen(state);
    assert_ok(balloon_store_reservations(t->store, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].name, "web2");
    assert_int_equal(list[0].size_kib, 2048);
    assert_int_equal(list[0].expires_ns, 99);
    assert_int_equal(list[0].filled_kib, 0);
    free(list);
    e.kind = ENTRY_UNRESERVE;
    write_one(state, e);
    assert_ok(balloon_store_reservations(t->store, &list, &count, &err));
    assert_int_equal(count, 0);
    free(list);
    assert_int_equal(count_of(state, "setting_change WHERE scope = 'web2' AND key = 'reservation' "
                                     "AND old = '2048K' AND new = ''"),
                     1);
}

struct collected {
    size_t count;
    struct balloon_entry last;
};

static bool collect(void *self, const struct balloon_entry *entry, struct error *err)
{
    struct collected *c = self;

    (void)err;
    c->count++;
    c->last = *entry;
    return true;
}

static struct collected read_back(void **state, enum balloon_entry_kind kind, unsigned vm)
{
    struct scene *t = *state;
    struct collected c = {0};
    struct uuid uuid = uuid_of(vm);
    struct balloon_query query = {.kind = kind,
                                  .vm = vm != 0 ? &uuid : NULL,
                                  .from_utc_ns = 10,
                                  .to_utc_ns = 20};
    struct balloon_reader reader = {collect, &c};
    struct error err;

    assert_ok(balloon_store_read(t->store, &query, &reader, &err));
    return c;
}

static void test_balloon_store_decision_is_read_back_as_it_was(void **state)
{
    struct balloon_entry e = decision(1, 10);

    write_one(state, e);
    write_one(state, decision(1, 9));
    write_one(state, decision(1, 20));
    write_one(state, decision(2, 19));
    assert_int_equal(read_back(state, ENTRY_DECISION, 0).count, 2);
    struct collected c = read_back(state, ENTRY_DECISION, 1);

    assert_int_equal(c.count, 1);
    assert_int_equal(c.last.utc_ns, 10);
    assert_int_equal(c.last.decision.action.kind, ACTION_GROW);
    assert_int_equal(c.last.decision.action.reason, REASON_SHORT);
    assert_int_equal(c.last.decision.action.surplus_kib, -4);
    assert_int_equal(c.last.decision.action.target_kib, 300000);
    assert_int_equal(c.last.decision.action.before_kib, 200000);
    assert_int_equal(c.last.decision.action.cap_kib, 301024);
    assert_int_equal(c.last.decision.failure, REASON_DRY_RUN);
    assert_int_equal(c.last.decision.cause.kind, CAUSE_RECORD);
    assert_int_equal(c.last.decision.cause.number, 7);
    assert_int_equal(c.last.decision.cause.domid, 3);
    assert_int_equal(c.last.decision.tot_kib, 200016);
    assert_int_equal(c.last.decision.rate_kib_s, 100);
    assert_uuid_equal(&c.last.decision.uuid, &e.decision.uuid);
}

static void test_balloon_store_figure_is_read_back_and_a_wild_counter_is_bounded(void **state)
{
    write_one(state, figure(1, 10));
    struct collected c = read_back(state, ENTRY_FIGURE, 1);

    assert_int_equal(c.count, 1);
    assert_int_equal(c.last.figure.figures.seq, 9);
    assert_int_equal(c.last.figure.figures.current_kib, 1000);
    assert_int_equal(c.last.figure.figures.flags, 3);
    assert_int_equal(c.last.figure.figures.stall_full_us, INT64_MAX);
    assert_int_equal(c.last.figure.tot_kib, 1016);
    assert_int_equal(c.last.figure.headroom_kib, 16384);
    assert_int_equal(c.last.figure.floor_kib, 500);
    assert_int_equal(c.last.figure.ceiling_kib, 2000);
}

static void test_balloon_store_batch_with_a_bad_entry_leaves_nothing(void **state)
{
    struct scene *t = *state;
    struct balloon_entry batch[2] = {decision(1, 10), setting(1, "", "x")};
    struct error err;

    assert_fails(balloon_store_write(t->store, batch, 2, &err), ERR_STORE, "write a setting");
    assert_int_equal(count_of(state, "decision"), 0);
    assert_int_equal(count_of(state, "setting_change"), 0);
    assert_ok(balloon_store_write(t->store, batch, 1, &err));
}

static void test_balloon_store_prune_takes_what_is_older_only(void **state)
{
    struct scene *t = *state;
    struct balloon_entry lost = {.kind = ENTRY_LOST, .utc_ns = 9, .lost = 5};
    struct balloon_entry alert = {.kind = ENTRY_ALERT, .utc_ns = 9};
    struct balloon_ages ages = {10, 10, 10};
    bool has_more;
    struct error err;

    alert.alert.vm = uuid_of(1);
    alert.alert.reason = REASON_STUCK;
    write_one(state, decision(1, 9));
    write_one(state, decision(1, 10));
    write_one(state, figure(1, 9));
    write_one(state, figure(1, 10));
    write_one(state, lost);
    write_one(state, alert);
    write_one(state, setting(1, "policy", "demand"));
    assert_ok(balloon_store_roll_up(t->store, NS_PER_HOUR, &has_more, &err));
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(count_of(state, "decision"), 1);
    assert_int_equal(count_of(state, "figure WHERE utc_ns = 10"), 1);
    assert_int_equal(count_of(state, "figure"), 1);
    assert_int_equal(count_of(state, "lost"), 0);
    assert_int_equal(count_of(state, "alert"), 0);
    assert_int_equal(count_of(state, "setting"), 1);
    assert_int_equal(count_of(state, "setting_change"), 1);
}

static void test_balloon_store_has_one_writer_and_readers_beside_it(void **state)
{
    struct scene *t = *state;
    struct balloon_store *second = NULL;
    struct error err;

    assert_fails(balloon_store_open(&second, t->dir, STORE_WRITE, &err), ERR_REFUSED,
                 "one balloon per store");
    assert_null(second);
    assert_ok(balloon_store_open(&second, t->dir, STORE_READ, &err));
    balloon_store_close(second);
}

static void test_balloon_store_newer_version_is_refused(void **state)
{
    struct scene *t = *state;
    struct error err;

    assert_int_equal(run_sql(state, "PRAGMA user_version = 99"), SQLITE_OK);
    balloon_store_close(t->store);
    t->store = NULL;
    assert_fails(balloon_store_open(&t->store, t->dir, STORE_WRITE, &err), ERR_STORE,
                 "has version 99");
    assert_null(t->store);
}

static void test_balloon_store_absent_is_no_store_to_read(void **state)
{
    struct scratch_path nowhere = scratch_path(state, "nowhere");
    struct balloon_store *store = NULL;
    struct error err;

    assert_fails(balloon_store_open(&store, nowhere.text, STORE_READ, &err), ERR_SYSTEM,
                 "has pageballoond written there?");
    assert_null(store);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_balloon_store_settings_are_there_after_a_restart),
        test(test_balloon_store_setting_taken_back_leaves_who_and_what),
        test(test_balloon_store_changes_are_append_only),
        test(test_balloon_store_reservation_is_replaced_and_given_up),
        test(test_balloon_store_decision_is_read_back_as_it_was),
        test(test_balloon_store_figure_is_read_back_and_a_wild_counter_is_bounded),
        test(test_balloon_store_batch_with_a_bad_entry_leaves_nothing),
        test(test_balloon_store_prune_takes_what_is_older_only),
        test(test_balloon_store_has_one_writer_and_readers_beside_it),
        test(test_balloon_store_newer_version_is_refused),
        scratch_test(test_balloon_store_absent_is_no_store_to_read),
    };

    return cmocka_run_group_tests_name("balloon_store", tests, NULL, NULL);
}
