/*
 * A copy while the meter goes on, and the way back: another store with the same bill.
 */
#include "store_scene.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void live(struct store_scene *t, uint64_t first, uint64_t end)
{
    scene_put(&t->s, running(1, 1024));
    scene_put(&t->s, running(2, 2048));
    store_ticks(t, first, end, 3);
}

static struct scratch_path in_dir(struct store_scene *t, const char *name)
{
    void *dir = t->dir;

    return scratch_path(&dir, name);
}

static struct scratch_path backup(struct store_scene *t)
{
    struct scratch_path file = in_dir(t, "backup.db");
    struct error err;

    assert_ok(store_backup(t->store, file.text, &err));
    return file;
}

static struct scratch_path restore(struct store_scene *t, const char *file)
{
    struct scratch_path dir = in_dir(t, "restored");
    struct error err;

    assert_ok(store_restore(file, dir.text, &err));
    return dir;
}

static void test_backup_restored_has_the_same_bill(void **state)
{
    struct store_scene *t = *state;

    live(t, 1, 2 * 3600);
    struct bill before = bill_of(t->store);
    struct scratch_path dir = restore(t, backup(t).text);
    struct store *restored = store_opened(dir.text, STORE_READ);
    struct bill after = bill_of(restored);

    assert_same_bill(&after, &before);
    assert_audit_clean(restored);
    store_close(restored);
}

static void test_backup_holds_what_was_there_when_it_was_made(void **state)
{
    struct store_scene *t = *state;

    live(t, 1, 600);
    struct bill before = bill_of(t->store);
    struct scratch_path file = backup(t);

    live(t, 601, 1200);
    struct scratch_path dir = restore(t, file.text);
    struct store *restored = store_opened(dir.text, STORE_READ);
    struct bill after = bill_of(restored);

    assert_same_bill(&after, &before);
    store_close(restored);
}

static void test_backup_by_a_reader_is_as_good(void **state)
{
    struct store_scene *t = *state;
    struct store *reader = store_opened(t->dir, STORE_READ);
    struct scratch_path file = in_dir(t, "backup.db");
    struct error err;

    live(t, 1, 600);
    assert_ok(store_backup(reader, file.text, &err));
    store_close(reader);
    assert_int_equal(sql_int(file.text, "SELECT count(*) FROM tick"), 200);
}

static void test_backup_is_one_file_alone(void **state)
{
    struct store_scene *t = *state;

    live(t, 1, 60);
    (void)backup(t);
    assert_true(is_there(in_dir(t, "backup.db").text));
    assert_false(is_there(in_dir(t, "backup.db-wal").text));
    assert_false(is_there(in_dir(t, "backup.db-journal").text));
    assert_false(is_there(in_dir(t, "backup.db.part").text));
}

static void test_backup_never_overwrites(void **state)
{
    struct store_scene *t = *state;
    void *dir = t->dir;
    struct scratch_path file = scratch_file(&dir, "backup.db", "precious");
    struct error err;
    struct stat st;

    assert_fails(store_backup(t->store, file.text, &err), ERR_REFUSED, "is not overwritten");
    assert_int_equal(stat(file.text, &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
}

static void test_backup_into_a_place_that_is_not_there_refused(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = in_dir(t, "absent/backup.db");
    struct error err;

    assert_fails(store_backup(t->store, file.text, &err), ERR_RETRY, "it can't be opened");
}

struct writer {
    struct store_scene *t;
    atomic_bool is_ended;
};

static void *write_on(void *self)
{
    struct writer *w = self;

    for (uint64_t seq = 601; !atomic_load(&w->is_ended); seq++)
        store_tick(w->t, seq);
    return NULL;
}

/* Whole ticks only: all that the audit knows holds in each copy. */
static void test_backup_while_writing_is_of_one_moment(void **state)
{
    struct store_scene *t = *state;
    struct writer writer = {.t = t};
    struct store *reader = store_opened(t->dir, STORE_READ);
    struct error err;
    pthread_t thread;

    live(t, 1, 601);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
    for (int i = 0; i < 5; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "backup%d.db", i);
        assert_ok(store_backup(reader, in_dir(t, name).text, &err));
    }
    atomic_store(&writer.is_ended, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    store_close(reader);
    for (int i = 0; i < 5; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "backup%d.db", i);
        struct scratch_path file = in_dir(t, name);

        (void)snprintf(name, sizeof name, "restored%d", i);
        struct scratch_path dir = in_dir(t, name);

        assert_ok(store_restore(file.text, dir.text, &err));
        struct store *restored = store_opened(dir.text, STORE_READ);

        assert_audit_clean(restored);
        store_close(restored);
    }
}

static void test_restore_gets_a_new_store_id(void **state)
{
    struct store_scene *t = *state;

    live(t, 1, 60);
    struct scratch_path dir = restore(t, backup(t).text);
    struct scratch_path db = in_dir(t, "restored/meter.db");
    struct store *restored = store_opened(dir.text, STORE_READ);

    assert_false(uuid_is_equal(store_id(restored), store_id(t->store)));
    store_close(restored);
    assert_int_equal(sql_int(db.text, "SELECT count(*) FROM store"), 2);
    assert_int_equal(sql_int(db.text, "SELECT after_tick FROM store WHERE number = 2"), 58);
}

static void test_restore_ends_lives_where_the_backup_ends(void **state)
{
    struct store_scene *t = *state;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    live(t, 1, 60);
    struct scratch_path dir = restore(t, backup(t).text);
    struct scratch_path db = in_dir(t, "restored/meter.db");
    struct store *restored = store_opened(dir.text, STORE_WRITE);

    assert_ok(store_load(restored, &loaded, &lives, &count, &err));
    assert_int_equal(count, 0);
    assert_int_equal(loaded.tick, 58);
    free(lives);
    store_close(restored);
    assert_int_equal(sql_int(db.text, "SELECT count(*) FROM life WHERE last_tick = 58"), 2);
    assert_int_equal(sql_int(db.text, "SELECT count(*) FROM segment WHERE last_tick IS NULL"), 0);
}

static void test_restore_metering_goes_on_with_new_lives(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 1, 60);
    struct bill before = bill_of(t->store);
    struct scratch_path dir = restore(t, backup(t).text);

    store_close(t->store);
    t->store = store_opened(dir.text, STORE_WRITE);
    struct scene next;

    scene_load(&next, t->store);
    memcpy(next.samples, t->s.samples, sizeof next.samples);
    next.count = t->s.count;
    scene_end(&t->s);
    t->s = next;
    for (uint64_t seq = 60; seq < 70; seq++) {
        scene_tick(&t->s, seq);
        assert_ok(store_append(t->store, &t->s.meter.row, t->s.meter.changes,
                               t->s.meter.change_count, &err));
    }
    struct bill after = bill_of(t->store);

    /* two new lives: the first second of each is free, and what lay between is nobody's */
    assert_int_equal(after.measured_ns, before.measured_ns + 2 * 8 * NS_PER_S);
    assert_audit_clean(t->store);
}

static void test_restore_never_overwrites(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 1, 60);
    struct scratch_path file = backup(t);
    struct bill before = bill_of(t->store);

    assert_fails(store_restore(file.text, t->dir, &err), ERR_REFUSED, "is not overwritten");
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
}

/*
 * A meter that was killed leaves meter.db-wal. An operator who moves the damaged meter.db away and
 * restores must not get the old log played into the new file.
 */
static void test_restore_beside_the_log_of_another_database_is_not_mixed(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path dir = in_dir(t, "killed");
    struct scratch_path db = in_dir(t, "killed/meter.db");
    struct error err;
    int status;

    live(t, 1, 60);
    struct scratch_path file = backup(t);

    assert_ok(store_restore(file.text, dir.text, &err));
    pid_t pid = fork();

    if (pid == 0) { /* writes a boot that stays in the log, and is gone */
        struct uuid boot = NEXT_BOOT;
        struct store *store;

        _exit(store_open(&store, dir.text, STORE_WRITE, &err) &&
                      store_announce_boot(store, &boot, &err)
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(unlink(db.text), 0);
    if (store_restore(file.text, dir.text, &err)) {
        assert_int_equal(sql_int(db.text, "SELECT count(*) FROM boot_announced"), 0);
        assert_int_equal(sql_int(db.text, "SELECT count(*) FROM pragma_integrity_check"
                                          " WHERE integrity_check = 'ok'"),
                         1);
    } else {
        assert_error(&err, ERR_REFUSED, "meter.db-wal");
    }
}

static void test_restore_of_a_missing_file_refused(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = in_dir(t, "absent.db");
    struct scratch_path dir = in_dir(t, "restored");
    struct error err;

    assert_fails(store_restore(file.text, dir.text, &err), ERR_SYSTEM, "can't read the backup");
    assert_false(is_there(dir.text));
}

static void test_restore_of_what_is_no_backup_refused_and_leaves_nothing(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = in_dir(t, "other.db");
    struct scratch_path dir = in_dir(t, "restored");
    struct error err;

    sql_do(file.text, "CREATE TABLE theirs (x)");
    assert_fails(store_restore(file.text, dir.text, &err), ERR_STORE, "not one of Pagemeter");
    assert_false(is_there(in_dir(t, "restored/meter.db").text));
    assert_false(is_there(in_dir(t, "restored/meter.db.restored").text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_backup_restored_has_the_same_bill),
        store_test(test_backup_holds_what_was_there_when_it_was_made),
        store_test(test_backup_by_a_reader_is_as_good),
        store_test(test_backup_is_one_file_alone),
        store_test(test_backup_never_overwrites),
        store_test(test_backup_into_a_place_that_is_not_there_refused),
        store_test(test_backup_while_writing_is_of_one_moment),
        store_test(test_restore_gets_a_new_store_id),
        store_test(test_restore_ends_lives_where_the_backup_ends),
        store_test(test_restore_metering_goes_on_with_new_lives),
        store_test(test_restore_never_overwrites),
        store_test(test_restore_beside_the_log_of_another_database_is_not_mixed),
        store_test(test_restore_of_a_missing_file_refused),
        store_test(test_restore_of_what_is_no_backup_refused_and_leaves_nothing),
    };

    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
