/*
 * Which samples count, and which lives and segments they make: rules 2 and 7.
 */
#include "scene.h"

static struct scene s;

static int begin(void **state)
{
    (void)state;
    scene_begin(&s);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scene_end(&s);
    return 0;
}

static struct sample under_construction(unsigned domid, uint64_t kib)
{
    struct sample sample = running(domid, kib);

    sample.cpu_ns = 0;
    sample.flags = SAMPLE_PAUSED;
    return sample;
}

static struct sample with_flags(unsigned domid, uint64_t kib, unsigned flags)
{
    struct sample sample = running(domid, kib);

    sample.flags = (uint16_t)flags;
    return sample;
}

static struct sample named(unsigned domid, const char *uuid)
{
    struct sample sample = running(domid, 1024);

    assert_true(uuid_parse(uuid, strlen(uuid), &sample.uuid));
    return sample;
}

static void assert_counts(uint64_t domains, uint64_t kib)
{
    assert_int_equal(s.meter.row.domains, domains);
    assert_int_equal(s.meter.row.kib, kib);
}

static void test_lives_running_domain_begins_ran_and_counted(void **state)
{
    (void)state;
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 1);
    const struct change *life = the_change(&s, CHANGE_LIFE_BEGIN);

    assert_int_equal(life->life, 1);
    assert_int_equal(life->domid, 1);
    assert_uuid_equal(&life->uuid, (struct uuid[]){uuid_of(1)});
    assert_true(life->is_billed);
    assert_int_equal(the_change(&s, CHANGE_LIFE_RAN)->life, 1);
    assert_int_equal(the_change(&s, CHANGE_LIFE_COUNTED)->life, 1);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_BEGIN)->kib, 1024);
    assert_true(the_change(&s, CHANGE_SEGMENT_BEGIN)->is_counted);
    assert_counts(1, 1024);
}

static void test_lives_under_construction_is_listed_and_does_not_count(void **state)
{
    (void)state;
    scene_put(&s, under_construction(1, 1024));
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_BEGIN), 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_RAN), 0);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 0);
    assert_false(the_change(&s, CHANGE_SEGMENT_BEGIN)->is_counted);
    assert_counts(0, 0);
}

static void test_lives_one_nanosecond_of_cpu_is_having_run(void **state)
{
    (void)state;
    scene_put(&s, under_construction(1, 1024));
    scene_tick(&s, 1);
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_RAN), 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 1);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_END)->number, 1);
    assert_true(the_change(&s, CHANGE_SEGMENT_BEGIN)->is_counted);
    assert_counts(1, 1024);
}

static void test_lives_cpu_time_stepping_back_is_having_run_still(void **state)
{
    struct sample sample = running(1, 1024);

    (void)state;
    scene_put(&s, sample);
    scene_tick(&s, 1);
    sample.cpu_ns = 0;
    scene_put(&s, sample);
    scene_tick(&s, 2);
    assert_int_equal(s.meter.change_count, 0);
    assert_counts(1, 1024);
}

static void test_lives_ran_while_shut_down_counts_from_later_on(void **state)
{
    (void)state;
    scene_put(&s, with_flags(1, 1024, SAMPLE_SHUTDOWN));
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_RAN), 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 0);
    struct sample sample = running(1, 1024);

    sample.cpu_ns = 0;
    scene_put(&s, sample);
    scene_tick(&s, 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_RAN), 0);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 1);
}

static void test_lives_each_flag_counts_unless_dying_or_shut_down(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 32; flags++) {
        bool is_dead = (flags & (SAMPLE_DYING | SAMPLE_SHUTDOWN)) != 0;

        scene_put(&s, with_flags(1, 1024, flags));
        scene_tick(&s, 1 + flags);
        assert_counts(is_dead ? 0 : 1, is_dead ? 0 : 1024);
    }
}

static void test_lives_checkpoint_stops_and_resumes_the_same_life(void **state)
{
    (void)state;
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 1);
    scene_put(&s, with_flags(1, 1024, SAMPLE_SHUTDOWN));
    scene_tick(&s, 2);
    assert_false(the_change(&s, CHANGE_SEGMENT_BEGIN)->is_counted);
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 3);
    assert_true(the_change(&s, CHANGE_SEGMENT_BEGIN)->is_counted);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_BEGIN)->life, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 0);
}

static void test_lives_changed_memory_ends_one_segment_begins_another(void **state)
{
    (void)state;
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 1);
    scene_put(&s, running(1, 1028));
    scene_tick(&s, 2);
    assert_int_equal(s.meter.change_count, 2);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_END)->segment, 1);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_END)->number, 1);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_BEGIN)->segment, 2);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_BEGIN)->kib, 1028);
}

static void test_lives_what_is_not_billed_may_change_quietly(void **state)
{
    struct sample sample = running(1, 1024);

    (void)state;
    scene_put(&s, sample);
    scene_tick(&s, 1);
    sample.max_kib *= 2;
    sample.outstanding_kib = 4096;
    sample.cpu_ns = 777;
    sample.flags = SAMPLE_PAUSED | SAMPLE_HVM;
    scene_put(&s, sample);
    scene_tick(&s, 2);
    assert_int_equal(s.meter.change_count, 0);
}

static void test_lives_absent_for_one_tick_is_another_life(void **state)
{
    (void)state;
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 1);
    scene_remove(&s, 1);
    scene_tick(&s, 2);
    assert_int_equal(the_change(&s, CHANGE_LIFE_END)->number, 1);
    assert_int_equal(the_change(&s, CHANGE_SEGMENT_END)->number, 1);
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 3);
    assert_int_equal(the_change(&s, CHANGE_LIFE_BEGIN)->life, 2);
}

static void test_lives_changed_uuid_ends_one_life_begins_another(void **state)
{
    struct sample sample = running(1, 1024);

    (void)state;
    scene_put(&s, sample);
    scene_tick(&s, 1);
    sample.uuid = uuid_of(0x77);
    scene_put(&s, sample);
    scene_tick(&s, 2);
    assert_int_equal(the_change(&s, CHANGE_LIFE_END)->life, 1);
    assert_int_equal(the_change(&s, CHANGE_LIFE_BEGIN)->life, 2);
    assert_uuid_equal(&the_change(&s, CHANGE_LIFE_BEGIN)->uuid, (struct uuid[]){uuid_of(0x77)});
}

static void test_lives_two_domains_with_one_uuid_are_two_lives(void **state)
{
    struct sample twin = running(2, 2048);

    (void)state;
    twin.uuid = uuid_of(1);
    scene_put(&s, running(1, 1024));
    scene_put(&s, twin);
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_BEGIN), 2);
    assert_counts(2, 3072);
}

static void test_lives_neighbours_of_one_that_ends_go_on(void **state)
{
    (void)state;
    for (unsigned domid = 1; domid <= 5; domid++)
        scene_put(&s, running(domid, 1024 * domid));
    scene_tick(&s, 1);
    scene_remove(&s, 1);
    scene_remove(&s, 3);
    scene_remove(&s, 5);
    scene_put(&s, running(4, 4));
    scene_put(&s, running(6, 6));
    scene_tick(&s, 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_END), 3);
    assert_int_equal(the_change(&s, CHANGE_LIFE_BEGIN)->domid, 6);
    assert_int_equal(life_of(&s, 2)->life, 2);
    assert_int_equal(life_of(&s, 4)->life, 4);
    assert_int_equal(count_changes(&s, CHANGE_SEGMENT_BEGIN), 2);
    assert_counts(3, 2048 + 4 + 6);
}

static void test_lives_all_gone_leaves_none(void **state)
{
    (void)state;
    scene_put(&s, running(1, 1024));
    scene_put(&s, running(2, 1024));
    scene_tick(&s, 1);
    s.count = 0;
    scene_tick(&s, 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_END), 2);
    assert_int_equal(s.meter.life_count, 0);
    assert_counts(0, 0);
}

static void test_lives_boot_ends_every_life_at_the_tick_before(void **state)
{
    (void)state;
    scene_put(&s, running(0, 4096));
    scene_put(&s, running(1, 1024));
    scene_tick(&s, 7);
    (void)scene_feed(&s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_END), 2);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_BEGIN), 2);
    for (size_t i = 0; i < s.meter.change_count; i++)
        if (s.meter.changes[i].kind == CHANGE_LIFE_END)
            assert_int_equal(s.meter.changes[i].number, 7);
}

static void test_lives_dom0_counts_and_is_not_billed(void **state)
{
    (void)state;
    scene_put(&s, running(0, 4096));
    scene_tick(&s, 1);
    assert_false(the_change(&s, CHANGE_LIFE_BEGIN)->is_billed);
    assert_counts(1, 4096);
}

static void test_lives_service_domain_counts_and_is_not_billed(void **state)
{
    (void)state;
    scene_put(&s, named(3, "5e5e5e5e-0000-4000-8000-000000000003"));
    scene_tick(&s, 1);
    assert_false(the_change(&s, CHANGE_LIFE_BEGIN)->is_billed);
    assert_counts(1, 1024);
}

static void test_lives_temporary_handles_do_not_count(void **state)
{
    (void)state;
    scene_put(&s, named(1, "deadbeef-dead-beef-0123-456789abcdef"));
    scene_put(&s, named(2, "01234567-89ab-cdef-0123-000000000000"));
    scene_put(&s, named(3, "01234567-89ab-cdef-0123-000000000001"));
    scene_put(&s, named(4, "01234567-89ab-cdef-0123-000000000002"));
    scene_tick(&s, 1);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_COUNTED), 1);
    assert_int_equal(the_change(&s, CHANGE_LIFE_COUNTED)->life, 4);
    assert_counts(1, 1024);
}

static void test_lives_dom0_with_the_nil_uuid_is_not_temporary(void **state)
{
    (void)state;
    scene_put(&s, named(0, "00000000-0000-0000-0000-000000000000"));
    scene_tick(&s, 1);
    assert_counts(1, 1024);
    assert_false(life_of(&s, 0)->is_temporary);
}

static void test_lives_checksum_is_of_all_that_count(void **state)
{
    (void)state;
    scene_put(&s, running(0, 4096));
    scene_put(&s, running(1, KIB_MAX));
    scene_put(&s, running(2, 0));
    scene_put(&s, under_construction(3, 512));
    scene_put(&s, with_flags(4, 256, SAMPLE_DYING));
    scene_tick(&s, 1);
    assert_counts(3, 4096 + KIB_MAX);
    scene_tick(&s, 2);
    assert_counts(3, 4096 + KIB_MAX);
}

static void test_lives_changes_never_exceed_what_was_announced(void **state)
{
    (void)state;
    for (unsigned domid = 0; domid < 8; domid++)
        scene_put(&s, under_construction(domid, 4));
    scene_tick(&s, 1);
    for (size_t i = 0; i < s.count; i++) {
        s.samples[i].uuid = uuid_of(0x80 + (unsigned)i);
        s.samples[i].cpu_ns = 1;
    }
    struct tick tick = scene_tick_at(&s, 5000); /* a gap, a new hour, all lives new */
    size_t most = meter_changes_max(&s.meter, s.count);

    assert_int_equal(scene_feed_tick(&s, tick), METER_TICK);
    assert_true(s.meter.change_count <= most);
    assert_int_equal(count_changes(&s, CHANGE_LIFE_BEGIN), 8);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_lives_running_domain_begins_ran_and_counted),
        test(test_lives_under_construction_is_listed_and_does_not_count),
        test(test_lives_one_nanosecond_of_cpu_is_having_run),
        test(test_lives_cpu_time_stepping_back_is_having_run_still),
        test(test_lives_ran_while_shut_down_counts_from_later_on),
        test(test_lives_each_flag_counts_unless_dying_or_shut_down),
        test(test_lives_checkpoint_stops_and_resumes_the_same_life),
        test(test_lives_changed_memory_ends_one_segment_begins_another),
        test(test_lives_what_is_not_billed_may_change_quietly),
        test(test_lives_absent_for_one_tick_is_another_life),
        test(test_lives_changed_uuid_ends_one_life_begins_another),
        test(test_lives_two_domains_with_one_uuid_are_two_lives),
        test(test_lives_neighbours_of_one_that_ends_go_on),
        test(test_lives_all_gone_leaves_none),
        test(test_lives_boot_ends_every_life_at_the_tick_before),
        test(test_lives_dom0_counts_and_is_not_billed),
        test(test_lives_service_domain_counts_and_is_not_billed),
        test(test_lives_temporary_handles_do_not_count),
        test(test_lives_dom0_with_the_nil_uuid_is_not_temporary),
        test(test_lives_checksum_is_of_all_that_count),
        test(test_lives_changes_never_exceed_what_was_announced),
    };

    return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
}
