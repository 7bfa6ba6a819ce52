/*
 * Weeks that are kept: given out when they are what is billed, and as they came; those that were
 * not asked for go.
 */
#include <stdlib.h>

#include "check.h"

#include "serve/weeks.h"

static const struct uuid one = {{1}}, other = {{2}};
static struct weeks *weeks;

static int set_up(void **state)
{
    struct error err;

    (void)state;
    return weeks_open(&weeks, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weeks_close(weeks);
    return 0;
}

static const struct store_piece held[] = {
    {.ns = 10, .kib = 100, .kind = PIECE_BILLED, .to_utc_ns = 10},
    {.ns = 3, .kib = 100, .kind = PIECE_MISSING, .from_utc_ns = 10, .to_utc_ns = 13},
    {.ns = 2, .kib = 100, .kind = PIECE_EXCLUDED, .from_utc_ns = 13, .to_utc_ns = 15},
};
static const struct usage_part billed = {.kib_ns = 1000,
                                         .measured_ns = 10,
                                         .missing_ns = 3,
                                         .excluded_ns = 2};

static bool is_kept(const struct uuid *vm, int64_t hour, struct usage_part usage)
{
    struct store_piece *pieces = NULL;
    size_t count = 0;
    bool is_there = weeks_take(weeks, vm, hour, &usage, &pieces, &count);

    if (is_there) {
        assert_int_equal(count, 3);
        assert_memory_equal(pieces, held, sizeof held);
    } else {
        assert_null(pieces);
    }
    free(pieces);
    return is_there;
}

static void test_weeks_give_what_is_billed(void **state)
{
    (void)state;
    assert_false(is_kept(&one, 168, billed));
    weeks_keep(weeks, &one, 168, held, 3);
    assert_true(is_kept(&one, 168, billed));
    assert_true(is_kept(&one, 168, billed));
    assert_false(is_kept(&other, 168, billed));
    assert_false(is_kept(&one, 336, billed));
}

static void test_weeks_forget_what_is_not_billed(void **state)
{
    struct usage_part parts[] = {billed, billed, billed, billed};

    (void)state;
    parts[0].kib_ns++;
    parts[1].measured_ns--;
    parts[2].missing_ns++;
    parts[3].excluded_ns--;
    for (size_t i = 0; i < 4; i++) {
        weeks_keep(weeks, &one, 168, held, 3);
        assert_false(is_kept(&one, 168, parts[i]));
        assert_false(is_kept(&one, 168, billed)); /* it went */
    }
}

static void test_weeks_without_anything_are_kept_too(void **state)
{
    struct usage_part nothing = {.hour = 0};
    struct store_piece *pieces = NULL;
    size_t count = 1;

    (void)state;
    weeks_keep(weeks, &one, 0, NULL, 0);
    assert_true(weeks_take(weeks, &one, 0, &nothing, &pieces, &count));
    assert_int_equal(count, 0);
    free(pieces);
}

static void test_weeks_the_least_asked_for_goes(void **state)
{
    (void)state;
    for (int64_t i = 0; i < WEEKS_MAX; i++)
        weeks_keep(weeks, &one, i * WEEK_HOURS, held, 3);
    assert_true(is_kept(&one, 0, billed));
    weeks_keep(weeks, &other, 0, held, 3);
    assert_true(is_kept(&one, 0, billed));
    assert_false(is_kept(&one, WEEK_HOURS, billed));
    assert_true(is_kept(&one, INT64_C(2) * WEEK_HOURS, billed));
    assert_true(is_kept(&other, 0, billed));
}

static void test_weeks_hold_so_many_bytes_and_no_more(void **state)
{
    size_t fits = (size_t)(WEEKS_BYTES_MAX / 4) / sizeof(struct store_piece) - 1;
    struct store_piece *many = calloc(fits + 1, sizeof *many);
    struct usage_part nothing = {.hour = 0};
    struct store_piece *pieces = NULL;
    size_t count = 0;

    (void)state;
    assert_non_null(many);
    weeks_keep(weeks, &one, 0, many, fits + 1);
    assert_false(weeks_take(weeks, &one, 0, &nothing, &pieces, &count));
    for (int64_t i = 0; i < 5; i++)
        weeks_keep(weeks, &one, i * WEEK_HOURS, many, fits);
    free(many);
    assert_false(weeks_take(weeks, &one, 0, &nothing, &pieces, &count));
    for (int64_t i = 1; i < 5; i++) {
        assert_true(weeks_take(weeks, &one, i * WEEK_HOURS, &nothing, &pieces, &count));
        assert_int_equal(count, fits);
        free(pieces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_weeks_give_what_is_billed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weeks_forget_what_is_not_billed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weeks_without_anything_are_kept_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_weeks_the_least_asked_for_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weeks_hold_so_many_bytes_and_no_more, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
