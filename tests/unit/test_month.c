#include "check.h"

#include <time.h>

#include "billing/month.h"
#include "common/calendar.h"

enum { LAST_MONTH = (2262 - 1970) * 12 + 11 };

/* The first hour of a month in UTC, by the C library. */
static int64_t first_by_libc(int32_t month)
{
    struct tm tm = {.tm_year = 70 + month / 12, .tm_mon = month % 12, .tm_mday = 1};

    return (int64_t)timegm(&tm) / 3600;
}

static int64_t ns_of(const char *hour)
{
    struct error err;
    int64_t result;

    assert_ok(calendar_parse_hour(hour, false, 0, &result, &err));
    return result * NS_PER_HOUR;
}

static int32_t parse(const char *text, int64_t now_utc_ns)
{
    struct error err;
    int32_t month;

    assert_ok(month_parse(text, now_utc_ns, &month, &err));
    return month;
}

static void assert_refused(const char *text, int64_t now_utc_ns, const char *said)
{
    struct error err;
    int32_t month = 7;

    assert_fails(month_parse(text, now_utc_ns, &month, &err), ERR_USAGE, said);
    assert_int_equal(month, 7);
}

static void test_month_first_hour_of_every_month_is_the_c_librarys(void **state)
{
    (void)state;
    for (int32_t month = 0; month <= LAST_MONTH + 1; month++)
        assert_int_equal(month_first_hour(month, 0), first_by_libc(month));
}

static void test_month_of_hour_changes_at_the_first_hour_for_every_offset(void **state)
{
    (void)state;
    for (int offset_h = MONTH_OFFSET_LEAST; offset_h <= MONTH_OFFSET_MOST; offset_h++) {
        for (int32_t month = 1; month <= LAST_MONTH; month++) {
            int64_t first = month_first_hour(month, offset_h);

            assert_int_equal(first, first_by_libc(month) - offset_h);
            assert_int_equal(month_of_hour(first, offset_h), month);
            assert_int_equal(month_of_hour(first - 1, offset_h), month - 1);
        }
    }
}

static void test_month_of_every_hour_of_four_years_is_the_c_librarys(void **state)
{
    static const struct {
        int from_year;
        int offset_h;
    } cases[] = {{1970, 0}, {1997, 14}, {2024, -12}, {2098, 1}, {2199, -1}, {2259, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t first = first_by_libc((cases[i].from_year - 1970) * 12);

        for (int64_t hour = first; hour < first + 1461 * HOURS_PER_DAY; hour++) {
            time_t seconds = (time_t)((hour + cases[i].offset_h) * 3600);
            struct tm tm;

            assert_non_null(gmtime_r(&seconds, &tm));
            assert_int_equal(month_of_hour(hour, cases[i].offset_h),
                             (tm.tm_year - 70) * 12 + tm.tm_mon);
        }
    }
}

static void test_month_february_of_leap_years_has_29_days(void **state)
{
    static const struct {
        const char *february, *march;
        int days;
    } cases[] = {
        {"1972-02", "1972-03", 29}, {"2000-02", "2000-03", 29}, {"2023-02", "2023-03", 28},
        {"2024-02", "2024-03", 29}, {"2100-02", "2100-03", 28}, {"2200-02", "2200-03", 28},
        {"2260-02", "2260-03", 29},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t begin = month_first_hour(parse(cases[i].february, 0), 3);
        int64_t end = month_first_hour(parse(cases[i].march, 0), 3);

        assert_int_equal(end - begin, cases[i].days * HOURS_PER_DAY);
    }
}

/* The example of the header. */
static void test_month_east_of_utc_begins_the_evening_before(void **state)
{
    int64_t last_hour_of_october = ns_of("2026-10-31T23") / NS_PER_HOUR;

    (void)state;
    assert_int_equal(month_first_hour(682, 1), last_hour_of_october);
    assert_int_equal(month_of_hour(last_hour_of_october, 1), 682);
    assert_int_equal(month_of_hour(last_hour_of_october, 0), 681);
    assert_int_equal(month_of_hour(last_hour_of_october - 1, 1), 681);
}

static void test_month_offsets_at_both_ends_move_the_month(void **state)
{
    int64_t november = ns_of("2026-11") / NS_PER_HOUR;

    (void)state;
    assert_int_equal(month_first_hour(682, MONTH_OFFSET_LEAST), november + 12);
    assert_int_equal(month_first_hour(682, MONTH_OFFSET_MOST), november - 14);
}

static void test_month_january_1970_begins_with_hour_0_for_every_offset(void **state)
{
    (void)state;
    for (int offset_h = MONTH_OFFSET_LEAST; offset_h <= MONTH_OFFSET_MOST; offset_h++) {
        assert_int_equal(month_first_hour(0, offset_h), 0);
        assert_int_equal(month_of_hour(0, offset_h), 0);
        assert_int_equal(month_of_hour(11, offset_h), 0);
        assert_int_equal(month_first_hour(1, offset_h), 31 * HOURS_PER_DAY - offset_h);
    }
}

static void test_month_of_the_last_instant_is_april_2262(void **state)
{
    char text[MONTH_TEXT_MAX];

    (void)state;
    assert_string_equal(month_format(month_of_hour(calendar_hour_of(INT64_MAX), 0), text),
                        "2262-04");
}

static void test_month_format_is_year_and_month(void **state)
{
    char text[MONTH_TEXT_MAX];

    (void)state;
    assert_string_equal(month_format(0, text), "1970-01");
    assert_string_equal(month_format(11, text), "1970-12");
    assert_string_equal(month_format(12, text), "1971-01");
    assert_string_equal(month_format(682, text), "2026-11");
    assert_string_equal(month_format(LAST_MONTH, text), "2262-12");
}

static void test_month_format_is_read_back(void **state)
{
    char text[MONTH_TEXT_MAX];

    (void)state;
    for (int32_t month = 0; month <= LAST_MONTH; month++)
        assert_int_equal(parse(month_format(month, text), 0), month);
}

static void test_month_parse_outside_1970_to_2262_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("1970-01", 0), 0);
    assert_refused("1969-12", 0, "is not in the years 1970 to 2262");
    assert_int_equal(parse("2262-12", 0), LAST_MONTH);
    assert_refused("2263-01", 0, "is not in the years 1970 to 2262");
    assert_refused("0000-01", 0, "is not in the years");
    assert_refused("9999-12", 0, "is not in the years");
}

static void test_month_parse_malformed_refused(void **state)
{
    static const char *const texts[] = {
        "",        "2026",        "2026-",      "2026-1",     "2026-00",    "2026-13",  "2026-011",
        "202-611", "2026/11",     "202611",     "26-11",      " 2026-11",   "2026-11 ", "2026-11Z",
        "+026-11", "-026-11",     "2026--1",    "2026-+1",    "2026-1x",    "2026-0:",  "202/-11",
        "today",   "this-month ", "This-Month", "next-month", "2026-11-01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], 0, "is not a month: write it like 2026-11");
}

static void test_month_parse_words_go_by_the_present(void **state)
{
    (void)state;
    assert_int_equal(parse("this-month", ns_of("2026-11-01")), 682);
    assert_int_equal(parse("last-month", ns_of("2026-11-01")), 681);
    assert_int_equal(parse("this-month", ns_of("2026-11-01") - 1), 681);
    assert_int_equal(parse("this-month", ns_of("2026-12-01") - 1), 682);
    assert_int_equal(parse("last-month", ns_of("2027-01-31")), 683);
    assert_int_equal(parse("this-month", INT64_MAX), (2262 - 1970) * 12 + 3);
}

static void test_month_parse_last_month_of_the_first_month_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("this-month", 0), 0);
    assert_refused("last-month", 0, "is not in the years");
    assert_int_equal(parse("last-month", ns_of("1970-02-01")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_month_first_hour_of_every_month_is_the_c_librarys),
        cmocka_unit_test(test_month_of_hour_changes_at_the_first_hour_for_every_offset),
        cmocka_unit_test(test_month_of_every_hour_of_four_years_is_the_c_librarys),
        cmocka_unit_test(test_month_february_of_leap_years_has_29_days),
        cmocka_unit_test(test_month_east_of_utc_begins_the_evening_before),
        cmocka_unit_test(test_month_offsets_at_both_ends_move_the_month),
        cmocka_unit_test(test_month_january_1970_begins_with_hour_0_for_every_offset),
        cmocka_unit_test(test_month_of_the_last_instant_is_april_2262),
        cmocka_unit_test(test_month_format_is_year_and_month),
        cmocka_unit_test(test_month_format_is_read_back),
        cmocka_unit_test(test_month_parse_outside_1970_to_2262_refused),
        cmocka_unit_test(test_month_parse_malformed_refused),
        cmocka_unit_test(test_month_parse_words_go_by_the_present),
        cmocka_unit_test(test_month_parse_last_month_of_the_first_month_refused),
    };

    return cmocka_run_group_tests_name("month", tests, NULL, NULL);
}
