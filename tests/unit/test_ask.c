/*
 * What a guest may ask for: a strict text, and only what the operator allows.
 */
#include "check.h"

#include "balloon/ask.h"

static bool parse(const char *text, struct ask *out, struct error *err)
{
    return ask_parse(text, strlen(text), out, err);
}

static struct ask parsed(const char *text)
{
    struct ask ask = {0};
    struct error err;

    assert_ok(parse(text, &ask, &err));
    return ask;
}

static void test_ask_size(void **state)
{
    struct ask ask = parsed("v=1 seq=4294967295 size=1099511627776");

    (void)state;
    assert_int_equal(ask.seq, UINT32_MAX);
    assert_int_equal(ask.kind, ASK_SIZE);
    assert_int_equal(ask.size_kib, KIB_MAX);
}

static void test_ask_policy(void **state)
{
    (void)state;
    assert_int_equal(parsed("v=1 seq=1 policy=fixed").policy, POLICY_FIXED);
    assert_int_equal(parsed("v=1 seq=1 policy=demand").policy, POLICY_DEMAND);
    assert_int_equal(parsed("v=1 seq=1 policy=swap").policy, POLICY_SWAP);
    assert_int_equal(parsed("v=1 seq=1 policy=api").kind, ASK_POLICY);
}

static void test_ask_that_is_none_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "v=1",
                                        "v=2 seq=1 size=4",
                                        "v=1 seq=0 size=4",
                                        "v=1 seq=4294967296 size=4",
                                        "v=1 seq=01 size=4",
                                        "v=1 seq=1 size=",
                                        "v=1 seq=1 size=-4",
                                        "v=1 seq=1 size=4K",
                                        "v=1 seq=1 size=1099511627777",
                                        "v=1 seq=1 policy=",
                                        "v=1 seq=1 policy=deman",
                                        "v=1 seq=1 policy=demand ",
                                        "v=1 seq=1 policy=demand size=4",
                                        "v=1 seq=1 size=4 policy=demand",
                                        "v=1 seq=1 size=4\n",
                                        "v=1  seq=1 size=4",
                                        "seq=1 v=1 size=4",
                                        " v=1 seq=1 size=4",
                                        "v=1 seq=1"};
    struct ask ask;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_fails(parse(texts[i], &ask, &err), ERR_INPUT, "");
    assert_fails(ask_parse("v=1 seq=1 size=4\0", 17, &ask, &err), ERR_INPUT, "");
}

static void test_ask_longer_than_it_can_be_is_not_looked_at(void **state)
{
    char text[ASK_TEXT_MAX + 2];
    struct ask ask;
    struct error err;

    (void)state;
    memset(text, '1', sizeof text);
    assert_fails(ask_parse(text, ASK_TEXT_MAX, &ask, &err), ERR_INPUT, "begins with v=1");
    assert_fails(ask_parse(text, ASK_TEXT_MAX + 1, &ask, &err), ERR_INPUT, "65 bytes");
}

static const struct ask_limits limits = {.floor_kib = 100,
                                         .ceiling_kib = 200,
                                         .has_swap = true,
                                         .is_stopped = false};

static struct policy api_policy(unsigned guest_may)
{
    struct policy policy;

    policy_init(&policy);
    policy.kind = POLICY_API;
    policy.guest_may = guest_may;
    return policy;
}

static enum ask_reason refused(const char *text, struct policy policy, struct ask_limits with)
{
    struct ask ask = parsed(text);
    struct policy before = policy;
    enum ask_reason reason;

    assert_int_equal(ask_apply(&ask, &with, &policy, &reason), ASK_REFUSED);
    assert_memory_equal(&policy, &before, sizeof policy);
    return reason;
}

static uint64_t size_after(const char *text)
{
    struct policy policy = api_policy(GUEST_MAY_SIZE);
    struct ask ask = parsed(text);
    enum ask_reason reason;

    assert_int_equal(ask_apply(&ask, &limits, &policy, &reason), ASK_OK);
    assert_int_equal(reason, ASK_REASON_NONE);
    return policy.size_kib;
}

static void test_ask_size_inside_floor_and_ceiling_is_done(void **state)
{
    struct policy policy = api_policy(GUEST_MAY_SIZE);

    (void)state;
    assert_int_equal(size_after("v=1 seq=1 size=100"), 100);
    assert_int_equal(size_after("v=1 seq=1 size=200"), 200);
    assert_int_equal(refused("v=1 seq=1 size=99", policy, limits), ASK_REASON_FLOOR);
    assert_int_equal(refused("v=1 seq=1 size=201", policy, limits), ASK_REASON_CEILING);
}

static void test_ask_size_below_what_is_kept_is_refused(void **state)
{
    struct policy policy = api_policy(GUEST_MAY_SIZE);
    struct ask_limits kept = limits;
    struct ask ask = parsed("v=1 seq=1 size=150");
    enum ask_reason reason;

    (void)state;
    kept.kept_kib = 150;
    assert_int_equal(refused("v=1 seq=1 size=149", policy, kept), ASK_REASON_PASSTHROUGH);
    assert_int_equal(ask_apply(&ask, &kept, &policy, &reason), ASK_OK);
}

static void test_ask_only_what_the_operator_allows(void **state)
{
    (void)state;
    assert_int_equal(refused("v=1 seq=1 size=150", api_policy(0), limits), ASK_REASON_NOT_ALLOWED);
    assert_int_equal(refused("v=1 seq=1 size=150", api_policy(GUEST_MAY_POLICY), limits),
                     ASK_REASON_NOT_ALLOWED);
    assert_int_equal(refused("v=1 seq=1 policy=demand", api_policy(GUEST_MAY_SIZE), limits),
                     ASK_REASON_NOT_ALLOWED);
}

static void test_ask_size_under_another_policy_is_refused(void **state)
{
    struct policy policy = api_policy(GUEST_MAY_SIZE);

    (void)state;
    policy.kind = POLICY_DEMAND;
    assert_int_equal(refused("v=1 seq=1 size=150", policy, limits), ASK_REASON_POLICY);
}

static void test_ask_while_stopped_is_refused(void **state)
{
    struct ask_limits stopped = limits;

    (void)state;
    stopped.is_stopped = true;
    assert_int_equal(refused("v=1 seq=1 size=150", api_policy(GUEST_MAY_SIZE), stopped),
                     ASK_REASON_STOPPED);
    assert_int_equal(refused("v=1 seq=1 policy=fixed", api_policy(GUEST_MAY_POLICY), stopped),
                     ASK_REASON_STOPPED);
}

static void test_ask_policy_swap_needs_swap(void **state)
{
    struct ask_limits without = limits;
    struct policy policy = api_policy(GUEST_MAY_POLICY);
    struct ask ask = parsed("v=1 seq=1 policy=swap");
    enum ask_reason reason;

    (void)state;
    without.has_swap = false;
    assert_int_equal(refused("v=1 seq=1 policy=swap", policy, without), ASK_REASON_NO_SWAP);
    assert_int_equal(ask_apply(&ask, &limits, &policy, &reason), ASK_OK);
    assert_int_equal(policy.kind, POLICY_SWAP);
}

static void test_ask_answer_is_one_line(void **state)
{
    char text[ASK_ANSWER_MAX];

    (void)state;
    assert_string_equal(ask_answer(7, ASK_OK, ASK_REASON_NONE, text),
                        "v=1 seq=7 result=ok reason=-");
    assert_string_equal(ask_answer(UINT32_MAX, ASK_REFUSED, ASK_REASON_NOT_ALLOWED, text),
                        "v=1 seq=4294967295 result=refused reason=not-allowed");
    assert_string_equal(ask_answer(8, ASK_LATER, ASK_REASON_NO_SURPLUS, text),
                        "v=1 seq=8 result=later reason=no-surplus");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_size),
        cmocka_unit_test(test_ask_policy),
        cmocka_unit_test(test_ask_that_is_none_is_refused),
        cmocka_unit_test(test_ask_longer_than_it_can_be_is_not_looked_at),
        cmocka_unit_test(test_ask_size_inside_floor_and_ceiling_is_done),
        cmocka_unit_test(test_ask_size_below_what_is_kept_is_refused),
        cmocka_unit_test(test_ask_only_what_the_operator_allows),
        cmocka_unit_test(test_ask_size_under_another_policy_is_refused),
        cmocka_unit_test(test_ask_while_stopped_is_refused),
        cmocka_unit_test(test_ask_policy_swap_needs_swap),
        cmocka_unit_test(test_ask_answer_is_one_line),
    };

    return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
