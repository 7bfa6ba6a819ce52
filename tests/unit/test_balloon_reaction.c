/*
 * How long a need waits: from the record that told of it to the reading by which pages have come
 * that are enough. What goes away by itself, and what may not be touched, is not counted.
 */
#include "balloon_fake.h"

#include "balloon/tally.h"

static struct fake host;
static size_t reactions, reversals;
static int64_t took_ns;

static void note_reacted(void *context, const struct vm *vm, int64_t ns)
{
    (void)context;
    assert_int_equal(vm->domid, 5);
    reactions++;
    took_ns = ns;
}

static void note_counted(void *context, const struct vm *vm, enum tally_what what,
                         enum reason reason)
{
    (void)context, (void)vm, (void)reason;
    reversals += what == TALLY_REVERSAL;
}

/* A VM that has enough. */
static int begin(void **state)
{
    (void)state;
    reactions = reversals = 0;
    fake_begin(&host);
    host.engine.sink.reacted = note_reacted;
    host.engine.sink.counted = note_counted;
    (void)fake_add(&host, 5, GIB);
    fake_say(&host, 5, GIB / 2, NOW);
    fake_run(&host, NOW);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_end(&host);
    return 0;
}

static struct vm *vm5(void)
{
    return engine_find(&host.engine, 5);
}

/* So much of what it lacks to half of its headroom comes. */
static void arrive(uint64_t but_kib)
{
    fake_domain(&host, 5)->tot_kib = vm_need_kib(vm5()) + vm_firm_headroom_kib(vm5()) / 2 - but_kib;
}

static void test_reaction_has_its_place(void **state)
{
    (void)state;
    assert_int_equal(reaction_place(0), 0);
    assert_int_equal(reaction_place(50 * MS), 0);
    assert_int_equal(reaction_place(50 * MS + 1), 1);
    assert_int_equal(reaction_place(1000 * MS), 4);
    assert_int_equal(reaction_place(30000 * MS), REACTION_BOUNDS - 1);
    assert_int_equal(reaction_place(30000 * MS + 1), REACTION_BOUNDS);
}

static void test_reaction_lasts_from_the_record_to_the_pages(void **state)
{
    (void)state;
    fake_say(&host, 5, 1024, NOW + 3 * MS);
    fake_run(&host, NOW + 5 * MS); /* the record lay in a queue */
    assert_true(vm5()->target_kib > GIB);
    arrive(4);
    fake_run(&host, NOW + 40 * MS);
    assert_int_equal(reactions, 0);
    arrive(0);
    fake_run(&host, NOW + 73 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 70 * MS);
    fake_run(&host, NOW + 100 * MS);
    assert_int_equal(reactions, 1);
}

static void test_reaction_lasts_until_it_is_enough_for_what_it_became(void **state)
{
    (void)state;
    fake_say(&host, 5, 1024, NOW + 10 * MS);
    fake_run(&host, NOW + 10 * MS);
    fake_domain(&host, 5)->tot_kib += 64 * MIB;
    fake_say(&host, 5, 512, NOW + 60 * MS); /* it took all that came */
    fake_run(&host, NOW + 60 * MS);
    assert_int_equal(reactions, 0);
    arrive(0);
    fake_run(&host, NOW + 110 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 100 * MS);
}

static void test_reaction_to_what_goes_away_is_none(void **state)
{
    (void)state;
    host.free_kib = 0;
    fake_say(&host, 5, 1024, NOW + 10 * MS);
    fake_run(&host, NOW + 10 * MS);
    fake_say(&host, 5, GIB / 2, NOW + 500 * MS);
    fake_run(&host, NOW + 500 * MS);
    assert_int_equal(reactions, 0);
    fake_say(&host, 5, 1024, NOW + 600 * MS); /* and the next begins anew */
    host.free_kib = 8 * GIB;
    fake_run(&host, NOW + 600 * MS);
    arrive(0);
    fake_run(&host, NOW + 640 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 40 * MS);
}

static void test_reaction_has_the_time_of_refusals_in_it(void **state)
{
    (void)state;
    host.free_kib = 0;
    fake_say(&host, 5, 1024, NOW + 10 * MS);
    fake_run(&host, NOW + 10 * MS);
    host.free_kib = 8 * GIB;
    fake_run(&host, NOW + 3010 * MS);
    arrive(0);
    fake_run(&host, NOW + 3110 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 3100 * MS);
}

static void lacks_and_gets(void)
{
    fake_say(&host, 5, 1024, NOW + 10 * MS);
    fake_run(&host, NOW + 10 * MS);
    arrive(0);
    fake_run(&host, NOW + 50 * MS);
}

static void test_reaction_is_of_those_who_may_be_touched(void **state)
{
    (void)state;
    vm5()->policy.is_stopped = true;
    lacks_and_gets();
    assert_int_equal(reactions, 0);
    vm5()->policy.is_stopped = false;
    host.engine.rules.mode = MODE_DRY_RUN;
    lacks_and_gets();
    assert_int_equal(reactions, 0);
    host.engine.rules.mode = MODE_ON;
    vm5()->policy.kind = POLICY_SWAP; /* which does not answer headroom */
    lacks_and_gets();
    assert_int_equal(reactions, 0);
    vm5()->policy.kind = POLICY_DEMAND;
    lacks_and_gets();
    assert_int_equal(reactions, 1);
}

/* Its owner's own limit: the time begins when that is raised. */
static void test_reaction_begins_below_the_ceiling(void **state)
{
    (void)state;
    vm5()->policy.ceiling_kib = GIB;
    for (int i = 1; i <= 3; i++) {
        fake_say(&host, 5, 1024, NOW + i * SECOND);
        fake_run(&host, NOW + i * SECOND);
    }
    assert_int_equal(vm5()->reaction.since_ns, 0);
    vm5()->policy.ceiling_kib = CEILING;
    fake_run(&host, NOW + 4 * SECOND);
    fake_run(&host, NOW + 4 * SECOND + 50 * MS);
    arrive(0);
    fake_run(&host, NOW + 4 * SECOND + 90 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 40 * MS);
}

/* Headroom goes down with the need: what was lacked is what counts. */
static void test_reaction_to_what_goes_away_nearly_met_is_none(void **state)
{
    (void)state;
    host.free_kib = 0;
    fake_say(&host, 5, 20 * MIB, NOW + 10 * MS);
    fake_run(&host, NOW + 10 * MS);
    assert_true(vm5()->reaction.since_ns != 0);
    fake_say(&host, 5, 900 * MIB, NOW + 500 * MS);
    fake_run(&host, NOW + 500 * MS);
    assert_int_equal(reactions, 0);
    assert_int_equal(vm5()->reaction.since_ns, 0);
}

/* Its pages are not the guest's. */
static void test_reaction_does_not_take_video_memory_for_room(void **state)
{
    struct vm *vm = vm5();

    (void)state;
    vm->facts.videoram_kib = 16 * MIB;
    fake_domain(&host, 5)->tot_kib += 16 * MIB;
    fake_run(&host, NOW + MS);
    assert_int_equal(vm->tot_offset_kib, 0);
    fake_say(&host, 5, 17 * MIB, NOW + 10 * MS); /* of tot: a mebibyte of its own */
    fake_run(&host, NOW + 10 * MS);
    assert_true(vm->reaction.since_ns != 0);
    fake_domain(&host, 5)->tot_kib = vm->target_kib + 16 * MIB;
    fake_run(&host, NOW + 70 * MS);
    assert_int_equal(reactions, 1);
    assert_int_equal(took_ns, 60 * MS);
}

static void test_reversals_are_counted(void **state)
{
    struct vm *vm = vm5();

    (void)state;
    vm->last_direction = -1; /* it was shrunk before */
    lacks_and_gets();
    assert_int_equal(reversals, 1);
    fake_domain(&host, 5)->tot_kib = vm->target_kib;
    fake_say(&host, 5, 1024, NOW + 60 * MS);
    fake_run(&host, NOW + 60 * MS);
    assert_int_equal(vm->grants, 2);
    assert_int_equal(reversals, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reaction_has_its_place),
        cmocka_unit_test_setup_teardown(test_reaction_lasts_from_the_record_to_the_pages, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_reaction_lasts_until_it_is_enough_for_what_it_became,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_reaction_to_what_goes_away_is_none, begin, end),
        cmocka_unit_test_setup_teardown(test_reaction_has_the_time_of_refusals_in_it, begin, end),
        cmocka_unit_test_setup_teardown(test_reaction_is_of_those_who_may_be_touched, begin, end),
        cmocka_unit_test_setup_teardown(test_reaction_begins_below_the_ceiling, begin, end),
        cmocka_unit_test_setup_teardown(test_reaction_to_what_goes_away_nearly_met_is_none, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_reaction_does_not_take_video_memory_for_room, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_reversals_are_counted, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
