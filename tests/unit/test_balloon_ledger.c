/*
 * The ledger: every term of the surplus, and both sides of the hard reserve's three arms.
 */
#include "balloon_scene.h"

#include "balloon/ledger.h"

static struct host_domain holding(unsigned domid, uint64_t tot, uint64_t max, uint64_t outstanding)
{
    struct host_domain domain = domain_of(domid, tot);

    domain.max_kib = max;
    domain.outstanding_kib = outstanding;
    return domain;
}

static void test_ledger_hard_reserve_is_the_largest_of_three(void **state)
{
    static const struct {
        uint64_t configured, total, expected;
    } rows[] = {
        {0, 0, 65536},
        {0, 6553600, 65536}, /* 1 % is 64 MiB: both arms */
        {0, 6553699, 65536},
        {0, 6553700, 65537}, /* 1 % is rounded down */
        {65535, 0, 65536},
        {65537, 0, 65537},
        {1048575, 104857600, 1048576},
        {1048576, 0, 1048576},
        {1048577, 104857600, 1048577},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_rules rules = {.reserve_kib = rows[i].configured};

        assert_int_equal(ledger_hard_reserve_kib(&rules, rows[i].total), rows[i].expected);
    }
}

static void test_ledger_promise_is_the_larger_of_cap_and_claim(void **state)
{
    static const struct {
        uint64_t tot, max, outstanding, expected;
    } rows[] = {
        {1000, 1500, 0, 500}, {1000, 1500, 499, 500}, {1000, 1500, 501, 501},
        {1000, 1000, 0, 0},   {1000, 1000, 4, 4},     {1000, 900, 0, 0}, /* a cap below tot */
        {1000, 900, 8, 8},    {0, 700, 0, 700},       {0, 0, 0, 0},
    };
    const struct ledger_rules rules = {.dom0_allowance_kib = 77777};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct host_domain d = holding(1, rows[i].tot, rows[i].max, rows[i].outstanding);

        assert_int_equal(ledger_promise_kib(&d, &rules), rows[i].expected);
    }
}

static void test_ledger_dom0_with_a_cap_counts_its_cap(void **state)
{
    const struct ledger_rules rules = {.dom0_allowance_kib = 4 * GIB};
    struct host_domain dom0 = holding(0, GIB, 2 * GIB, 0);

    (void)state;
    assert_int_equal(ledger_promise_kib(&dom0, &rules), GIB);
    dom0.max_kib = KIB_MAX - 1; /* the largest that is a cap */
    assert_int_equal(ledger_promise_kib(&dom0, &rules), KIB_MAX - 1 - GIB);
}

static void test_ledger_dom0_without_a_cap_counts_its_allowance(void **state)
{
    struct ledger_rules rules = {.dom0_allowance_kib = 4 * GIB};
    struct host_domain dom0 = holding(0, GIB, KIB_MAX, 0);

    (void)state;
    assert_int_equal(ledger_promise_kib(&dom0, &rules), 3 * GIB);
    dom0.max_kib = UINT64_MAX / 1024;
    assert_int_equal(ledger_promise_kib(&dom0, &rules), 3 * GIB);
    rules.dom0_allowance_kib = GIB; /* it has all that it may */
    assert_int_equal(ledger_promise_kib(&dom0, &rules), 0);
    rules.dom0_allowance_kib = 0; /* none is configured */
    assert_int_equal(ledger_promise_kib(&dom0, &rules), 0);
}

/* 8 GiB free - 82 MiB of 8.2 GiB - 1 GiB reserved - (300 + 200 + 0 + 5) MiB, in KiB */
static void test_ledger_surplus_has_every_term(void **state)
{
    const struct host_domain domains[] = {holding(0, GIB, GIB + 300 * MIB, 0),
                                          holding(1, GIB, GIB + 100 * MIB, 200 * MIB),
                                          holding(2, GIB, GIB / 2, 0),
                                          holding(3, GIB, GIB, 5 * MIB)};
    const struct host_view host = {.total_kib = 8200 * MIB,
                                   .free_kib = 8 * GIB,
                                   .outstanding_kib = 12345, /* in the domains' terms already */
                                   .count = 4,
                                   .domains = domains};
    const struct ledger_rules rules = {.reserved_kib = GIB};

    (void)state;
    assert_int_equal(ledger_surplus_kib(&host, &rules), (8192 - 82 - 1024 - 505) * 1024);
}

static void test_ledger_surplus_of_nothing_is_less_than_nothing(void **state)
{
    const struct host_view host = {.total_kib = GIB};
    const struct ledger_rules rules = {.reserved_kib = 1};

    (void)state;
    assert_int_equal(ledger_surplus_kib(&host, &rules), -65537);
}

/* What a guest does inside its cap moves free and its own term by the same amount. */
static void test_ledger_surplus_stays_while_a_guest_fills_its_cap(void **state)
{
    struct host_domain domain = holding(1, GIB, 2 * GIB, 0);
    struct host_view host = {.total_kib = 8 * GIB,
                             .free_kib = 4 * GIB,
                             .count = 1,
                             .domains = &domain};
    const struct ledger_rules rules = {0};
    int64_t before = ledger_surplus_kib(&host, &rules);

    (void)state;
    domain.tot_kib += 300 * MIB;
    host.free_kib -= 300 * MIB;
    assert_int_equal(ledger_surplus_kib(&host, &rules), before);
    domain.tot_kib -= 700 * MIB;
    host.free_kib += 700 * MIB;
    assert_int_equal(ledger_surplus_kib(&host, &rules), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_hard_reserve_is_the_largest_of_three),
        cmocka_unit_test(test_ledger_promise_is_the_larger_of_cap_and_claim),
        cmocka_unit_test(test_ledger_dom0_with_a_cap_counts_its_cap),
        cmocka_unit_test(test_ledger_dom0_without_a_cap_counts_its_allowance),
        cmocka_unit_test(test_ledger_surplus_has_every_term),
        cmocka_unit_test(test_ledger_surplus_of_nothing_is_less_than_nothing),
        cmocka_unit_test(test_ledger_surplus_stays_while_a_guest_fills_its_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
