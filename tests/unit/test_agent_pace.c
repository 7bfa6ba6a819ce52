/*
 * When the agent looks and when it sends: each limit on both sides.
 */
#include "check.h"

#include "agent/pace.h"

enum { HEADROOM = 16384, HALF = HEADROOM / 2, QUARTER = HEADROOM / 4 };

static struct pace p;

/* A guest that has the same in all at each look. */
static struct pace_look look_at(uint64_t available_kib)
{
    return (struct pace_look){available_kib, 2000000};
}

static bool is_due(uint64_t now_ms, uint64_t available_kib)
{
    struct pace_look look = look_at(available_kib);

    return pace_is_due(&p, now_ms, &look);
}

/* A record was sent at 10 s, with so much available. */
static void sent(uint64_t available_kib)
{
    struct pace_look look = look_at(available_kib);

    pace_init(&p);
    p.headroom_kib = HEADROOM;
    pace_sent(&p, 10000, &look);
}

static void test_pace_first_record_is_due_at_once(void **state)
{
    (void)state;
    pace_init(&p);
    assert_true(is_due(0, 0));
    assert_int_equal(p.headroom_kib, HEADROOM_LEAST_KIB);
}

static void test_pace_quiet_guest_sends_every_five_seconds(void **state)
{
    (void)state;
    sent(50000);
    assert_false(is_due(14999, 50000));
    assert_true(is_due(15000, 50000));
}

static void test_pace_move_by_a_quarter_is_news(void **state)
{
    (void)state;
    sent(50000);
    assert_false(is_due(10500, 50000 - QUARTER + 1));
    assert_true(is_due(10500, 50000 - QUARTER));
    assert_false(is_due(10500, 50000 + QUARTER - 1));
    assert_true(is_due(10500, 50000 + QUARTER));
}

/* When it matters, the host hears of it sooner. */
static void test_pace_below_the_headroom_an_eighth_is_news(void **state)
{
    (void)state;
    sent(HEADROOM);
    assert_false(is_due(10500, HEADROOM - QUARTER + 1));
    sent(HEADROOM - 1);
    assert_false(is_due(10500, HEADROOM - 1 - QUARTER / 2 + 1));
    assert_true(is_due(10500, HEADROOM - 1 - QUARTER / 2));
}

/* A headroom of GiBs does not make it mute. */
static void test_pace_move_by_32_mib_is_news_whatever_the_headroom(void **state)
{
    uint64_t move = UINT64_C(32) << 10;

    (void)state;
    sent(1500000);
    p.headroom_kib = 2000000;
    assert_false(is_due(10500, 1500000 - move + 1));
    assert_true(is_due(10500, 1500000 - move));
}

static void test_pace_crossing_half_the_headroom_is_news_both_ways(void **state)
{
    (void)state;
    sent(HALF);
    assert_false(is_due(10500, HALF + 1));
    assert_true(is_due(10500, HALF - 1));
    sent(HALF - 1);
    assert_false(is_due(10499, HALF - 2));
    assert_true(is_due(10500, HALF));
}

/* It is given memory and eats it at once: nothing is available before and after. */
static void test_pace_use_by_a_quarter_is_news(void **state)
{
    struct pace_look look = {50000, 2000000 + QUARTER - 1};

    (void)state;
    sent(50000);
    assert_false(pace_is_due(&p, 10500, &look));
    look.total_kib++;
    assert_true(pace_is_due(&p, 10500, &look));
    look.total_kib = 2000000 - QUARTER;
    assert_true(pace_is_due(&p, 10500, &look));
}

static void test_pace_short_guest_goes_on_telling(void **state)
{
    (void)state;
    sent(HALF - 1);
    assert_false(is_due(10499, HALF - 1));
    assert_true(is_due(10500, HALF - 1));
    sent(HALF);
    assert_false(is_due(10500, HALF));
}

static void test_pace_never_more_than_ten_a_second(void **state)
{
    (void)state;
    sent(50000);
    assert_false(is_due(10099, 0));
    assert_true(is_due(10100, 0));
}

static void test_pace_worst_case_is_ten_in_each_second(void **state)
{
    int records = 0;

    (void)state;
    pace_init(&p);
    for (uint64_t now = 0; now < 10000; now++)
        if (is_due(now, now % 2 * 1000000)) {
            struct pace_look look = look_at(now % 2 * 1000000);

            pace_sent(&p, now, &look);
            records++;
        }
    assert_int_equal(records, 100);
}

static void test_pace_lost_record_is_sent_again_after_a_second(void **state)
{
    (void)state;
    sent(50000);
    pace_lost(&p, 11000);
    assert_false(is_due(11999, 0));
    assert_true(is_due(12000, 50000));
}

static void test_pace_looks_soon_under_four_headrooms(void **state)
{
    (void)state;
    sent(50000);
    assert_int_equal(pace_next_look_ms(&p, 10200, 4 * HEADROOM - 1), 10300);
    assert_int_equal(pace_next_look_ms(&p, 10200, 4 * HEADROOM), 11200);
}

static void test_pace_looks_when_the_keep_alive_is_due(void **state)
{
    (void)state;
    sent(500000);
    assert_int_equal(pace_next_look_ms(&p, 13999, 500000), 14999);
    assert_int_equal(pace_next_look_ms(&p, 14001, 500000), 15000);
    assert_int_equal(pace_next_look_ms(&p, 15000, 500000), 16000);
}

static void test_pace_looks_when_a_record_may_follow(void **state)
{
    (void)state;
    sent(500000);
    assert_int_equal(pace_next_look_ms(&p, 10030, 500000), 10100);
    pace_lost(&p, 10050);
    assert_int_equal(pace_next_look_ms(&p, 10150, 500000), 11050);
}

static void test_pace_next_look_is_always_later(void **state)
{
    (void)state;
    for (uint64_t now = 10000; now < 30000; now += 7) {
        sent(500000);
        assert_true(pace_next_look_ms(&p, now, 500000) > now);
        pace_lost(&p, now);
        assert_true(pace_next_look_ms(&p, now, 0) > now);
    }
}

static bool takes(const char *text, uint64_t *kib)
{
    return pace_parse_headroom(text, strlen(text), kib);
}

static void test_pace_headroom_is_digits_within_its_limits(void **state)
{
    uint64_t kib = 7;

    (void)state;
    assert_true(takes("1024", &kib));
    assert_int_equal(kib, 1024);
    assert_true(takes("1073741824", &kib));
    assert_int_equal(kib, 1073741824);
    assert_false(takes("1023", &kib));
    assert_false(takes("1073741825", &kib));
    assert_false(takes("", &kib));
    assert_false(takes("20000\n", &kib));
    assert_false(takes(" 20000", &kib));
    assert_false(takes("020000", &kib));
    assert_false(takes("20000K", &kib));
    assert_false(takes("-20000", &kib));
    assert_int_equal(kib, 1073741824);
}

static void test_pace_own_headroom_follows_from_current(void **state)
{
    struct figures f = {.current_kib = 4 << 20, .total_kib = 3 << 20, .available_kib = 2 << 20};

    (void)state;
    f.flags = FIGURES_HAS_BALLOON;
    assert_int_equal(pace_own_headroom(&f), (2 << 20) / 20);
    f.flags = 0;
    assert_int_equal(pace_own_headroom(&f), (1 << 20) / 20);
    f.available_kib = 4 << 20;
    assert_int_equal(pace_own_headroom(&f), HEADROOM_LEAST_KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_first_record_is_due_at_once),
        cmocka_unit_test(test_pace_quiet_guest_sends_every_five_seconds),
        cmocka_unit_test(test_pace_move_by_a_quarter_is_news),
        cmocka_unit_test(test_pace_below_the_headroom_an_eighth_is_news),
        cmocka_unit_test(test_pace_move_by_32_mib_is_news_whatever_the_headroom),
        cmocka_unit_test(test_pace_crossing_half_the_headroom_is_news_both_ways),
        cmocka_unit_test(test_pace_use_by_a_quarter_is_news),
        cmocka_unit_test(test_pace_short_guest_goes_on_telling),
        cmocka_unit_test(test_pace_never_more_than_ten_a_second),
        cmocka_unit_test(test_pace_worst_case_is_ten_in_each_second),
        cmocka_unit_test(test_pace_lost_record_is_sent_again_after_a_second),
        cmocka_unit_test(test_pace_looks_soon_under_four_headrooms),
        cmocka_unit_test(test_pace_looks_when_the_keep_alive_is_due),
        cmocka_unit_test(test_pace_looks_when_a_record_may_follow),
        cmocka_unit_test(test_pace_next_look_is_always_later),
        cmocka_unit_test(test_pace_headroom_is_digits_within_its_limits),
        cmocka_unit_test(test_pace_own_headroom_follows_from_current),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
