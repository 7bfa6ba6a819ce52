#include "check.h"

#include "chance.h"

#include "billing/price.h"

static void assert_price(const char *amount, const char *unit, int64_t nano_pennies)
{
    struct error err;
    struct price price;

    assert_ok(price_parse(amount, unit, &price, &err));
    if (price.nano_pennies != nano_pennies)
        fail_msg("%s %s is %" PRId64 " instead of %" PRId64, amount, unit, price.nano_pennies,
                 nano_pennies);
}

static void assert_refused(const char *amount, const char *unit, const char *said)
{
    struct error err;
    struct price price = {.nano_pennies = 7, .unit = UNIT_GBH};

    assert_fails(price_parse(amount, unit, &price, &err), ERR_USAGE, said);
    assert_true(price.nano_pennies == 7 && price.unit == UNIT_GBH);
}

static void test_price_parse_takes_currency_and_unit(void **state)
{
    struct error err;
    struct price price;

    (void)state;
    assert_ok(price_parse("0.0042", "EUR/GiBh", &price, &err));
    assert_true(price.nano_pennies == 420000000);
    assert_string_equal(price.currency.code, "EUR");
    assert_int_equal(price.currency.decimals, 2);
    assert_int_equal(price.unit, UNIT_GIBH);
    assert_ok(price_parse("3", "JPY/GBh", &price, &err));
    assert_true(price.nano_pennies == INT64_C(3000000000));
    assert_string_equal(price.currency.code, "JPY");
    assert_int_equal(price.currency.decimals, 0);
    assert_int_equal(price.unit, UNIT_GBH);
}

static void test_price_parse_penny_is_the_currencys_own(void **state)
{
    (void)state;
    assert_price("0.01", "JPY/GiBh", 10000000);
    assert_price("0.01", "EUR/GiBh", 1000000000);
    assert_price("0.01", "KWD/GiBh", INT64_C(10000000000));
    assert_price("0.01", "CLF/GiBh", INT64_C(100000000000));
}

static void test_price_parse_zero_is_a_price(void **state)
{
    (void)state;
    assert_price("0", "EUR/GiBh", 0);
    assert_price("0.00000000000", "EUR/GiBh", 0);
}

static void test_price_parse_zeros_at_the_end_change_nothing(void **state)
{
    (void)state;
    assert_price("0.5", "EUR/GiBh", INT64_C(50000000000));
    assert_price("0.50", "EUR/GiBh", INT64_C(50000000000));
    assert_price("0.50000000000", "EUR/GiBh", INT64_C(50000000000));
}

static void test_price_parse_one_nano_penny_taken(void **state)
{
    (void)state;
    assert_price("0.000000001", "JPY/GiBh", 1);
    assert_price("0.00000000001", "EUR/GiBh", 1);
    assert_price("0.000000000001", "KWD/GiBh", 1);
    assert_price("0.0000000000001", "CLF/GiBh", 1);
}

static void test_price_parse_finer_than_a_nano_penny_refused(void **state)
{
    (void)state;
    assert_refused("0.0000000010", "JPY/GiBh",
                   "has 10 decimals: write at most 9 for a price in JPY");
    assert_refused("0.000000000001", "EUR/GiBh", "has 12 decimals: write at most 11");
    assert_refused("0.0000000000001", "KWD/GiBh", "at most 12 for a price in KWD");
    assert_refused("0.00000000000001", "CLF/GiBh", "at most 13 for a price in CLF");
}

static void test_price_parse_largest_taken(void **state)
{
    (void)state;
    assert_price("100", "JPY/GiBh", PRICE_NANO_MAX);
    assert_price("1", "EUR/GiBh", PRICE_NANO_MAX);
    assert_price("1.00000000000", "EUR/GiBh", PRICE_NANO_MAX);
    assert_price("0.1", "KWD/GiBh", PRICE_NANO_MAX);
    assert_price("0.01", "CLF/GiBh", PRICE_NANO_MAX);
    assert_price("0.99999999999", "EUR/GiBh", PRICE_NANO_MAX - 1);
}

static void test_price_parse_one_more_than_largest_refused(void **state)
{
    (void)state;
    assert_refused("100.000000001", "JPY/GiBh", "a price is at most 100 JPY per GiBh");
    assert_refused("1.00000000001", "EUR/GBh", "a price is at most 1 EUR per GBh");
    assert_refused("0.100000000001", "KWD/GiBh", "at most 0.1 KWD per GiBh");
    assert_refused("0.0100000000001", "CLF/GiBh", "at most 0.01 CLF per GiBh");
}

static void test_price_parse_far_beyond_largest_refused(void **state)
{
    (void)state;
    assert_refused("2", "EUR/GiBh", "too much");
    /* 10^11, the largest in nano-pennies, before it is scaled */
    assert_refused("100000000000", "EUR/GiBh", "too much");
    assert_refused("1000000000000", "EUR/GiBh", "too much");
    assert_refused("100000000000.00000000000", "EUR/GiBh", "too much");
    assert_refused("9223372036854775807", "EUR/GiBh", "too much");
    assert_refused("18446744073709551617", "JPY/GiBh", "too much"); /* 2^64 + 1 */
    assert_refused("9999999999999999999999999999999", "EUR/GiBh", "too much");
}

static void test_price_parse_longer_than_any_price_refused(void **state)
{
    (void)state;
    /* 31 characters are looked at, 32 are not */
    assert_refused("0.00000000000000000000000000000", "EUR/GiBh", "has 29 decimals");
    assert_refused("0.000000000000000000000000000000", "EUR/GiBh", "is not a price");
    assert_refused("10000000000000000000000000000000", "EUR/GiBh", "is not a price");
}

static void test_price_parse_malformed_amount_refused(void **state)
{
    static const char *const amounts[] = {
        "",      ".",    "1.",  ".5",    "+1",   "-1",   "-0",   "1e-3",     "0x1",    " 1",
        "1 ",    "0. 5", "1,5", "0.5.0", "1..0", "00",   "01",   "00.5",     "1'0",    "EUR1",
        "0.5\n", "nan",  "inf", "0.5%",  "1_0",  "0.-5", "0.+5", "\xd9\xa1", "0.5EUR",
    };

    (void)state;
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
        assert_refused(amounts[i], "EUR/GiBh", "write the amount in EUR with digits");
}

static void test_price_parse_malformed_unit_refused(void **state)
{
    static const char *const units[] = {"",          "EUR",       "EUR/",     "/GiBh",
                                        "GiBh",      "EURO/GiBh", "EU/GiBh",  "EUR GiBh",
                                        "EUR:GiBh",  "EUR/GiB*h", "EUR/gibh", "EUR/GiBh ",
                                        "EUR/GiBhh", " EUR/GiBh", "EUR//GBh"};
    struct error err;
    struct price price;

    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        assert_fails(price_parse("1", units[i], &price, &err), ERR_USAGE, "GBh");
    assert_refused("1", "eur/GiBh", "'eur' is not a currency");
    assert_refused("1", "XAU/GiBh", "'XAU' is not a currency");
}

static void test_price_format_is_the_shortest_text(void **state)
{
    static const struct {
        const char *written, *unit, *shortest;
    } cases[] = {
        {"0", "EUR/GiBh", "0"},
        {"0.00", "EUR/GiBh", "0"},
        {"0.0042", "EUR/GiBh", "0.0042"},
        {"0.00420", "EUR/GiBh", "0.0042"},
        {"1.00", "EUR/GiBh", "1"},
        {"100.000", "JPY/GiBh", "100"},
        {"20", "JPY/GiBh", "20"},
        {"0.00000000001", "EUR/GiBh", "0.00000000001"},
        {"0.0000000000001", "UYW/GBh", "0.0000000000001"},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct price price;
        char text[PRICE_TEXT_MAX];

        assert_ok(price_parse(cases[i].written, cases[i].unit, &price, &err));
        assert_string_equal(price_format(&price, text), cases[i].shortest);
    }
}

static void test_price_of_random_nano_pennies_is_read_back(void **state)
{
    static const char *const units[] = {"JPY/GiBh", "EUR/GBh", "KWD/GiBh", "CLF/GBh"};
    struct chance chance = chance_begin("price");
    struct error err;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const char *unit = units[chance_below(&chance, 4)];
        struct price price;
        struct price again;
        char text[PRICE_TEXT_MAX];

        assert_ok(price_parse("0", unit, &price, &err));
        price.nano_pennies = (int64_t)chance_below(&chance, (uint64_t)PRICE_NANO_MAX + 1) >>
                             chance_below(&chance, 37);
        assert_ok(price_parse(price_format(&price, text), unit, &again, &err));
        assert_true(again.nano_pennies == price.nano_pennies);
        assert_int_equal(again.unit, price.unit);
    }
}

static void test_unit_names_are_read_back(void **state)
{
    struct error err;
    enum usage_unit unit = UNITS;

    (void)state;
    assert_string_equal(unit_name(UNIT_GIBH), "GiBh");
    assert_string_equal(unit_name(UNIT_GBH), "GBh");
    assert_ok(unit_parse("GiBh", &unit, &err));
    assert_int_equal(unit, UNIT_GIBH);
    assert_ok(unit_parse("GBh", &unit, &err));
    assert_int_equal(unit, UNIT_GBH);
    assert_fails(unit_parse("GB", &unit, &err), ERR_USAGE, "write GiBh");
    assert_fails(unit_parse("", &unit, &err), ERR_USAGE, "or GBh");
    assert_int_equal(unit, UNIT_GBH);
}

static void test_unit_is_its_kib_for_an_hour(void **state)
{
    (void)state;
    assert_usage_equal(unit_kib_ns(UNIT_GIBH), (usage_kib_ns)1048576 * (usage_kib_ns)NS_PER_HOUR);
    /* 10^9 bytes are 976,562.5 KiB */
    assert_usage_equal(unit_kib_ns(UNIT_GBH) * 2,
                       (usage_kib_ns)1953125 * (usage_kib_ns)NS_PER_HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_price_parse_takes_currency_and_unit),
        cmocka_unit_test(test_price_parse_penny_is_the_currencys_own),
        cmocka_unit_test(test_price_parse_zero_is_a_price),
        cmocka_unit_test(test_price_parse_zeros_at_the_end_change_nothing),
        cmocka_unit_test(test_price_parse_one_nano_penny_taken),
        cmocka_unit_test(test_price_parse_finer_than_a_nano_penny_refused),
        cmocka_unit_test(test_price_parse_largest_taken),
        cmocka_unit_test(test_price_parse_one_more_than_largest_refused),
        cmocka_unit_test(test_price_parse_far_beyond_largest_refused),
        cmocka_unit_test(test_price_parse_longer_than_any_price_refused),
        cmocka_unit_test(test_price_parse_malformed_amount_refused),
        cmocka_unit_test(test_price_parse_malformed_unit_refused),
        cmocka_unit_test(test_price_format_is_the_shortest_text),
        cmocka_unit_test(test_price_of_random_nano_pennies_is_read_back),
        cmocka_unit_test(test_unit_names_are_read_back),
        cmocka_unit_test(test_unit_is_its_kib_for_an_hour),
    };

    return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
