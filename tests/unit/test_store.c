/*
 * A store as one writer sees it: ticks go in, and come back as the state of a meter.
 */
#include "store_scene.h"

static int64_t rows(struct store_scene *t, const char *table)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return sql_int(t->db.text, sql);
}

static void test_store_new_one_knows_nothing(void **state)
{
    struct store_scene *t = *state;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    assert_ok(store_load(t->store, &loaded, &lives, &count, &err));
    assert_true(loaded.has_host);
    assert_false(loaded.has_boot);
    assert_false(loaded.is_booted);
    assert_int_equal(count, 0);
    free(lives);
}

static void test_store_id_is_kept_with_the_file(void **state)
{
    struct store_scene *t = *state;
    struct uuid id = *store_id(t->store);

    store_reopen(t);
    assert_uuid_equal(store_id(t->store), &id);
    assert_int_equal(rows(t, "store"), 1);
}

static void test_store_quiet_tick_is_one_row(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    int64_t segments = rows(t, "segment");

    store_tick(t, 2);
    assert_int_equal(rows(t, "tick"), 2);
    assert_int_equal(rows(t, "segment"), segments);
    assert_int_equal(rows(t, "restart") + rows(t, "life") + rows(t, "boot"), 3);
}

static void test_store_append_twice_refused_and_nothing_changed(void **state)
{
    struct store_scene *t = *state;
    struct meter *m = &t->s.meter;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    scene_put(&t->s, running(1, 2048));
    store_tick(t, 2);
    assert_fails(store_append(t->store, &m->row, m->changes, m->change_count, &err), ERR_STORE,
                 "write a tick");
    assert_int_equal(rows(t, "tick"), 2);
    assert_int_equal(rows(t, "segment"), 2);
    assert_audit_clean(t->store);
}

static void test_store_append_that_fails_leaves_nothing_of_its_tick(void **state)
{
    struct store_scene *t = *state;
    struct meter *m = &t->s.meter;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    scene_put(&t->s, running(2, 1024));
    scene_tick(&t->s, 2);
    m->changes[m->change_count - 1].life = 1; /* the life's own segment does not begin */
    m->changes[m->change_count - 1].segment = 1;
    assert_fails(store_append(t->store, &m->row, m->changes, m->change_count, &err), ERR_STORE,
                 "write a tick");
    assert_int_equal(rows(t, "life"), 1);
    assert_int_equal(rows(t, "tick"), 1);
}

static void test_store_append_after_a_failed_one_succeeds(void **state)
{
    struct store_scene *t = *state;
    struct meter *m = &t->s.meter;
    struct tick_row wrong;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    scene_tick(&t->s, 2);
    wrong = m->row;
    wrong.tick = 1;
    assert_fails(store_append(t->store, &wrong, m->changes, m->change_count, &err), ERR_STORE, "");
    store_write(t);
    assert_int_equal(rows(t, "tick"), 2);
}

static void test_store_begin_rollback_leaves_nothing(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    assert_ok(store_begin(t->store, &err));
    store_ticks(t, 1, 5, 1);
    store_rollback(t->store);
    assert_int_equal(rows(t, "tick") + rows(t, "life") + rows(t, "segment") + rows(t, "boot"), 0);
}

static void test_store_begin_commit_keeps_all(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    assert_ok(store_begin(t->store, &err));
    store_ticks(t, 1, 5, 1);
    assert_int_equal(rows(t, "tick"), 0);
    assert_ok(store_commit(t->store, &err));
    assert_int_equal(rows(t, "tick"), 4);
}

static void test_store_rollback_without_begin_does_nothing(void **state)
{
    struct store_scene *t = *state;

    store_tick(t, 1);
    store_rollback(t->store);
    assert_int_equal(rows(t, "tick"), 1);
}

static void assert_same_life(const struct open_life *a, const struct open_life *b)
{
    assert_int_equal(a->life, b->life);
    assert_int_equal(a->segment, b->segment);
    assert_int_equal(a->kib, b->kib);
    assert_int_equal(a->domid, b->domid);
    assert_uuid_equal(&a->uuid, &b->uuid);
    assert_int_equal(a->has_run, b->has_run);
    assert_int_equal(a->has_counted, b->has_counted);
    assert_int_equal(a->is_counted, b->is_counted);
    assert_int_equal(a->is_billed, b->is_billed);
}

static void assert_load_equals_meter(struct store_scene *t)
{
    const struct meter *m = &t->s.meter;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    assert_ok(store_load(t->store, &loaded, &lives, &count, &err));
    assert_uuid_equal(&loaded.host, &m->state.host);
    assert_uuid_equal(&loaded.boot, &m->state.boot);
    assert_int_equal(loaded.tick_base, m->state.tick_base);
    assert_int_equal(loaded.tick, m->state.tick);
    assert_int_equal(loaded.mono_ns, m->state.mono_ns);
    assert_int_equal(loaded.utc_ns, m->state.utc_ns);
    assert_int_equal(loaded.next_life, m->state.next_life);
    assert_int_equal(loaded.next_segment, m->state.next_segment);
    assert_int_equal(count, m->life_count);
    for (size_t i = 0; i < count; i++)
        assert_same_life(&lives[i], &m->lives[i]);
    free(lives);
}

static void test_store_load_after_each_append_equals_the_meter(void **state)
{
    struct store_scene *t = *state;
    struct sample shut = running(2, 512);
    struct sample built = running(3, 256);

    shut.flags = SAMPLE_SHUTDOWN;
    built.cpu_ns = 0;
    scene_put(&t->s, running(0, 4096));
    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    assert_load_equals_meter(t);
    scene_put(&t->s, running(2, 512));
    scene_put(&t->s, built);
    store_tick(t, 2);
    assert_load_equals_meter(t);
    scene_put(&t->s, shut);
    scene_remove(&t->s, 1);
    store_tick(t, 300);
    assert_load_equals_meter(t);
    store_tick(t, 3600);
    assert_load_equals_meter(t);
}

static void test_store_load_after_all_lives_ended_equals_the_meter(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    t->s.count = 0;
    store_tick(t, 2);
    assert_load_equals_meter(t);
    store_tick(t, 3600);
    assert_load_equals_meter(t);
}

static void test_store_load_after_a_boot_equals_the_meter(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 100);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    store_tick(t, 1);
    assert_load_equals_meter(t);
}

static void test_store_announced_boot_is_loaded_until_its_first_tick(void **state)
{
    struct store_scene *t = *state;
    struct record head = head_record();
    struct uuid wrong = uuid_of(0x99);
    struct uuid boot = NEXT_BOOT;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    store_tick(t, 100);
    assert_ok(store_announce_boot(t->store, &wrong, &err));
    assert_ok(store_announce_boot(t->store, &boot, &err));
    assert_ok(store_load(t->store, &loaded, &lives, &count, &err));
    assert_true(loaded.is_booted);
    assert_uuid_equal(&loaded.next_boot, &boot);
    free(lives);
    head.head.boot = boot;
    (void)scene_feed(&t->s, head);
    store_tick(t, 1);
    assert_ok(store_load(t->store, &loaded, &lives, &count, &err));
    assert_false(loaded.is_booted);
    free(lives);
}

static void test_store_boot_that_has_ended_refused(void **state)
{
    struct store_scene *t = *state;
    struct meter *m = &t->s.meter;
    struct error err;

    store_tick(t, 100);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    store_tick(t, 1);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = BOOT});
    scene_tick(&t->s, 2);
    assert_fails(store_append(t->store, &m->row, m->changes, m->change_count, &err), ERR_REFUSED,
                 "boot 33333333-3333-3333-3333-333333333333 is in this store already");
}

static void test_store_host_is_kept_for_ever(void **state)
{
    struct store_scene *t = *state;
    struct uuid same = HOST;
    struct uuid other = uuid_of(0x99);
    struct error err;

    assert_ok(store_set_host(t->store, &same, &err));
    assert_fails(store_set_host(t->store, &other, &err), ERR_REFUSED, "one store per host");
    store_reopen(t);
    assert_fails(store_set_host(t->store, &other, &err), ERR_REFUSED, "belongs to host 11111111-");
}

static void test_store_more_open_segments_than_lives_refused(void **state)
{
    struct store_scene *t = *state;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    sql_do(t->db.text, "INSERT INTO segment VALUES (99, 1, 1, NULL, 5, 1)");
    assert_fails(store_load(t->store, &loaded, &lives, &count, &err), ERR_STORE, "changed by hand");
}

static void test_store_open_life_without_segment_refused(void **state)
{
    struct store_scene *t = *state;
    struct meter_state loaded;
    struct open_life *lives;
    size_t count;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_tick(t, 1);
    sql_do(t->db.text, "UPDATE segment SET last_tick = 1");
    assert_fails(store_load(t->store, &loaded, &lives, &count, &err), ERR_STORE, "changed by hand");
}

static void test_store_gaps_are_counted_and_summed(void **state)
{
    struct store_scene *t = *state;
    struct gap_summary gaps;
    struct error err;

    store_tick(t, 1);
    assert_ok(store_gaps(t->store, &gaps, &err));
    assert_int_equal(gaps.gaps, 0);
    store_tick(t, 11);
    store_tick(t, 31);
    assert_ok(store_gaps(t->store, &gaps, &err));
    assert_int_equal(gaps.gaps, 2);
    assert_int_equal(gaps.span_ns, 30 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_new_one_knows_nothing),
        store_test(test_store_id_is_kept_with_the_file),
        store_test(test_store_quiet_tick_is_one_row),
        store_test(test_store_append_twice_refused_and_nothing_changed),
        store_test(test_store_append_that_fails_leaves_nothing_of_its_tick),
        store_test(test_store_append_after_a_failed_one_succeeds),
        store_test(test_store_begin_rollback_leaves_nothing),
        store_test(test_store_begin_commit_keeps_all),
        store_test(test_store_rollback_without_begin_does_nothing),
        store_test(test_store_load_after_each_append_equals_the_meter),
        store_test(test_store_load_after_all_lives_ended_equals_the_meter),
        store_test(test_store_load_after_a_boot_equals_the_meter),
        store_test(test_store_announced_boot_is_loaded_until_its_first_tick),
        store_test(test_store_boot_that_has_ended_refused),
        store_test(test_store_host_is_kept_for_ever),
        store_test(test_store_more_open_segments_than_lives_refused),
        store_test(test_store_open_life_without_segment_refused),
        store_test(test_store_gaps_are_counted_and_summed),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
