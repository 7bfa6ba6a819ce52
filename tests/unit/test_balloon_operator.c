/*
 * What operators may set, stop and drain: all of a request or nothing of it.
 */
#include "operator_scene.h"

/* ---- set ---- */

static void test_operator_set_holds_at_once_and_is_kept(void **state)
{
    (void)state;
    assert_ok(serve("set vm5 - policy=swap floor=256M ceiling=1G weight=200"));
    assert_true(ticket != 0);
    assert_int_equal(vm5()->policy.kind, POLICY_SWAP);
    assert_int_equal(vm5()->policy.floor_kib, 256 * MIB);
    assert_int_equal(vm5()->policy.ceiling_kib, GIB);
    assert_int_equal(vm5()->policy.weight, 200);
    assert_int_equal(reply.length, 0);      /* nothing to warn of */
    assert_ok(serve("set 5 - weight=201")); /* by its domid; the rest stays */
    assert_int_equal(vm5()->policy.weight, 201);
    assert_int_equal(vm5()->policy.kind, POLICY_SWAP);
    assert_ok(serve("set 05050505-0505-0505-0505-050505050505 - weight=202"));
    assert_int_equal(vm5()->policy.weight, 202);
}

static void test_operator_set_warns_of_what_it_allows(void **state)
{
    (void)state;
    assert_ok(serve("set vm5 force floor=100M ceiling=4G"));
    assert_true(memmem(reply.text, reply.length, "warning", 7) != NULL);
    assert_int_equal(vm5()->policy.floor_kib, 100 * MIB);
}

static void test_operator_set_refused_changes_nothing(void **state)
{
    static const char *const rows[][2] = {
        {"set vm5 - floor=98303K", "under 96M"},
        {"set vm5 - floor=128M ceiling=1310721K", "more than 10 times"},
        {"set vm5 - floor=2G", "above the ceiling"},
        {"set vm5 - weight=200 policy=what", "policy is"},
        {"set vm5 - weight=0", "weight is"},
        {"set vm5 - stopped=yes", "is no setting"},
        {"set vm5 - floor=17G ceiling=17G", "floors of all VMs"},
        {"set vm5 force floor=90M", "under 96M"},
        {"set nobody - weight=200", "nobody"},
        {"set 6 - weight=200", "'6'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm before = *vm5();
        struct policy kept = *settings_find(&op.settings, &before.uuid);

        if (serve(rows[i][0]))
            fail_msg("%s is allowed", rows[i][0]);
        assert_text_has(err.text, rows[i][1]);
        assert_int_equal(ticket, 0);
        assert_memory_equal(vm5(), &before, sizeof before);
        assert_memory_equal(settings_find(&op.settings, &before.uuid), &kept, sizeof kept);
    }
    assert_int_equal(op.settings.count, 1);
}

/* 16 GiB less 1 %, 167772 KiB, and less what dom0 has */
static void test_operator_set_floors_and_reserve_fit_the_host(void **state)
{
    (void)state;
    assert_fails(serve("set vm5 - floor=15560869K ceiling=16G"), ERR_REFUSED, "floors");
    assert_ok(serve("set vm5 - floor=15560868K ceiling=16G"));
}

static void test_operator_set_counts_the_floors_of_others(void **state)
{
    (void)state;
    struct vm *fixed = fake_add(&f, 6, GIB); /* policy fixed: what it has */

    fixed->policy.kind = POLICY_FIXED;
    assert_fails(serve("set vm5 - floor=14512293K ceiling=16G"), ERR_REFUSED, "floors");
    assert_ok(serve("set vm5 - floor=14512292K ceiling=16G"));
}

static void test_operator_set_for_a_vm_that_does_not_run(void **state)
{
    const struct uuid uuid = uuid_of(0x99);

    (void)state;
    assert_ok(serve("set 99999999-9999-9999-9999-999999999999 - policy=demand floor=256M"));
    assert_true(ticket != 0);
    assert_int_equal(settings_find(&op.settings, &uuid)->floor_kib, 256 * MIB);
    assert_int_equal(vm5()->policy.floor_kib, FLOOR);
    struct vm *vm = fake_add(&f, 0x99, GIB); /* and when it comes */

    assert_int_equal(vm->policy.kind, POLICY_DEMAND);
    assert_int_equal(vm->policy.floor_kib, 256 * MIB);
}

/* "refused without: there the only evidence is the OOM kill" */
static void test_operator_set_swap_for_a_guest_without_swap_is_refused(void **state)
{
    (void)state;
    fake_say(&f, 5, 100 * MIB, NOW);
    assert_fails(serve("set vm5 - policy=swap"), ERR_REFUSED, "swap");
}

static void test_operator_set_that_cannot_be_kept_changes_nothing(void **state)
{
    (void)state;
    fill_journal();
    (void)!serve("set vm5 - weight=200");
    assert_int_equal(ticket, 0); /* so that it is answered as failed */
    assert_int_equal(vm5()->policy.weight, 100);
    assert_int_equal(settings_find(&op.settings, &vm5()->uuid)->weight, 100);
}

/* ---- stop, start, drain ---- */

static void test_operator_stop_and_start_of_a_vm(void **state)
{
    (void)state;
    assert_ok(serve("stop vm5"));
    assert_true(ticket != 0);
    assert_true(vm5()->policy.is_stopped);
    assert_int_equal(controller_barred(vm5(), &f.engine.rules, NOW), REASON_STOPPED);
    vm5()->foreign_until_ns = INT64_MAX;
    assert_ok(serve("start vm5"));
    assert_int_equal(controller_barred(vm5(), &f.engine.rules, NOW), REASON_NONE);
    assert_false(serve("stop vm6"));
    assert_int_equal(ticket, 0);
}

static void test_operator_stop_and_start_of_the_host(void **state)
{
    (void)state;
    assert_ok(serve("stop"));
    assert_true(f.engine.rules.is_stopped);
    operator_refresh(&op, 0);
    assert_true(f.engine.rules.is_stopped);
    assert_ok(serve("start"));
    assert_false(f.engine.rules.is_stopped);
}

static void test_operator_drain_ends_with_undrain_and_start(void **state)
{
    (void)state;
    assert_ok(serve("drain"));
    assert_true(ticket != 0 && f.engine.rules.is_draining);
    assert_ok(serve("undrain"));
    assert_true(ticket != 0 && !f.engine.rules.is_draining);
    assert_ok(serve("drain"));
    assert_ok(serve("start"));
    assert_false(f.engine.rules.is_draining);
}

static void test_operator_stands_down_for_a_rival(void **state)
{
    (void)state;
    op.rival = "squeezed runs";
    operator_refresh(&op, 0);
    assert_true(f.engine.rules.is_stopped);
    assert_ok(serve("start")); /* that does not make the other go */
    assert_true(f.engine.rules.is_stopped);
    op.rival = NULL;
    operator_refresh(&op, 0);
    assert_false(f.engine.rules.is_stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        operator_test(test_operator_set_holds_at_once_and_is_kept),
        operator_test(test_operator_set_warns_of_what_it_allows),
        operator_test(test_operator_set_refused_changes_nothing),
        operator_test(test_operator_set_floors_and_reserve_fit_the_host),
        operator_test(test_operator_set_counts_the_floors_of_others),
        operator_test(test_operator_set_for_a_vm_that_does_not_run),
        operator_test(test_operator_set_swap_for_a_guest_without_swap_is_refused),
        operator_test(test_operator_set_that_cannot_be_kept_changes_nothing),
        operator_test(test_operator_stop_and_start_of_a_vm),
        operator_test(test_operator_stop_and_start_of_the_host),
        operator_test(test_operator_drain_ends_with_undrain_and_start),
        operator_test(test_operator_stands_down_for_a_rival),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
