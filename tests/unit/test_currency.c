#include "check.h"

#include "billing/currency.h"

static const char *format(int64_t pennies, uint8_t decimals, char out[AMOUNT_TEXT_MAX])
{
    struct currency currency = {.code = "EUR", .decimals = decimals};

    return currency_format(&currency, pennies, out);
}

static void test_currency_find_knows_its_decimals(void **state)
{
    static const struct {
        const char *code;
        unsigned decimals;
    } cases[] = {
        {"AED", 2}, {"EUR", 2}, {"USD", 2}, {"ZWG", 2}, {"BIF", 0}, {"JPY", 0},
        {"XPF", 0}, {"BHD", 3}, {"TND", 3}, {"CLF", 4}, {"UYW", 4},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct currency found;

        assert_ok(currency_find(cases[i].code, &found, &err));
        assert_string_equal(found.code, cases[i].code);
        assert_int_equal(found.decimals, cases[i].decimals);
    }
}

/* List one of 2026-01-01 has 178 codes, 13 of them without a minor unit. */
static void test_currency_find_of_all_letters_finds_the_whole_list(void **state)
{
    unsigned counts[UINT8_MAX + 1] = {0};
    struct error err;

    (void)state;
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++)
            for (char c = 'A'; c <= 'Z'; c++) {
                const char code[] = {a, b, c, '\0'};
                struct currency found;

                if (currency_find(code, &found, &err))
                    counts[found.decimals]++;
            }
    assert_int_equal(counts[0], 17);
    assert_int_equal(counts[2], 139);
    assert_int_equal(counts[3], 7);
    assert_int_equal(counts[4], 2);
    assert_int_equal(counts[1], 0);
}

static void test_currency_find_what_is_no_money_refused(void **state)
{
    static const char *const codes[] = {"XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA",
                                        "XBA", "XBB", "XBC", "XBD", "XTS", "XXX"};
    struct error err;
    struct currency found = {.decimals = 7};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_fails(currency_find(codes[i], &found, &err), ERR_USAGE, "is not a currency");
    assert_int_equal(found.decimals, 7);
}

static void test_currency_find_withdrawn_refused(void **state)
{
    static const char *const codes[] = {"DEM", "HRK", "SLL", "CUC", "ZWL", "ANG", "BGN"};
    struct error err;
    struct currency found;

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_fails(currency_find(codes[i], &found, &err), ERR_USAGE, "like EUR");
}

static void test_currency_find_malformed_refused(void **state)
{
    static const char *const codes[] = {"",     "E",    "EU",  "eur", "Eur", "EURO",
                                        " EUR", "EUR ", "UR ", "R G", "978", "\xe2\x82\xac"};
    struct error err;
    struct currency found = {.decimals = 7};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_fails(currency_find(codes[i], &found, &err), ERR_USAGE, "is not a currency");
    assert_int_equal(found.decimals, 7);
}

static void test_currency_format_has_all_decimals(void **state)
{
    char text[AMOUNT_TEXT_MAX];

    (void)state;
    assert_string_equal(format(0, 2, text), "0.00");
    assert_string_equal(format(1, 2, text), "0.01");
    assert_string_equal(format(99, 2, text), "0.99");
    assert_string_equal(format(100, 2, text), "1.00");
    assert_string_equal(format(1234, 2, text), "12.34");
    assert_string_equal(format(1234567890, 2, text), "12345678.90");
    assert_string_equal(format(1234, 3, text), "1.234");
    assert_string_equal(format(1234, 4, text), "0.1234");
    assert_string_equal(format(12345, 4, text), "1.2345");
}

static void test_currency_format_without_decimals_has_no_point(void **state)
{
    char text[AMOUNT_TEXT_MAX];

    (void)state;
    assert_string_equal(format(0, 0, text), "0");
    assert_string_equal(format(9, 0, text), "9");
    assert_string_equal(format(1230, 0, text), "1230");
    assert_string_equal(format(-1230, 0, text), "-1230");
}

static void test_currency_format_credit_has_minus(void **state)
{
    char text[AMOUNT_TEXT_MAX];

    (void)state;
    assert_string_equal(format(-1, 2, text), "-0.01");
    assert_string_equal(format(-1234, 2, text), "-12.34");
    assert_string_equal(format(-1234, 4, text), "-0.1234");
}

static void test_currency_format_largest_and_least_are_whole(void **state)
{
    char text[AMOUNT_TEXT_MAX];

    (void)state;
    assert_string_equal(format(INT64_MAX, 2, text), "92233720368547758.07");
    assert_string_equal(format(INT64_MIN, 2, text), "-92233720368547758.08");
    assert_string_equal(format(INT64_MIN, 0, text), "-9223372036854775808");
    assert_string_equal(format(INT64_MIN, 13, text), "-922337.2036854775808");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_currency_find_knows_its_decimals),
        cmocka_unit_test(test_currency_find_of_all_letters_finds_the_whole_list),
        cmocka_unit_test(test_currency_find_what_is_no_money_refused),
        cmocka_unit_test(test_currency_find_withdrawn_refused),
        cmocka_unit_test(test_currency_find_malformed_refused),
        cmocka_unit_test(test_currency_format_has_all_decimals),
        cmocka_unit_test(test_currency_format_without_decimals_has_no_point),
        cmocka_unit_test(test_currency_format_credit_has_minus),
        cmocka_unit_test(test_currency_format_largest_and_least_are_whole),
    };

    return cmocka_run_group_tests_name("currency", tests, NULL, NULL);
}
