/*
 * How fast a VM has grown before: the quantile of 99 %, and the headroom that follows from it.
 */
#include "balloon_scene.h"

#include "balloon/growth.h"

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

static void test_growth_headroom_is_twice_the_quantile_from_8_mib_to_2_gib(void **state)
{
    static const struct {
        uint64_t by, headroom;
    } rows[] = {{0, 8 * MIB},   {2 * MIB, 8 * MIB}, {4 * MIB, 8 * MIB}, {4 * MIB + 1, 16 * MIB},
                {GIB, 2 * GIB}, {GIB + 1, 2 * GIB}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_at_rest(1, GIB, 100 * MIB);

        vm.policy.is_headroom_adaptive = true;
        vm.growth = (struct growth){.total = 0};
        assert_int_equal(vm_headroom_kib(&vm), headroom_of_need(924 * MIB)); /* not known yet */
        add(&vm.growth, rows[i].by, 64);
        assert_int_equal(vm_headroom_kib(&vm), rows[i].headroom);
    }
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
        cmocka_unit_test(test_growth_headroom_is_twice_the_quantile_from_8_mib_to_2_gib),
        cmocka_unit_test(test_growth_is_learned_from_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
