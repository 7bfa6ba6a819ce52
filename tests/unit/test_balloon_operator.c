/*
 * What operators and guests may change: all of a request or nothing of it.
 */
#include "balloon_fake.h"

#include "balloon/operator.h"

static struct fake f;
static struct recent recent;
static struct operator op;
static struct reply reply;
static uint64_t ticket;
static struct error err;

/* A store that takes all, or nothing. */
static bool is_disk_full;

static bool journal_writes(void *self, const struct balloon_entry *entries, size_t count,
                           struct error *error)
{
    (void)self;
    (void)entries;
    (void)count;
    return !is_disk_full || error_set(error, ERR_RETRY, "the disk is full");
}

static bool journal_prunes(void *self, int64_t before_utc_ns, struct error *error)
{
    (void)self;
    (void)before_utc_ns;
    (void)error;
    return true;
}

/* One VM, vm5, at 512 MiB under policy demand, and 8 GiB free. */
static int begin(void **state)
{
    const struct journal_store store = {journal_writes, journal_prunes, NULL};
    const struct journal_options options = {.room = 4, .retry_ns = 1000000};
    struct policy standard;

    (void)state;
    is_disk_full = false;
    fake_begin(&f);
    op = (struct operator){.engine = &f.engine, .recent = &recent};
    policy_init(&standard);
    settings_init(&op.settings, &standard);
    f.engine.policies = (struct policy_source){operator_find_policy, &op};
    reply_init(&reply);
    assert_ok(journal_open(&op.journal, &store, &options, &err));
    (void)fake_add(&f, 5, 512 * MIB);
    f.policy.ceiling_kib = GIB;
    f.engine.vms[0].policy = f.policy;
    assert_ok(settings_put(&op.settings, &f.engine.vms[0].uuid, &f.policy, &err));
    fake_run(&f, NOW);
    return 0;
}

static int end(void **state)
{
    (void)state;
    is_disk_full = false;
    assert_true(journal_close(op.journal, 10 * SECOND));
    operator_clear(&op);
    reply_clear(&reply);
    fake_end(&f);
    return 0;
}

static struct vm *vm5(void)
{
    return engine_find(&f.engine, 5);
}

/* The request of this line; its reply is in reply. */
static bool serve(const char *line)
{
    static char text[REQUEST_LINE_MAX];
    struct request request;

    (void)snprintf(text, sizeof text, "%s", line);
    assert_ok(request_parse(text, &request, &err));
    (void)snprintf(request.who, sizeof request.who, "tester");
    reply_clear(&reply);
    reply_init(&reply);
    ticket = 0;
    return operator_serve(&op, &request, &reply, &ticket, &err);
}

static bool reserve_kib(int64_t kib, const char *whom)
{
    char line[128];

    (void)snprintf(line, sizeof line, "reserve %" PRId64 "K %s 1h", kib, whom);
    return serve(line);
}

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

/* 16 GiB less 1 %, 167772 KiB */
static void test_operator_set_floors_and_reserve_fit_the_host(void **state)
{
    (void)state;
    assert_fails(serve("set vm5 - floor=16609445K ceiling=16G"), ERR_REFUSED, "floors");
    assert_ok(serve("set vm5 - floor=16609444K ceiling=16G"));
}

static void test_operator_set_counts_the_floors_of_others(void **state)
{
    (void)state;
    struct vm *fixed = fake_add(&f, 6, GIB); /* policy fixed: what it has */

    fixed->policy.kind = POLICY_FIXED;
    assert_fails(serve("set vm5 - floor=15560869K ceiling=16G"), ERR_REFUSED, "floors");
    assert_ok(serve("set vm5 - floor=15560868K ceiling=16G"));
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
    KNOWN_FAULT();
    fake_say(&f, 5, 100 * MIB, NOW);
    assert_fails(serve("set vm5 - policy=swap"), ERR_REFUSED, "swap");
}

/* Fills the journal until it takes nothing more. */
static void fill_journal(void)
{
    const struct balloon_setting setting = {.is_host = true, .key = "k", .value = "v"};

    is_disk_full = true;
    while (journal_take_setting(op.journal, &setting, "test", 1) != 0)
        ;
}

static void test_operator_set_that_cannot_be_kept_changes_nothing(void **state)
{
    (void)state;
    KNOWN_FAULT();
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

/* ---- reservations ---- */

static void test_operator_reserve_up_to_the_surplus(void **state)
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

static void test_operator_reserve_of_nothing_left_says_so(void **state)
{
    (void)state;
    f.free_kib = 0;
    fake_run(&f, NOW);
    assert_fails(reserve_kib(4, "vm9"), ERR_REFUSED, "can promise 0K now");
}

static void test_operator_reserve_again_replaces(void **state)
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

static void test_operator_reservation_falls_as_its_vm_fills_it(void **state)
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

static void test_operator_reservation_by_uuid_is_for_that_uuid(void **state)
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

static void test_operator_reservation_expires(void **state)
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

static void test_operator_unreserve_gives_it_up(void **state)
{
    (void)state;
    assert_ok(reserve_kib((int64_t)GIB, "vm9"));
    assert_ok(reserve_kib(1000, "vm10"));
    assert_fails(serve("unreserve vm8"), ERR_REFUSED, "nothing is reserved for vm8");
    assert_ok(serve("unreserve vm9"));
    assert_true(ticket != 0);
    assert_int_equal(f.engine.rules.ledger.reserved_kib, 1000);
}

static void test_operator_reserve_at_most_64(void **state)
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
static void test_operator_reserve_twice_in_a_round_promises_once(void **state)
{
    int64_t surplus = f.engine.surplus_kib;

    (void)state;
    KNOWN_FAULT();
    assert_ok(reserve_kib(surplus, "vm9"));
    assert_fails(reserve_kib(4, "vm10"), ERR_REFUSED, "refused");
}

/* I1: what the last round granted is promised already. */
static void test_operator_reserve_after_a_grant_counts_it(void **state)
{
    (void)state;
    KNOWN_FAULT();
    fake_say(&f, 5, 4 * MIB, NOW);
    fake_run(&f, NOW);
    assert_true(vm5()->target_kib > 512 * MIB);
    int64_t before = f.engine.surplus_kib;

    assert_fails(reserve_kib(before, "vm9"), ERR_REFUSED, "refused");
}

/* ---- guests ---- */

static char answer[ASK_ANSWER_MAX];

static const char *ask(const char *text, int64_t at_ns)
{
    return operator_ask(&op, vm5(), text, strlen(text), at_ns, answer);
}

static void allow(unsigned what, enum policy_kind kind)
{
    f.policy.kind = kind;
    f.policy.guest_may = what;
    assert_ok(settings_put(&op.settings, &vm5()->uuid, &f.policy, &err));
    engine_reload(&f.engine, NOW);
}

static void test_operator_ask_within_what_is_allowed_is_done(void **state)
{
    (void)state;
    allow(GUEST_MAY_SIZE | GUEST_MAY_POLICY, POLICY_API);
    assert_string_equal(ask("v=1 seq=1 size=1048576", NOW), "v=1 seq=1 result=ok reason=-");
    assert_int_equal(vm5()->policy.size_kib, GIB);
    assert_string_equal(ask("v=1 seq=2 policy=demand", NOW + SECOND),
                        "v=1 seq=2 result=ok reason=-");
    assert_int_equal(vm5()->policy.kind, POLICY_DEMAND);
}

static void test_operator_ask_size_lies_inside_the_limits(void **state)
{
    static const struct {
        uint64_t size;
        const char *result;
    } rows[] = {{FLOOR - 1, "refused reason=floor"},
                {FLOOR, "ok reason=-"},
                {GIB, "ok reason=-"},
                {GIB + 1, "refused reason=ceiling"}};

    (void)state;
    allow(GUEST_MAY_SIZE, POLICY_API);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t before = vm5()->policy.size_kib;
        char text[ASK_TEXT_MAX];

        (void)snprintf(text, sizeof text, "v=1 seq=%u size=%" PRIu64, i + 1, rows[i].size);
        assert_text_has(ask(text, NOW + i * SECOND), rows[i].result);
        assert_int_equal(vm5()->policy.size_kib, rows[i].result[0] == 'o' ? rows[i].size : before);
    }
}

static void test_operator_ask_refused_changes_nothing(void **state)
{
    static const struct {
        unsigned may;
        enum policy_kind kind;
        bool is_stopped;
        const char *text, *reason;
    } rows[] = {
        {0, POLICY_API, false, "v=1 seq=1 size=1048576", "not-allowed"},
        {GUEST_MAY_POLICY, POLICY_API, false, "v=1 seq=1 size=1048576", "not-allowed"},
        {GUEST_MAY_SIZE, POLICY_DEMAND, false, "v=1 seq=1 size=1048576", "policy"},
        {GUEST_MAY_SIZE, POLICY_API, true, "v=1 seq=1 size=1048576", "stopped"},
        {0, POLICY_DEMAND, false, "v=1 seq=1 policy=api", "not-allowed"},
        {GUEST_MAY_SIZE, POLICY_DEMAND, false, "v=1 seq=1 policy=api", "not-allowed"},
        {GUEST_MAY_POLICY, POLICY_DEMAND, false, "v=1 seq=1 policy=swap", "no-swap"},
        {GUEST_MAY_POLICY, POLICY_DEMAND, true, "v=1 seq=1 policy=api", "stopped"},
        {GUEST_MAY_POLICY, POLICY_DEMAND, false, "v=1 seq=1 policy=what", "malformed"},
        {GUEST_MAY_POLICY, POLICY_DEMAND, false, "v=1 seq=0 policy=api", "malformed"},
        {GUEST_MAY_SIZE, POLICY_API, false, "v=1 seq=1 size=-1", "malformed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[64];

        vm5()->asked_seq = 0;
        vm5()->asked_ns = 0;
        f.engine.rules.is_stopped = rows[i].is_stopped;
        allow(rows[i].may, rows[i].kind);
        struct policy before = vm5()->policy;

        (void)snprintf(expected, sizeof expected, "result=refused reason=%s", rows[i].reason);
        assert_text_has(ask(rows[i].text, NOW), expected);
        assert_memory_equal(&vm5()->policy, &before, sizeof before);
        assert_int_equal(settings_find(&op.settings, &vm5()->uuid)->kind, before.kind);
        assert_int_equal(settings_find(&op.settings, &vm5()->uuid)->size_kib, before.size_kib);
    }
    assert_int_equal(vm5()->hostile_records, 3);
}

static void test_operator_ask_is_answered_once_and_once_a_second(void **state)
{
    (void)state;
    allow(GUEST_MAY_SIZE, POLICY_API);
    assert_null(ask("", NOW));
    assert_non_null(ask("v=1 seq=1 size=786432", NOW));
    assert_null(ask("v=1 seq=1 size=786432", NOW + 5 * SECOND));
    assert_non_null(ask("v=1 seq=2 size=786432", NOW + 10 * SECOND));
    assert_string_equal(ask("v=1 seq=3 size=1048576", NOW + 11 * SECOND - 1),
                        "v=1 seq=3 result=refused reason=busy");
    assert_int_equal(vm5()->policy.size_kib, 768 * MIB);
    assert_string_equal(ask("v=1 seq=4 size=1048576", NOW + 11 * SECOND),
                        "v=1 seq=4 result=ok reason=-");
    assert_int_equal(vm5()->policy.size_kib, GIB);
}

static void test_operator_ask_for_more_than_there_is_comes_later(void **state)
{
    (void)state;
    allow(GUEST_MAY_SIZE, POLICY_API);
    f.engine.surplus_kib = (int64_t)(512 * MIB);
    assert_text_has(ask("v=1 seq=1 size=1048576", NOW), "ok reason=-");
    f.engine.surplus_kib--;
    vm5()->policy.size_kib = 0;
    assert_text_has(ask("v=1 seq=2 size=1048576", NOW + SECOND), "later reason=no-surplus");
    assert_int_equal(vm5()->policy.size_kib, GIB); /* noted */
}

static void test_operator_ask_that_cannot_be_kept_changes_nothing(void **state)
{
    (void)state;
    KNOWN_FAULT();
    allow(GUEST_MAY_SIZE, POLICY_API);
    fill_journal();
    assert_text_has(ask("v=1 seq=1 size=1048576", NOW), "refused reason=failed");
    assert_int_equal(settings_find(&op.settings, &vm5()->uuid)->size_kib, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_operator_set_holds_at_once_and_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_warns_of_what_it_allows, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_refused_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_floors_and_reserve_fit_the_host, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_set_counts_the_floors_of_others, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_for_a_vm_that_does_not_run, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_swap_for_a_guest_without_swap_is_refused,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_operator_set_that_cannot_be_kept_changes_nothing,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_operator_stop_and_start_of_a_vm, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_stop_and_start_of_the_host, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_drain_ends_with_undrain_and_start, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_stands_down_for_a_rival, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_up_to_the_surplus, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_of_nothing_left_says_so, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_again_replaces, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reservation_falls_as_its_vm_fills_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_reservation_by_uuid_is_for_that_uuid, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_reservation_expires, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_unreserve_gives_it_up, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_at_most_64, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_twice_in_a_round_promises_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_reserve_after_a_grant_counts_it, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_ask_within_what_is_allowed_is_done, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_ask_size_lies_inside_the_limits, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_ask_refused_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_operator_ask_is_answered_once_and_once_a_second, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_ask_for_more_than_there_is_comes_later, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_operator_ask_that_cannot_be_kept_changes_nothing,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
