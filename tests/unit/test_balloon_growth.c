/*
 * How fast a VM has grown before: the quantile of 99 %, and the headroom that follows from it.
 */
#include "balloon_scene.h"

#include "balloon/growth.h"

static struct error err;
static const struct host_rules rules = {.mode = MODE_ON};

static void add(struct growth *growth, uint64_t by_kib, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        growth_add(growth, by_kib);
}

static void test_growth_of_fewer_than_64_records_says_nothing(void **state)
{
    struct growth growth = {.total = 0};

    (void)state;
    add(&growth, 0, 63);
    assert_int_equal(growth_quantile_kib(&growth), 0);
    add(&growth, 0, 1);
    assert_int_equal(growth_quantile_kib(&growth), MIB);
}

static void test_growth_buckets_end_at_powers_of_two(void **state)
{
    static const struct {
        uint64_t by, quantile;
    } rows[] = {{0, MIB},
                {MIB, MIB},
                {MIB + 1, 2 * MIB},
                {2 * MIB, 2 * MIB},
                {300 * MIB, 512 * MIB},
                {4 * GIB, 4 * GIB},
                {64 * GIB, 4 * GIB}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct growth growth = {.total = 0};

        add(&growth, rows[i].by, 64);
        assert_int_equal(growth_quantile_kib(&growth), rows[i].quantile);
    }
}

static void test_growth_one_in_a_hundred_is_not_counted_on(void **state)
{
    struct growth growth = {.total = 0};

    (void)state;
    add(&growth, 0, 99);
    add(&growth, 64 * MIB, 1);
    assert_int_equal(growth_quantile_kib(&growth), MIB);
    add(&growth, 64 * MIB, 1); /* 99 of 101 */
    assert_int_equal(growth_quantile_kib(&growth), 64 * MIB);
}

static void test_growth_of_long_ago_weighs_less(void **state)
{
    struct growth growth = {.total = 0};

    (void)state;
    add(&growth, 64 * MIB, 1023);
    assert_int_equal(growth.total, 1023);
    add(&growth, 64 * MIB, 1);
    assert_int_equal(growth.total, 512);
    add(&growth, 0, 7 * 512); /* halved seven times: 4 of 512 */
    assert_int_equal(growth_quantile_kib(&growth), MIB);
}

/* 1 GiB with a need of 924 MiB: by that alone the headroom is 46 MiB. */
static struct vm grown_by(uint64_t by_kib)
{
    struct vm vm = vm_at_rest(1, GIB, 100 * MIB);

    vm.growth = (struct growth){.total = 0};
    add(&vm.growth, by_kib, 64);
    return vm;
}

static void test_growth_headroom_is_twice_the_quantile_up_to_2_gib(void **state)
{
    uint64_t firm = headroom_of_need(924 * MIB);
    const struct {
        uint64_t by, headroom;
    } rows[] = {{0, firm},      {16 * MIB, firm},  {16 * MIB + 1, 64 * MIB}, {32 * MIB, 64 * MIB},
                {GIB, 2 * GIB}, {GIB + 1, 2 * GIB}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = grown_by(rows[i].by);

        assert_int_equal(vm_headroom_kib(&vm), rows[i].headroom);
        assert_int_equal(vm_firm_headroom_kib(&vm), firm);
    }
}

static void test_growth_headroom_goes_no_further_than_the_ceiling(void **state)
{
    struct vm vm = grown_by(GIB);

    (void)state;
    vm.policy.ceiling_kib = GIB + 200 * MIB;
    assert_int_equal(vm_headroom_kib(&vm), 300 * MIB);
    vm.policy.ceiling_kib = 924 * MIB; /* no room at all: what follows from its need stays */
    assert_int_equal(vm_headroom_kib(&vm), headroom_of_need(924 * MIB));
}

static void test_growth_headroom_that_was_set_learns_nothing(void **state)
{
    struct vm set = grown_by(GIB), by_need = grown_by(GIB);

    (void)state;
    assert_ok(policy_set(&set.policy, "headroom", "20M", &err));
    assert_ok(policy_set(&by_need.policy, "headroom", "need", &err));
    assert_int_equal(vm_headroom_kib(&set), 20 * MIB);
    assert_int_equal(vm_headroom_kib(&by_need), headroom_of_need(924 * MIB));
}

/* ---- what is learned is given by what nobody else needs ---- */

static void test_growth_spare_is_wished_below_half_of_what_was_learned(void **state)
{
    struct vm at = grown_by(100 * MIB), below = grown_by(100 * MIB);

    (void)state;
    vm_says(&at, 128 * MIB, NOW + SECOND);
    vm_says(&below, 128 * MIB - 4, NOW + SECOND);
    at.rate_kib_s = below.rate_kib_s = 0;
    assert_no_wish(controller_grow(&at, &rules, NOW + SECOND), &at, REASON_NONE);
    assert_wish(controller_grow(&below, &rules, NOW + SECOND), WISH_SPARE, REASON_LEARNED,
                GIB + 128 * MIB + 4);
}

static void test_growth_spare_is_not_for_one_that_fills_whatever_it_gets(void **state)
{
    struct vm vm = grown_by(100 * MIB);

    (void)state;
    vm.is_tracking = true;
    vm.grant_ns = NOW;
    vm.last.swap_total_kib = vm.last.swap_free_kib = GIB;
    assert_no_wish(controller_grow(&vm, &rules, NOW), &vm, REASON_NONE);
}

/* The pool's goal is 100 MiB. What was learned lacks 156 MiB. */
static void test_growth_spare_lies_beyond_two_pools(void **state)
{
    static const struct {
        uint64_t surplus_mib, given_mib;
    } rows[] = {{400, 156}, {356, 156}, {355, 155}, {201, 1}, {200, 0}, {99, 0}, {0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct balloon_scene s;

        scene_begin(&s);
        s.rules.pool_least_kib = 100 * MIB;
        struct vm *vm = scene_add(&s, grown_by(100 * MIB));

        scene_plan(&s, NOW, (int64_t)(rows[i].surplus_mib * MIB));
        const struct action *a = scene_find(&s, vm, ACTION_GROW);

        assert_int_equal(a == NULL ? 0 : a->target_kib - a->before_kib, rows[i].given_mib * MIB);
        assert_int_equal(s.plan.shortfall_kib, 0);
    }
}

static void test_growth_spare_waits_while_another_is_short(void **state)
{
    struct balloon_scene s;

    (void)state;
    scene_begin(&s);
    struct vm *vm = scene_add(&s, grown_by(100 * MIB));
    struct vm *needy = scene_add(&s, vm_at_rest(2, 2 * GIB, 0));

    scene_plan(&s, NOW, (int64_t)(50 * MIB));
    assert_non_null(scene_find(&s, needy, ACTION_GROW));
    assert_null(scene_find(&s, vm, ACTION_GROW));
    assert_true(s.plan.shortfall_kib > 0);
}

static void test_growth_spare_is_slack_when_others_are_short(void **state)
{
    struct vm vm = grown_by(100 * MIB);

    (void)state;
    vm_says(&vm, 256 * MIB, NOW); /* need 768 MiB, of which 38.4 MiB is firm */
    assert_int_equal(controller_slack_kib(&vm, false), 0);
    assert_int_equal(controller_slack_kib(&vm, true), 256 * MIB - headroom_of_need(768 * MIB));
}

/* Need can't rise above what there is: what went to swap was wanted too. */
static void test_growth_counts_what_was_swapped_out(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 0);
    struct figures f = vm.last;

    (void)state;
    f.up_ms += 1000;
    f.swap_out += 10 * MIB / 4;
    vm_take_figures(&vm, &f, false, NOW + SECOND);
    assert_int_equal(vm.rate_kib_s, 10 * MIB);
    f.up_ms += 1000;
    f.swap_out = UINT64_MAX; /* a liar's */
    vm_take_figures(&vm, &f, false, NOW + 2 * SECOND);
    assert_int_equal(vm.rate_kib_s, 8 * GIB);
}

/* A record each second: 50 MiB in one are 25 within the half second that counts. */
static void test_growth_is_learned_from_records(void **state)
{
    struct vm vm = vm_at_rest(1, GIB, 900 * MIB);
    uint32_t before = vm.growth.total;

    (void)state;
    vm_says(&vm, 850 * MIB, NOW + SECOND);
    assert_int_equal(vm.growth.total, before + 1);
    assert_int_equal(vm.growth.counts[5], 1); /* up to 32 MiB */
    vm_says(&vm, 800 * MIB, NOW + SECOND);    /* the same time: nothing follows from it */
    assert_int_equal(vm.growth.total, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth_of_fewer_than_64_records_says_nothing),
        cmocka_unit_test(test_growth_buckets_end_at_powers_of_two),
        cmocka_unit_test(test_growth_one_in_a_hundred_is_not_counted_on),
        cmocka_unit_test(test_growth_of_long_ago_weighs_less),
        cmocka_unit_test(test_growth_headroom_is_twice_the_quantile_up_to_2_gib),
        cmocka_unit_test(test_growth_headroom_goes_no_further_than_the_ceiling),
        cmocka_unit_test(test_growth_headroom_that_was_set_learns_nothing),
        cmocka_unit_test(test_growth_spare_is_wished_below_half_of_what_was_learned),
        cmocka_unit_test(test_growth_spare_is_not_for_one_that_fills_whatever_it_gets),
        cmocka_unit_test(test_growth_spare_lies_beyond_two_pools),
        cmocka_unit_test(test_growth_spare_waits_while_another_is_short),
        cmocka_unit_test(test_growth_spare_is_slack_when_others_are_short),
        cmocka_unit_test(test_growth_counts_what_was_swapped_out),
        cmocka_unit_test(test_growth_is_learned_from_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
