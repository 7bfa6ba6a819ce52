/*
 * Shrinking that hurt is undone, and makes the next one wait.
 */
#include "balloon_scene.h"

static const struct host_rules rules = {.mode = MODE_ON};
static const struct pressure no_pressure;

/* 1 GiB with a headroom of 100 MiB and this much beyond it. */
static struct vm with_slack(uint64_t target_kib, uint64_t slack_kib)
{
    struct vm vm = vm_at_rest(1, target_kib, 100 * MIB + slack_kib);

    vm.policy.headroom_kib = 100 * MIB;
    return vm;
}

static struct wish shrink_under(struct vm *vm, const struct pressure *pressure, int64_t at_ns)
{
    struct wish grow = controller_grow(vm, &rules, at_ns);

    assert_int_equal(grow.kind, WISH_NONE);
    return controller_shrink(vm, &rules, pressure, at_ns);
}

static struct wish shrink_at(struct vm *vm, int64_t at_ns)
{
    return shrink_under(vm, &no_pressure, at_ns);
}

/* The wish is carried out, and the guest follows at once. */
static void take(struct vm *vm, struct wish wish, int64_t at_ns)
{
    struct action a = {.kind = wish.kind == WISH_GROW ? ACTION_GROW : ACTION_SHRINK,
                       .reason = wish.reason,
                       .target_kib = wish.target_kib,
                       .cap_kib = vm_cap_kib(vm, wish.target_kib),
                       .before_kib = vm->target_kib};

    assert_true(wish.kind != WISH_NONE);
    plan_done(vm, &a, REASON_NONE, at_ns);
    vm_has(vm, wish.target_kib, at_ns);
}

/* The next record, of a guest whose current follows its target. */
static void say(struct vm *vm, uint64_t available_kib, int64_t at_ns)
{
    vm->last.current_kib = vm->last.total_kib = vm->target_kib;
    vm_says(vm, available_kib, at_ns);
}

/* 64 MiB were taken at NOW, and this comes 1 s later. */
static struct wish after_shrink(struct vm *vm, uint64_t refaults, uint64_t stall_us,
                                uint64_t swap_in)
{
    *vm = with_slack(GIB, 400 * MIB);
    take(vm, shrink_at(vm, NOW), NOW);
    vm->last.current_kib = vm->last.total_kib = vm->target_kib;
    struct figures f = vm->last;

    f.up_ms += 1000;
    f.refaults += refaults;
    f.stall_some_us += stall_us;
    f.swap_in += swap_in;
    vm_take_figures(vm, &f, false, NOW + SECOND);
    return controller_grow(vm, &rules, NOW + SECOND);
}

static void test_undo_in_full_by_refaults_stall_and_swap(void **state)
{
    static const struct {
        uint64_t refaults, stall_us, swap_in;
        bool is_undone;
    } rows[] = {{0, 0, 0, false},      {4096, 0, 0, false},  {4097, 0, 0, true},
                {0, 100000, 0, false}, {0, 100001, 0, true}, {0, 0, 31, false},
                {0, 0, 32, true}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm;
        struct wish wish = after_shrink(&vm, rows[i].refaults, rows[i].stall_us, rows[i].swap_in);

        if (rows[i].is_undone)
            assert_wish(wish, WISH_GROW, REASON_UNDO, GIB);
        else
            assert_no_wish(wish, &vm, REASON_NONE);
    }
}

static void test_undo_of_several_steps_is_at_once(void **state)
{
    struct vm vm;

    (void)state;
    (void)after_shrink(&vm, 0, 0, 0);
    take(&vm, shrink_at(&vm, NOW + SECOND), NOW + SECOND);
    assert_int_equal(vm.target_kib, GIB - 128 * MIB);
    say(&vm, 372 * MIB, NOW + 2 * SECOND);
    vm.last.swap_in += 32;
    assert_wish(controller_grow(&vm, &rules, NOW + 2 * SECOND), WISH_GROW, REASON_UNDO, GIB);
}

static void test_undo_within_10_s(void **state)
{
    struct vm vm;

    (void)state;
    (void)after_shrink(&vm, 0, 0, 32);
    assert_int_equal(controller_grow(&vm, &rules, NOW + 10 * SECOND).reason, REASON_UNDO);
    assert_int_equal(controller_grow(&vm, &rules, NOW + 10 * SECOND + 1).kind, WISH_NONE);
    assert_int_equal(vm.taken_kib, 0);
}

static void test_undo_doubles_the_quiet_and_a_good_one_ends_that(void **state)
{
    struct vm vm;
    struct wish wish = after_shrink(&vm, 0, 0, 32);

    (void)state;
    for (unsigned i = 1; i <= 6; i++) {
        take(&vm, wish, NOW + SECOND);
        assert_int_equal(vm.backoff, i <= 5 ? i : 5);
    }
    assert_int_equal(vm.undos, 6);
    take(&vm, (struct wish){WISH_SHRINK, REASON_SLACK, 900 * MIB}, NOW + 100 * SECOND);
    say(&vm, 500 * MIB, NOW + 110 * SECOND);
    assert_int_equal(controller_grow(&vm, &rules, NOW + 110 * SECOND).kind, WISH_NONE);
    assert_int_equal(vm.backoff, 5);
    assert_int_equal(controller_grow(&vm, &rules, NOW + 110 * SECOND + 1).kind, WISH_NONE);
    assert_int_equal(vm.backoff, 0);
}

/* The host could give back only a part: the rest is still owed. */
static void test_undo_in_part_is_in_full_later(void **state)
{
    struct vm vm;
    struct wish wish = after_shrink(&vm, 0, 0, 32);

    (void)state;
    wish.target_kib = GIB - 32 * MIB;
    take(&vm, wish, NOW + SECOND);
    vm.last.swap_in += 32;
    assert_wish(controller_grow(&vm, &rules, NOW + 2 * SECOND), WISH_GROW, REASON_UNDO, GIB);
}

/* ---- reclaim=swap: what it uses goes to others ---- */

/* 2 GiB, of which 64 MiB were taken at NOW though they were in use. */
static struct vm reclaimed(void)
{
    struct vm vm = vm_at_rest(1, 2 * GIB, 0);

    vm.policy.may_reclaim_swap = true;
    vm.last.swap_total_kib = vm.last.swap_free_kib = 8 * GIB;
    take(&vm, (struct wish){WISH_SHRINK, REASON_FAIR_SHARE, 2 * GIB - 64 * MIB}, NOW);
    return vm;
}

static void test_undo_one_that_gives_way_asks_for_nothing_for_10_s(void **state)
{
    struct vm vm = reclaimed();

    (void)state;
    say(&vm, 0, NOW + SECOND);
    assert_no_wish(controller_grow(&vm, &rules, NOW + SECOND), &vm, REASON_FAIR_SHARE);
    say(&vm, 0, NOW + 9 * SECOND);
    assert_no_wish(controller_grow(&vm, &rules, NOW + 10 * SECOND - 1), &vm, REASON_FAIR_SHARE);
    assert_int_equal(controller_grow(&vm, &rules, NOW + 10 * SECOND).kind, WISH_GROW);
}

static void test_undo_one_that_reads_half_of_it_back_gets_all_of_it(void **state)
{
    struct vm vm = reclaimed();

    (void)state;
    vm.last.stall_some_us += 900000; /* swapping out stalls, and that is what was asked for */
    vm.last.swap_in = 32 * MIB / 4;
    say(&vm, 0, NOW + SECOND);
    assert_no_wish(controller_grow(&vm, &rules, NOW + SECOND), &vm, REASON_FAIR_SHARE);
    vm.last.swap_in++;
    say(&vm, 0, NOW + 2 * SECOND);
    assert_wish(controller_grow(&vm, &rules, NOW + 2 * SECOND), WISH_GROW, REASON_UNDO, 2 * GIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undo_in_full_by_refaults_stall_and_swap),
        cmocka_unit_test(test_undo_of_several_steps_is_at_once),
        cmocka_unit_test(test_undo_within_10_s),
        cmocka_unit_test(test_undo_doubles_the_quiet_and_a_good_one_ends_that),
        cmocka_unit_test(test_undo_in_part_is_in_full_later),
        cmocka_unit_test(test_undo_one_that_gives_way_asks_for_nothing_for_10_s),
        cmocka_unit_test(test_undo_one_that_reads_half_of_it_back_gets_all_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
