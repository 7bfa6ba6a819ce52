/*
 * What the engine counts and tells: spending, headroom to guests, trouble to people.
 */
#include "balloon_fake.h"

static struct fake f;

static int begin(void **state)
{
    (void)state;
    fake_begin(&f);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_end(&f);
    return 0;
}

/* ---- spending ---- */

static void test_engine_spending_is_memory_times_time(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    f.engine.day = vm->day = 20000;
    f.domains[1].tot_kib = 2 * GIB; /* what it had until then counts */
    fake_run(&f, NOW + SECOND);
    assert_usage_equal(vm->spent_kib_ns, (usage_kib_ns)GIB * (usage_kib_ns)SECOND);
    fake_run(&f, NOW + 6 * SECOND);
    assert_usage_equal(vm->spent_kib_ns, (usage_kib_ns)GIB * (usage_kib_ns)(11 * SECOND));
    fake_run(&f, NOW + 11 * SECOND + 1); /* longer than 5 s: not known */
    assert_usage_equal(vm->spent_kib_ns, (usage_kib_ns)GIB * (usage_kib_ns)(11 * SECOND));
}

static void test_engine_spending_begins_anew_with_the_day(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    f.engine.day = vm->day = 20000;
    fake_run(&f, NOW + SECOND);
    f.engine.day = 20001;
    fake_run(&f, NOW + 2 * SECOND);
    assert_int_equal(vm->day, 20001);
    assert_usage_equal(vm->spent_kib_ns, (usage_kib_ns)GIB * (usage_kib_ns)SECOND);
}

static void test_engine_spending_begins_when_a_vm_appears(void **state)
{
    (void)state;
    fake_run(&f, NOW);
    f.now_ns = NOW + 5 * SECOND;
    struct vm *vm = fake_add(&f, 5, GIB);

    assert_usage_equal(vm->spent_kib_ns, 0);
}

/* ---- what others should know ---- */

static void test_engine_headroom_is_told_when_it_changes_by_more_than_an_eighth(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    fake_say(&f, 5, 500 * MIB, NOW);
    vm->policy.headroom_kib = 64 * MIB;
    fake_run(&f, NOW);
    assert_string_equal(f.log, "tell 5 headroom 65536\n");
    static const struct {
        uint64_t headroom;
        const char *log;
    } rows[] = {{64 * MIB, ""},
                {72 * MIB, ""},
                {56 * MIB, ""},
                {72 * MIB + 1, "tell 5 headroom 73729\n"},
                {64513, ""}, /* an eighth of 73729 is 9216.1 */
                {64512, "tell 5 headroom 64512\n"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vm->policy.headroom_kib = rows[i].headroom;
        fake_run(&f, NOW);
        assert_string_equal(f.log, rows[i].log);
    }
}

static void test_engine_headroom_that_could_not_be_told_is_told_again(void **state)
{
    (void)state;
    (void)fake_add(&f, 5, GIB);
    fake_say(&f, 5, 500 * MIB, NOW);
    f.fails = "tell";
    f.code = ERR_RETRY;
    fake_run(&f, NOW);
    f.fails = NULL;
    fake_run(&f, NOW);
    assert_text_has(f.log, "tell 5 headroom ");
}

static void test_engine_trouble_is_told_once_when_it_begins(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    f.swap_kib = 4;
    fake_say(&f, 5, 500 * MIB, NOW);
    fake_run(&f, NOW + 15 * SECOND - 1);
    assert_string_equal(f.alerts, "");
    fake_run(&f, NOW + 15 * SECOND);
    fake_run(&f, NOW + 16 * SECOND);
    assert_string_equal(f.alerts, "5 stale\n");
    fake_say(&f, 5, 500 * MIB, NOW + 17 * SECOND);
    fake_run(&f, NOW + 17 * SECOND);
    fake_run(&f, NOW + 32 * SECOND);
    assert_string_equal(f.alerts, "5 stale\n"); /* the same again, within a minute */
    vm->foreign_until_ns = INT64_MAX;
    fake_run(&f, NOW + 33 * SECOND);
    assert_string_equal(f.alerts, "5 stale\n5 foreign\n");
}

/* Two flags of its records in turn, 20 times a second: as a guest may that wants to fill a log. */
static void test_engine_trouble_that_flaps_is_told_once_a_minute(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    vm->policy.floor_kib = GIB; /* it rests */
    for (int i = 0; i < 120 * 20; i++) {
        int64_t at_ns = NOW + i * 50 * MS;

        fake_say(&f, 5, 500 * MIB, at_ns);
        vm->last.flags = i % 2 == 0 ? FIGURES_HAS_BALLOON : 0;
        fake_run(&f, at_ns);
    }
    assert_string_equal(f.alerts, "5 unshielded\n5 no-balloon\n5 unshielded\n5 no-balloon\n");
    assert_int_equal(vm->alerts.withheld, 120 * 20 - 4 - 1);
}

static void test_engine_demand_without_swap_is_told(void **state)
{
    struct vm *vm = fake_add(&f, 5, GIB);

    (void)state;
    fake_say(&f, 5, 500 * MIB, NOW);
    fake_run(&f, NOW);
    fake_run(&f, NOW + SECOND);
    assert_string_equal(f.alerts, "5 unshielded\n");
    vm->last.flags = 0;
    fake_run(&f, NOW + 2 * SECOND);
    assert_string_equal(f.alerts, "5 unshielded\n5 no-balloon\n");
}

static void test_engine_surplus_below_0_is_told_once(void **state)
{
    (void)state;
    f.free_kib = 0;
    fake_run(&f, NOW);
    fake_run(&f, NOW);
    assert_string_equal(f.alerts, "-1 no-surplus\n");
    f.free_kib = GIB;
    fake_run(&f, NOW);
    f.free_kib = 0;
    fake_run(&f, NOW + 60 * SECOND - 1);
    assert_string_equal(f.alerts, "-1 no-surplus\n");
    fake_run(&f, NOW + 60 * SECOND);
    assert_string_equal(f.alerts, "-1 no-surplus\n-1 no-surplus\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_engine_spending_is_memory_times_time, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_spending_begins_anew_with_the_day, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_spending_begins_when_a_vm_appears, begin, end),
        cmocka_unit_test_setup_teardown(
            test_engine_headroom_is_told_when_it_changes_by_more_than_an_eighth, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_headroom_that_could_not_be_told_is_told_again,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_engine_trouble_is_told_once_when_it_begins, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_trouble_that_flaps_is_told_once_a_minute, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_demand_without_swap_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_surplus_below_0_is_told_once, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
