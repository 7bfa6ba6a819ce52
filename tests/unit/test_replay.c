/*
 * A trace into a store, all or nothing; in parts, it equals the whole.
 */
#include "store_scene.h"

#include "meter/replay.h"
#include "meter/trace.h"

static const struct replay_options options = {.rules = {RULES_TEMPORARY_DEFAULT, ""}};

/* Ticks [first, end) of the scene's host as a file, with a head. */
static struct scratch_path write_trace(struct store_scene *t, const char *name, uint64_t first,
                                       uint64_t end)
{
    void *dir = t->dir;
    struct scratch_path path = scratch_path(&dir, name);
    FILE *file = fopen(path.text, "w");
    struct record record = head_record();
    char text[8192];

    assert_non_null(file);
    (void)fwrite(text, 1, trace_write(&record, text), file);
    for (uint64_t seq = first; seq < end; seq++) {
        scene_put(&t->s, running(1, 1024 + 4 * (seq / 100)));
        record = (struct record){.kind = RECORD_TICK, .tick = scene_tick_at(&t->s, seq)};
        (void)fwrite(text, 1, trace_write(&record, text), file);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct replay_result replay(struct store_scene *t, struct scratch_path file)
{
    struct replay_result result = {.ticks = 0};
    struct error err;

    assert_ok(replay_run(t->store, file.text, &options, &result, &err));
    return result;
}

static void append_text(struct scratch_path file, const char *text)
{
    FILE *f = fopen(file.text, "a");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_empty(struct store_scene *t)
{
    assert_int_equal(sql_int(t->db.text, "SELECT count(*) FROM tick"), 0);
}

static void test_replay_counts_what_it_took(void **state)
{
    struct store_scene *t = *state;
    struct replay_result result = replay(t, write_trace(t, "a.trace", 1, 101));

    assert_int_equal(result.ticks, 100);
    assert_int_equal(result.samples, 100);
    assert_int_equal(result.skipped, 0);
    assert_false(result.is_cut_off);
    assert_int_equal(bill_of(t->store).measured_ns, 98 * NS_PER_S);
}

static void test_replay_in_parts_equals_the_whole(void **state)
{
    struct store_scene *t = *state;
    void *other;

    (void)replay(t, write_trace(t, "whole.trace", 1, 4000));
    struct bill whole = bill_of(t->store);

    assert_int_equal(store_scene_begin(&other), 0);
    struct store_scene *parts = other;

    (void)replay(parts, write_trace(parts, "1.trace", 1, 700));
    (void)replay(parts, write_trace(parts, "2.trace", 700, 3600));
    (void)replay(parts, write_trace(parts, "3.trace", 3600, 4000));
    struct bill sum = bill_of(parts->store);

    assert_same_bill(&sum, &whole);
    assert_audit_clean(parts->store);
    assert_int_equal(store_scene_end(&other), 0);
}

static void test_replay_twice_refused_and_nothing_changed(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 101);
    struct replay_result result;
    struct error err;

    (void)replay(t, file);
    struct bill before = bill_of(t->store);

    assert_fails(replay_run(t->store, file.text, &options, &result, &err), ERR_REFUSED,
                 "a.trace: line 2: tick 1 is not after tick 100");
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
}

static void test_replay_malformed_at_the_end_changes_nothing(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 4000);
    struct replay_result result;
    struct error err;

    append_text(file, "nonsense\n");
    assert_fails(replay_run(t->store, file.text, &options, &result, &err), ERR_INPUT,
                 "line 8000: not a record");
    assert_empty(t);
}

static void test_replay_time_going_back_changes_nothing(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 5, 10);
    struct replay_result result;
    struct error err;

    append_text(file, "T 10 9000000000 1 1 s 0 0 0\n");
    assert_fails(replay_run(t->store, file.text, &options, &result, &err), ERR_CLOCK,
                 "line 12: the time of tick 10");
    assert_empty(t);
}

static void test_replay_cut_off_tick_is_dropped_and_told(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 101);

    append_text(file, "T 101 101000000000 1 1 s 0 0 1\n");
    struct replay_result result = replay(t, file);

    assert_true(result.is_cut_off);
    assert_int_equal(result.ticks, 100);
}

static void test_replay_wide_window_is_skipped_and_counted(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 101);

    append_text(file, "T 101 101000000000 1 5000000001 s 0 0 0\n");
    struct replay_result result = replay(t, file);

    assert_int_equal(result.skipped, 1);
    assert_int_equal(result.ticks, 100);
}

static void test_replay_of_another_boot_needs_to_be_allowed(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 11);
    struct replay_options allowing = options;
    struct replay_result result;
    struct error err;
    void *dir = t->dir;
    struct scratch_path next =
        scratch_file(&dir, "next.trace",
                     "P 1 11111111-1111-1111-1111-111111111111 22222222-2222-2222-2222-222222222222"
                     " 34343434-3434-3434-3434-343434343434 1000000000 5000000000\n"
                     "T 1 1000000000 5000000000000000000 1 s 0 0 0\n");

    (void)replay(t, file);
    assert_fails(replay_run(t->store, next.text, &options, &result, &err), ERR_REFUSED,
                 "--new-boot");
    allowing.allows_new_boot = true;
    assert_ok(replay_run(t->store, next.text, &allowing, &result, &err));
    assert_int_equal(sql_int(t->db.text, "SELECT count(*) FROM boot"), 2);
}

static void test_replay_boot_at_the_end_is_announced_to_the_next(void **state)
{
    struct store_scene *t = *state;
    struct scratch_path file = write_trace(t, "a.trace", 1, 11);
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    append_text(file, "B 34343434-3434-3434-3434-343434343434\n");
    (void)replay(t, file);
    assert_ok(store_load(t->store, &loaded, &lives, &count, &err));
    assert_true(loaded.is_booted);
    assert_uuid_equal(&loaded.next_boot, (struct uuid[]){NEXT_BOOT});
    free(lives);
}

static void test_replay_of_another_host_refused(void **state)
{
    struct store_scene *t = *state;
    struct replay_result result;
    struct error err;
    void *dir = t->dir;
    struct scratch_path file =
        scratch_file(&dir, "other.trace",
                     "P 1 99999999-9999-9999-9999-999999999999 22222222-2222-2222-2222-222222222222"
                     " 33333333-3333-3333-3333-333333333333 1000000000 5000000000\n");

    assert_fails(replay_run(t->store, file.text, &options, &result, &err), ERR_REFUSED,
                 "one store per host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_replay_counts_what_it_took),
        store_test(test_replay_in_parts_equals_the_whole),
        store_test(test_replay_twice_refused_and_nothing_changed),
        store_test(test_replay_malformed_at_the_end_changes_nothing),
        store_test(test_replay_time_going_back_changes_nothing),
        store_test(test_replay_cut_off_tick_is_dropped_and_told),
        store_test(test_replay_wide_window_is_skipped_and_counted),
        store_test(test_replay_of_another_boot_needs_to_be_allowed),
        store_test(test_replay_boot_at_the_end_is_announced_to_the_next),
        store_test(test_replay_of_another_host_refused),
    };

    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
