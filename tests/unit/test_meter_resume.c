/*
 * A meter that is stopped and started anywhere goes on as if it had not been: rule 5. Each test
 * brings one situation about, restarts the meter in it, and compares with one that was not.
 */
#include "scene.h"

static struct scene going;     /* never restarted */
static struct scene restarted; /* restarted before the last tick */

static int begin(void **state)
{
    (void)state;
    scene_begin(&going);
    scene_begin(&restarted);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scene_end(&going);
    scene_end(&restarted);
    return 0;
}

static void put_both(struct sample sample)
{
    scene_put(&going, sample);
    scene_put(&restarted, sample);
}

static void remove_both(unsigned domid)
{
    scene_remove(&going, domid);
    scene_remove(&restarted, domid);
}

static void tick_both(uint64_t seq)
{
    scene_tick(&going, seq);
    scene_tick(&restarted, seq);
}

/* Field by field: what lies between the fields of a struct is anybody's. */
static void assert_same_change(const struct change *a, const struct change *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->life, b->life);
    assert_int_equal(a->segment, b->segment);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->domid, b->domid);
    assert_int_equal(a->is_billed, b->is_billed);
    assert_int_equal(a->is_counted, b->is_counted);
    assert_int_equal(a->cause, b->cause);
    if (a->kind == CHANGE_LIFE_BEGIN || a->kind == CHANGE_BOOT)
        assert_uuid_equal(&a->uuid, &b->uuid);
    else
        assert_int_equal(a->span_ns, b->span_ns);
}

static void assert_same_life(const struct open_life *a, const struct open_life *b)
{
    assert_int_equal(a->life, b->life);
    assert_int_equal(a->segment, b->segment);
    assert_int_equal(a->kib, b->kib);
    assert_uuid_equal(&a->uuid, &b->uuid);
    assert_int_equal(a->domid, b->domid);
    assert_int_equal(a->has_run, b->has_run);
    assert_int_equal(a->has_counted, b->has_counted);
    assert_int_equal(a->is_counted, b->is_counted);
    assert_int_equal(a->is_billed, b->is_billed);
    assert_int_equal(a->is_temporary, b->is_temporary);
}

static void assert_same_state(const struct meter_state *a, const struct meter_state *b)
{
    assert_int_equal(a->is_booted, b->is_booted);
    assert_uuid_equal(&a->boot, &b->boot);
    assert_int_equal(a->tick_base, b->tick_base);
    assert_int_equal(a->tick, b->tick);
    assert_int_equal(a->mono_ns, b->mono_ns);
    assert_int_equal(a->utc_ns, b->utc_ns);
    assert_int_equal(a->next_life, b->next_life);
    assert_int_equal(a->next_segment, b->next_segment);
}

/* The changes are the same but for the restart row, whose differences begin anew. */
static void assert_same_changes(void)
{
    size_t g = 0;

    for (size_t r = 0; r < restarted.meter.change_count; r++) {
        const struct change *change = &restarted.meter.changes[r];

        if (change->kind == CHANGE_RESTART)
            continue;
        assert_true(g < going.meter.change_count);
        assert_same_change(change, &going.meter.changes[g++]);
    }
    assert_int_equal(g, going.meter.change_count);
}

static void assert_same_meters(void)
{
    assert_same_changes();
    assert_int_equal(going.meter.row.tick, restarted.meter.row.tick);
    assert_int_equal(going.meter.row.domains, restarted.meter.row.domains);
    assert_int_equal(going.meter.row.kib, restarted.meter.row.kib);
    assert_same_state(&going.meter.state, &restarted.meter.state);
    assert_int_equal(going.meter.life_count, restarted.meter.life_count);
    for (size_t i = 0; i < going.meter.life_count; i++)
        assert_same_life(&going.meter.lives[i], &restarted.meter.lives[i]);
}

static void restart_then_tick(uint64_t seq)
{
    scene_restart(&restarted);
    tick_both(seq);
    assert_same_meters();
}

static struct sample paused_never_ran(unsigned domid)
{
    struct sample sample = running(domid, 1024);

    sample.cpu_ns = 0;
    return sample;
}

static struct sample with_flags(unsigned domid, unsigned flags)
{
    struct sample sample = running(domid, 1024);

    sample.flags = (uint16_t)flags;
    return sample;
}

static void test_resume_quiet_tick_changes_nothing_but_the_restart(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    restart_then_tick(2);
    assert_int_equal(restarted.meter.change_count, 1);
    assert_int_equal(the_change(&restarted, CHANGE_RESTART)->restart.mono_ns, 2 * NS_PER_S);
}

static void test_resume_behind_the_first_counted_tick(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    put_both(running(1, 2048));
    restart_then_tick(2);
}

static void test_resume_while_under_construction(void **state)
{
    (void)state;
    put_both(paused_never_ran(1));
    tick_both(1);
    restart_then_tick(2);
    put_both(running(1, 1024));
    tick_both(3);
    assert_same_meters();
    assert_int_equal(count_changes(&restarted, CHANGE_LIFE_COUNTED), 1);
}

static void test_resume_as_construction_ends(void **state)
{
    (void)state;
    put_both(paused_never_ran(1));
    tick_both(1);
    put_both(running(1, 1024));
    restart_then_tick(2);
}

static void test_resume_having_run_is_remembered(void **state)
{
    (void)state;
    put_both(with_flags(1, SAMPLE_SHUTDOWN));
    tick_both(1);
    put_both(paused_never_ran(1));
    restart_then_tick(2);
    assert_int_equal(restarted.meter.row.domains, 1);
}

static void test_resume_while_shut_down(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    put_both(with_flags(1, SAMPLE_SHUTDOWN));
    tick_both(2);
    restart_then_tick(3);
    put_both(running(1, 1024));
    tick_both(4);
    assert_same_meters();
}

static void test_resume_while_dying(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    put_both(with_flags(1, SAMPLE_DYING));
    restart_then_tick(2);
}

static void test_resume_temporary_handle_is_known_anew(void **state)
{
    struct sample sample = running(1, 1024);

    (void)state;
    memset(sample.uuid.bytes + 10, 0, 6);
    put_both(sample);
    tick_both(1);
    restart_then_tick(2);
    assert_int_equal(restarted.meter.row.domains, 0);
}

static void test_resume_after_a_domain_has_gone(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    put_both(running(2, 1024));
    tick_both(1);
    remove_both(1);
    restart_then_tick(2);
}

static void test_resume_as_a_domain_comes(void **state)
{
    (void)state;
    put_both(running(2, 1024));
    tick_both(1);
    put_both(running(1, 1024));
    restart_then_tick(2);
}

static void test_resume_as_a_domid_is_used_again(void **state)
{
    struct sample sample = running(1, 1024);

    (void)state;
    put_both(sample);
    tick_both(1);
    sample.uuid = uuid_of(0x77);
    put_both(sample);
    restart_then_tick(2);
}

static void test_resume_in_another_hour(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(3599);
    restart_then_tick(3600);
    assert_int_equal(count_changes(&restarted, CHANGE_CUT), 1);
}

static void test_resume_within_max_gap_is_no_gap(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    restart_then_tick(6);
    assert_int_equal(count_changes(&restarted, CHANGE_GAP), 0);
}

static void test_resume_beyond_max_gap_is_a_gap(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(1);
    restart_then_tick(7);
    assert_int_equal(the_change(&restarted, CHANGE_GAP)->span_ns, 6 * NS_PER_S);
}

static void test_resume_after_a_boot_was_announced(void **state)
{
    struct record boot = {.kind = RECORD_BOOT, .boot = NEXT_BOOT};

    (void)state;
    put_both(running(1, 1024));
    tick_both(9);
    (void)scene_feed(&going, boot);
    (void)scene_feed(&restarted, boot);
    struct meter_state booted = restarted.meter.state;
    struct open_life lives[SCENE_DOMAINS];
    size_t count = restarted.meter.life_count;
    struct rules rules = restarted.meter.rules;
    struct record head = head_record();

    memcpy(lives, restarted.meter.lives, count * sizeof *lives);
    meter_clear(&restarted.meter);
    head.head.boot = NEXT_BOOT;
    assert_true(meter_init(&restarted.meter, &rules, &booted, lives, count, &restarted.err));
    assert_int_equal(scene_feed(&restarted, head), METER_NOTHING);
    tick_both(2);
    assert_int_equal(restarted.meter.row.tick, 10);
    assert_int_equal(count_changes(&restarted, CHANGE_LIFE_END), 1);
    assert_int_equal(count_changes(&going, CHANGE_LIFE_END), 1);
}

static void test_resume_tick_that_is_stored_already_refused(void **state)
{
    (void)state;
    put_both(running(1, 1024));
    tick_both(5);
    scene_restart(&restarted);
    (void)scene_feed_tick(&restarted, scene_tick_at(&restarted, 5));
    scene_refuses(&restarted, ERR_REFUSED, "tick 5 is not after tick 5");
    (void)scene_feed_tick(&restarted, scene_tick_at(&restarted, 4));
    scene_refuses(&restarted, ERR_REFUSED, "tick 4 is not after tick 5");
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_resume_quiet_tick_changes_nothing_but_the_restart),
        test(test_resume_behind_the_first_counted_tick),
        test(test_resume_while_under_construction),
        test(test_resume_as_construction_ends),
        test(test_resume_having_run_is_remembered),
        test(test_resume_while_shut_down),
        test(test_resume_while_dying),
        test(test_resume_temporary_handle_is_known_anew),
        test(test_resume_after_a_domain_has_gone),
        test(test_resume_as_a_domain_comes),
        test(test_resume_as_a_domid_is_used_again),
        test(test_resume_in_another_hour),
        test(test_resume_within_max_gap_is_no_gap),
        test(test_resume_beyond_max_gap_is_a_gap),
        test(test_resume_after_a_boot_was_announced),
        test(test_resume_tick_that_is_stored_already_refused),
    };

    return cmocka_run_group_tests_name("meter_resume", tests, NULL, NULL);
}
