/*
 * Room for VMs to come: granted or refused, filled, expired, given up.
 */
#include "operator_scene.h"

static bool reserve_kib(int64_t kib, const char *whom)
{
    char line[128];

    (void)snprintf(line, sizeof line, "reserve %" PRId64 "K %s 1h", kib, whom);
    return serve(line);
}

static void test_reserve_up_to_the_surplus(void **state)
{
    int64_t surplus = f.engine.surplus_kib;

    (void)state;
    assert_true(surplus > (int64_t)GIB);
    assert_fails(reserve_kib(surplus + 1, "vm9"), ERR_REFUSED, "refused: the host can promise");
    assert_int_equal(ticket, 0);
    assert_int_equal(op.reserved, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 0);
    assert_ok(reserve_kib(surplus, "vm9"));
    assert_true(ticket != 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, surplus);
    fake_run(&f, NOW);
    assert_int_equal(f.engine.surplus_kib, 0);
}

static void test_reserve_of_nothing_left_says_so(void **state)
{
    (void)state;
    f.free_kib = 0;
    fake_run(&f, NOW);
    assert_fails(reserve_kib(4, "vm9"), ERR_REFUSED, "can promise 0K now");
}

static void test_reserve_again_replaces(void **state)
{
    int64_t surplus = f.engine.surplus_kib;

    (void)state;
    assert_ok(reserve_kib(surplus - 1000, "vm9"));
    fake_run(&f, NOW);
    assert_fails(reserve_kib(surplus + 1, "vm9"), ERR_REFUSED, "refused");
    assert_int_equal(f.engine.rules.ledger.reserved_kib, surplus - 1000);
    assert_ok(reserve_kib(surplus, "vm9"));
    assert_int_equal(op.reserved, 1);
    assert_ok(reserve_kib(4, "vm9"));
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 4);
}

static void test_reserve_reservation_falls_as_its_vm_fills_it(void **state)
{
    (void)state;
    assert_ok(reserve_kib((int64_t)GIB, "vm9"));
    struct vm *vm = fake_add(&f, 9, 300 * MIB); /* and 1 MiB more by its cap */

    operator_refresh(&op, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, GIB - 301 * MIB);
    vm->domain.outstanding_kib = GIB - 300 * MIB - 4;
    operator_refresh(&op, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 4);
    assert_int_equal(op.reserved, 1);
    vm->domain.outstanding_kib += 4;
    operator_refresh(&op, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 0);
    assert_int_equal(op.reserved, 0);
}

static void test_reserve_reservation_by_uuid_is_for_that_uuid(void **state)
{
    (void)state;
    assert_ok(reserve_kib((int64_t)GIB, "09090909-0909-0909-0909-090909090909"));
    (void)fake_add(&f, 8, 2 * GIB);
    operator_refresh(&op, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, GIB);
    (void)fake_add(&f, 9, 2 * GIB);
    operator_refresh(&op, 0);
    assert_int_equal(op.reserved, 0);
}

static void test_reserve_reservation_expires(void **state)
{
    (void)state;
    assert_ok(reserve_kib((int64_t)GIB, "vm9"));
    int64_t expires_ns = op.reservations[0].expires_ns;

    operator_refresh(&op, expires_ns - 1);
    assert_int_equal(op.reserved, 1);
    operator_refresh(&op, expires_ns);
    assert_int_equal(op.reserved, 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 0);
}

static void test_reserve_unreserve_gives_it_up(void **state)
{
    (void)state;
    assert_ok(reserve_kib((int64_t)GIB, "vm9"));
    assert_ok(reserve_kib(1000, "vm10"));
    assert_fails(serve("unreserve vm8"), ERR_REFUSED, "nothing is reserved for vm8");
    assert_ok(serve("unreserve vm9"));
    assert_true(ticket != 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 1000);
}

static void test_reserve_at_most_64(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < RESERVATIONS_MAX; i++) {
        (void)snprintf(name, sizeof name, "web%d", i);
        assert_ok(reserve_kib(4, name));
    }
    assert_fails(reserve_kib(4, "web64"), ERR_REFUSED, "64 reservations already");
    assert_ok(reserve_kib(8, "web63"));
}

/* I1: the second request comes before the host was read again. */
static void test_reserve_twice_in_a_round_promises_once(void **state)
{
    int64_t surplus = f.engine.surplus_kib;

    (void)state;
    assert_ok(reserve_kib(surplus, "vm9"));
    assert_fails(reserve_kib(4, "vm10"), ERR_REFUSED, "refused");
}

/* I1: what the last round granted is promised already. */
static void test_reserve_after_a_grant_counts_it(void **state)
{
    (void)state;
    fake_say(&f, 5, 4 * MIB, NOW);
    fake_run(&f, NOW);
    assert_true(vm5()->target_kib > 512 * MIB);
    int64_t before = f.engine.surplus_kib;

    assert_true(before < (int64_t)f.engine.host.free_kib);
    assert_fails(reserve_kib(before + 4, "vm9"), ERR_REFUSED, "refused");
    assert_ok(reserve_kib(before, "vm9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        operator_test(test_reserve_up_to_the_surplus),
        operator_test(test_reserve_of_nothing_left_says_so),
        operator_test(test_reserve_again_replaces),
        operator_test(test_reserve_reservation_falls_as_its_vm_fills_it),
        operator_test(test_reserve_reservation_by_uuid_is_for_that_uuid),
        operator_test(test_reserve_reservation_expires),
        operator_test(test_reserve_unreserve_gives_it_up),
        operator_test(test_reserve_at_most_64),
        operator_test(test_reserve_twice_in_a_round_promises_once),
        operator_test(test_reserve_after_a_grant_counts_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
