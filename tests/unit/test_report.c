/*
 * What list and explain tell, as text: word for word, so that a change of it is meant.
 */
#include "check.h"

#include <stdlib.h>

#include "balloon/recent.h"
#include "balloon/report.h"
#include "meter/record.h"

#define MIB UINT64_C(1024)

static struct engine engine;
static struct actuator actuator;
static const struct actuator_ops actuator_ops = {.kind = "sim"};

static const int64_t now_ns = 1000 * NS_PER_S;

static void make_engine(void)
{
    actuator.ops = &actuator_ops;
    engine = (struct engine){.actuator = &actuator,
                             .rules = {.mode = MODE_ON},
                             .host = {.now_ns = now_ns - 50000000,
                                      .total_kib = 16384 * MIB,
                                      .free_kib = 4096 * MIB,
                                      .outstanding_kib = 64 * MIB},
                             .surplus_kib = -8,
                             .pool_goal_kib = 256 * MIB,
                             .count = 1};
}

/* At rest: 512 MiB, of which 300 are needed. */
static struct vm a_vm(void)
{
    struct vm vm = {.uuid = uuid_of(0x11), .domid = 5, .phase = VM_RUN};

    policy_init(&vm.policy);
    vm.policy.kind = POLICY_DEMAND;
    vm.policy.floor_kib = 256 * MIB;
    vm.policy.ceiling_kib = 1024 * MIB;
    (void)strcpy(vm.facts.name, "web 1");
    vm.facts.static_max_kib = 2048 * MIB;
    vm.domain = (struct host_domain){.domid = 5,
                                     .flags = SAMPLE_RUNNING,
                                     .tot_kib = 512 * MIB,
                                     .max_kib = 513 * MIB,
                                     .cpu_ns = 1};
    vm.target_kib = 512 * MIB;
    vm.last = (struct figures){.seq = 7,
                               .up_ms = 9000,
                               .current_kib = 512 * MIB,
                               .total_kib = 458 * MIB,
                               .free_kib = 100 * MIB,
                               .available_kib = 212 * MIB,
                               .swap_total_kib = 128 * MIB,
                               .swap_free_kib = 128 * MIB,
                               .flags = FIGURES_HAS_BALLOON};
    vm.last_ns = now_ns - 1500000000;
    vm.blocked_by = REASON_QUIET;
    return vm;
}

static void assert_reply(struct reply *reply, const char *expected)
{
    char *text = malloc(reply->length + 1);

    assert_non_null(text);
    memcpy(text, reply->text, reply->length);
    text[reply->length] = '\0';
    assert_string_equal(text, expected);
    free(text);
    reply_clear(reply);
}

static void assert_reply_has(struct reply *reply, const char *part)
{
    assert_non_null(memmem(reply->text, reply->length, part, strlen(part)));
}

static void assert_reply_lacks(struct reply *reply, const char *part)
{
    assert_null(memmem(reply->text, reply->length, part, strlen(part)));
}

static struct reply explained(const struct vm *vm)
{
    struct reply reply;

    make_engine();
    reply_init(&reply);
    report_explain(&reply, &engine, vm, NULL, 0, now_ns);
    return reply;
}

static void test_report_host(void **state)
{
    struct reply reply;

    (void)state;
    make_engine();
    reply_init(&reply);
    report_host(&reply, &engine, now_ns);
    assert_reply(&reply,
                 "host mode=on actuator=sim stopped=0 draining=0 xenstore_hung=0 vms=1 "
                 "total_kib=16777216 free_kib=4194304 claimed_kib=65536 hard_reserve_kib=167772 "
                 "reserved_kib=0 dom0_allowance_kib=0 surplus_kib=-8 pool_goal_kib=262144 "
                 "shortfall_kib=0 claims_refused=0 read_age_ms=50\n");
}

static void test_report_reservations(void **state)
{
    struct reservation list[2] = {
        {.name = "web2", .size_kib = 2048, .filled_kib = 4, .expires_ns = 5 * NS_PER_S},
        {.uuid = uuid_of(0x22), .size_kib = 4, .expires_ns = 1}};
    struct reply reply;

    (void)state;
    reply_init(&reply);
    report_reservations(&reply, list, 2, 2 * NS_PER_S);
    assert_reply(&reply, "reservation name=web2 uuid=- size_kib=2048 filled_kib=4 left_ms=3000\n"
                         "reservation name= uuid=22222222-2222-2222-2222-222222222222 size_kib=4 "
                         "filled_kib=0 left_ms=0\n");
}

static const char vm_line[] =
    "vm domid=5 name=web%201 uuid=11111111-1111-1111-1111-111111111111 policy=demand state=run "
    "record_age_ms=1500 need_kib=307200 available_kib=217088 headroom_kib=16384 "
    "floor_kib=262144 target_kib=524288 ceiling_kib=1048576 static_max_kib=2097152 "
    "tot_kib=524288 cap_kib=525312 weight=100 tracking=0 blocked_by=quiet "
    "alerts_withheld=0\n";

static void test_report_vm(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    make_engine();
    reply_init(&reply);
    report_vm(&reply, &engine, &vm, now_ns);
    assert_reply(&reply, vm_line);
}

static void test_report_vm_without_a_record_has_no_need(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.last_ns = 0;
    make_engine();
    reply_init(&reply);
    report_vm(&reply, &engine, &vm, now_ns);
    assert_reply_lacks(&reply, "need_kib");
    assert_reply_lacks(&reply, "available_kib");
    reply_clear(&reply);
}

static void test_report_explain_in_full(void **state)
{
    struct vm vm = a_vm();
    struct decision decision = {.at_ns = now_ns - 65 * NS_PER_S,
                                .action = {.kind = ACTION_GROW,
                                           .reason = REASON_SHORT,
                                           .before_kib = 448 * MIB,
                                           .target_kib = 512 * MIB,
                                           .cap_kib = 513 * MIB,
                                           .surplus_kib = 9},
                                .failure = REASON_DRY_RUN,
                                .need_kib = 440 * MIB,
                                .available_kib = 8 * MIB,
                                .headroom_kib = 22 * MIB,
                                .tot_kib = 448 * MIB,
                                .rate_kib_s = 5};
    char expected[4096];
    struct reply reply;

    (void)state;
    vm.policy.spend_cap_milli = 5000;
    vm.spent_kib_ns = KIB_NS_PER_GIB_H + KIB_NS_PER_GIB_H / 4;
    make_engine();
    reply_init(&reply);
    report_explain(&reply, &engine, &vm, &decision, 1, now_ns);
    (void)snprintf(
        expected, sizeof expected, "%s%s%s%s%s%s", vm_line,
        "record age_ms=1500 fallback=0 seq=7 up_ms=9000 current_kib=524288 total_kib=468992 "
        "free_kib=102400 available_kib=217088 cached_kib=0 swap_total_kib=131072 "
        "swap_free_kib=131072 committed_kib=0 swap_in=0 swap_out=0 refaults=0 major_faults=0 "
        "oom_kills=0 stall_some_us=0 stall_full_us=0 has_balloon=1 has_pressure=0 rate_kib_s=0 "
        "hostile_records=0\n",
        "block reason=quiet "
        "text=nothing%20is%20taken%20so%20soon%20after%20growth,%20a%20stall%20or%20a%20failed%20"
        "shrink\n",
        "overhead ceiling_kib=1048576 measured_kib=55296 published_kib=25390\n",
        "spending today_milli_gib_h=1250 cap_milli_gib_h=5000\n",
        "decision age_ms=65000 action=grow reason=short failure=dry-run before_kib=458752 "
        "target_kib=524288 cap_kib=525312 need_kib=450560 available_kib=8192 headroom_kib=22528 "
        "tot_kib=458752 rate_kib_s=5 surplus_kib=9 "
        "text=available%20is%20below%20half%20of%20the%20headroom\n");
    assert_reply(&reply, expected);
}

static void test_report_warns_of_a_ratio_and_a_low_floor(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.policy.floor_kib = 128 * MIB;
    reply = explained(&vm);
    assert_reply_lacks(&reply, "warning");
    reply_clear(&reply);
    vm.policy.ceiling_kib = 1024 * MIB + 4;
    reply = explained(&vm);
    assert_reply_has(&reply, "warning text=the%20ceiling%20is%20more%20than%208%20times");
    reply_clear(&reply);
    vm.policy.ceiling_kib = 512 * MIB;
    vm.policy.floor_kib = 128 * MIB - 4;
    reply = explained(&vm);
    assert_reply_has(&reply, "warning text=a%20floor%20under%20128M");
    reply_clear(&reply);
}

static void test_report_warns_of_what_the_guest_lacks(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.last.swap_total_kib = 0;
    vm.last.flags = 0;
    vm.hostile_records = 1;
    reply = explained(&vm);
    assert_reply_has(&reply, "no%20swap");
    assert_reply_has(&reply, "no%20balloon%20driver");
    assert_reply_has(&reply, "were%20not%20believed");
    reply_clear(&reply);
    vm.policy.kind = POLICY_FIXED;
    reply = explained(&vm);
    assert_reply_lacks(&reply, "warning");
    reply_clear(&reply);
}

static void test_report_warns_of_a_passed_through_device(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.facts.has_pci_device = true;
    vm.last_ns = 0; /* whether the guest speaks or not */
    reply = explained(&vm);
    assert_reply_has(&reply, "warning text=a%20PCI%20device%20is%20passed%20through");
    reply_clear(&reply);
    vm.policy.kind = POLICY_FIXED;
    reply = explained(&vm);
    assert_reply_lacks(&reply, "warning");
    reply_clear(&reply);
}

static void test_report_shows_a_ceiling_that_is_pending(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.policy.ceiling_kib = 512 * MIB;
    reply = explained(&vm);
    assert_reply_lacks(&reply, "is%20pending");
    reply_clear(&reply);
    vm.policy.ceiling_kib = 511 * MIB;
    reply = explained(&vm);
    assert_reply_has(&reply, "is%20pending");
    reply_clear(&reply);
}

static void test_report_overhead_is_measured_at_rest_only(void **state)
{
    struct vm vm = a_vm();
    struct reply reply;

    (void)state;
    vm.moved_ns = now_ns;
    reply = explained(&vm);
    assert_reply_lacks(&reply, "measured_kib");
    reply_clear(&reply);
}

static void test_report_published_overhead_meets_its_points(void **state)
{
    (void)state;
    assert_int_equal(report_published_overhead_kib(256 * MIB), 12000000 / 1024);
    assert_int_equal(report_published_overhead_kib(512 * MIB), 20000000 / 1024);
    assert_int_equal(report_published_overhead_kib(2048 * MIB), 38000000 / 1024);
    assert_int_equal(report_published_overhead_kib(6144 * MIB), 60000000 / 1024);
    /* a line between them, and its ends go on */
    assert_int_equal(report_published_overhead_kib(1280 * MIB), 28320);
    assert_true(report_published_overhead_kib(8192 * MIB) > 60000000 / 1024);
    assert_true(report_published_overhead_kib(0) < 12000000 / 1024);
    assert_true(report_published_overhead_kib(UINT64_MAX) > 60000000 / 1024);
}

static void test_report_state_tells_what_matters_most(void **state)
{
    struct vm vm = a_vm();

    (void)state;
    make_engine();
    assert_string_equal(report_state(&engine, &vm), "run");
    vm.is_stuck = true;
    assert_string_equal(report_state(&engine, &vm), "stuck");
    vm.policy.is_stopped = true;
    assert_string_equal(report_state(&engine, &vm), "stopped");
    vm.policy.is_stopped = false;
    engine.rules.is_stopped = true;
    assert_string_equal(report_state(&engine, &vm), "stopped");
    vm.domain.flags |= SAMPLE_PAUSED;
    assert_string_equal(report_state(&engine, &vm), "paused");
}

static void test_recent_gives_the_newest_of_one_vm(void **state)
{
    static struct recent recent;
    struct decision d = {.uuid = uuid_of(1)};
    struct decision out[3];
    struct uuid one = uuid_of(1);
    struct uuid three = uuid_of(3);

    (void)state;
    for (int64_t i = 0; i < RECENT_MAX + 10; i++) {
        d.uuid = uuid_of(i % 2 == 0 ? 1 : 2);
        d.at_ns = i;
        recent_add(&recent, &d);
    }
    assert_int_equal(recent_of(&recent, &one, out, 3), 3);
    assert_int_equal(out[0].at_ns, RECENT_MAX + 8);
    assert_int_equal(out[2].at_ns, RECENT_MAX + 4);
    assert_int_equal(recent_of(&recent, &three, out, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_host),
        cmocka_unit_test(test_report_reservations),
        cmocka_unit_test(test_report_vm),
        cmocka_unit_test(test_report_vm_without_a_record_has_no_need),
        cmocka_unit_test(test_report_explain_in_full),
        cmocka_unit_test(test_report_warns_of_a_ratio_and_a_low_floor),
        cmocka_unit_test(test_report_warns_of_what_the_guest_lacks),
        cmocka_unit_test(test_report_warns_of_a_passed_through_device),
        cmocka_unit_test(test_report_shows_a_ceiling_that_is_pending),
        cmocka_unit_test(test_report_overhead_is_measured_at_rest_only),
        cmocka_unit_test(test_report_published_overhead_meets_its_points),
        cmocka_unit_test(test_report_state_tells_what_matters_most),
        cmocka_unit_test(test_recent_gives_the_newest_of_one_vm),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
