#include "check.h"

#include "chance.h"

#include "billing/dated.h"

enum { SOME = 12 };

static const struct dated three[] = {
    {.from_hour = 10, .change = 1, .value = 100},
    {.from_hour = 20, .change = 2, .value = 200},
    {.from_hour = 30, .change = 3, .value = 300},
};

static void test_dated_find_in_nothing_finds_nothing(void **state)
{
    (void)state;
    assert_int_equal(dated_find(NULL, 0, 5), 0);
    assert_true(dated_until(NULL, 0, 5) == INT64_MAX);
}

static void test_dated_find_before_the_first_is_count(void **state)
{
    (void)state;
    assert_int_equal(dated_find(three, 3, 9), 3);
    assert_int_equal(dated_find(three, 3, INT64_MIN), 3);
}

static void test_dated_find_holds_from_its_hour_on(void **state)
{
    (void)state;
    assert_int_equal(dated_find(three, 3, 10), 0);
    assert_int_equal(dated_find(three, 3, 19), 0);
    assert_int_equal(dated_find(three, 3, 20), 1);
    assert_int_equal(dated_find(three, 3, 29), 1);
    assert_int_equal(dated_find(three, 3, 30), 2);
    assert_int_equal(dated_find(three, 3, INT64_MAX), 2);
}

static void test_dated_until_is_the_next_hour_of_change(void **state)
{
    (void)state;
    assert_int_equal(dated_until(three, 3, 9), 10);
    assert_int_equal(dated_until(three, 3, 10), 20);
    assert_int_equal(dated_until(three, 3, 19), 20);
    assert_int_equal(dated_until(three, 3, 20), 30);
    assert_true(dated_until(three, 3, 30) == INT64_MAX);
    assert_true(dated_until(three, 3, INT64_MAX) == INT64_MAX);
}

static void test_dated_find_of_one_hour_takes_what_was_said_last(void **state)
{
    struct dated entries[] = {
        {.from_hour = 10, .change = 5, .value = 2},
        {.from_hour = 10, .change = 9, .value = 3},
        {.from_hour = 10, .change = 2, .value = 1},
    };

    (void)state;
    dated_sort(entries, 3);
    assert_int_equal(entries[dated_find(entries, 3, 10)].value, 3);
    assert_int_equal(dated_until(entries, 3, 9), 10);
    assert_true(dated_until(entries, 3, 10) == INT64_MAX);
}

/* A correction: said later, from an earlier hour. It doesn't reach behind what begins after it. */
static void test_dated_find_later_word_about_earlier_hour_ends_where_the_next_begins(void **state)
{
    struct dated entries[] = {
        {.from_hour = 10, .change = 1, .value = 1},
        {.from_hour = 20, .change = 2, .value = 2},
        {.from_hour = 5, .change = 3, .value = 3},
    };

    (void)state;
    dated_sort(entries, 3);
    assert_int_equal(entries[dated_find(entries, 3, 9)].value, 3);
    assert_int_equal(entries[dated_find(entries, 3, 10)].value, 1);
    assert_int_equal(entries[dated_find(entries, 3, 20)].value, 2);
}

/* By the words of the header, one entry after the other, in any order. */
static size_t find_slowly(const struct dated *entries, size_t count, int64_t hour)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].from_hour > hour)
            continue;
        if (best == count || entries[i].from_hour > entries[best].from_hour ||
            (entries[i].from_hour == entries[best].from_hour &&
             entries[i].change > entries[best].change))
            best = i;
    }
    return best;
}

static void test_dated_random_lists_are_what_the_header_says(void **state)
{
    struct chance chance = chance_begin("dated");

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct dated said[SOME];
        struct dated sorted[SOME];
        size_t count = chance_below(&chance, SOME + 1);

        for (size_t i = 0; i < count; i++)
            said[i] = sorted[i] = (struct dated){(int64_t)chance_below(&chance, 12), (int64_t)i, i};
        for (size_t i = count; i > 1; i--) { /* in any order */
            size_t other = chance_below(&chance, i);
            struct dated last = sorted[i - 1];

            sorted[i - 1] = sorted[other];
            sorted[other] = last;
        }
        dated_sort(sorted, count);
        for (int64_t hour = -1; hour < 13; hour++) {
            size_t is = dated_find(sorted, count, hour);
            size_t should_be = find_slowly(said, count, hour);
            int64_t until = dated_until(sorted, count, hour);

            assert_int_equal(is == count, should_be == count);
            if (is != count)
                assert_int_equal(sorted[is].value, said[should_be].value);
            /* nothing changes before it, and something does then */
            for (int64_t h = hour; h < until && h < 13; h++)
                assert_int_equal(dated_find(sorted, count, h), is);
            if (until != INT64_MAX)
                assert_int_not_equal(dated_find(sorted, count, until), is);
        }
    }
}

static void test_dated_sort_of_many_in_reverse_is_ascending(void **state)
{
    static struct dated entries[2000];
    const size_t count = sizeof entries / sizeof *entries;

    (void)state;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct dated){(int64_t)((count - i) / 2), (int64_t)(count - i), i};
    dated_sort(entries, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(entries[i].change, i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dated_find_in_nothing_finds_nothing),
        cmocka_unit_test(test_dated_find_before_the_first_is_count),
        cmocka_unit_test(test_dated_find_holds_from_its_hour_on),
        cmocka_unit_test(test_dated_until_is_the_next_hour_of_change),
        cmocka_unit_test(test_dated_find_of_one_hour_takes_what_was_said_last),
        cmocka_unit_test(test_dated_find_later_word_about_earlier_hour_ends_where_the_next_begins),
        cmocka_unit_test(test_dated_random_lists_are_what_the_header_says),
        cmocka_unit_test(test_dated_sort_of_many_in_reverse_is_ascending),
    };

    return cmocka_run_group_tests_name("dated", tests, NULL, NULL);
}
