/*
 * Caps follow domains down, claims end, and what a stopped host or a hung xenstore leaves of it.
 */
#include "balloon_scene.h"

static struct balloon_scene s;

/* 512 MiB, all used: it wishes 64 MiB, for which its cap of 513 MiB must rise by 64 MiB. */
static struct vm *add_short(unsigned domid)
{
    struct vm *vm = scene_add(&s, vm_at_rest(domid, 512 * MIB, 0));

    vm->policy.headroom_kib = 32 * MIB;
    return vm;
}

/* 1 GiB with a headroom of 100 MiB and this much beyond it. */
static struct vm *add_slack(unsigned domid, uint64_t slack_kib)
{
    struct vm *vm = scene_add(&s, vm_at_rest(domid, GIB, 100 * MIB + slack_kib));

    vm->policy.headroom_kib = 100 * MIB;
    return vm;
}

static void carry_out(const struct vm *vm, enum action_kind kind, int64_t at_ns)
{
    const struct action *a = scene_action(&s, vm, kind);

    plan_done(&s.vms[a->vm], a, REASON_NONE, at_ns);
}

static void test_caps_follows_down_and_never_below_what_it_has(void **state)
{
    static const struct {
        uint64_t tot, max, expected; /* 0: no action */
    } rows[] = {
        {512 * MIB, 513 * MIB, 0},
        {512 * MIB, 513 * MIB + 4, 513 * MIB},
        {600 * MIB, 700 * MIB, 600 * MIB},
        {600 * MIB, 600 * MIB, 0},
        {513 * MIB + 4, 600 * MIB, 513 * MIB + 4},
        {513 * MIB - 4, 600 * MIB, 513 * MIB},
        {400 * MIB, 400 * MIB, 0}, /* upwards only with a grant */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_begin(&s);
        struct vm *vm = scene_add(&s, vm_at_rest(1, 512 * MIB, 30 * MIB));

        vm->domain.tot_kib = rows[i].tot;
        vm->domain.max_kib = rows[i].max;
        scene_plan(&s, NOW, GIB);
        const struct action *a = scene_find(&s, vm, ACTION_CAP);

        if (rows[i].expected == 0)
            assert_null(a);
        else
            assert_int_equal(scene_action(&s, vm, ACTION_CAP)->cap_kib, rows[i].expected);
    }
}

static void test_caps_of_one_that_is_not_ours_stays(void **state)
{
    (void)state;
    for (int why = 0; why < 4; why++) {
        scene_begin(&s);
        struct vm *vm = scene_add(&s, vm_at_rest(1, 512 * MIB, 30 * MIB));

        vm->domain.max_kib = GIB;
        vm->policy.kind = why == 0 ? POLICY_FIXED : POLICY_DEMAND;
        vm->policy.is_stopped = why == 1;
        vm->domain.flags |= why == 2 ? SAMPLE_PAUSED : 0;
        vm->foreign_until_ns = why == 3 ? INT64_MAX : 0;
        scene_plan(&s, NOW, GIB);
        assert_int_equal(s.plan.count, 0);
    }
}

static void test_caps_hung_xenstore_lets_caps_follow_and_nothing_else(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.is_xenstore_hung = true;
    struct vm *needy = add_short(1), *donor = add_slack(2, 50 * MIB);

    donor->domain.max_kib = 2 * GIB;
    scene_plan(&s, NOW, GIB);
    assert_int_equal(scene_action(&s, donor, ACTION_CAP)->cap_kib, GIB + MIB);
    assert_int_equal(s.plan.count, 1);
    assert_int_equal(needy->blocked_by, REASON_XENSTORE);
}

static void test_caps_stopped_host_stays_as_it_is(void **state)
{
    (void)state;
    scene_begin(&s);
    s.rules.is_stopped = true;
    struct vm *needy = add_short(1);

    add_slack(2, 50 * MIB)->domain.max_kib = 2 * GIB;
    scene_plan(&s, NOW, 0);
    assert_int_equal(s.plan.count, 0);
    assert_int_equal(needy->blocked_by, REASON_STOPPED);
}

static void test_caps_claim_ends_on_arrival(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    scene_plan(&s, NOW, GIB);
    carry_out(vm, ACTION_GROW, NOW);
    assert_int_equal(vm->claim_ns, NOW);
    vm_has(vm, 576 * MIB - 132, NOW + SECOND);
    scene_plan(&s, NOW + SECOND, GIB);
    assert_null(scene_find(&s, vm, ACTION_CLAIM_END));
    vm_has(vm, 576 * MIB - 128, NOW + SECOND);
    scene_plan(&s, NOW + SECOND, GIB);
    carry_out(vm, ACTION_CLAIM_END, NOW + SECOND);
    scene_plan(&s, NOW + SECOND, GIB);
    assert_null(scene_find(&s, vm, ACTION_CLAIM_END));
}

static void test_caps_claim_ends_after_5_s(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = add_short(1);

    scene_plan(&s, NOW, GIB);
    carry_out(vm, ACTION_GROW, NOW);
    vm_has(vm, 520 * MIB, NOW + SECOND);
    scene_plan(&s, NOW + 5 * SECOND - 1, GIB);
    assert_null(scene_find(&s, vm, ACTION_CLAIM_END));
    scene_plan(&s, NOW + 5 * SECOND, GIB);
    assert_int_equal(scene_action(&s, vm, ACTION_CLAIM_END)->reason, REASON_CLAIM_END);
}

static void test_caps_claim_of_a_builder_is_left_alone(void **state)
{
    (void)state;
    scene_begin(&s);
    struct vm *vm = scene_add(&s, vm_born(1, 512 * MIB, NOW));

    vm->domain.outstanding_kib = GIB;
    vm->domain.cpu_ns = 0;
    scene_plan(&s, NOW + 100 * SECOND, GIB);
    assert_int_equal(s.plan.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caps_follows_down_and_never_below_what_it_has),
        cmocka_unit_test(test_caps_of_one_that_is_not_ours_stays),
        cmocka_unit_test(test_caps_hung_xenstore_lets_caps_follow_and_nothing_else),
        cmocka_unit_test(test_caps_stopped_host_stays_as_it_is),
        cmocka_unit_test(test_caps_claim_ends_on_arrival),
        cmocka_unit_test(test_caps_claim_ends_after_5_s),
        cmocka_unit_test(test_caps_claim_of_a_builder_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
