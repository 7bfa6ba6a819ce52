/*
 * Guests whose balloon driver sleeps: their target is moved by a page, and put back; those that do
 * not wake keep what they have.
 */
#include "balloon_scene.h"

static struct balloon_scene s;

/* Told to go from 512 MiB to this at NOW, and does not move. */
static struct vm *begin(uint64_t target_kib)
{
    scene_begin(&s);
    struct vm *vm = scene_add(&s, vm_at_rest(1, 512 * MIB, 200 * MIB));
    const struct action a = {.kind = target_kib > 512 * MIB ? ACTION_GROW : ACTION_SHRINK,
                             .target_kib = target_kib,
                             .cap_kib = target_kib + MIB,
                             .before_kib = 512 * MIB};

    vm->policy.headroom_kib = 4 * MIB;
    plan_done(vm, &a, REASON_NONE, NOW);
    return vm;
}

/* A plan at that time, with a fresh reading of the domain; what it writes is written. */
static const struct action *plan_at(struct vm *vm, int64_t at_ns)
{
    const struct action *found = NULL;

    vm_has(vm, vm->domain.tot_kib, at_ns);
    scene_plan(&s, at_ns, GIB);
    for (size_t i = 0; i < s.plan.count; i++) {
        const struct action *a = &s.plan.actions[i];

        if (a->kind == ACTION_GROW || a->kind == ACTION_SHRINK || a->kind == ACTION_NUDGE) {
            assert_null(found);
            found = a;
        }
        plan_done(vm, a, REASON_NONE, at_ns);
    }
    return found;
}

static void assert_writes(struct vm *vm, int64_t at_ns, enum action_kind kind, uint64_t target_kib)
{
    const struct action *a = plan_at(vm, at_ns);

    if (a == NULL)
        fail_msg("nothing is written");
    assert_int_equal(a->kind, kind);
    assert_int_equal(a->target_kib, target_kib);
}

/* One waking: the target, a page from it, and put back 200 ms later. */
static void assert_wakes(struct vm *vm, int64_t at_ns)
{
    uint64_t target = vm->target_kib;

    assert_writes(vm, at_ns, ACTION_NUDGE, target - 4);
    assert_null(plan_at(vm, at_ns + 200 * MS - 1));
    assert_writes(vm, at_ns + 200 * MS, ACTION_NUDGE, target);
}

static void test_waking_begins_after_exactly_2_s(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    assert_null(plan_at(vm, NOW + 2 * SECOND - 1));
    assert_writes(vm, NOW + 2 * SECOND, ACTION_NUDGE, 600 * MIB - 4);
}

static void test_waking_waits_while_it_moves(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    vm->domain.tot_kib = 520 * MIB;
    assert_null(plan_at(vm, NOW + SECOND));
    assert_null(plan_at(vm, NOW + 3 * SECOND - 1));
    assert_writes(vm, NOW + 3 * SECOND, ACTION_NUDGE, 600 * MIB - 4);
}

static void test_waking_one_that_has_arrived_is_left_alone(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    vm->domain.tot_kib = 600 * MIB - 128;
    assert_null(plan_at(vm, NOW + 10 * SECOND));
}

static void test_waking_puts_the_target_back(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    assert_wakes(vm, NOW + 2 * SECOND);
    assert_int_equal(vm->target_kib, 600 * MIB);
    assert_int_equal(vm->nudged_from_kib, 0);
}

static void test_waking_downwards_does_not_ask_the_cap(void **state)
{
    struct vm *vm = begin(400 * MIB);

    (void)state;
    assert_writes(vm, NOW + 2 * SECOND, ACTION_NUDGE, 400 * MIB - 4);
}

static void test_waking_upwards_needs_a_cap_that_allows_it(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    vm->domain.max_kib = 600 * MIB;
    assert_writes(vm, NOW + 10 * SECOND, ACTION_NUDGE, 600 * MIB - 4);
}

/* Somebody wrote a target and no cap: it comes back to what the domain has, and is not stuck. */
static void test_waking_a_target_above_the_cap_comes_back(void **state)
{
    struct vm *vm = begin(600 * MIB);
    uint64_t rest = vm_resting_target_kib(vm);

    (void)state;
    vm->domain.max_kib = 600 * MIB - 4;
    assert_null(plan_at(vm, NOW + 2 * SECOND)); /* from now on it is seen */
    assert_null(plan_at(vm, NOW + 4 * SECOND - 1));
    assert_writes(vm, NOW + 4 * SECOND, ACTION_SHRINK, rest);
    assert_false(vm->is_stuck);
    assert_int_equal(vm->shrinks, 0);
}

static void test_waking_at_the_floor_moves_up(void **state)
{
    struct vm *vm = begin(400 * MIB);

    (void)state;
    vm->policy.floor_kib = 400 * MIB;
    assert_writes(vm, NOW + 2 * SECOND, ACTION_NUDGE, 400 * MIB + 4);
    assert_writes(vm, NOW + 3 * SECOND, ACTION_NUDGE, 400 * MIB);
}

/* I4: back would be farther from the ceiling. */
static void test_waking_above_the_ceiling_is_not_put_back(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    vm->policy.ceiling_kib = 550 * MIB;
    assert_writes(vm, NOW + 2 * SECOND, ACTION_NUDGE, 600 * MIB - 4);
    assert_null(plan_at(vm, NOW + 3 * SECOND));
    assert_int_equal(vm->nudged_from_kib, 0);
    assert_int_equal(vm->target_kib, 600 * MIB - 4);
}

static void test_waking_is_at_most_every_5_s_and_five_times(void **state)
{
    struct vm *vm = begin(600 * MIB);
    int64_t at = NOW + 2 * SECOND;

    (void)state;
    for (int i = 0; i < 5; i++, at += 5200 * MS) {
        if (i > 0)
            assert_null(plan_at(vm, at - 1));
        assert_wakes(vm, at);
        assert_false(vm->is_stuck);
    }
    assert_null(plan_at(vm, at - 1));
    assert_writes(vm, at, ACTION_SHRINK, 512 * MIB); /* it keeps what it has */
    assert_true(vm->is_stuck);
}

static void become_stuck(struct vm *vm)
{
    for (int i = 0; i < VM_WAKES_MOST; i++)
        assert_wakes(vm, NOW + 2 * SECOND + i * 5200 * MS);
    assert_writes(vm, NOW + 28 * SECOND, ACTION_SHRINK, vm->domain.tot_kib);
    assert_true(vm->is_stuck);
}

static void test_waking_stuck_one_gets_its_cap_lowered_to_what_it_has(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    become_stuck(vm);
    scene_plan(&s, NOW + 29 * SECOND, GIB);
    assert_int_equal(scene_action(&s, vm, ACTION_CAP)->cap_kib, 513 * MIB);
}

static void test_waking_stuck_one_is_tried_again_after_60_s(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    become_stuck(vm);
    int64_t until = NOW + 88 * SECOND;

    vm_says(vm, 0, until - SECOND);
    assert_null(plan_at(vm, until - 1));
    assert_int_equal(vm->blocked_by, REASON_STUCK);
    assert_int_equal(plan_at(vm, until)->kind, ACTION_GROW);
}

static void test_waking_stuck_one_waits_twice_as_long_each_time(void **state)
{
    static const int64_t seconds[] = {60, 120, 240, 480, 960, 960};

    (void)state;
    for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct vm *vm = begin(600 * MIB);

        vm->stuck_times = i;
        become_stuck(vm);
        assert_int_equal(vm->stuck_until_ns, NOW + (28 + seconds[i]) * SECOND);
    }
}

/* What a stuck one did not take was not taken from it. */
static void test_waking_giving_up_growth_is_no_shrink(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    become_stuck(vm);
    assert_int_equal(vm->taken_kib, 0);
    assert_int_equal(vm->shrinks, 0);
    assert_int_equal(vm->reversals, 0);
}

static void test_waking_nothing_while_xenstore_hangs(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    s.rules.is_xenstore_hung = true;
    assert_null(plan_at(vm, NOW + 10 * SECOND));
    assert_int_equal(vm->wakes, 0);
}

static void test_waking_new_grant_takes_the_place_of_putting_back(void **state)
{
    struct vm *vm = begin(600 * MIB);

    (void)state;
    assert_writes(vm, NOW + 2 * SECOND, ACTION_NUDGE, 600 * MIB - 4);
    vm->last.available_kib = 0;
    vm->last.current_kib = 600 * MIB - 4;
    assert_int_equal(plan_at(vm, NOW + 2100 * MS)->kind, ACTION_GROW);
    assert_int_equal(vm->nudged_from_kib, 0);
    assert_null(plan_at(vm, NOW + 2300 * MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waking_begins_after_exactly_2_s),
        cmocka_unit_test(test_waking_waits_while_it_moves),
        cmocka_unit_test(test_waking_one_that_has_arrived_is_left_alone),
        cmocka_unit_test(test_waking_puts_the_target_back),
        cmocka_unit_test(test_waking_downwards_does_not_ask_the_cap),
        cmocka_unit_test(test_waking_upwards_needs_a_cap_that_allows_it),
        cmocka_unit_test(test_waking_a_target_above_the_cap_comes_back),
        cmocka_unit_test(test_waking_at_the_floor_moves_up),
        cmocka_unit_test(test_waking_above_the_ceiling_is_not_put_back),
        cmocka_unit_test(test_waking_is_at_most_every_5_s_and_five_times),
        cmocka_unit_test(test_waking_stuck_one_gets_its_cap_lowered_to_what_it_has),
        cmocka_unit_test(test_waking_stuck_one_is_tried_again_after_60_s),
        cmocka_unit_test(test_waking_stuck_one_waits_twice_as_long_each_time),
        cmocka_unit_test(test_waking_giving_up_growth_is_no_shrink),
        cmocka_unit_test(test_waking_nothing_while_xenstore_hangs),
        cmocka_unit_test(test_waking_new_grant_takes_the_place_of_putting_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
