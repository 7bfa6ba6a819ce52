/*
 * Usage of lines by the hour: parts added up, in order.
 */
#include "check.h"

#include "billing/hours.h"

static void add(struct hours *hours, size_t line, int64_t hour, unsigned amount)
{
    struct line_hour more = {line,
                             (int64_t)line * 7,
                             {hour, amount, (int64_t)amount * 10, (int64_t)amount * 100,
                              (int64_t)amount * 1000}};
    struct error err;

    assert_ok(hours_add(hours, &more, &err));
}

static void assert_hour(const struct line_hour *is, size_t line, int64_t hour, unsigned amount)
{
    assert_int_equal(is->line, line);
    assert_int_equal(is->nano_pennies, line * 7);
    assert_int_equal(is->part.hour, hour);
    assert_usage_equal(is->part.kib_ns, amount);
    assert_int_equal(is->part.measured_ns, amount * 10);
    assert_int_equal(is->part.missing_ns, amount * 100);
    assert_int_equal(is->part.excluded_ns, amount * 1000);
}

static void test_hours_of_nothing(void **state)
{
    struct hours hours = {0};
    struct error err;

    (void)state;
    assert_ok(hours_merge(&hours, &err));
    assert_int_equal(hours.count, 0);
    hours_clear(&hours);
}

static void test_hours_are_merged_and_in_order(void **state)
{
    struct hours hours = {0};
    struct error err;

    (void)state;
    add(&hours, 2, 5, 1);
    add(&hours, 1, 6, 2);
    add(&hours, 2, 4, 4);
    add(&hours, 1, 6, 8);
    add(&hours, 2, 5, 16);
    add(&hours, 2, 5, 32);
    assert_ok(hours_merge(&hours, &err));
    assert_int_equal(hours.count, 3);
    assert_hour(&hours.list[0], 1, 6, 10);
    assert_hour(&hours.list[1], 2, 4, 4);
    assert_hour(&hours.list[2], 2, 5, 49);
    hours_clear(&hours);
}

static void test_hours_that_do_not_fit_fail(void **state)
{
    struct hours hours = {0};
    struct line_hour most = {.part = {.kib_ns = ~(usage_kib_ns)0}};
    struct error err;

    (void)state;
    assert_ok(hours_add(&hours, &most, &err));
    add(&hours, 0, 0, 1);
    assert_fails(hours_merge(&hours, &err), ERR_RANGE, "does not fit");
    hours_clear(&hours);
}

static void test_hours_more_than_there_is_room_for(void **state)
{
    struct hours hours = {0};
    struct error err;

    (void)state;
    for (int64_t hour = 5000; hour > 0; hour--)
        add(&hours, 1, hour, 1);
    assert_ok(hours_merge(&hours, &err));
    assert_int_equal(hours.count, 5000);
    assert_int_equal(hours.list[0].part.hour, 1);
    assert_int_equal(hours.list[4999].part.hour, 5000);
    hours_clear(&hours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_of_nothing),
        cmocka_unit_test(test_hours_are_merged_and_in_order),
        cmocka_unit_test(test_hours_that_do_not_fit_fail),
        cmocka_unit_test(test_hours_more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
