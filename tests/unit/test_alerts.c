/* alerts.h: when a trouble is told, on both sides of the minute; what is a trouble at all. */
#include "balloon/alerts.h"

#include "balloon_scene.h"

#define MINUTE ALERTS_EVERY_NS

static struct alerts alerts;

static int begin(void **state)
{
    (void)state;
    alerts = (struct alerts){0};
    return 0;
}

static bool is_told(enum reason trouble, int64_t at_ns)
{
    return alerts_note(&alerts, trouble, at_ns);
}

static void test_alerts_nothing_is_no_news(void **state)
{
    (void)state;
    assert_false(is_told(REASON_NONE, NOW));
    assert_int_equal(alerts.withheld, 0);
}

static void test_alerts_trouble_that_goes_on_is_told_once(void **state)
{
    (void)state;
    assert_true(is_told(REASON_STALE, NOW));
    assert_false(is_told(REASON_STALE, NOW + 1));
    assert_false(is_told(REASON_STALE, NOW + 10 * MINUTE));
    assert_int_equal(alerts.withheld, 0);
}

static void test_alerts_same_trouble_within_a_minute_is_withheld_and_counted(void **state)
{
    (void)state;
    assert_true(is_told(REASON_STALE, NOW));
    assert_false(is_told(REASON_NONE, NOW + 1));
    assert_false(is_told(REASON_STALE, NOW + MINUTE - 1));
    assert_int_equal(alerts.withheld, 0); /* not yet: it may still be told */
    assert_false(is_told(REASON_NONE, NOW + MINUTE));
    assert_int_equal(alerts.withheld, 1);
}

static void test_alerts_same_trouble_after_a_minute_is_told(void **state)
{
    (void)state;
    assert_true(is_told(REASON_STALE, NOW));
    assert_false(is_told(REASON_NONE, NOW + 1));
    assert_true(is_told(REASON_STALE, NOW + MINUTE));
    assert_int_equal(alerts.withheld, 0);
}

static void test_alerts_withheld_trouble_that_stays_is_told_late(void **state)
{
    (void)state;
    assert_true(is_told(REASON_STALE, NOW));
    assert_false(is_told(REASON_NONE, NOW + 1));
    assert_false(is_told(REASON_STALE, NOW + 2));
    assert_false(is_told(REASON_STALE, NOW + MINUTE - 1));
    assert_true(is_told(REASON_STALE, NOW + MINUTE));
    assert_false(is_told(REASON_STALE, NOW + MINUTE + 1));
    assert_false(is_told(REASON_NONE, NOW + MINUTE + 2));
    assert_int_equal(alerts.withheld, 0);
}

static void test_alerts_another_trouble_is_told_at_once(void **state)
{
    (void)state;
    assert_true(is_told(REASON_STALE, NOW));
    assert_true(is_told(REASON_STUCK, NOW + 1));
    assert_false(is_told(REASON_STALE, NOW + 2)); /* back: it was told in this minute */
    assert_false(is_told(REASON_STUCK, NOW + 3));
    assert_int_equal(alerts.withheld, 1);
    assert_true(is_told(REASON_STUCK, NOW + 1 + MINUTE)); /* each has a minute of its own */
}

static void test_alerts_trouble_of_a_vm_that_is_not_managed_is_none(void **state)
{
    struct vm vm = vm_at_rest(5, GIB, 500 * MIB);

    (void)state;
    vm.is_stuck = true;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_STUCK);
    vm.policy.kind = POLICY_FIXED;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_NONE);
}

/* Whether its agent speaks or not; what stands in the way of more goes first. */
static void test_alerts_of_a_passed_through_device(void **state)
{
    struct vm vm = vm_at_rest(5, GIB, 500 * MIB), silent = vm_born(6, GIB, NOW);

    (void)state;
    vm.last.swap_total_kib = 4;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_NONE);
    vm.facts.has_pci_device = silent.facts.has_pci_device = true;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_PASSTHROUGH);
    assert_int_equal(alerts_trouble(&silent, NOW), REASON_PASSTHROUGH);
    vm.last.flags = 0;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_NO_BALLOON);
    vm.is_stuck = true;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_STUCK);
    vm.policy.kind = POLICY_FIXED;
    assert_int_equal(alerts_trouble(&vm, NOW), REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_alerts_nothing_is_no_news, begin),
        cmocka_unit_test_setup(test_alerts_trouble_that_goes_on_is_told_once, begin),
        cmocka_unit_test_setup(test_alerts_same_trouble_within_a_minute_is_withheld_and_counted,
                               begin),
        cmocka_unit_test_setup(test_alerts_same_trouble_after_a_minute_is_told, begin),
        cmocka_unit_test_setup(test_alerts_withheld_trouble_that_stays_is_told_late, begin),
        cmocka_unit_test_setup(test_alerts_another_trouble_is_told_at_once, begin),
        cmocka_unit_test_setup(test_alerts_trouble_of_a_vm_that_is_not_managed_is_none, begin),
        cmocka_unit_test(test_alerts_of_a_passed_through_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
