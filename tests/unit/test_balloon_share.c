/*
 * Water-filling: each gets min(ask, weight * level), with the highest level that the sum allows.
 */
#include "balloon_scene.h"
#include "chance.h"

#include "balloon/share.h"

enum { ASKERS_MAX = 12, RUNS = 20000 };

struct row {
    uint64_t ask_kib;
    uint32_t weight;
    uint64_t expected_kib;
};

static void check(uint64_t sum_kib, const struct row *rows, size_t count)
{
    struct share shares[ASKERS_MAX];

    for (size_t i = 0; i < count; i++)
        shares[i] = (struct share){rows[i].ask_kib, rows[i].weight, 7, i};
    share_divide(shares, count, sum_kib);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(shares[i].given_kib, rows[shares[i].index].expected_kib);
}

#define CHECK(sum_kib, ...)                                                                        \
    check(sum_kib, (const struct row[]){__VA_ARGS__},                                              \
          sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

static void test_share_nobody_asks_nothing_happens(void **state)
{
    struct share none = {.given_kib = 7};

    (void)state;
    share_divide(&none, 0, GIB);
    assert_int_equal(none.given_kib, 7);
}

static void test_share_enough_for_all_gives_all(void **state)
{
    (void)state;
    CHECK(600, {100, 1, 100}, {200, 1, 200}, {300, 5, 300});
    CHECK(GIB, {100, 1, 100}, {200, 1, 200}, {300, 5, 300});
}

/* 4 KiB are missing: the level is that of the largest, (600 - 4 - 100 - 200) / 1 */
static void test_share_a_page_too_little_is_taken_from_the_last(void **state)
{
    (void)state;
    CHECK(596, {100, 1, 100}, {200, 1, 200}, {300, 1, 296});
}

static void test_share_nothing_there_gives_nothing(void **state)
{
    (void)state;
    CHECK(0, {100, 1, 0}, {200, 3, 0}, {0, 1, 0});
}

static void test_share_small_ask_leaves_its_rest_to_others(void **state)
{
    (void)state;
    CHECK(300 * MIB, {40 * MIB, 100, 40 * MIB}, {200 * MIB, 100, 130 * MIB},
          {200 * MIB, 100, 130 * MIB});
}

/* level 50 MiB per weight: the third has exactly what it asks */
static void test_share_divides_by_weight(void **state)
{
    (void)state;
    CHECK(200 * MIB, {100 * MIB, 1, 50 * MIB}, {100 * MIB, 1, 50 * MIB}, {100 * MIB, 2, 100 * MIB});
    CHECK(1000 * MIB, {4 * GIB, 100, 100 * MIB}, {4 * GIB, 900, 900 * MIB});
}

/* 100 / 3 = 33.3: 32 each, in whole pages */
static void test_share_rounds_down_to_pages(void **state)
{
    (void)state;
    CHECK(100, {1000, 1, 32}, {1000, 1, 32}, {1000, 1, 32});
    CHECK(3, {1000, 1, 0});
    CHECK(4, {1000, 1, 4});
    CHECK(7, {1000, 1, 4});
}

static void test_share_whole_ask_may_be_no_page(void **state)
{
    (void)state;
    CHECK(5, {5, 1, 5});
    CHECK(4, {5, 1, 4});
}

static void test_share_largest_figures_do_not_overflow(void **state)
{
    (void)state;
    CHECK(KIB_MAX, {KIB_MAX, 1, 109940168}, {KIB_MAX, 10000, UINT64_C(1099401687604)});
    CHECK(UINT64_MAX, {UINT64_MAX / 2, 10000, UINT64_MAX / 2});
}

/* ---- what holds for all ---- */

static size_t make_askers(struct chance *c, struct share *shares)
{
    size_t count = 1 + chance_below(c, ASKERS_MAX);

    for (size_t i = 0; i < count; i++)
        shares[i] = (struct share){.ask_kib = chance_below(c, UINT64_C(1) << chance_below(c, 31)),
                                   .weight = (uint32_t)(1 + chance_below(c, 10000)),
                                   .index = i};
    return count;
}

static void sort_by_index(struct share *shares, size_t count)
{
    struct share sorted[ASKERS_MAX];

    for (size_t i = 0; i < count; i++)
        sorted[shares[i].index] = shares[i];
    memcpy(shares, sorted, count * sizeof *sorted);
}

static void test_share_random_never_exceeds_ask_or_sum_and_wastes_nothing(void **state)
{
    struct chance c = chance_begin("share");
    struct share shares[ASKERS_MAX];

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        size_t count = make_askers(&c, shares);
        uint64_t sum = chance_below(&c, UINT64_C(1) << chance_below(&c, 34)), given = 0;
        bool is_short = false;

        share_divide(shares, count, sum);
        for (size_t i = 0; i < count; i++) {
            assert_true(shares[i].given_kib <= shares[i].ask_kib);
            assert_true(shares[i].given_kib % 4 == 0 || shares[i].given_kib == shares[i].ask_kib);
            given += shares[i].given_kib;
            is_short = is_short || shares[i].given_kib < shares[i].ask_kib;
        }
        assert_true(given <= sum);
        /* rounding loses less than two pages of each */
        assert_true(!is_short || sum - given < 8 * count);
    }
}

static void test_share_random_order_is_irrelevant(void **state)
{
    struct chance c = chance_begin("share");
    struct share shares[ASKERS_MAX], turned[ASKERS_MAX];

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        size_t count = make_askers(&c, shares), by = chance_below(&c, count);
        uint64_t sum = chance_below(&c, UINT64_C(1) << 32);

        for (size_t i = 0; i < count; i++)
            turned[i] = shares[(i + by) % count];
        share_divide(shares, count, sum);
        share_divide(turned, count, sum);
        sort_by_index(shares, count);
        sort_by_index(turned, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(shares[i].given_kib, turned[i].given_kib);
    }
}

static void test_share_random_more_weight_never_yields_less(void **state)
{
    struct chance c = chance_begin("share");
    struct share shares[ASKERS_MAX], heavier[ASKERS_MAX];

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        size_t count = make_askers(&c, shares), who = chance_below(&c, count);
        uint64_t sum = chance_below(&c, UINT64_C(1) << 32);

        memcpy(heavier, shares, sizeof shares);
        heavier[who].weight += (uint32_t)(1 + chance_below(&c, 1000));
        share_divide(shares, count, sum);
        share_divide(heavier, count, sum);
        sort_by_index(shares, count);
        sort_by_index(heavier, count);
        assert_true(heavier[who].given_kib >= shares[who].given_kib);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_nobody_asks_nothing_happens),
        cmocka_unit_test(test_share_enough_for_all_gives_all),
        cmocka_unit_test(test_share_a_page_too_little_is_taken_from_the_last),
        cmocka_unit_test(test_share_nothing_there_gives_nothing),
        cmocka_unit_test(test_share_small_ask_leaves_its_rest_to_others),
        cmocka_unit_test(test_share_divides_by_weight),
        cmocka_unit_test(test_share_rounds_down_to_pages),
        cmocka_unit_test(test_share_whole_ask_may_be_no_page),
        cmocka_unit_test(test_share_largest_figures_do_not_overflow),
        cmocka_unit_test(test_share_random_never_exceeds_ask_or_sum_and_wastes_nothing),
        cmocka_unit_test(test_share_random_order_is_irrelevant),
        cmocka_unit_test(test_share_random_more_weight_never_yields_less),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
