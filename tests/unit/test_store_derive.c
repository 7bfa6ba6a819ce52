/*
 * Usage from what is raw: derived by the hour, added up by the day, read with the hour still open.
 */
#include "store_scene.h"

#include "chance.h"

static int64_t derived_rows(struct store_scene *t)
{
    return sql_int(t->db.text, "SELECT count(*) FROM usage_hour");
}

/* One minute in every hour of so many, a VM that changes its memory, another that comes and goes.
 */
static void live(struct store_scene *t, unsigned hours)
{
    uint64_t end = 3600 * (uint64_t)hours;

    for (uint64_t seq = 60; seq < end; seq += 60) {
        scene_put(&t->s, running(0, 4096));
        scene_put(&t->s, running(1, 1024 + 4 * (seq / 600)));
        scene_put(&t->s, running(2, 2048));
        if (seq % 7200 >= 3600)
            scene_remove(&t->s, 2);
        store_tick(t, seq);
        store_tick(t, seq + 1);
        store_tick(t, seq + 2);
    }
}

static void test_derive_open_hour_is_not_derived(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 1, 60, 1);
    assert_int_equal(derived_rows(t), 0);
    assert_int_equal(bill_of(t->store).measured_ns, 57 * NS_PER_S);
}

static void test_derive_hour_is_derived_at_the_next_cut(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 3590, 3600, 1);
    struct bill before = bill_of(t->store);

    assert_int_equal(derived_rows(t), 0);
    store_tick(t, 3600);
    assert_int_equal(derived_rows(t), 1);
    assert_int_equal(bill_of(t->store).measured_ns, before.measured_ns + NS_PER_S);
}

static void test_derive_again_changes_nothing(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 3);
    struct bill before = bill_of(t->store);

    store_reopen(t); /* the next derive looks whether there is something to do */
    assert_ok(store_derive(t->store, &err));
    assert_ok(store_derive(t->store, &err));
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
    assert_audit_clean(t->store);
}

static void test_derive_left_undone_is_made_up_for(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    scene_put(&t->s, running(1, 1024));
    store_ticks(t, 3590, 3600, 1);
    for (uint64_t seq = 3600; seq < 3 * 3600; seq += 3) { /* appended, never derived */
        scene_tick(&t->s, seq);
        assert_ok(store_append(t->store, &t->s.meter.row, t->s.meter.changes,
                               t->s.meter.change_count, &err));
    }
    struct bill before = bill_of(t->store);

    assert_int_equal(derived_rows(t), 0);
    store_reopen(t);
    assert_ok(store_derive(t->store, &err));
    assert_int_equal(derived_rows(t), 2);
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
}

static void test_rebuild_equals_what_was_derived(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 5);
    struct bill before = bill_of(t->store);
    int64_t rows = derived_rows(t);
    int64_t hash = sql_int(t->db.text, "SELECT sum(life * hour * (kib_s + kib_s_frac + measured_ns)"
                                       " % 1000000007) FROM usage_hour");

    assert_ok(store_rebuild(t->store, &err));
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
    assert_int_equal(derived_rows(t), rows);
    assert_int_equal(sql_int(t->db.text,
                             "SELECT sum(life * hour * (kib_s + kib_s_frac + measured_ns)"
                             " % 1000000007) FROM usage_hour"),
                     hash);
    assert_audit_clean(t->store);
}

static void test_rebuild_of_an_empty_store_is_fine(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    assert_ok(store_rebuild(t->store, &err));
    assert_int_equal(derived_rows(t), 0);
}

static void test_rebuild_repairs_usage_changed_by_hand(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 3);
    struct bill before = bill_of(t->store);

    sql_do(t->db.text, "UPDATE usage_hour SET kib_s = kib_s + 1");
    sql_do(t->db.text, "DELETE FROM usage_day");
    assert_ok(store_rebuild(t->store, &err));
    struct bill after = bill_of(t->store);

    assert_same_bill(&after, &before);
    assert_audit_clean(t->store);
}

static void test_usage_by_hour_and_in_days_is_the_same(void **state)
{
    struct store_scene *t = *state;
    struct error err;

    live(t, 60);
    struct bill by_hour = bill_of(t->store);

    for (int64_t from = START_HOUR - 1; from < START_HOUR + 50; from += 7) {
        struct usage_query hours = {.from_hour = from, .to_hour = from + 49, .by_hour = true};
        struct usage_query days = {.from_hour = from, .to_hour = from + 49};
        struct bill a = {.reader = {.add = bill_add}};
        struct bill b = {.reader = {.add = bill_add}};

        assert_ok(store_usage(t->store, &hours, &a.reader, &err));
        assert_ok(store_usage(t->store, &days, &b.reader, &err));
        assert_same_bill(&b, &a);
        assert_true(a.kib_ns < by_hour.kib_ns);
        free(a.reader.lives);
        free(b.reader.lives);
    }
}

static void test_usage_of_ranges_side_by_side_adds_up(void **state)
{
    struct store_scene *t = *state;
    struct error err;
    struct bill parts = {.reader = {.add = bill_add}};

    live(t, 30);
    struct bill whole = bill_of(t->store);

    for (int64_t hour = START_HOUR - 1; hour < START_HOUR + 31; hour++) {
        struct usage_query query = {.from_hour = hour, .to_hour = hour + 1};

        parts.reader = (struct usage_reader){.add = bill_add};
        assert_ok(store_usage(t->store, &query, &parts.reader, &err));
        free(parts.reader.lives);
    }
    assert_same_bill(&parts, &whole);
}

static void test_usage_of_one_vm_is_its_own(void **state)
{
    struct store_scene *t = *state;
    struct bill sum = {.reader = {.add = bill_add}};
    struct error err;

    live(t, 30);
    struct bill whole = bill_of(t->store);

    for (unsigned vm = 0; vm < 4; vm++) {
        struct uuid uuid = uuid_of(vm);
        struct usage_query query = {.from_hour = 0, .to_hour = INT64_C(5000000), .vm = &uuid};

        sum.reader = (struct usage_reader){.add = bill_add};
        assert_ok(store_usage(t->store, &query, &sum.reader, &err));
        assert_true(vm < 3 || sum.reader.count == 0);
        free(sum.reader.lives);
    }
    assert_same_bill(&sum, &whole);
}

static void test_usage_of_an_empty_range_is_nothing(void **state)
{
    struct store_scene *t = *state;
    const struct usage_query query = {.from_hour = START_HOUR, .to_hour = START_HOUR};
    struct bill bill = {.reader = {.add = bill_add}};
    struct error err;

    live(t, 2);
    assert_ok(store_usage(t->store, &query, &bill.reader, &err));
    assert_int_equal(bill.parts, 0);
    free(bill.reader.lives);
}

static void test_usage_names_the_life_as_users_do(void **state)
{
    struct store_scene *t = *state;
    const struct usage_query query = {.from_hour = 0, .to_hour = INT64_C(5000000)};
    struct bill bill = {.reader = {.add = bill_add}};
    struct error err;

    scene_put(&t->s, running(0, 4096));
    store_tick(t, 500);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    scene_put(&t->s, running(7, 1024));
    store_tick(t, 3);
    assert_ok(store_usage(t->store, &query, &bill.reader, &err));
    assert_int_equal(bill.reader.count, 3);
    const struct life_info *life = &bill.reader.lives[2];

    assert_int_equal(life->domid, 7);
    assert_int_equal(life->first_seq, 3);
    assert_true(life->is_billed);
    assert_false(bill.reader.lives[0].is_billed);
    assert_uuid_equal(&life->boot, (struct uuid[]){NEXT_BOOT});
    assert_uuid_equal(&life->host, (struct uuid[]){HOST});
    assert_uuid_equal(&life->vm, (struct uuid[]){uuid_of(7)});
    free(bill.reader.lives);
}

static void test_restart_anywhere_changes_no_figure(void **state)
{
    struct chance chance = chance_begin("store restarts");
    struct store_scene *t = *state;
    void *other;

    assert_int_equal(store_scene_begin(&other), 0);
    struct store_scene *whole = other;

    for (uint64_t seq = 1; seq < 1500; seq++) {
        uint64_t place = 3 * seq;
        struct sample one = running(1, 1024 + 4 * chance_below(&chance, 3));
        struct sample two = running(2, 2048);

        two.flags = chance_hits(&chance, 5) ? SAMPLE_SHUTDOWN : SAMPLE_RUNNING;
        scene_put(&t->s, one);
        scene_put(&whole->s, one);
        scene_put(&t->s, two);
        scene_put(&whole->s, two);
        store_tick(t, place);
        store_tick(whole, place);
        if (chance_hits(&chance, 50))
            store_reopen(t);
    }
    struct bill a = bill_of(t->store);
    struct bill b = bill_of(whole->store);

    assert_same_bill(&a, &b);
    assert_audit_clean(t->store);
    assert_int_equal(store_scene_end(&other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_derive_open_hour_is_not_derived),
        store_test(test_derive_hour_is_derived_at_the_next_cut),
        store_test(test_derive_again_changes_nothing),
        store_test(test_derive_left_undone_is_made_up_for),
        store_test(test_rebuild_equals_what_was_derived),
        store_test(test_rebuild_of_an_empty_store_is_fine),
        store_test(test_rebuild_repairs_usage_changed_by_hand),
        store_test(test_usage_by_hour_and_in_days_is_the_same),
        store_test(test_usage_of_ranges_side_by_side_adds_up),
        store_test(test_usage_of_one_vm_is_its_own),
        store_test(test_usage_of_an_empty_range_is_nothing),
        store_test(test_usage_names_the_life_as_users_do),
        store_test(test_restart_anywhere_changes_no_figure),
    };

    return cmocka_run_group_tests_name("store_derive", tests, NULL, NULL);
}
