#include "check.h"

#include "common/calendar.h"

#define DAY 24

/* 2026-03-31T10:30:00Z: a month longer than the ones around it. */
#define NOW (INT64_C(1774953000) * NS_PER_S)
#define MARCH (INT64_C(1772323200) / 3600)
#define MARCH_31 (INT64_C(1774915200) / 3600)

static void assert_hour(const char *text, bool is_end, int64_t expected)
{
    struct error err;
    int64_t hour = -1;

    assert_ok(calendar_parse_hour(text, is_end, NOW, &hour, &err));
    assert_int_equal(hour, expected);
}

static void assert_refused(const char *text, const char *said)
{
    struct error err;
    int64_t hour = -7;

    assert_fails(calendar_parse_hour(text, false, NOW, &hour, &err), ERR_USAGE, said);
    assert_int_equal(hour, -7);
}

static void test_calendar_hour_changes_at_its_first_nanosecond(void **state)
{
    (void)state;
    assert_int_equal(calendar_hour_of(0), 0);
    assert_int_equal(calendar_hour_of((uint64_t)NS_PER_HOUR - 1), 0);
    assert_int_equal(calendar_hour_of((uint64_t)NS_PER_HOUR), 1);
}

static void test_calendar_hour_of_sum_of_two_largest_times_is_positive(void **state)
{
    (void)state;
    assert_int_equal(calendar_hour_of(UINT64_MAX), 5124095);
}

static void test_calendar_format_hour_is_iso_8601(void **state)
{
    char text[HOUR_TEXT_MAX];

    (void)state;
    assert_string_equal(calendar_format_hour(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(calendar_format_hour(MARCH_31 + 23, text), "2026-03-31T23:00:00Z");
}

static void test_calendar_last_hour_of_a_trace_is_printed(void **state)
{
    char text[HOUR_TEXT_MAX];

    (void)state;
    assert_string_equal(calendar_format_hour(calendar_hour_of(INT64_MAX), text),
                        "2262-04-11T23:00:00Z");
}

static void test_calendar_each_precision_is_its_first_hour(void **state)
{
    (void)state;
    assert_hour("2026-03", false, MARCH);
    assert_hour("2026-03-31", false, MARCH_31);
    assert_hour("2026-03-31T13", false, MARCH_31 + 13);
    assert_hour("2026-03-31T13:00", false, MARCH_31 + 13);
    assert_hour("2026-03-31T13:00:00", false, MARCH_31 + 13);
}

static void test_calendar_final_z_changes_nothing(void **state)
{
    (void)state;
    assert_hour("2026-03Z", false, MARCH);
    assert_hour("2026-03-31Z", false, MARCH_31);
    assert_hour("2026-03-31T13Z", false, MARCH_31 + 13);
    assert_hour("2026-03-31T13:00:00Z", false, MARCH_31 + 13);
}

static void test_calendar_instant_is_the_same_at_both_ends_of_a_range(void **state)
{
    (void)state;
    assert_hour("2026-03-31T13:00:00Z", true, MARCH_31 + 13);
    assert_hour("2026-03", true, MARCH);
}

static void test_calendar_epoch_is_the_first_hour(void **state)
{
    (void)state;
    assert_hour("1970-01-01T00:00:00Z", false, 0);
    assert_refused("1969-12-31T23:00:00Z", "is not a time");
}

static void test_calendar_instant_inside_an_hour_refused(void **state)
{
    (void)state;
    assert_refused("2026-03-31T13:01", "inside an hour");
    assert_refused("2026-03-31T13:00:01Z", "inside an hour");
    assert_refused("2026-03-31T13:59:59Z", "inside an hour");
}

static void test_calendar_leap_day_is_there_in_leap_years_only(void **state)
{
    (void)state;
    assert_hour("2028-02-29", false, INT64_C(1835395200) / 3600);
    assert_hour("2000-02-29", false, INT64_C(951782400) / 3600);
    assert_refused("2026-02-29", "is not a time");
    assert_refused("2100-02-29", "is not a time");
}

static void test_calendar_dates_that_are_none_refused(void **state)
{
    static const char *const texts[] = {"2026-00",
                                        "2026-13",
                                        "2026-03-00",
                                        "2026-03-32",
                                        "2026-04-31",
                                        "2026-03-31T24",
                                        "2026-03-31T23:60",
                                        "2026-03-31T23:59:60",
                                        "2026-03-31T24:00:00Z"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], "is not a time");
}

static void test_calendar_other_forms_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "2026",
                                        "2026-3",
                                        "26-03-31",
                                        "2026-03-31 13:00",
                                        "2026-03-3",
                                        "2026-03-31T1",
                                        "2026-03-31T",
                                        "2026-03-31T13:",
                                        "2026-03-31T13:00:00.0Z",
                                        "2026-03-31T13:00:00+00:00",
                                        "2026-03-31ZZ",
                                        " 2026-03-31",
                                        "2026-03-31 ",
                                        "2026-03T13",
                                        "2026-03-31t13",
                                        "2026/03/31",
                                        "Today",
                                        "tomorrow",
                                        "today "};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], "is not a time");
}

static void test_calendar_today_is_its_start_or_its_end(void **state)
{
    (void)state;
    assert_hour("today", false, MARCH_31);
    assert_hour("today", true, MARCH_31 + DAY);
}

static void test_calendar_yesterday_ends_where_today_starts(void **state)
{
    (void)state;
    assert_hour("yesterday", false, MARCH_31 - DAY);
    assert_hour("yesterday", true, MARCH_31);
}

static void test_calendar_this_month_is_its_start_or_its_end(void **state)
{
    (void)state;
    assert_hour("this-month", false, MARCH);
    assert_hour("this-month", true, MARCH + 31 * DAY);
}

static void test_calendar_last_month_is_a_short_one(void **state)
{
    (void)state;
    assert_hour("last-month", false, MARCH - 28 * DAY);
    assert_hour("last-month", true, MARCH);
}

static void test_calendar_last_month_in_january_is_in_the_year_before(void **state)
{
    int64_t january = INT64_C(1767225600) / 3600; /* 2026-01-01 */
    struct error err;
    int64_t hour;

    (void)state;
    assert_ok(calendar_parse_hour("last-month", false, january * NS_PER_HOUR, &hour, &err));
    assert_int_equal(hour, january - 31 * DAY);
}

static void test_calendar_midnight_belongs_to_the_new_day(void **state)
{
    struct error err;
    int64_t midnight = MARCH_31 * NS_PER_HOUR;
    int64_t hour;

    (void)state;
    assert_ok(calendar_parse_hour("today", false, midnight, &hour, &err));
    assert_int_equal(hour, MARCH_31);
    assert_ok(calendar_parse_hour("today", false, midnight - 1, &hour, &err));
    assert_int_equal(hour, MARCH_31 - DAY);
}

static void test_calendar_second_lies_inside_an_hour_too(void **state)
{
    struct error err;
    int64_t utc_ns = -1;

    (void)state;
    assert_ok(calendar_parse_second("2026-11-22T15:00:01Z", false, 0, &utc_ns, &err));
    assert_int_equal(utc_ns, INT64_C(1795359601) * NS_PER_S);
    assert_ok(calendar_parse_second("2026-11", false, 0, &utc_ns, &err));
    assert_int_equal(utc_ns, INT64_C(1793491200) * NS_PER_S);
    assert_ok(calendar_parse_second("today", true, INT64_C(1795359601) * NS_PER_S, &utc_ns, &err));
    assert_int_equal(utc_ns, INT64_C(1795392000) * NS_PER_S);
    assert_fails(calendar_parse_second("2026-11-22T15:00:60", false, 0, &utc_ns, &err), ERR_USAGE,
                 "not a time");
}

static void test_calendar_second_ends_where_64_bits_do(void **state)
{
    struct error err;
    int64_t utc_ns = -1;

    (void)state;
    assert_ok(calendar_parse_second("2262-04-11T23:47:16Z", false, 0, &utc_ns, &err));
    assert_int_equal(utc_ns, INT64_C(9223372036) * NS_PER_S);
    assert_fails(calendar_parse_second("2262-04-11T23:47:17Z", false, 0, &utc_ns, &err), ERR_USAGE,
                 "not a time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_hour_changes_at_its_first_nanosecond),
        cmocka_unit_test(test_calendar_hour_of_sum_of_two_largest_times_is_positive),
        cmocka_unit_test(test_calendar_format_hour_is_iso_8601),
        cmocka_unit_test(test_calendar_last_hour_of_a_trace_is_printed),
        cmocka_unit_test(test_calendar_each_precision_is_its_first_hour),
        cmocka_unit_test(test_calendar_final_z_changes_nothing),
        cmocka_unit_test(test_calendar_instant_is_the_same_at_both_ends_of_a_range),
        cmocka_unit_test(test_calendar_epoch_is_the_first_hour),
        cmocka_unit_test(test_calendar_instant_inside_an_hour_refused),
        cmocka_unit_test(test_calendar_leap_day_is_there_in_leap_years_only),
        cmocka_unit_test(test_calendar_dates_that_are_none_refused),
        cmocka_unit_test(test_calendar_other_forms_refused),
        cmocka_unit_test(test_calendar_today_is_its_start_or_its_end),
        cmocka_unit_test(test_calendar_yesterday_ends_where_today_starts),
        cmocka_unit_test(test_calendar_this_month_is_its_start_or_its_end),
        cmocka_unit_test(test_calendar_last_month_is_a_short_one),
        cmocka_unit_test(test_calendar_last_month_in_january_is_in_the_year_before),
        cmocka_unit_test(test_calendar_midnight_belongs_to_the_new_day),
        cmocka_unit_test(test_calendar_second_lies_inside_an_hour_too),
        cmocka_unit_test(test_calendar_second_ends_where_64_bits_do),
    };

    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
