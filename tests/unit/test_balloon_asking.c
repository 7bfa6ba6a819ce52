/*
 * What guests ask for, and what becomes of it.
 */
#include "operator_scene.h"

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

static void test_asking_within_what_is_allowed_is_done(void **state)
{
    (void)state;
    allow(GUEST_MAY_SIZE | GUEST_MAY_POLICY, POLICY_API);
    assert_string_equal(ask("v=1 seq=1 size=1048576", NOW), "v=1 seq=1 result=ok reason=-");
    assert_int_equal(vm5()->policy.size_kib, GIB);
    assert_string_equal(ask("v=1 seq=2 policy=demand", NOW + SECOND),
                        "v=1 seq=2 result=ok reason=-");
    assert_int_equal(vm5()->policy.kind, POLICY_DEMAND);
}

static void test_asking_size_lies_inside_the_limits(void **state)
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

static void test_asking_for_less_with_a_passed_through_device_is_refused(void **state)
{
    char text[ASK_TEXT_MAX];

    (void)state;
    allow(GUEST_MAY_SIZE, POLICY_API);
    (void)snprintf(text, sizeof text, "v=1 seq=1 size=%" PRIu64, vm5()->target_kib - 4);
    vm5()->facts.has_pci_device = true;
    assert_text_has(ask(text, NOW), "refused reason=passthrough");
    vm5()->facts.has_pci_device = false;
    text[strlen("v=1 seq=")] = '2';
    assert_text_has(ask(text, NOW + SECOND), "ok reason=-");
}

static void test_asking_refused_changes_nothing(void **state)
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

static void test_asking_is_answered_once_and_once_a_second(void **state)
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

static void test_asking_for_more_than_there_is_comes_later(void **state)
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

static void test_asking_that_cannot_be_kept_changes_nothing(void **state)
{
    (void)state;
    allow(GUEST_MAY_SIZE, POLICY_API);
    fill_journal();
    assert_text_has(ask("v=1 seq=1 size=1048576", NOW), "refused reason=failed");
    assert_int_equal(settings_find(&op.settings, &vm5()->uuid)->size_kib, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        operator_test(test_asking_within_what_is_allowed_is_done),
        operator_test(test_asking_size_lies_inside_the_limits),
        operator_test(test_asking_for_less_with_a_passed_through_device_is_refused),
        operator_test(test_asking_refused_changes_nothing),
        operator_test(test_asking_is_answered_once_and_once_a_second),
        operator_test(test_asking_for_more_than_there_is_comes_later),
        operator_test(test_asking_that_cannot_be_kept_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
