/*
 * What is closed never changes: each trigger of the schema, and the way that stays open.
 */
#include "store_scene.h"

/* Two lives, one of them ended, a gap, a clock step, a boot, and two derived hours. */
static int begin(void **state)
{
    if (store_scene_begin(state) != 0)
        return -1;
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 1024));
    scene_put(&t->s, running(2, 1024));
    store_ticks(t, 1, 4, 1);
    scene_remove(&t->s, 2);
    store_ticks(t, 100, 103, 1);
    struct tick stepped = scene_tick_at(&t->s, 103);

    stepped.utc_ns += NS_PER_HOUR;
    assert_int_equal(scene_feed_tick(&t->s, stepped), METER_TICK);
    store_write(t);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    store_tick(t, 1);
    return 0;
}

static void refused(void **state, const char *sql, const char *said)
{
    struct store_scene *t = *state;

    assert_sql_refused(t->db.text, sql, said);
}

static void allowed(void **state, const char *sql)
{
    struct store_scene *t = *state;

    sql_do(t->db.text, sql);
}

static void test_kept_host(void **state)
{
    refused(state, "UPDATE host SET host = '99999999-9999-9999-9999-999999999999'",
            "one host for ever");
    refused(state, "DELETE FROM host", "one host for ever");
    refused(state, "INSERT INTO host VALUES ('99999999-9999-9999-9999-999999999999')",
            "a store belongs to one host");
}

static void test_kept_boot(void **state)
{
    refused(state, "UPDATE boot SET tick_base = 0", "a boot never changes");
    refused(state, "DELETE FROM boot", "boots are never deleted");
}

static void test_kept_restart(void **state)
{
    refused(state, "UPDATE restart SET max_gap_ns = 1", "a restart never changes");
    refused(state, "DELETE FROM restart", "restarts are never deleted");
}

static void test_kept_tick(void **state)
{
    refused(state, "UPDATE tick SET kib = kib + 1", "a tick never changes");
    refused(state, "DELETE FROM tick WHERE tick = 1", "deleted only by pruning");
}

static void test_kept_gap(void **state)
{
    refused(state, "UPDATE gap SET cause = 'none'", "a gap never changes");
    refused(state, "DELETE FROM gap", "gaps are never deleted");
}

static void test_kept_clock_step(void **state)
{
    refused(state, "UPDATE clock_step SET step_ns = 1", "a clock step never changes");
    refused(state, "DELETE FROM clock_step", "clock steps are never deleted");
}

static void test_kept_hour_cut(void **state)
{
    refused(state, "UPDATE hour_cut SET hour = 0", "an hour cut never changes");
    refused(state, "DELETE FROM hour_cut", "deleted only by pruning");
}

static void test_kept_life_that_has_ended(void **state)
{
    refused(state, "UPDATE life SET last_tick = 100 WHERE life = 2", "never changes");
    refused(state, "UPDATE life SET last_tick = NULL WHERE life = 2", "never changes");
    refused(state, "DELETE FROM life WHERE life = 2", "lives are never deleted");
}

static void test_kept_what_is_known_of_an_open_life(void **state)
{
    static const char *const changes[] = {
        "life = 99",       "boot = 1",
        "domid = 9",       "vm = '99999999-9999-9999-9999-999999999999'",
        "first_tick = 0",  "billed = 0",
        "ran_tick = NULL", "counted_tick = NULL",
        "ran_tick = 105",  "counted_tick = 105"};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[128];

        (void)snprintf(sql, sizeof sql, "UPDATE life SET %s WHERE last_tick IS NULL", changes[i]);
        refused(state, sql, "what is known of a life never changes");
    }
    refused(state, "DELETE FROM life WHERE last_tick IS NULL", "lives are never deleted");
}

static void test_kept_open_life_may_end(void **state)
{
    allowed(state, "UPDATE life SET last_tick = 104 WHERE last_tick IS NULL");
}

static void test_kept_segment_that_has_ended(void **state)
{
    refused(state, "UPDATE segment SET kib = 1 WHERE segment = 1",
            "a closed segment never changes");
    refused(state, "UPDATE segment SET last_tick = 4 WHERE segment = 2", "never changes");
    refused(state, "UPDATE segment SET last_tick = NULL WHERE segment = 2", "never changes");
    refused(state, "DELETE FROM segment WHERE segment = 1", "deleted only by pruning");
}

static void test_kept_value_of_an_open_segment(void **state)
{
    static const char *const changes[] = {"segment = 99", "life = 1", "first_tick = 0", "kib = 0",
                                          "counted = 0"};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[128];

        (void)snprintf(sql, sizeof sql, "UPDATE segment SET %s WHERE last_tick IS NULL",
                       changes[i]);
        refused(state, sql, "a closed segment never changes");
    }
}

static void test_kept_open_segment_may_end(void **state)
{
    allowed(state, "UPDATE segment SET last_tick = 104 WHERE last_tick IS NULL");
}

static void test_kept_pruning(void **state)
{
    allowed(state, "INSERT INTO prune VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)");
    refused(state, "UPDATE prune SET kib_s = 1", "a pruning never changes");
    refused(state, "DELETE FROM prune", "prunings are never deleted");
}

static void test_kept_rows_behind_a_pruning_stay(void **state)
{
    allowed(state, "INSERT INTO prune VALUES (100, 0, 0, 0, 0, 0, 0, 0, 0, 0)");
    allowed(state, "DELETE FROM tick WHERE tick < 100");
    refused(state, "DELETE FROM tick WHERE tick = 100", "deleted only by pruning");
    refused(state, "DELETE FROM hour_cut WHERE tick >= 100", "deleted only by pruning");
    refused(state, "DELETE FROM segment WHERE first_tick >= 100", "deleted only by pruning");
}

static void test_checks_refuse_what_cannot_be(void **state)
{
    refused(state, "INSERT INTO tick VALUES (999, 0, 0, -1, 1, 0, 0)", "CHECK");
    refused(state, "INSERT INTO tick VALUES (999, 0, 0, 0, 2, 0, 0)", "CHECK");
    refused(state, "INSERT INTO tick VALUES (999, 0, 0, 0, 1, -1, 0)", "CHECK");
    refused(state, "INSERT INTO tick VALUES (999, 0, 0, 0, 1, 0, -1)", "CHECK");
    refused(state, "INSERT INTO gap VALUES (999, 999, 1, 'x')", "CHECK");
    refused(state, "INSERT INTO gap VALUES (999, 998, 0, 'x')", "CHECK");
    refused(state, "INSERT INTO clock_step VALUES (999, 0)", "CHECK");
    refused(state, "INSERT INTO hour_cut VALUES (999, -1, 1)", "CHECK");
    refused(state, "INSERT INTO segment VALUES (999, 1, 5, 4, 0, 1)", "CHECK");
    refused(state, "INSERT INTO segment VALUES (999, 1, 5, NULL, 0, 2)", "CHECK");
    refused(state, "INSERT INTO usage_hour VALUES (1, 0, 0, 1000000000, 0, 0, 0)", "CHECK");
    refused(state, "INSERT INTO usage_hour VALUES (1, 0, -1, 0, 0, 0, 0)", "CHECK");
}

static void test_checks_of_kib_have_both_limits(void **state)
{
    allowed(state, "INSERT INTO segment VALUES (997, 1, 5, NULL, 0, 1)");
    allowed(state, "INSERT INTO segment VALUES (998, 1, 5, NULL, 1099511627776, 1)");
    refused(state, "INSERT INTO segment VALUES (999, 1, 5, NULL, -1, 1)", "CHECK");
    refused(state, "INSERT INTO segment VALUES (999, 1, 5, NULL, 1099511627777, 1)", "CHECK");
}

static void test_checks_refuse_text_where_a_number_should_be(void **state)
{
    struct store_scene *t = *state;
    char message[256];

    assert_int_equal(sql_run(t->db.text, "INSERT INTO tick VALUES (999, 'x', 0, 0, 1, 0, 0)", NULL,
                             message, sizeof message),
                     SQLITE_CONSTRAINT);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, store_scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_kept_host),
        test(test_kept_boot),
        test(test_kept_restart),
        test(test_kept_tick),
        test(test_kept_gap),
        test(test_kept_clock_step),
        test(test_kept_hour_cut),
        test(test_kept_life_that_has_ended),
        test(test_kept_what_is_known_of_an_open_life),
        test(test_kept_open_life_may_end),
        test(test_kept_segment_that_has_ended),
        test(test_kept_value_of_an_open_segment),
        test(test_kept_open_segment_may_end),
        test(test_kept_pruning),
        test(test_kept_rows_behind_a_pruning_stay),
        test(test_checks_refuse_what_cannot_be),
        test(test_checks_of_kib_have_both_limits),
        test(test_checks_refuse_text_where_a_number_should_be),
    };

    return cmocka_run_group_tests_name("store_kept", tests, NULL, NULL);
}
