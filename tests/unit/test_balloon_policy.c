/*
 * What is set for a VM: each key, each refusal, and the limits that only show in the whole.
 */
#include "balloon_scene.h"
#include "chance.h"

#include "balloon/policy.h"
#include "common/number.h"

static struct error err;

static struct policy fresh(void)
{
    struct policy policy;

    policy_init(&policy);
    return policy;
}

/* ---- sizes ---- */

static void test_size_parse_reads_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t kib;
    } rows[] = {
        {"0K", 0},
        {"1K", 1},
        {"524288K", 524288},
        {"512M", 524288},
        {"512m", 524288},
        {"2G", 2097152},
        {"1t", UINT64_C(1) << 30},
        {"1099511627776K", KIB_MAX},
        {"1073741824M", KIB_MAX},
        {"1048576G", KIB_MAX},
        {"1024T", KIB_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t kib = 77;

        assert_ok(number_parse_size(rows[i].text, &kib, &err));
        assert_int_equal(kib, rows[i].kib);
    }
}

static void test_size_parse_refuses_what_is_no_size(void **state)
{
    static const char *const texts[] = {
        "",
        "M",
        "512",
        "512MB",
        "512 M",
        "-1M",
        "+1M",
        " 1M",
        "1M ",
        "01M",
        "1.5G",
        "1e3M",
        "0x10M",
        "512P",
        "512B",
        "1MM",
        "1025T",
        "1099511627777K",
        "1073741825M",
        "1048577G",
        "18446744073709551617K",
        "low",
        "high",
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t kib = 77;

        assert_fails(number_parse_size(texts[i], &kib, &err), ERR_USAGE, "is not a size");
        assert_int_equal(kib, 77);
    }
}

static void test_size_format_is_the_shortest_that_is_read_back(void **state)
{
    static const struct {
        uint64_t kib;
        const char *text;
    } rows[] = {{0, "0K"},          {1, "1K"},
                {1023, "1023K"},    {1024, "1M"},
                {1025, "1025K"},    {524288, "512M"},
                {GIB, "1G"},        {GIB + 1024, "1025M"},
                {KIB_MAX, "1024T"}, {KIB_MAX - 1, "1099511627775K"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SIZE_TEXT_MAX];
        uint64_t kib = 77;

        assert_string_equal(number_format_size(rows[i].kib, text), rows[i].text);
        assert_ok(number_parse_size(text, &kib, &err));
        assert_int_equal(kib, rows[i].kib);
    }
}

/* ---- one value ---- */

static void test_policy_init_touches_nothing(void **state)
{
    struct policy policy = fresh();
    char text[POLICY_TEXT_MAX];

    (void)state;
    assert_int_equal(policy.kind, POLICY_FIXED);
    assert_int_equal(policy.weight, 100);
    assert_string_equal(policy_format(&policy, text), "policy=fixed");
}

/* A key with its value, and how the whole policy is then written. */
static void test_policy_set_each_key_is_written_back(void **state)
{
    static const char *const rows[][3] = {
        {"policy", "fixed", "policy=fixed"},
        {"policy", "demand", "policy=demand"},
        {"policy", "swap", "policy=swap"},
        {"policy", "api", "policy=api"},
        {"floor", "131072K", "policy=fixed floor=128M"},
        {"ceiling", "2G", "policy=fixed ceiling=2G"},
        {"start", "low", "policy=fixed"},
        {"start", "high", "policy=fixed start=high"},
        {"start", "300M", "policy=fixed start=300M"},
        {"headroom", "need", "policy=fixed headroom=need"},
        {"headroom", "4M", "policy=fixed headroom=4M"},
        {"headroom", "adaptive", "policy=fixed"},
        {"size", "700M", "policy=fixed size=700M"},
        {"cap", "none", "policy=fixed"},
        {"cap", "12.5", "policy=fixed cap=12.500"},
        {"cap", "0.001", "policy=fixed cap=0.001"},
        {"cap", "7", "policy=fixed cap=7.000"},
        {"cap", "7.25", "policy=fixed cap=7.250"},
        {"cap", "1000000000", "policy=fixed cap=1000000000.000"},
        {"weight", "1", "policy=fixed weight=1"},
        {"weight", "100", "policy=fixed"},
        {"weight", "10000", "policy=fixed weight=10000"},
        {"reclaim", "swap", "policy=fixed reclaim=swap"},
        {"reclaim", "none", "policy=fixed"},
        {"guest", "none", "policy=fixed"},
        {"guest", "size", "policy=fixed guest=size"},
        {"guest", "policy", "policy=fixed guest=policy"},
        {"guest", "all", "policy=fixed guest=all"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy policy = fresh();
        char text[POLICY_TEXT_MAX];

        assert_ok(policy_set(&policy, rows[i][0], rows[i][1], &err));
        assert_string_equal(policy_format(&policy, text), rows[i][2]);
    }
}

static void test_policy_set_refusal_says_what_is_right_and_changes_nothing(void **state)
{
    static const char *const rows[][3] = {
        {"policy", "", "fixed, demand, swap or api"},
        {"policy", "Demand", "fixed, demand, swap or api"},
        {"policy", "demand ", "fixed, demand, swap or api"},
        {"floor", "low", "is not a size"},
        {"ceiling", "2", "is not a size"},
        {"start", "middle", "is not a size"},
        {"headroom", "4095K", "less than 4M"},
        {"headroom", "1K", "less than 4M"},
        {"headroom", "much", "is not a size"},
        {"size", "-1M", "is not a size"},
        {"cap", "0", "GiB*h per day"},
        {"cap", "0.000", "GiB*h per day"},
        {"cap", "0.0001", "GiB*h per day"},
        {"cap", "1.2345", "GiB*h per day"},
        {"cap", "1.", "GiB*h per day"},
        {"cap", ".5", "GiB*h per day"},
        {"cap", "1.a", "GiB*h per day"},
        {"cap", "1.-5", "GiB*h per day"},
        {"cap", "1. 5", "GiB*h per day"},
        {"cap", "1.5.5", "GiB*h per day"},
        {"cap", "-1", "GiB*h per day"},
        {"cap", "1000000001", "GiB*h per day"},
        {"cap", "", "GiB*h per day"},
        {"weight", "0", "1 to 10000"},
        {"weight", "10001", "1 to 10000"},
        {"weight", "", "1 to 10000"},
        {"weight", "1.5", "1 to 10000"},
        {"reclaim", "yes", "none or swap"},
        {"reclaim", "swap2", "none or swap"},
        {"guest", "both", "none, size, policy or all"},
        {"stopped", "yes", "is no setting"},
        {"Floor", "1G", "is no setting"},
        {"", "1G", "is no setting"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy policy = fresh(), before = policy;

        assert_fails(policy_set(&policy, rows[i][0], rows[i][1], &err), ERR_USAGE, rows[i][2]);
        assert_memory_equal(&policy, &before, sizeof policy);
    }
}

static void test_policy_set_headroom_forgets_the_one_before(void **state)
{
    struct policy policy = fresh();
    char text[POLICY_TEXT_MAX];

    (void)state;
    assert_ok(policy_set(&policy, "headroom", "32M", &err));
    assert_ok(policy_set(&policy, "headroom", "need", &err));
    assert_string_equal(policy_format(&policy, text), "policy=fixed headroom=need");
    assert_ok(policy_set(&policy, "headroom", "64M", &err));
    assert_string_equal(policy_format(&policy, text), "policy=fixed headroom=64M");
    assert_ok(policy_set(&policy, "headroom", "adaptive", &err));
    assert_string_equal(policy_format(&policy, text), "policy=fixed");
}

static void test_policy_format_has_all_in_one_order(void **state)
{
    static const char *const pairs[][2] = {
        {"guest", "all"},     {"reclaim", "swap"}, {"weight", "250"}, {"cap", "24"},
        {"size", "640M"},     {"headroom", "32M"}, {"start", "high"}, {"ceiling", "1G"},
        {"floor", "131076K"}, {"policy", "api"},
    };
    struct policy policy = fresh();
    char text[POLICY_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_ok(policy_set(&policy, pairs[i][0], pairs[i][1], &err));
    assert_string_equal(policy_format(&policy, text),
                        "policy=api floor=131076K ceiling=1G start=high headroom=32M size=640M "
                        "cap=24.000 weight=250 reclaim=swap guest=all");
}

static void assert_policy_equal(const struct policy *is, const struct policy *expected)
{
    assert_int_equal(is->kind, expected->kind);
    assert_int_equal(is->floor_kib, expected->floor_kib);
    assert_int_equal(is->ceiling_kib, expected->ceiling_kib);
    assert_int_equal(is->start_kib, expected->start_kib);
    assert_int_equal(is->headroom_kib, expected->headroom_kib);
    assert_int_equal(is->is_headroom_adaptive, expected->is_headroom_adaptive);
    assert_int_equal(is->size_kib, expected->size_kib);
    assert_int_equal(is->spend_cap_milli, expected->spend_cap_milli);
    assert_int_equal(is->weight, expected->weight);
    assert_int_equal(is->may_reclaim_swap, expected->may_reclaim_swap);
    assert_int_equal(is->guest_may, expected->guest_may);
}

static struct policy random_policy(struct chance *c)
{
    struct policy p = fresh();

    p.kind = (enum policy_kind)chance_below(c, POLICY_KINDS);
    p.floor_kib = chance_below(c, KIB_MAX) >> chance_below(c, 40);
    p.ceiling_kib = chance_below(c, KIB_MAX) >> chance_below(c, 40);
    p.start_kib = chance_hits(c, 3) ? UINT64_MAX : chance_below(c, GIB);
    p.is_headroom_adaptive = chance_hits(c, 4);
    p.headroom_kib =
        p.is_headroom_adaptive || chance_hits(c, 2) ? 0 : 4 * MIB + chance_below(c, GIB);
    p.size_kib = chance_below(c, GIB);
    p.spend_cap_milli = chance_below(c, 1000000000) >> chance_below(c, 30);
    p.weight = 1 + (uint32_t)chance_below(c, POLICY_WEIGHT_MOST);
    p.may_reclaim_swap = chance_hits(c, 2);
    p.guest_may = (unsigned)chance_below(c, 4);
    return p;
}

static void test_policy_random_is_read_back_from_its_text(void **state)
{
    struct chance c = chance_begin("policy");

    (void)state;
    for (int run = 0; run < 20000; run++) {
        struct policy policy = random_policy(&c), again = fresh();
        char text[POLICY_TEXT_MAX], *rest = text, *pair;

        (void)policy_format(&policy, text);
        while ((pair = strsep(&rest, " ")) != NULL) {
            char *value = strchr(pair, '=');

            *value++ = '\0';
            assert_ok(policy_set(&again, pair, value, &err));
        }
        assert_policy_equal(&again, &policy);
    }
}

static void test_policy_format_longest_fits(void **state)
{
    const struct policy longest = {.kind = POLICY_DEMAND,
                                   .floor_kib = KIB_MAX - 1,
                                   .ceiling_kib = KIB_MAX - 1,
                                   .start_kib = KIB_MAX - 1,
                                   .headroom_kib = KIB_MAX - 1,
                                   .size_kib = KIB_MAX - 1,
                                   .spend_cap_milli = UINT64_C(1000000000999),
                                   .weight = POLICY_WEIGHT_MOST,
                                   .may_reclaim_swap = true,
                                   .guest_may = GUEST_MAY_POLICY};
    char text[POLICY_TEXT_MAX];

    (void)state;
    assert_text_has(policy_format(&longest, text), " guest=policy");
}

/* ---- the whole ---- */

static void check_pair(uint64_t floor_kib, uint64_t ceiling_kib, const char *refused,
                       const char *warned)
{
    struct policy policy = fresh();

    policy.floor_kib = floor_kib;
    policy.ceiling_kib = ceiling_kib;
    if (refused == NULL)
        assert_ok(policy_check(&policy, false, &err));
    else
        assert_fails(policy_check(&policy, false, &err), ERR_REFUSED, refused);
    if (warned == NULL)
        assert_null(policy_warning(&policy));
    else
        assert_text_has(policy_warning(&policy), warned);
}

static void test_policy_floor_limits_are_96_and_128_mib(void **state)
{
    (void)state;
    check_pair(0, 0, NULL, NULL);
    check_pair(1, 0, "under 96M", "under 128M");
    check_pair(96 * MIB - 1, 0, "under 96M", "under 128M");
    check_pair(96 * MIB, 0, NULL, "under 128M");
    check_pair(128 * MIB - 1, 0, NULL, "under 128M");
    check_pair(128 * MIB, 0, NULL, NULL);
}

static void test_policy_ratio_limits_are_8_and_10(void **state)
{
    (void)state;
    check_pair(128 * MIB, 1024 * MIB, NULL, NULL);
    check_pair(128 * MIB, 1024 * MIB + 1, NULL, "more than 8 times");
    check_pair(128 * MIB, 1280 * MIB, NULL, "more than 8 times");
    check_pair(128 * MIB, 1280 * MIB + 1, "more than 10 times", "more than 8 times");
    check_pair(0, 1280 * MIB, NULL, NULL);
}

static void test_policy_floor_above_ceiling_is_refused(void **state)
{
    (void)state;
    check_pair(GIB, GIB, NULL, NULL);
    check_pair(GIB + 1, GIB, "above the ceiling", NULL);
    check_pair(GIB, 0, NULL, NULL);
}

static void test_policy_force_allows_the_ratio_and_nothing_else(void **state)
{
    struct policy policy = fresh();

    (void)state;
    policy.floor_kib = 128 * MIB;
    policy.ceiling_kib = 64 * GIB;
    assert_ok(policy_check(&policy, true, &err));
    policy.floor_kib = 96 * MIB - 1;
    assert_fails(policy_check(&policy, true, &err), ERR_REFUSED, "under 96M");
    policy.floor_kib = 64 * GIB + 1;
    assert_fails(policy_check(&policy, true, &err), ERR_REFUSED, "above the ceiling");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_parse_reads_units),
        cmocka_unit_test(test_size_parse_refuses_what_is_no_size),
        cmocka_unit_test(test_size_format_is_the_shortest_that_is_read_back),
        cmocka_unit_test(test_policy_init_touches_nothing),
        cmocka_unit_test(test_policy_set_each_key_is_written_back),
        cmocka_unit_test(test_policy_set_refusal_says_what_is_right_and_changes_nothing),
        cmocka_unit_test(test_policy_set_headroom_forgets_the_one_before),
        cmocka_unit_test(test_policy_format_has_all_in_one_order),
        cmocka_unit_test(test_policy_random_is_read_back_from_its_text),
        cmocka_unit_test(test_policy_format_longest_fits),
        cmocka_unit_test(test_policy_floor_limits_are_96_and_128_mib),
        cmocka_unit_test(test_policy_ratio_limits_are_8_and_10),
        cmocka_unit_test(test_policy_floor_above_ceiling_is_refused),
        cmocka_unit_test(test_policy_force_allows_the_ratio_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
