#include "check.h"

#include "chance.h"

#include "billing/charge_line.h"

#define NUMERATOR_MAX ((numerator)(~(unsigned __int128)0 >> 1))
#define NUMERATOR_MIN (-NUMERATOR_MAX - 1)

/* The numerator of one penny per GiB*h, and per GB*h. */
#define D ((numerator)INT64_C(3774873600000000000) * 1000000000)
#define D_GB ((numerator)INT64_C(3515625000000000000) * 1000000000)

static void assert_numerator(numerator is, numerator expected)
{
    char a[NUMERATOR_TEXT_MAX];
    char b[NUMERATOR_TEXT_MAX];

    assert_string_equal(numerator_format(is, a), numerator_format(expected, b));
}

static numerator number(const char *text)
{
    numerator value = 0;

    if (!numerator_parse(text, strlen(text), &value))
        fail_msg("'%s' is not a number", text);
    return value;
}

static int64_t due_of(const struct charge_line_sums *sums)
{
    struct error err;
    int64_t due = 0;

    assert_ok(charge_line_due(sums, UNIT_GIBH, &due, &err));
    return due;
}

static numerator carry_of(const struct charge_line_sums *sums)
{
    struct error err;
    numerator carry = 0;

    assert_ok(charge_line_carry(sums, UNIT_GIBH, &carry, &err));
    return carry;
}

/* Of n alone. */
static int64_t due(numerator n)
{
    return due_of(&(struct charge_line_sums){.n = n});
}

/* Signed, of any magnitude below 2^bits. */
static numerator random_numerator(struct chance *chance, unsigned bits)
{
    unsigned __int128 value = (unsigned __int128)chance_next(chance) << 64 | chance_next(chance);

    value >>= 128 - bits + chance_below(chance, bits);
    return chance_hits(chance, 2) ? (numerator)value : -(numerator)value;
}

/* ---- pennies ---- */

static void test_unit_penny_is_the_unit_times_10_to_the_9th(void **state)
{
    (void)state;
    assert_numerator(unit_penny(UNIT_GIBH), number("3774873600000000000000000000"));
    assert_numerator(unit_penny(UNIT_GBH), number("3515625000000000000000000000"));
    assert_true(D == unit_penny(UNIT_GIBH) && D_GB == unit_penny(UNIT_GBH));
    assert_true(D >> 92 == 0);
}

/* 1 GiB for an hour at 0.42 pennies, three times: 0.42, 0.84, 1.26 pennies. */
static void test_due_of_three_hours_posts_the_penny_that_came_together(void **state)
{
    const int64_t price = 420000000;
    struct charge_line_sums sums = {0};
    struct error err;

    (void)state;
    for (int hour = 0; hour < 3; hour++) {
        assert_int_equal(due_of(&sums), 0);
        assert_ok(numerator_add(&sums.n, (numerator)KIB_NS_PER_GIB_H, price, &err));
    }
    assert_int_equal(due_of(&sums), 1);
    sums.posted = 1;
    assert_int_equal(due_of(&sums), 0);
    assert_numerator(carry_of(&sums), number("981467136000000000000000000")); /* 0.26 D */
}

/* 4 GiB for the 744 hours of a long month: 2,976 GiB*h at 0.42 pennies are 1,249.92 pennies. */
static void test_due_of_a_month_is_its_whole_pennies(void **state)
{
    struct charge_line_sums sums = {0};
    struct error err;

    (void)state;
    assert_ok(numerator_add(&sums.n, (numerator)4194304 * 744 * NS_PER_HOUR, 420000000, &err));
    assert_int_equal(due_of(&sums), 1249);
    sums.posted = 1249;
    assert_numerator(carry_of(&sums), number("3472883712000000000000000000")); /* 0.92 D */
}

/* 10^9 bytes for 100 hours at 3 nano-pennies per GB*h are 300 nano-pennies: 0.0000003 D. */
static void test_due_per_gb_h_goes_by_the_decimal_unit(void **state)
{
    struct charge_line_sums sums = {0};
    struct error err;
    int64_t due = 7;
    numerator carry;

    (void)state;
    assert_ok(numerator_add(&sums.n, (numerator)1953125 * 50 * NS_PER_HOUR, 3, &err));
    assert_ok(charge_line_due(&sums, UNIT_GBH, &due, &err));
    assert_int_equal(due, 0);
    assert_ok(charge_line_carry(&sums, UNIT_GBH, &carry, &err));
    assert_numerator(carry, number("1054687500000000000000"));
    sums.n = D_GB;
    assert_ok(charge_line_due(&sums, UNIT_GBH, &due, &err));
    assert_int_equal(due, 1);
    assert_int_equal(due_of(&sums), 0); /* less than a penny of GiB*h */
}

/* 64 TiB for 31 days, 48,758,784 GiB*h, at the dearest price, 100 pennies. */
static void test_due_of_64_tib_for_a_month_at_the_dearest_price_fits(void **state)
{
    numerator usage = ((numerator)64 << 30) * 744 * NS_PER_HOUR;
    struct charge_line_sums sums = {0};
    struct error err;

    (void)state;
    assert_ok(numerator_add(&sums.n, usage, PRICE_NANO_MAX, &err));
    assert_numerator(sums.n, number("18405824648970240000000000000000000000"));
    assert_int_equal(due_of(&sums), INT64_C(4875878400));
}

static void test_due_changes_at_exactly_a_penny(void **state)
{
    (void)state;
    assert_int_equal(due(0), 0);
    assert_int_equal(due(1), 0);
    assert_int_equal(due(D - 1), 0);
    assert_int_equal(due(D), 1);
    assert_int_equal(due(2 * D - 1), 1);
    assert_int_equal(due(2 * D), 2);
}

static void test_due_below_zero_is_a_credit_and_leaves_a_carry_not_negative(void **state)
{
    struct charge_line_sums sums = {.n = -1, .posted = -1};

    (void)state;
    assert_int_equal(due(-1), -1);
    assert_int_equal(due(-D + 1), -1);
    assert_int_equal(due(-D), -1);
    assert_int_equal(due(-D - 1), -2);
    assert_numerator(carry_of(&sums), D - 1);
    sums.n = -D;
    assert_numerator(carry_of(&sums), 0);
}

static void test_due_counts_carry_in_and_transfers(void **state)
{
    struct charge_line_sums sums = {.carry_in = D - 3, .n = 1, .transfers = 1};

    (void)state;
    assert_int_equal(due_of(&sums), 0);
    sums.transfers = 2;
    assert_int_equal(due_of(&sums), 1);
    sums.transfers = -D;
    assert_int_equal(due_of(&sums), -1);
}

static void test_due_is_less_what_was_posted(void **state)
{
    struct charge_line_sums sums = {.n = 5 * D, .posted = 3};

    (void)state;
    assert_int_equal(due_of(&sums), 2);
    sums.posted = 5;
    assert_int_equal(due_of(&sums), 0);
    sums.posted = 7; /* an adjustment took some of it away */
    assert_int_equal(due_of(&sums), -2);
}

/* Sealing: what is less than a penny goes to the pool, where it may become one. */
static void test_due_of_the_pool_is_what_came_together_there(void **state)
{
    struct charge_line_sums lines[] = {{.n = 7 * D / 4, .posted = 1}, {.n = D / 2, .posted = 0}};
    struct charge_line_sums pool = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        numerator rest = carry_of(&lines[i]);

        lines[i].transfers -= rest;
        pool.transfers += rest;
        assert_numerator(carry_of(&lines[i]), 0);
        assert_int_equal(due_of(&lines[i]), 0);
    }
    assert_int_equal(due_of(&pool), 1);
    pool.posted = 1;
    assert_numerator(carry_of(&pool), D / 4);
}

/* ---- limits ---- */

static void test_numerator_add_up_to_127_bits_fits(void **state)
{
    numerator sum = NUMERATOR_MAX - 6;
    struct error err;

    (void)state;
    assert_ok(numerator_add(&sum, 2, 3, &err));
    assert_numerator(sum, NUMERATOR_MAX);
    assert_ok(numerator_add(&sum, -2, 3, &err));
    sum = NUMERATOR_MIN + 6;
    assert_ok(numerator_add(&sum, -2, 3, &err));
    assert_numerator(sum, NUMERATOR_MIN);
}

static void test_numerator_add_beyond_127_bits_refused_sum_untouched(void **state)
{
    numerator sum = NUMERATOR_MAX - 5;
    struct error err;

    (void)state;
    assert_fails(numerator_add(&sum, 2, 3, &err), ERR_RANGE, "does not fit");
    assert_numerator(sum, NUMERATOR_MAX - 5);
    sum = NUMERATOR_MIN + 5;
    assert_fails(numerator_add(&sum, -2, 3, &err), ERR_RANGE, "does not fit");
    assert_numerator(sum, NUMERATOR_MIN + 5);
}

static void test_numerator_add_product_beyond_127_bits_refused_sum_untouched(void **state)
{
    numerator sum = 7;
    struct error err;

    (void)state;
    assert_fails(numerator_add(&sum, NUMERATOR_MAX / 3 + 1, 3, &err), ERR_RANGE, "its price");
    assert_fails(numerator_add(&sum, NUMERATOR_MIN, PRICE_NANO_MAX, &err), ERR_RANGE, "its price");
    assert_numerator(sum, 7);
    sum = 0;
    assert_ok(numerator_add(&sum, NUMERATOR_MAX / 3, 3, &err));
    assert_numerator(sum, NUMERATOR_MAX - 1); /* 2^127 - 1 leaves 1 */
}

static void test_numerator_add_to_has_the_same_limits(void **state)
{
    numerator sum = NUMERATOR_MAX - 1;
    struct error err;

    (void)state;
    assert_ok(numerator_add_to(&sum, 1, &err));
    assert_numerator(sum, NUMERATOR_MAX);
    assert_fails(numerator_add_to(&sum, 1, &err), ERR_RANGE, "does not fit");
    assert_numerator(sum, NUMERATOR_MAX);
    assert_ok(numerator_add_to(&sum, NUMERATOR_MIN, &err));
    assert_numerator(sum, -1);
    assert_fails(numerator_add_to(&sum, NUMERATOR_MIN, &err), ERR_RANGE, "does not fit");
    assert_numerator(sum, -1);
}

static void test_due_of_sums_beyond_127_bits_refused(void **state)
{
    struct charge_line_sums sums = {.carry_in = NUMERATOR_MAX - 5, .n = 5};
    struct error err;
    int64_t due = 7;

    (void)state;
    assert_int_equal(due_of(&sums), INT64_C(45072021341)); /* (2^127 - 1) / D */
    sums.n = 6;
    assert_fails(charge_line_due(&sums, UNIT_GIBH, &due, &err), ERR_RANGE, "does not fit");
    sums = (struct charge_line_sums){.n = NUMERATOR_MIN, .transfers = -1};
    assert_fails(charge_line_due(&sums, UNIT_GIBH, &due, &err), ERR_RANGE, "does not fit");
    assert_int_equal(due, 7);
}

static void test_due_beyond_64_bits_refused(void **state)
{
    struct charge_line_sums sums = {.n = 0, .posted = INT64_MIN + 1};
    struct error err;
    int64_t due = 7;

    (void)state;
    assert_true(due_of(&sums) == INT64_MAX);
    sums.posted = INT64_MIN;
    assert_fails(charge_line_due(&sums, UNIT_GIBH, &due, &err), ERR_RANGE, "what is due");
    sums = (struct charge_line_sums){.n = -1, .posted = INT64_MAX};
    assert_true(due_of(&sums) == INT64_MIN);
    sums.n = -D - 1;
    assert_fails(charge_line_due(&sums, UNIT_GIBH, &due, &err), ERR_RANGE, "what is due");
    assert_int_equal(due, 7);
}

static void test_carry_of_posted_beyond_127_bits_refused(void **state)
{
    struct charge_line_sums sums = {.posted = INT64_C(45072021341)};
    struct error err;
    numerator carry = 7;

    (void)state;
    assert_numerator(carry_of(&sums), -45072021341 * D);
    sums.posted++;
    assert_fails(charge_line_carry(&sums, UNIT_GIBH, &carry, &err), ERR_RANGE, "what is posted");
    sums = (struct charge_line_sums){.n = NUMERATOR_MAX, .posted = -1};
    assert_fails(charge_line_carry(&sums, UNIT_GIBH, &carry, &err), ERR_RANGE, "what is posted");
    sums = (struct charge_line_sums){.n = NUMERATOR_MAX, .carry_in = 1};
    assert_fails(charge_line_carry(&sums, UNIT_GIBH, &carry, &err), ERR_RANGE, "a sum");
    assert_numerator(carry, 7);
}

/* ---- what holds for all lines ---- */

static void test_random_lines_keep_their_invariant(void **state)
{
    struct chance chance = chance_begin("charge line invariant");

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct charge_line_sums sums = {
            .carry_in = random_numerator(&chance, 100),
            .n = random_numerator(&chance, 120),
            .transfers = random_numerator(&chance, 100),
            .posted = (int64_t)chance_below(&chance, 2000000) - 1000000,
        };

        sums.posted += due_of(&sums);
        numerator carry = carry_of(&sums);

        assert_true(carry >= 0 && carry < D);
        assert_numerator(sums.posted * D + carry, sums.carry_in + sums.n + sums.transfers);
        assert_int_equal(due_of(&sums), 0); /* once more is not twice */
    }
}

enum { PARTS = 20 };

static void test_random_parts_add_up_in_any_order(void **state)
{
    struct chance chance = chance_begin("charge line order");
    struct error err;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        numerator usage[PARTS];
        int64_t price[PARTS];
        numerator ahead = 0;
        numerator shuffled = 0;

        for (size_t i = 0; i < PARTS; i++) {
            usage[i] = random_numerator(&chance, 85);
            price[i] = (int64_t)chance_below(&chance, (uint64_t)PRICE_NANO_MAX + 1);
            assert_ok(numerator_add(&ahead, usage[i], price[i], &err));
        }
        for (size_t left = PARTS; left > 0; left--) {
            size_t i = chance_below(&chance, left);

            assert_ok(numerator_add(&shuffled, usage[i], price[i], &err));
            usage[i] = usage[left - 1];
            price[i] = price[left - 1];
        }
        assert_numerator(shuffled, ahead);
    }
}

/* However often it is charged meanwhile, and wherever a period ends. */
static void test_random_splits_are_due_as_the_whole_is(void **state)
{
    struct chance chance = chance_begin("charge line split");
    struct error err;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        numerator left = (numerator)chance_next(&chance) * (int64_t)chance_below(&chance, 1000000);
        int64_t price = (int64_t)chance_below(&chance, (uint64_t)PRICE_NANO_MAX + 1);
        struct charge_line_sums whole = {0};
        struct charge_line_sums now = {0};
        int64_t posted = 0;

        assert_ok(numerator_add(&whole.n, left, price, &err));
        for (int part = 0; part < PARTS; part++) {
            numerator some =
                part + 1 < PARTS ? left / (1 + (numerator)chance_below(&chance, 9)) : left;

            left -= some;
            assert_ok(numerator_add(&now.n, some, price, &err));
            if (part + 1 < PARTS && chance_hits(&chance, 2))
                continue; /* nobody looks yet */
            int64_t more = due_of(&now);

            assert_true(more >= 0);
            now.posted += more;
            posted += more;
            if (chance_hits(&chance, 4)) /* the period is sealed */
                now = (struct charge_line_sums){.carry_in = carry_of(&now)};
        }
        assert_int_equal(posted, due_of(&whole));
        whole.posted = posted;
        assert_numerator(carry_of(&now), carry_of(&whole));
    }
}

/* ---- text ---- */

static const struct {
    const char *text;
    int64_t high, middle, low;
} written[] = {
    {"0", 0, 0, 0},
    {"1", 0, 0, 1},
    {"-1", -1, 999999999999, 999999999999},
    {"10", 0, 0, 10},
    {"999999999999", 0, 0, 999999999999},
    {"1000000000000", 0, 1, 0},
    {"999999999999999999999999", 0, 999999999999, 999999999999},
    {"1000000000000000000000000", 1, 0, 0},
    {"-1000000000000000000000000", -1, 0, 0},
    {"-1000000000000000000000001", -2, 999999999999, 999999999999},
    {"170141183460469231731687303715884105727", 170141183460469, 231731687303, 715884105727},
    {"-170141183460469231731687303715884105727", -170141183460470, 768268312696, 284115894273},
    {"-170141183460469231731687303715884105728", -170141183460470, 768268312696, 284115894272},
};

static void test_numerator_text_is_read_and_written_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        char text[NUMERATOR_TEXT_MAX];

        assert_string_equal(numerator_format(number(written[i].text), text), written[i].text);
    }
    assert_true(number("170141183460469231731687303715884105727") == NUMERATOR_MAX);
    assert_true(number("-170141183460469231731687303715884105728") == NUMERATOR_MIN);
}

static void test_numerator_parse_beyond_127_bits_refused(void **state)
{
    static const char *const texts[] = {
        "170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105729",
        "1701411834604692317316873037158841057270",
        "340282366920938463463374607431768211456",
        "99999999999999999999999999999999999999999999999999",
    };
    numerator value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(numerator_parse(texts[i], strlen(texts[i]), &value));
    assert_numerator(value, 7);
}

static void test_numerator_parse_malformed_refused(void **state)
{
    static const char *const texts[] = {"",   "-",  "-0",  "00",  "01",  "-01", "+1", "--1",
                                        " 1", "1 ", "1.0", "1e3", "0x1", "1-",  "/",  ":"};
    numerator value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(numerator_parse(texts[i], strlen(texts[i]), &value));
    assert_false(numerator_parse("1\0", 2, &value));
    assert_false(numerator_parse("-1", 0, &value));
    assert_false(numerator_parse("-1", 1, &value));
    assert_numerator(value, 7);
    assert_true(numerator_parse("-12x", 3, &value)); /* looks at the length only */
    assert_numerator(value, -12);
}

/* ---- limbs ---- */

static void test_limbs_are_the_value_cut_at_10_to_the_12th(void **state)
{
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        numerator value = number(written[i].text);
        struct numerator_limbs limbs = numerator_to_limbs(value);
        numerator again = 0;

        assert_true(limbs.high == written[i].high);
        assert_true(limbs.middle == written[i].middle);
        assert_true(limbs.low == written[i].low);
        assert_ok(numerator_from_limbs(&limbs, &again, &err));
        assert_numerator(again, value);
    }
}

static void test_limbs_beyond_127_bits_refused(void **state)
{
    struct numerator_limbs limbs = numerator_to_limbs(NUMERATOR_MAX);
    struct error err;
    numerator value = 7;

    (void)state;
    limbs.low++;
    assert_fails(numerator_from_limbs(&limbs, &value, &err), ERR_RANGE, "does not fit");
    limbs = numerator_to_limbs(NUMERATOR_MIN);
    limbs.low--;
    assert_fails(numerator_from_limbs(&limbs, &value, &err), ERR_RANGE, "does not fit");
    limbs = (struct numerator_limbs){INT64_MAX, INT64_MAX, INT64_MAX};
    assert_fails(numerator_from_limbs(&limbs, &value, &err), ERR_RANGE, "does not fit");
    limbs = (struct numerator_limbs){INT64_MIN, INT64_MIN, INT64_MIN};
    assert_fails(numerator_from_limbs(&limbs, &value, &err), ERR_RANGE, "does not fit");
    assert_numerator(value, 7);
}

static void test_limbs_summed_one_by_one_are_the_sum(void **state)
{
    struct chance chance = chance_begin("limbs");
    struct error err;

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct numerator_limbs sums = {0};
        numerator sum = 0;
        numerator again;

        for (int i = 0; i < 100; i++) {
            numerator value = random_numerator(&chance, 119);
            struct numerator_limbs limbs = numerator_to_limbs(value);

            assert_in_range(limbs.middle, 0, 999999999999);
            assert_in_range(limbs.low, 0, 999999999999);
            sums.high += limbs.high;
            sums.middle += limbs.middle;
            sums.low += limbs.low;
            sum += value;
        }
        assert_ok(numerator_from_limbs(&sums, &again, &err));
        assert_numerator(again, sum);
    }
}

/* Nine million rows of the largest limbs still fit, and 9,223,373 would not. */
static void test_limbs_of_9223372_rows_fit(void **state)
{
    const int64_t rows = 9223372;
    struct numerator_limbs sums = {0, 999999999999 * rows, 999999999999 * rows};
    struct error err;
    numerator value;

    (void)state;
    assert_ok(numerator_from_limbs(&sums, &value, &err));
    assert_numerator(value, number("999999999999999999999999") * rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unit_penny_is_the_unit_times_10_to_the_9th),
        cmocka_unit_test(test_due_of_three_hours_posts_the_penny_that_came_together),
        cmocka_unit_test(test_due_of_a_month_is_its_whole_pennies),
        cmocka_unit_test(test_due_per_gb_h_goes_by_the_decimal_unit),
        cmocka_unit_test(test_due_of_64_tib_for_a_month_at_the_dearest_price_fits),
        cmocka_unit_test(test_due_changes_at_exactly_a_penny),
        cmocka_unit_test(test_due_below_zero_is_a_credit_and_leaves_a_carry_not_negative),
        cmocka_unit_test(test_due_counts_carry_in_and_transfers),
        cmocka_unit_test(test_due_is_less_what_was_posted),
        cmocka_unit_test(test_due_of_the_pool_is_what_came_together_there),
        cmocka_unit_test(test_numerator_add_up_to_127_bits_fits),
        cmocka_unit_test(test_numerator_add_beyond_127_bits_refused_sum_untouched),
        cmocka_unit_test(test_numerator_add_product_beyond_127_bits_refused_sum_untouched),
        cmocka_unit_test(test_numerator_add_to_has_the_same_limits),
        cmocka_unit_test(test_due_of_sums_beyond_127_bits_refused),
        cmocka_unit_test(test_due_beyond_64_bits_refused),
        cmocka_unit_test(test_carry_of_posted_beyond_127_bits_refused),
        cmocka_unit_test(test_random_lines_keep_their_invariant),
        cmocka_unit_test(test_random_parts_add_up_in_any_order),
        cmocka_unit_test(test_random_splits_are_due_as_the_whole_is),
        cmocka_unit_test(test_numerator_text_is_read_and_written_alike),
        cmocka_unit_test(test_numerator_parse_beyond_127_bits_refused),
        cmocka_unit_test(test_numerator_parse_malformed_refused),
        cmocka_unit_test(test_limbs_are_the_value_cut_at_10_to_the_12th),
        cmocka_unit_test(test_limbs_beyond_127_bits_refused),
        cmocka_unit_test(test_limbs_summed_one_by_one_are_the_sum),
        cmocka_unit_test(test_limbs_of_9223372_rows_fit),
    };

    return cmocka_run_group_tests_name("charge_line", tests, NULL, NULL);
}
