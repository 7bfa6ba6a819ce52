/*
 * VMs with a passed-through PCI device: nothing is taken from them, whatever for, and what they are
 * short of is given.
 */
#include "balloon_scene.h"

static struct balloon_scene s;

/* 1 GiB, of which 400 MiB lie beyond its headroom. */
static struct vm *idle_with(bool has_device)
{
    struct vm *vm = scene_add(&s, vm_at_rest(1, GIB, 500 * MIB));

    vm->policy.headroom_kib = 100 * MIB;
    vm->facts.has_pci_device = has_device;
    return vm;
}

/* What a plan takes of it, without a device and with one. */
static void assert_taken_only_without(enum reason reason, void (*set)(struct vm *vm))
{
    for (int has_device = 0; has_device <= 1; has_device++) {
        scene_begin(&s);
        struct vm *vm = idle_with(has_device);

        set(vm);
        scene_plan(&s, NOW, GIB);
        if (has_device) {
            assert_int_equal(s.plan.count, 0);
            assert_string_equal(reason_word(vm->blocked_by), "passthrough");
        } else {
            assert_int_equal(scene_action(&s, vm, ACTION_SHRINK)->reason, reason);
        }
    }
}

static void set_nothing(struct vm *vm)
{
    (void)vm;
}

static void set_low_ceiling(struct vm *vm)
{
    vm->policy.ceiling_kib = 512 * MIB;
}

static void set_small_size(struct vm *vm)
{
    vm->policy.kind = POLICY_API;
    vm->policy.size_kib = 512 * MIB;
}

static void set_low_pool(struct vm *vm)
{
    (void)vm;
    s.rules.pool_least_kib = 2 * GIB;
}

static void set_draining(struct vm *vm)
{
    (void)vm;
    s.rules.is_draining = true;
}

/* Others lack more than all slack: memory in use is taken too. */
static void set_reclaim(struct vm *vm)
{
    vm->policy.may_reclaim_swap = true;
    vm->policy.headroom_kib = 500 * MIB;
    vm->last.swap_total_kib = vm->last.swap_free_kib = GIB;
    struct vm *needy = scene_add(&s, vm_at_rest(2, 512 * MIB, 0));

    needy->policy.weight = 1000;
    needy->policy.headroom_kib = 3 * GIB;
}

static void test_passthrough_nothing_is_taken(void **state)
{
    (void)state;
    assert_taken_only_without(REASON_SLACK, set_nothing);
    assert_taken_only_without(REASON_CEILING, set_low_ceiling);
    assert_taken_only_without(REASON_ASKED, set_small_size);
    assert_taken_only_without(REASON_POOL, set_low_pool);
    assert_taken_only_without(REASON_DRAIN, set_draining);
}

static void test_passthrough_nothing_in_use_is_reclaimed(void **state)
{
    (void)state;
    for (int has_device = 0; has_device <= 1; has_device++) {
        scene_begin(&s);
        struct vm *vm = idle_with(has_device);

        set_reclaim(vm);
        scene_plan(&s, NOW, 4);
        const struct action *a = scene_find(&s, vm, ACTION_SHRINK);

        assert_int_equal(a == NULL, has_device);
    }
}

static void test_passthrough_slack_is_none(void **state)
{
    scene_begin(&s);
    struct vm *vm = idle_with(false);

    (void)state;
    assert_int_equal(controller_slack_kib(vm, true), 400 * MIB);
    vm->facts.has_pci_device = true;
    assert_int_equal(controller_slack_kib(vm, true), 0);
}

static void test_passthrough_other_reasons_are_told_first(void **state)
{
    scene_begin(&s);
    struct vm *vm = idle_with(true);

    (void)state;
    vm->policy.is_stopped = true;
    scene_plan(&s, NOW, GIB);
    assert_string_equal(reason_word(vm->blocked_by), "stopped");
    vm->policy.is_stopped = false;
    scene_plan(&s, NOW + VM_STALE_NS, GIB);
    assert_string_equal(reason_word(vm->blocked_by), "stale");
}

static void test_passthrough_one_that_is_short_grows(void **state)
{
    scene_begin(&s);
    struct vm *vm = scene_add(&s, vm_at_rest(1, GIB, 4 * MIB));

    (void)state;
    vm->policy.headroom_kib = 100 * MIB;
    vm->facts.has_pci_device = true;
    scene_plan(&s, NOW, GIB);
    assert_int_equal(scene_action(&s, vm, ACTION_GROW)->target_kib, GIB + 96 * MIB);
}

/* It could not be taken back. */
static void test_passthrough_what_was_only_learned_is_not_given(void **state)
{
    (void)state;
    for (int has_device = 0; has_device <= 1; has_device++) {
        scene_begin(&s);
        struct vm *vm = scene_add(&s, vm_at_rest(1, GIB, 100 * MIB));

        vm->facts.has_pci_device = has_device;
        for (int i = 0; i < 1000; i++)
            growth_add(&vm->growth, 200 * MIB);
        scene_plan(&s, NOW, 4 * GIB);
        assert_int_equal(scene_find(&s, vm, ACTION_GROW) == NULL, has_device);
    }
}

/* Its target lies 100 MiB from what it has, and it does not move. */
static const struct action *woken(uint64_t target_kib)
{
    scene_begin(&s);
    struct vm *vm = idle_with(true);

    vm->target_kib = vm->facts.target_kib = target_kib;
    vm->domain.max_kib = 2 * GIB;
    vm->moved_ns = vm->progress_ns = NOW - VM_TRANSFER_NS;
    scene_plan(&s, NOW, GIB);
    return scene_find(&s, vm, ACTION_NUDGE);
}

static void test_passthrough_driver_is_woken_to_take_and_not_to_give(void **state)
{
    (void)state;
    assert_non_null(woken(GIB + 100 * MIB));
    assert_null(woken(GIB - 100 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passthrough_nothing_is_taken),
        cmocka_unit_test(test_passthrough_nothing_in_use_is_reclaimed),
        cmocka_unit_test(test_passthrough_slack_is_none),
        cmocka_unit_test(test_passthrough_other_reasons_are_told_first),
        cmocka_unit_test(test_passthrough_one_that_is_short_grows),
        cmocka_unit_test(test_passthrough_what_was_only_learned_is_not_given),
        cmocka_unit_test(test_passthrough_driver_is_woken_to_take_and_not_to_give),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
