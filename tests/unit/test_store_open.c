/*
 * Who may open a store, and how: one writer, any number of readers, nothing that is no store.
 */
#include "store_scene.h"

#include <sys/wait.h>
#include <unistd.h>

static void test_open_second_writer_refused_naming_the_first(void **state)
{
    struct store_scene *t = *state;
    struct store *second = NULL;
    struct error err;
    char holder[32];

    assert_fails(store_open(&second, t->dir, STORE_WRITE, &err), ERR_REFUSED,
                 "one meter per store");
    (void)snprintf(holder, sizeof holder, "(pid %d)", (int)getpid());
    assert_text_has(err.text, holder);
    assert_null(second);
}

static void test_open_writer_after_the_first_has_closed(void **state)
{
    struct store_scene *t = *state;

    store_reopen(t);
    store_tick(t, 1);
}

/* A process of its own takes the lock, and ends without closing anything. */
static void test_open_writer_after_the_first_was_killed(void **state)
{
    struct store_scene *t = *state;
    int status;

    store_close(t->store);
    t->store = NULL;
    pid_t pid = fork();

    if (pid == 0) {
        struct store *store;
        struct error err;

        _exit(store_open(&store, t->dir, STORE_WRITE, &err) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    t->store = store_opened(t->dir, STORE_WRITE);
}

static void test_open_newer_version_refused_for_writing(void **state)
{
    struct store_scene *t = *state;
    struct store *store = NULL;
    struct error err;

    sql_do(t->db.text, "PRAGMA user_version = 99");
    store_close(t->store);
    t->store = NULL;
    assert_fails(store_open(&store, t->dir, STORE_WRITE, &err), ERR_STORE, "has version 99");
    assert_null(store);
}

static void test_open_readers_beside_the_writer(void **state)
{
    struct store_scene *t = *state;
    struct store *one = store_opened(t->dir, STORE_READ);
    struct store *two = store_opened(t->dir, STORE_READ);

    assert_uuid_equal(store_id(one), store_id(t->store));
    assert_uuid_equal(store_id(two), store_id(t->store));
    store_close(one);
    store_close(two);
}

static void test_open_reader_sees_what_is_committed_meanwhile(void **state)
{
    struct store_scene *t = *state;
    struct store *reader = store_opened(t->dir, STORE_READ);

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 1, 4, 1);
    assert_int_equal(bill_of(reader).measured_ns, NS_PER_S);
    store_tick(t, 4);
    assert_int_equal(bill_of(reader).measured_ns, 2 * NS_PER_S);
    store_close(reader);
}

static void test_open_reader_sees_nothing_that_is_not_committed(void **state)
{
    struct store_scene *t = *state;
    struct store *reader = store_opened(t->dir, STORE_READ);
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 1, 4, 1);
    assert_ok(store_begin(t->store, &err));
    store_ticks(t, 4, 8, 1);
    assert_int_equal(bill_of(reader).measured_ns, NS_PER_S);
    assert_ok(store_commit(t->store, &err));
    assert_int_equal(bill_of(reader).measured_ns, 5 * NS_PER_S);
    store_close(reader);
}

static void test_open_reader_can_write_nothing(void **state)
{
    struct store_scene *t = *state;
    struct store *reader = store_opened(t->dir, STORE_READ);
    struct uuid boot = NEXT_BOOT;
    struct error err;

    assert_fails(store_announce_boot(reader, &boot, &err), ERR_RETRY, "can't");
    store_close(reader);
}

static void test_open_reader_while_no_writer_is_there(void **state)
{
    struct store_scene *t = *state;
    struct store *reader;

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 1, 4, 1);
    store_close(t->store);
    t->store = NULL;
    reader = store_opened(t->dir, STORE_READ);
    assert_int_equal(bill_of(reader).measured_ns, NS_PER_S);
    store_close(reader);
}

static void test_open_missing_store_for_reading_refused_and_not_made(void **state)
{
    struct scratch_path dir = scratch_path(state, "absent");
    struct store *store = NULL;
    struct error err;

    assert_fails(store_open(&store, dir.text, STORE_READ, &err), ERR_SYSTEM, "has pagemeterd");
    assert_false(is_there(dir.text));
}

static void test_open_missing_store_for_writing_made(void **state)
{
    struct scratch_path dir = scratch_path(state, "new");
    struct scratch_path db = scratch_path(state, "new/meter.db");

    store_close(store_opened(dir.text, STORE_WRITE));
    assert_true(is_there(db.text));
}

static void test_open_where_no_directory_can_be_refused(void **state)
{
    struct scratch_path file = scratch_file(state, "file", "");
    struct scratch_path below = scratch_path(state, "file/store");
    struct store *store = NULL;
    struct error err;

    assert_fails(store_open(&store, below.text, STORE_WRITE, &err), ERR_SYSTEM,
                 "name another with --db");
    assert_fails(store_open(&store, file.text, STORE_WRITE, &err), ERR_SYSTEM, "meter.lock");
}

static void test_open_database_uri_refused(void **state)
{
    struct store *store = NULL;
    struct error err;

    (void)state;
    assert_fails(store_open(&store, "postgresql://h/d", STORE_READ, &err), ERR_USAGE, "PostgreSQL");
    assert_fails(store_open(&store, "postgres://h/d", STORE_READ, &err), ERR_USAGE, "directory");
}

static void test_open_too_long_name_refused(void **state)
{
    char dir[2048];
    struct store *store = NULL;
    struct error err;

    (void)state;
    memset(dir, 'x', sizeof dir);
    dir[sizeof dir - 1] = '\0';
    assert_fails(store_open(&store, dir, STORE_WRITE, &err), ERR_USAGE, "too long");
}

static void test_open_file_that_is_no_database_refused(void **state)
{
    struct scratch_path file;
    struct store *store = NULL;
    struct error err;
    char text[2048];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    file = scratch_file(state, "meter.db", text);
    assert_fails(store_open(&store, *state, STORE_WRITE, &err), ERR_STORE, "it is not a database");
    assert_fails(store_open(&store, *state, STORE_READ, &err), ERR_STORE, "it is not a database");
    assert_text_has(err.text, file.text);
}

static void test_open_files_are_not_for_everybody(void **state)
{
    struct store_scene *t = *state;
    struct stat st;

    assert_int_equal(stat(t->db.text, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void test_close_accepts_null(void **state)
{
    (void)state;
    store_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_open_second_writer_refused_naming_the_first),
        store_test(test_open_writer_after_the_first_has_closed),
        store_test(test_open_writer_after_the_first_was_killed),
        store_test(test_open_newer_version_refused_for_writing),
        store_test(test_open_readers_beside_the_writer),
        store_test(test_open_reader_sees_what_is_committed_meanwhile),
        store_test(test_open_reader_sees_nothing_that_is_not_committed),
        store_test(test_open_reader_can_write_nothing),
        store_test(test_open_reader_while_no_writer_is_there),
        scratch_test(test_open_missing_store_for_reading_refused_and_not_made),
        scratch_test(test_open_missing_store_for_writing_made),
        scratch_test(test_open_where_no_directory_can_be_refused),
        cmocka_unit_test(test_open_database_uri_refused),
        cmocka_unit_test(test_open_too_long_name_refused),
        scratch_test(test_open_file_that_is_no_database_refused),
        store_test(test_open_files_are_not_for_everybody),
        cmocka_unit_test(test_close_accepts_null),
    };

    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
