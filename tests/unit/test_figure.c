/*
 * Exact amounts as decimals: where they are rounded, and which way.
 */
#include "check.h"

#include "billing/figure.h"

#define D ((numerator)KIB_NS_PER_GIB_H * NANO_PER_PENNY)

static void assert_figure(numerator value, unsigned decimals, const char *expected)
{
    char text[FIGURE_TEXT_MAX];

    assert_string_equal(figure_format(value, decimals, text), expected);
}

static void test_figure_format_has_all_its_decimals(void **state)
{
    (void)state;
    assert_figure(0, 9, "0.000000000");
    assert_figure(1, 9, "0.000000001");
    assert_figure(-1, 9, "-0.000000001");
    assert_figure(999999999, 9, "0.999999999");
    assert_figure(1000000000, 9, "1.000000000");
    assert_figure(-12345678901234567, 9, "-12345678.901234567");
    assert_figure(99999, 3, "99.999");
    assert_figure(100000, 3, "100.000");
    assert_figure(5, 1, "0.5");
}

static void test_figure_format_of_the_largest(void **state)
{
    numerator most = (numerator)(~(unsigned __int128)0 >> 1);

    (void)state;
    assert_figure(most, 9, "170141183460469231731687303715.884105727");
    assert_figure(-most - 1, 9, "-170141183460469231731687303715.884105728");
}

static void test_figure_pennies_go_down(void **state)
{
    numerator nano = (numerator)KIB_NS_PER_GIB_H;

    (void)state;
    assert_true(figure_pennies(0, UNIT_GIBH) == 0);
    assert_true(figure_pennies(D, UNIT_GIBH) == 1000000000);
    assert_true(figure_pennies(nano, UNIT_GIBH) == 1);
    assert_true(figure_pennies(nano - 1, UNIT_GIBH) == 0);
    assert_true(figure_pennies(-1, UNIT_GIBH) == -1);
    assert_true(figure_pennies(-nano, UNIT_GIBH) == -1);
    assert_true(figure_pennies(-nano - 1, UNIT_GIBH) == -2);
    assert_true(figure_pennies(INT64_C(3515625000000000000), UNIT_GBH) == 1);
}

static void test_figure_usage_is_rounded_half_even(void **state)
{
    const usage_kib_ns nano = 3774873600U;

    (void)state;
    assert_true(figure_usage(KIB_NS_PER_GIB_H, UNIT_GIBH) == 1000000000);
    assert_true(figure_usage(nano / 2, UNIT_GIBH) == 0);
    assert_true(figure_usage(nano / 2 + 1, UNIT_GIBH) == 1);
    assert_true(figure_usage(nano + nano / 2 - 1, UNIT_GIBH) == 1);
    assert_true(figure_usage(nano + nano / 2, UNIT_GIBH) == 2);
    assert_true(figure_usage(2 * nano + nano / 2, UNIT_GIBH) == 2);
    assert_true(figure_usage(UINT64_C(3515625000000000000), UNIT_GBH) == 1000000000);
    assert_true(figure_usage(KIB_NS_PER_GIB_H, UNIT_GBH) == 1073741824);
}

static void test_figure_usage_is_what_usage_prints(void **state)
{
    char is[FIGURE_TEXT_MAX], expected[USAGE_TEXT_MAX];

    (void)state;
    for (usage_kib_ns usage = 1; usage < (usage_kib_ns)1 << 100; usage = usage * 3 + 1887436800U)
        assert_string_equal(figure_format(figure_usage(usage, UNIT_GIBH), 9, is),
                            usage_format_gib_h(usage, expected));
}

static void test_figure_hours(void **state)
{
    (void)state;
    assert_true(figure_hours((usage_kib_ns)NS_PER_HOUR) == 1000000000);
    assert_true(figure_hours(1800) == 0); /* half a nano-hour: to even */
    assert_true(figure_hours(1801) == 1);
    assert_true(figure_hours(5400) == 2);
}

static void test_figure_gib(void **state)
{
    (void)state;
    assert_true(figure_gib(1048576) == 1000000000);
    assert_true(figure_gib(1) == 954); /* 953.67 */
    assert_true(figure_gib(KIB_MAX) == (numerator)1048576 * 1000000000);
}

static void test_figure_percent_is_100_for_all_only(void **state)
{
    (void)state;
    assert_true(figure_percent(3, 3) == 100000);
    assert_true(figure_percent(0, 3) == 0);
    assert_true(figure_percent(2, 3) == 66666);
    assert_true(figure_percent(INT64_MAX - 1, INT64_MAX) == 99999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figure_format_has_all_its_decimals),
        cmocka_unit_test(test_figure_format_of_the_largest),
        cmocka_unit_test(test_figure_pennies_go_down),
        cmocka_unit_test(test_figure_usage_is_rounded_half_even),
        cmocka_unit_test(test_figure_usage_is_what_usage_prints),
        cmocka_unit_test(test_figure_hours),
        cmocka_unit_test(test_figure_gib),
        cmocka_unit_test(test_figure_percent_is_100_for_all_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
