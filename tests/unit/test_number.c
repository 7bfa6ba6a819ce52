#include "check.h"

#include "common/number.h"

static bool parses(const char *text, uint64_t max, uint64_t *out)
{
    return number_parse(text, strlen(text), max, out);
}

static void test_number_parse_zero_is_zero(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_true(parses("0", 0, &n));
    assert_int_equal(n, 0);
}

static void test_number_parse_largest_uint64_fits(void **state)
{
    uint64_t n = 0;

    (void)state;
    assert_true(parses("18446744073709551615", UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
}

static void test_number_parse_one_more_than_uint64_refused(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_false(parses("18446744073709551616", UINT64_MAX, &n));
    assert_int_equal(n, 7);
}

static void test_number_parse_at_maximum_taken(void **state)
{
    uint64_t n = 0;

    (void)state;
    assert_true(parses("32768", 32768, &n));
    assert_int_equal(n, 32768);
}

static void test_number_parse_above_maximum_refused(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_false(parses("32769", 32768, &n));
    assert_false(parses("327680", 32768, &n));
    assert_int_equal(n, 7);
}

static void test_number_parse_maximum_below_ten_holds(void **state)
{
    uint64_t n;

    (void)state;
    assert_true(parses("1", 1, &n));
    assert_false(parses("2", 1, &n));
    assert_false(parses("10", 1, &n));
    assert_false(parses("1", 0, &n));
}

static void test_number_parse_leading_zero_refused(void **state)
{
    uint64_t n;

    (void)state;
    assert_false(parses("00", UINT64_MAX, &n));
    assert_false(parses("01", UINT64_MAX, &n));
}

static void test_number_parse_other_characters_refused(void **state)
{
    static const char *const texts[] = {"", "+1", "-1", " 1", "1 ", "1.0", "0x1", "1e3", "/", ":"};
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(parses(texts[i], UINT64_MAX, &n));
}

static void test_number_parse_looks_at_length_only(void **state)
{
    uint64_t n = 0;

    (void)state;
    assert_true(number_parse("123x", 3, UINT64_MAX, &n));
    assert_int_equal(n, 123);
    assert_false(number_parse("12\0", 3, UINT64_MAX, &n));
}

static void test_duration_each_unit_is_its_nanoseconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"1ns", 1},
        {"1us", 1000},
        {"250ms", 250000000},
        {"1s", UINT64_C(1000000000)},
        {"5m", UINT64_C(300000000000)},
        {"8h", UINT64_C(28800000000000)},
        {"400d", UINT64_C(34560000000000000)},
    };
    struct error err;
    uint64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(number_parse_duration(cases[i].text, &ns, &err));
        assert_true(ns == cases[i].ns);
    }
}

static void test_duration_zero_refused(void **state)
{
    struct error err;
    uint64_t ns = 7;

    (void)state;
    assert_fails(number_parse_duration("0s", &ns, &err), ERR_USAGE, "'0s' is not a duration");
    assert_int_equal(ns, 7);
}

static void test_duration_largest_int64_fits(void **state)
{
    struct error err;
    uint64_t ns;

    (void)state;
    assert_ok(number_parse_duration("9223372036854775807ns", &ns, &err));
    assert_true(ns == INT64_MAX);
    assert_ok(number_parse_duration("106751d", &ns, &err));
}

static void test_duration_beyond_int64_refused(void **state)
{
    struct error err;
    uint64_t ns;

    (void)state;
    assert_fails(number_parse_duration("9223372036854775808ns", &ns, &err), ERR_USAGE, "duration");
    assert_fails(number_parse_duration("106752d", &ns, &err), ERR_USAGE, "duration");
}

static void test_duration_malformed_refused(void **state)
{
    static const char *const texts[] = {"",    "1",  "s",    "1 s", "-1s", "1.5s",
                                        "01s", "1S", "1sec", "1s ", " 1s", "1m30s"};
    struct error err;
    uint64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_fails(number_parse_duration(texts[i], &ns, &err), ERR_USAGE, "write a whole number");
}

static void test_duration_format_takes_largest_exact_unit(void **state)
{
    char text[DURATION_TEXT_MAX];

    (void)state;
    assert_string_equal(number_format_duration(UINT64_C(5000000000), text), "5s");
    assert_string_equal(number_format_duration(UINT64_C(90000000000), text), "90s");
    assert_string_equal(number_format_duration(UINT64_C(86400000000000), text), "1d");
    assert_string_equal(number_format_duration(UINT64_C(86400000000001), text), "86400000000001ns");
    assert_string_equal(number_format_duration(1500, text), "1500ns");
    assert_string_equal(number_format_duration(1000000, text), "1ms");
}

static void test_duration_format_is_read_back(void **state)
{
    static const uint64_t values[] = {
        1, 999, 1000, 1001, 250000000, UINT64_C(3600000000000), (uint64_t)INT64_MAX};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[DURATION_TEXT_MAX];
        uint64_t ns;

        assert_ok(number_parse_duration(number_format_duration(values[i], text), &ns, &err));
        assert_true(ns == values[i]);
    }
}

static void test_size_each_unit_is_its_kib(void **state)
{
    static const struct {
        const char *text;
        uint64_t kib;
    } sizes[] = {{"0K", 0},        {"1K", 1},          {"524288K", 524288},
                 {"512M", 524288}, {"512m", 524288},   {"2G", 2097152},
                 {"1T", 1 << 30},  {"1024T", KIB_MAX}, {"1048576G", KIB_MAX}};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t kib;

        assert_ok(number_parse_size(sizes[i].text, &kib, &err));
        assert_true(kib == sizes[i].kib);
    }
}

static void test_size_malformed_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "0",
                                        "512",
                                        "M",
                                        "-1M",
                                        "1 M",
                                        "1MB",
                                        "01M",
                                        "1.5G",
                                        " 1M",
                                        "1M ",
                                        "1025T",
                                        "1P",
                                        "1099511627777K",
                                        "18446744073709551616K"};
    struct error err;
    uint64_t kib = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_fails(number_parse_size(texts[i], &kib, &err), ERR_USAGE, "is not a size");
    assert_int_equal(kib, 7);
}

static void test_size_format_is_read_back(void **state)
{
    static const uint64_t values[] = {0, 1, 1023, 1024, 1025, 524288, KIB_MAX - 1, KIB_MAX};
    struct error err;
    char text[DURATION_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint64_t kib;

        assert_ok(number_parse_size(number_format_size(values[i], text), &kib, &err));
        assert_true(kib == values[i]);
    }
    assert_string_equal(number_format_size(524288, text), "512M");
    assert_string_equal(number_format_size(KIB_MAX, text), "1024T");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_parse_zero_is_zero),
        cmocka_unit_test(test_number_parse_largest_uint64_fits),
        cmocka_unit_test(test_number_parse_one_more_than_uint64_refused),
        cmocka_unit_test(test_number_parse_at_maximum_taken),
        cmocka_unit_test(test_number_parse_above_maximum_refused),
        cmocka_unit_test(test_number_parse_maximum_below_ten_holds),
        cmocka_unit_test(test_number_parse_leading_zero_refused),
        cmocka_unit_test(test_number_parse_other_characters_refused),
        cmocka_unit_test(test_number_parse_looks_at_length_only),
        cmocka_unit_test(test_duration_each_unit_is_its_nanoseconds),
        cmocka_unit_test(test_duration_zero_refused),
        cmocka_unit_test(test_duration_largest_int64_fits),
        cmocka_unit_test(test_duration_beyond_int64_refused),
        cmocka_unit_test(test_duration_malformed_refused),
        cmocka_unit_test(test_duration_format_takes_largest_exact_unit),
        cmocka_unit_test(test_duration_format_is_read_back),
        cmocka_unit_test(test_size_each_unit_is_its_kib),
        cmocka_unit_test(test_size_malformed_refused),
        cmocka_unit_test(test_size_format_is_read_back),
    };

    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
