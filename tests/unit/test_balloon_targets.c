/*
 * A VM's targets: ours, their echoes, other people's; when a transfer has arrived; what is learned.
 */
#include "balloon_scene.h"

#define HOUR (3600 * SECOND)

static void assert_held(const struct vm *vm, int64_t until_ns)
{
    assert_int_equal(vm->foreign_until_ns, until_ns);
}

/* ---- ours, theirs ---- */

static void test_targets_first_one_seen_is_taken_over(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    assert_int_equal(vm.target_kib, 512 * MIB);
    assert_int_equal(vm.first_target_kib, 512 * MIB);
    assert_held(&vm, 0);
    vm_is_told(&vm, 0, NOW); /* it can't be read: nothing is known */
    assert_int_equal(vm.target_kib, 512 * MIB);
    assert_held(&vm, 0);
}

static void test_targets_first_one_stays_the_floor(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_is_told(&vm, GIB, NOW + SECOND);
    assert_int_equal(vm.first_target_kib, 512 * MIB);
}

static void test_targets_our_own_is_no_quarrel(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_note_written(&vm, 600 * MIB, NOW);
    vm_is_told(&vm, 600 * MIB, NOW + MS);
    vm_is_told(&vm, 600 * MIB, NOW + HOUR);
    assert_held(&vm, 0);
}

/* An older target of ours is read after a newer was written. */
static void test_targets_echo_within_5_s_is_ignored(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_note_written(&vm, 600 * MIB, NOW);
    vm_note_written(&vm, 700 * MIB, NOW + SECOND);
    vm_is_told(&vm, 600 * MIB, NOW + 6 * SECOND);
    assert_held(&vm, 0);
    assert_int_equal(vm.target_kib, 700 * MIB);
}

static void test_targets_echo_after_5_s_is_somebody_elses(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_note_written(&vm, 600 * MIB, NOW);
    vm_note_written(&vm, 700 * MIB, NOW + SECOND);
    vm_is_told(&vm, 600 * MIB, NOW + 6 * SECOND + 1);
    assert_held(&vm, NOW + 606 * SECOND + 1);
    assert_int_equal(vm.target_kib, 600 * MIB);
}

/* The echo came in time, but nothing after it. */
static void test_targets_echo_that_stays_is_somebody_elses(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_note_written(&vm, 600 * MIB, NOW);
    vm_note_written(&vm, 700 * MIB, NOW);
    vm_is_told(&vm, 600 * MIB, NOW + SECOND);
    vm_has(&vm, 600 * MIB, NOW + 5 * SECOND);
    assert_held(&vm, 0);
    vm_has(&vm, 600 * MIB, NOW + 5 * SECOND + 1);
    assert_held(&vm, NOW + 605 * SECOND + 1);
    assert_int_equal(vm.target_kib, 600 * MIB);
}

static void test_targets_eight_of_ours_are_remembered(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW), other;

    (void)state;
    for (uint64_t i = 1; i <= 9; i++)
        vm_note_written(&vm, (600 + i) * MIB, NOW);
    other = vm;
    vm_is_told(&vm, 602 * MIB, NOW);
    assert_held(&vm, 0);
    vm_is_told(&other, 601 * MIB, NOW);
    assert_held(&other, NOW + 600 * SECOND);
}

static void test_targets_foreign_one_holds_for_10_min(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);
    const struct host_rules rules = {.mode = MODE_ON};

    (void)state;
    vm_is_told(&vm, 700 * MIB, NOW);
    assert_held(&vm, NOW + 600 * SECOND);
    assert_int_equal(vm.target_kib, 700 * MIB);
    assert_int_equal(controller_barred(&vm, &rules, NOW + 600 * SECOND - 1), REASON_FOREIGN);
    assert_int_equal(controller_barred(&vm, &rules, NOW + 600 * SECOND), REASON_NONE);
}

static void test_targets_three_foreign_ones_in_an_hour_hold_for_ever(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_is_told(&vm, 700 * MIB, NOW);
    vm_is_told(&vm, 701 * MIB, NOW + HOUR / 2);
    assert_held(&vm, NOW + HOUR / 2 + 600 * SECOND);
    vm_is_told(&vm, 702 * MIB, NOW + HOUR - 1);
    assert_held(&vm, INT64_MAX);
}

static void test_targets_third_foreign_one_after_exactly_an_hour_holds_for_10_min(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_is_told(&vm, 700 * MIB, NOW);
    vm_is_told(&vm, 701 * MIB, NOW + HOUR / 2);
    vm_is_told(&vm, 702 * MIB, NOW + HOUR);
    assert_held(&vm, NOW + HOUR + 600 * SECOND);
    vm_is_told(&vm, 703 * MIB, NOW + HOUR + HOUR / 2 - 1); /* the last three do lie in an hour */
    assert_held(&vm, INT64_MAX);
}

static void test_targets_restart_forgets_who_wrote_them(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        vm_is_told(&vm, (700 + i) * MIB, NOW);
    assert_held(&vm, INT64_MAX);
    vm.backoff = 3;
    vm.is_stuck = true;
    vm.stuck_until_ns = INT64_MAX;
    vm_restart(&vm, NOW + SECOND);
    assert_held(&vm, 0);
    assert_int_equal(vm.backoff, 0);
    assert_false(vm.is_stuck);
    assert_int_equal(vm.quiet_ns, NOW + SECOND);
    vm_is_told(&vm, 800 * MIB, NOW + 2 * SECOND); /* the first again */
    assert_held(&vm, NOW + 602 * SECOND);
}

static void test_targets_of_a_vm_that_is_not_ours_are_taken_over(void **state)
{
    struct vm fixed = vm_born(1, 512 * MIB, NOW), unborn = fixed;

    (void)state;
    fixed.policy.kind = POLICY_FIXED;
    unborn.domain.cpu_ns = 0; /* its toolstack still builds it */
    vm_is_told(&fixed, 700 * MIB, NOW);
    vm_is_told(&unborn, 700 * MIB, NOW);
    assert_held(&fixed, 0);
    assert_held(&unborn, 0);
    assert_int_equal(fixed.target_kib, 700 * MIB);
    assert_int_equal(unborn.target_kib, 700 * MIB);
}

/* ---- arrival ---- */

static void test_targets_arrive_within_128_kib(void **state)
{
    static const struct {
        int64_t off_kib;
        bool is_there;
    } rows[] = {{0, true}, {128, true}, {-128, true}, {129, false}, {-129, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vm vm = vm_born(1, 512 * MIB, NOW);

        vm_note_written(&vm, 600 * MIB, NOW);
        assert_int_equal(vm.moved_ns, NOW);
        vm_has(&vm, (uint64_t)((int64_t)(600 * MIB) + rows[i].off_kib), NOW + SECOND);
        assert_int_equal(vm_has_arrived(&vm), rows[i].is_there);
        assert_int_equal(vm.moved_ns, rows[i].is_there ? 0 : NOW);
    }
}

static void test_targets_progress_is_128_kib_or_more_nearer(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_note_written(&vm, 600 * MIB, NOW);
    vm_has(&vm, 512 * MIB + 127, NOW + SECOND);
    assert_int_equal(vm.progress_ns, NOW);
    vm_has(&vm, 512 * MIB + 128, NOW + 2 * SECOND);
    assert_int_equal(vm.progress_ns, NOW + 2 * SECOND);
    vm_has(&vm, 500 * MIB, NOW + 3 * SECOND); /* the other way is none */
    assert_int_equal(vm.progress_ns, NOW + 2 * SECOND);
}

static void test_targets_leaving_one_begins_a_transfer(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    assert_int_equal(vm.moved_ns, 0);
    vm_note_written(&vm, 512 * MIB, NOW);
    vm_has(&vm, 512 * MIB, NOW);
    vm_has(&vm, 500 * MIB, NOW + SECOND);
    assert_int_equal(vm.moved_ns, NOW + SECOND);
}

/* ---- caps and offsets ---- */

static void test_targets_cap_has_video_memory_offset_and_1_mib(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    assert_int_equal(vm_cap_kib(&vm, 600 * MIB), 601 * MIB);
    vm.facts.videoram_kib = 8 * MIB;
    vm.tot_offset_kib = 64;
    assert_int_equal(vm_cap_kib(&vm, 600 * MIB), 609 * MIB + 64);
    assert_int_equal(vm_arrival_kib(&vm, 600 * MIB), 608 * MIB + 64);
    vm.tot_offset_kib = -64;
    assert_int_equal(vm_cap_kib(&vm, 600 * MIB), 609 * MIB);
    assert_int_equal(vm_arrival_kib(&vm, 600 * MIB), 608 * MIB - 64);
}

static void test_targets_resting_one_is_what_it_has(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm.facts.videoram_kib = 8 * MIB;
    vm.tot_offset_kib = 64;
    vm.domain.tot_kib = 600 * MIB;
    assert_int_equal(vm_resting_target_kib(&vm), 592 * MIB - 64);
    vm.domain.tot_kib = 100 * MIB;
    assert_int_equal(vm_resting_target_kib(&vm), FLOOR);
    vm.domain.tot_kib = 0;
    assert_int_equal(vm_resting_target_kib(&vm), FLOOR);
}

static int64_t learned_tot(int64_t off_kib, bool was_written)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    if (was_written)
        vm_note_written(&vm, 512 * MIB, NOW);
    vm_has(&vm, (uint64_t)((int64_t)(512 * MIB) + off_kib), NOW + SECOND);
    vm_has(&vm, (uint64_t)((int64_t)(512 * MIB) + off_kib), NOW + 2 * SECOND); /* at rest */
    return vm.tot_offset_kib;
}

static void test_targets_offset_of_pages_is_learned_before_ours_up_to_2_mib(void **state)
{
    (void)state;
    assert_int_equal(learned_tot(64, false), 64);
    assert_int_equal(learned_tot(-64, false), -64);
    assert_int_equal(learned_tot(2048, false), 2048);
    assert_int_equal(learned_tot(-2048, false), -2048);
    assert_int_equal(learned_tot(2052, false), 0);
    assert_int_equal(learned_tot(-2052, false), 0);
    assert_int_equal(learned_tot(64, true), 0);
}

static void test_targets_pvh_has_16_pages_more_from_the_beginning(void **state)
{
    struct host_domain domain = domain_of(1, 512 * MIB);
    struct vm vm;

    (void)state;
    domain.flags |= SAMPLE_HVM;
    vm_init(&vm, &domain, NOW);
    assert_int_equal(vm.tot_offset_kib, 64);
}

/* On its way down to 256 MiB it passes at 257.5: that is no offset. */
static void test_targets_offset_of_pages_is_not_learned_on_the_way(void **state)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);

    (void)state;
    vm_is_told(&vm, 256 * MIB, NOW);
    vm_has(&vm, 400 * MIB, NOW + SECOND);
    vm_has(&vm, 256 * MIB + 1536, NOW + 2 * SECOND);
    assert_int_equal(vm.tot_offset_kib, 0);
}

static int64_t learned_current(int64_t off_kib, unsigned more_flags, bool is_moving)
{
    struct vm vm = vm_born(1, 512 * MIB, NOW);
    struct figures f = figures_at((uint64_t)((int64_t)(512 * MIB) - off_kib), 0, NOW);

    if (is_moving)
        vm.moved_ns = NOW;
    f.flags |= more_flags;
    vm_take_figures(&vm, &f, false, NOW);
    return vm.current_offset_kib;
}

static void test_targets_offset_of_current_is_learned_at_rest_up_to_2_mib(void **state)
{
    (void)state;
    assert_int_equal(learned_current(1024, 0, false), 1024);
    assert_int_equal(learned_current(-1024, 0, false), -1024);
    assert_int_equal(learned_current(2048, 0, false), 2048);
    assert_int_equal(learned_current(-2048, 0, false), -2048);
    assert_int_equal(learned_current(2049, 0, false), 0);
    assert_int_equal(learned_current(-2049, 0, false), 0);
    assert_int_equal(learned_current(1024, 0, true), 0);
    assert_int_equal(learned_current(1024, FIGURES_IS_MOVING, false), 0);
}

static void test_targets_claim_of_a_running_domain_is_ours(void **state)
{
    struct host_domain domain = domain_of(1, 512 * MIB);
    struct vm vm;

    (void)state;
    vm_init(&vm, &domain, NOW);
    assert_int_equal(vm.claim_ns, 0);
    domain.outstanding_kib = 4;
    vm_init(&vm, &domain, NOW);
    assert_int_equal(vm.claim_ns, NOW);
    domain.cpu_ns = 0; /* its builder's */
    vm_init(&vm, &domain, NOW);
    assert_int_equal(vm.claim_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_first_one_seen_is_taken_over),
        cmocka_unit_test(test_targets_first_one_stays_the_floor),
        cmocka_unit_test(test_targets_our_own_is_no_quarrel),
        cmocka_unit_test(test_targets_echo_within_5_s_is_ignored),
        cmocka_unit_test(test_targets_echo_after_5_s_is_somebody_elses),
        cmocka_unit_test(test_targets_echo_that_stays_is_somebody_elses),
        cmocka_unit_test(test_targets_eight_of_ours_are_remembered),
        cmocka_unit_test(test_targets_foreign_one_holds_for_10_min),
        cmocka_unit_test(test_targets_three_foreign_ones_in_an_hour_hold_for_ever),
        cmocka_unit_test(test_targets_third_foreign_one_after_exactly_an_hour_holds_for_10_min),
        cmocka_unit_test(test_targets_restart_forgets_who_wrote_them),
        cmocka_unit_test(test_targets_of_a_vm_that_is_not_ours_are_taken_over),
        cmocka_unit_test(test_targets_arrive_within_128_kib),
        cmocka_unit_test(test_targets_progress_is_128_kib_or_more_nearer),
        cmocka_unit_test(test_targets_leaving_one_begins_a_transfer),
        cmocka_unit_test(test_targets_cap_has_video_memory_offset_and_1_mib),
        cmocka_unit_test(test_targets_resting_one_is_what_it_has),
        cmocka_unit_test(test_targets_offset_of_pages_is_learned_before_ours_up_to_2_mib),
        cmocka_unit_test(test_targets_pvh_has_16_pages_more_from_the_beginning),
        cmocka_unit_test(test_targets_offset_of_pages_is_not_learned_on_the_way),
        cmocka_unit_test(test_targets_offset_of_current_is_learned_at_rest_up_to_2_mib),
        cmocka_unit_test(test_targets_claim_of_a_running_domain_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
