/*
 * Versions of the database: each migration whole or not at all, and after a copy.
 */
#include "scratch.h"

#include "store/store_impl.h"

static const struct sql_file one[] = {{"0001_a", "CREATE TABLE a (x INTEGER) STRICT"},
                                      {NULL, NULL}};
static const struct sql_file two[] = {{"0001_a", "CREATE TABLE a (x INTEGER) STRICT"},
                                      {"0002_b",
                                       "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a"},
                                      {NULL, NULL}};
static const struct sql_file failing[] = {
    {"0001_a", "CREATE TABLE a (x INTEGER) STRICT"},
    {"0002_b", "CREATE TABLE b (x); INSERT INTO b SELECT x FROM nowhere"},
    {NULL, NULL}};
static const struct sql_file failing_third[] = {
    {"0001_a", "CREATE TABLE a (x INTEGER) STRICT"},
    {"0002_b", "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a"},
    {"0003_c", "CREATE TABLE c (x); nonsense"},
    {NULL, NULL}};

struct migration {
    char *dir;
    struct db db;
};

static int begin(void **state)
{
    struct migration *m = calloc(1, sizeof *m);
    struct error err;
    void *dir;

    if (m == NULL || scratch_begin(&dir) != 0)
        return -1;
    m->dir = dir;
    (void)snprintf(m->db.path, sizeof m->db.path, "%s/meter.db", m->dir);
    *state = m;
    return sqlite_open(&m->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &err) ? 0 : -1;
}

static int end(void **state)
{
    struct migration *m = *state;
    void *dir = m->dir;

    db_close(&m->db);
    free(m);
    return scratch_end(&dir);
}

static int64_t get(struct migration *m, const char *sql)
{
    int64_t value = -1;
    bool is_null;
    struct error err;

    assert_ok(db_get_int(&m->db, sql, &value, &is_null, &err));
    return is_null ? -1 : value;
}

static int64_t version(struct migration *m)
{
    return get(m, "PRAGMA user_version");
}

static bool has_table(struct migration *m, const char *name)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_master WHERE name = '%s'", name);
    return get(m, sql) == 1;
}

static struct scratch_path copy_of(struct migration *m, int of_version)
{
    struct scratch_path path;

    (void)snprintf(path.text, sizeof path.text, "%s/meter.db.schema-%d", m->dir, of_version);
    return path;
}

static void migrate_to_one_with_a_row(struct migration *m)
{
    struct error err;

    assert_ok(store_migrate(&m->db, one, &err));
    assert_ok(db_exec(&m->db, "INSERT INTO a VALUES (7)", "test", &err));
}

static void test_migrate_new_database_gets_all_without_a_copy(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(store_migrate(&m->db, two, &err));
    assert_int_equal(version(m), 2);
    assert_int_equal(get(m, "PRAGMA application_id"), STORE_APPLICATION_ID);
    assert_true(has_table(m, "a") && has_table(m, "b"));
    assert_false(is_there(copy_of(m, 0).text));
}

static void test_migrate_newest_version_changes_nothing(void **state)
{
    struct migration *m = *state;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_ok(store_migrate(&m->db, one, &err));
    assert_int_equal(version(m), 1);
    assert_false(is_there(copy_of(m, 1).text));
}

static void test_migrate_older_version_keeps_its_data(void **state)
{
    struct migration *m = *state;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_ok(store_migrate(&m->db, two, &err));
    assert_int_equal(version(m), 2);
    assert_int_equal(get(m, "SELECT x FROM b"), 7);
}

static void test_migrate_older_version_is_copied_first(void **state)
{
    struct migration *m = *state;
    struct db copy = {0};
    int64_t value = 0;
    bool is_null;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_ok(store_migrate(&m->db, two, &err));
    (void)snprintf(copy.path, sizeof copy.path, "%s", copy_of(m, 1).text);
    assert_ok(sqlite_open(&copy, SQLITE_OPEN_READONLY, &err));
    assert_ok(db_get_int(&copy, "PRAGMA user_version", &value, &is_null, &err));
    assert_int_equal(value, 1);
    assert_ok(db_get_int(&copy, "SELECT x FROM a", &value, &is_null, &err));
    assert_int_equal(value, 7);
    assert_ok(db_get_int(&copy, "SELECT count(*) FROM sqlite_master", &value, &is_null, &err));
    assert_int_equal(value, 1);
    db_close(&copy);
}

static void test_migrate_copy_that_exists_refused_unchanged(void **state)
{
    struct migration *m = *state;
    void *dir = m->dir;
    struct error err;

    migrate_to_one_with_a_row(m);
    (void)scratch_file(&dir, "meter.db.schema-1", "precious");
    assert_fails(store_migrate(&m->db, two, &err), ERR_REFUSED, "exists already: move that away");
    assert_int_equal(version(m), 1);
    assert_false(has_table(m, "b"));
}

static void test_migrate_newer_version_refused(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(store_migrate(&m->db, two, &err));
    assert_fails(store_migrate(&m->db, one, &err), ERR_STORE,
                 "has version 2, and this program knows versions up to 1");
    assert_int_equal(version(m), 2);
}

static void test_migrate_failing_leaves_the_old_version(void **state)
{
    struct migration *m = *state;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_fails(store_migrate(&m->db, failing, &err), ERR_STORE, "0002_b");
    assert_int_equal(version(m), 1);
    assert_false(has_table(m, "b"));
    assert_int_equal(get(m, "SELECT x FROM a"), 7);
    assert_int_equal(sqlite3_get_autocommit(m->db.handle), 1);
}

static void test_migrate_failing_at_the_third_keeps_the_second(void **state)
{
    struct migration *m = *state;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_fails(store_migrate(&m->db, failing_third, &err), ERR_STORE, "0003_c");
    assert_int_equal(version(m), 2);
    assert_true(has_table(m, "b"));
    assert_false(has_table(m, "c"));
}

static void test_migrate_database_of_others_refused_untouched(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(db_exec(&m->db, "CREATE TABLE theirs (x)", "test", &err));
    assert_fails(store_migrate(&m->db, one, &err), ERR_STORE, "not one of Pagemeter");
    assert_false(has_table(m, "a"));
    assert_int_equal(version(m), 0);
}

static void test_migrate_empty_database_with_a_version_refused(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(db_exec(&m->db, "PRAGMA user_version = 1", "test", &err));
    assert_fails(store_migrate(&m->db, one, &err), ERR_STORE, "not one of Pagemeter");
}

static void test_migrate_file_that_is_no_database_refused(void **state)
{
    struct migration *m = *state;
    void *dir = m->dir;
    char text[1024];
    struct error err;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)scratch_file(&dir, "meter.db", text);
    assert_fails(store_migrate(&m->db, one, &err), ERR_STORE, "it is not a database");
}

static void test_check_version_same_passes(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(store_migrate(&m->db, two, &err));
    assert_ok(store_check_version(&m->db, two, &err));
}

static void test_check_version_older_says_what_to_do(void **state)
{
    struct migration *m = *state;
    struct error err;

    migrate_to_one_with_a_row(m);
    assert_fails(store_check_version(&m->db, two, &err), ERR_STORE,
                 "start this version of pagemeterd once");
    assert_int_equal(version(m), 1);
}

static void test_check_version_newer_refused(void **state)
{
    struct migration *m = *state;
    struct error err;

    assert_ok(store_migrate(&m->db, two, &err));
    assert_fails(store_check_version(&m->db, one, &err), ERR_STORE, "or a newer one");
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_migrate_new_database_gets_all_without_a_copy),
        test(test_migrate_newest_version_changes_nothing),
        test(test_migrate_older_version_keeps_its_data),
        test(test_migrate_older_version_is_copied_first),
        test(test_migrate_copy_that_exists_refused_unchanged),
        test(test_migrate_newer_version_refused),
        test(test_migrate_failing_leaves_the_old_version),
        test(test_migrate_failing_at_the_third_keeps_the_second),
        test(test_migrate_database_of_others_refused_untouched),
        test(test_migrate_empty_database_with_a_version_refused),
        test(test_migrate_file_that_is_no_database_refused),
        test(test_check_version_same_passes),
        test(test_check_version_older_says_what_to_do),
        test(test_check_version_newer_refused),
    };

    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
