#include "check.h"

#include "chance.h"

#define USAGE_MAX (~(usage_kib_ns)0)

/* 10^-9 GiB*h: the last digit of usage_format_gib_h. */
#define NANO UINT64_C(3774873600)

static void assert_gib_h(usage_kib_ns usage, const char *expected)
{
    char text[USAGE_TEXT_MAX];

    assert_string_equal(usage_format_gib_h(usage, text), expected);
}

static void test_usage_add_up_to_128_bits_fits(void **state)
{
    usage_kib_ns sum = USAGE_MAX - 1;

    (void)state;
    assert_true(usage_add(&sum, 1));
    assert_usage_equal(sum, USAGE_MAX);
}

static void test_usage_add_beyond_128_bits_refused_sum_untouched(void **state)
{
    usage_kib_ns sum = USAGE_MAX - 1;

    (void)state;
    assert_false(usage_add(&sum, 2));
    assert_usage_equal(sum, USAGE_MAX - 1);
}

static void test_usage_add_product_of_largest_numbers_is_exact(void **state)
{
    usage_kib_ns sum = 0;
    char text[USAGE_TEXT_MAX];

    (void)state;
    assert_true(usage_add_product(&sum, UINT64_MAX, UINT64_MAX));
    assert_string_equal(usage_format(sum, text), "340282366920938463426481119284349108225");
}

static void test_usage_add_product_that_just_fits_fits(void **state)
{
    usage_kib_ns sum = USAGE_MAX - 6;

    (void)state;
    assert_true(usage_add_product(&sum, 2, 3));
    assert_usage_equal(sum, USAGE_MAX);
}

static void test_usage_add_product_that_overflows_refused_sum_untouched(void **state)
{
    usage_kib_ns sum = USAGE_MAX - 5;

    (void)state;
    assert_false(usage_add_product(&sum, 2, 3));
    assert_usage_equal(sum, USAGE_MAX - 5);
}

static void test_usage_64_tib_for_100_years_fits(void **state)
{
    usage_kib_ns sum = 0;

    (void)state;
    assert_true(usage_add_product(&sum, UINT64_C(64) << 30, UINT64_C(3155760000) * 1000000000));
    assert_true(sum >> 99 == 0);
}

static void test_gib_h_constant_is_a_gib_for_an_hour(void **state)
{
    usage_kib_ns sum = 0;

    (void)state;
    assert_true(usage_add_product(&sum, 1048576, (uint64_t)NS_PER_HOUR));
    assert_usage_equal(sum, KIB_NS_PER_GIB_H);
}

static void test_limbs_largest_fits(void **state)
{
    usage_kib_ns largest = (usage_kib_ns)INT64_MAX * 1000000000 + 999999999;
    int64_t whole = 0;
    int64_t frac = 0;

    (void)state;
    assert_true(usage_to_limbs(largest, &whole, &frac));
    assert_true(whole == INT64_MAX);
    assert_int_equal(frac, 999999999);
}

static void test_limbs_one_more_refused(void **state)
{
    usage_kib_ns more = ((usage_kib_ns)INT64_MAX + 1) * 1000000000;
    int64_t whole = 7;
    int64_t frac = 8;

    (void)state;
    assert_false(usage_to_limbs(more, &whole, &frac));
    assert_int_equal(whole, 7);
    assert_int_equal(frac, 8);
}

static void test_limbs_carry_at_a_whole_second(void **state)
{
    int64_t whole;
    int64_t frac;

    (void)state;
    assert_true(usage_to_limbs(999999999, &whole, &frac));
    assert_int_equal(whole, 0);
    assert_int_equal(frac, 999999999);
    assert_true(usage_to_limbs(1000000000, &whole, &frac));
    assert_int_equal(whole, 1);
    assert_int_equal(frac, 0);
}

static void test_limbs_of_random_usage_come_back(void **state)
{
    struct chance chance = chance_begin("limbs");

    (void)state;
    for (int i = 0; i < 10000; i++) {
        usage_kib_ns usage =
            (usage_kib_ns)(chance_next(&chance) >> 2) * (chance_next(&chance) % 1000000000 + 1);
        int64_t whole;
        int64_t frac;

        assert_true(usage_to_limbs(usage, &whole, &frac));
        assert_in_range(frac, 0, 999999999);
        assert_usage_equal(usage_from_limbs((uint64_t)whole, (uint64_t)frac), usage);
    }
}

static void test_from_limbs_takes_sums_of_fractions(void **state)
{
    (void)state;
    assert_usage_equal(usage_from_limbs(1, UINT64_C(5000000001)), UINT64_C(6000000001));
}

static void test_format_zero_is_one_digit(void **state)
{
    char text[USAGE_TEXT_MAX];

    (void)state;
    assert_string_equal(usage_format(0, text), "0");
}

static void test_format_largest_has_all_digits(void **state)
{
    char text[USAGE_TEXT_MAX];

    (void)state;
    assert_string_equal(usage_format(USAGE_MAX, text), "340282366920938463463374607431768211455");
}

static void test_gib_h_one_is_one(void **state)
{
    (void)state;
    assert_gib_h(0, "0.000000000");
    assert_gib_h(KIB_NS_PER_GIB_H, "1.000000000");
    assert_gib_h(KIB_NS_PER_GIB_H * 1024, "1024.000000000");
}

static void test_gib_h_below_half_rounds_down(void **state)
{
    (void)state;
    assert_gib_h(NANO / 2 - 1, "0.000000000");
    assert_gib_h(NANO + NANO / 2 - 1, "0.000000001");
}

static void test_gib_h_above_half_rounds_up(void **state)
{
    (void)state;
    assert_gib_h(NANO / 2 + 1, "0.000000001");
    assert_gib_h(NANO + NANO / 2 + 1, "0.000000002");
}

static void test_gib_h_tie_rounds_to_even(void **state)
{
    (void)state;
    assert_gib_h(NANO / 2, "0.000000000");
    assert_gib_h(NANO + NANO / 2, "0.000000002");
    assert_gib_h(2 * NANO + NANO / 2, "0.000000002");
    assert_gib_h(3 * NANO + NANO / 2, "0.000000004");
}

static void test_gib_h_rounding_carries_into_whole(void **state)
{
    (void)state;
    assert_gib_h(KIB_NS_PER_GIB_H - NANO / 2, "1.000000000");
    assert_gib_h(KIB_NS_PER_GIB_H - NANO / 2 - 1, "0.999999999");
}

static void test_gib_h_largest_is_printed_whole(void **state)
{
    (void)state;
    assert_gib_h(USAGE_MAX, "90144042682896312995.321116827");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage_add_up_to_128_bits_fits),
        cmocka_unit_test(test_usage_add_beyond_128_bits_refused_sum_untouched),
        cmocka_unit_test(test_usage_add_product_of_largest_numbers_is_exact),
        cmocka_unit_test(test_usage_add_product_that_just_fits_fits),
        cmocka_unit_test(test_usage_add_product_that_overflows_refused_sum_untouched),
        cmocka_unit_test(test_usage_64_tib_for_100_years_fits),
        cmocka_unit_test(test_gib_h_constant_is_a_gib_for_an_hour),
        cmocka_unit_test(test_limbs_largest_fits),
        cmocka_unit_test(test_limbs_one_more_refused),
        cmocka_unit_test(test_limbs_carry_at_a_whole_second),
        cmocka_unit_test(test_limbs_of_random_usage_come_back),
        cmocka_unit_test(test_from_limbs_takes_sums_of_fractions),
        cmocka_unit_test(test_format_zero_is_one_digit),
        cmocka_unit_test(test_format_largest_has_all_digits),
        cmocka_unit_test(test_gib_h_one_is_one),
        cmocka_unit_test(test_gib_h_below_half_rounds_down),
        cmocka_unit_test(test_gib_h_above_half_rounds_up),
        cmocka_unit_test(test_gib_h_tie_rounds_to_even),
        cmocka_unit_test(test_gib_h_rounding_carries_into_whole),
        cmocka_unit_test(test_gib_h_largest_is_printed_whole),
    };

    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
