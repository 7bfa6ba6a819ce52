/*
 * A recorded host through other policies: what is recorded is counted as it was, a fixed policy
 * changes nothing, and one that follows the need holds less without shortage.
 */
#include "check.h"

#include "balloon/simulate.h"

#define MIB UINT64_C(1024)
#define GIB (UINT64_C(1) << 20)

enum { VMS_MAX = 4 };

static struct history history;
static struct sample samples[VMS_MAX + 1];
static size_t sample_count;
static struct policy policies[VMS_MAX];
static struct simulate_tally recorded[VMS_MAX];
static struct simulate_tally changed[VMS_MAX];

static const int64_t utc_ns = INT64_C(1790000000) * 1000000000;

static int begin(void **state)
{
    (void)state;
    history_init(&history);
    memset(samples, 0, sizeof samples);
    samples[0] = (struct sample){.tot_kib = 2 * GIB, .max_kib = 2 * GIB, .cpu_ns = 1};
    sample_count = 1;
    for (size_t i = 0; i < VMS_MAX; i++)
        policy_init(&policies[i]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    history_clear(&history);
    return 0;
}

static struct sample *add_vm(uint64_t tot_kib)
{
    struct sample *s = &samples[sample_count];

    *s = (struct sample){.tot_kib = tot_kib,
                         .max_kib = tot_kib + MIB,
                         .cpu_ns = 1,
                         .domid = (uint16_t)sample_count,
                         .uuid = uuid_of((unsigned)sample_count),
                         .flags = SAMPLE_RUNNING};
    sample_count++;
    return s;
}

/* The samples as they are, at second s. */
static bool tick_at(int64_t s, struct error *err)
{
    struct tick tick = {.seq = (uint64_t)s + 1,
                        .mono_ns = 1000 * NS_PER_S + s * NS_PER_S,
                        .utc_ns = utc_ns + s * NS_PER_S,
                        .domains = sample_count,
                        .samples = samples,
                        .free_kib = 16 * GIB};

    for (size_t i = 0; i < sample_count; i++)
        tick.free_kib -= samples[i].tot_kib;
    return history_add_tick(&history, &tick, err);
}

static void ticks(int64_t from_s, int64_t to_s)
{
    struct error err;

    for (int64_t s = from_s; s < to_s; s++)
        assert_ok(tick_at(s, &err));
}

static void finish(void)
{
    struct host_rules rules = {.pool_least_kib = 256 * MIB};
    struct error err;

    assert_ok(history_finish(&history, &err));
    simulate_recorded(&history, recorded);
    assert_ok(simulate_run(&history, policies, &rules, changed, &err));
}

static void need(unsigned vm, int64_t s, uint64_t kib)
{
    struct uuid uuid = uuid_of(vm);
    struct error err;

    assert_ok(history_add_need(&history, &uuid, utc_ns + s * NS_PER_S, kib, GIB, &err));
}

static void test_history_splits_lives_and_keeps_levels(void **state)
{
    struct sample *vm = add_vm(GIB);

    (void)state;
    ticks(0, 10);
    vm->tot_kib = GIB / 2;
    ticks(10, 20);
    vm->domid = 7; /* another domain of the same VM */
    ticks(20, 30);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.lives[0].tot.count, 2);
    assert_int_equal(history.lives[0].tot.list[1].at_ns, 10 * NS_PER_S);
    assert_false(history.lives[0].is_open);
    assert_int_equal(history.lives[0].to_ns, 20 * NS_PER_S);
    assert_true(history.lives[1].is_open);
    assert_int_equal(history.lives[1].from_ns, 20 * NS_PER_S);
    assert_int_equal(history.dom0.tot_kib, 2 * GIB);
    assert_int_equal(history.total_kib, 16 * GIB);
}

static void test_history_time_that_goes_back_is_refused(void **state)
{
    struct error err;

    (void)state;
    assert_ok(tick_at(10, &err));
    assert_ok(tick_at(10, &err));
    assert_fails(tick_at(9, &err), ERR_INPUT, "time goes back");
}

static void test_history_assumes_need_and_headroom_are_what_was_there(void **state)
{
    (void)state;
    for (uint64_t tot = 32 * MIB; tot < 64 * GIB; tot += tot / 7) {
        uint64_t of = history_need_of_kib(tot);
        uint64_t whole = of + headroom_of_need(of);

        assert_true(whole <= tot + 1 && whole + 2 >= tot);
    }
    assert_int_equal(history_need_of_kib(MIB), 0);
}

static void test_history_figures_replace_what_is_assumed(void **state)
{
    (void)state;
    (void)add_vm(GIB);
    (void)add_vm(GIB);
    ticks(0, 10);
    need(1, 3, 100 * MIB);
    need(1, 5, 200 * MIB);
    need(3, 5, 200 * MIB);  /* nobody */
    need(1, 11, 999 * MIB); /* after the end */
    finish();
    assert_true(history.lives[0].has_figures);
    assert_false(history.lives[1].has_figures);
    assert_int_equal(history.lives[0].need.count, 2);
    assert_int_equal(history.lives[0].need.list[0].at_ns, 0);
    assert_int_equal(history.lives[1].need.list[0].kib, history_need_of_kib(GIB));
}

static void test_simulate_recorded_is_what_was_held(void **state)
{
    struct sample *vm = add_vm(GIB);

    (void)state;
    ticks(0, 1800);
    vm->tot_kib = GIB / 2;
    ticks(1800, 3601);
    finish();
    assert_usage_equal(recorded[0].held_kib_ns, KIB_NS_PER_GIB_H * 3 / 4);
    assert_int_equal(recorded[0].reversals, 0);
}

static void test_simulate_recorded_shortage_is_need_and_headroom_beyond(void **state)
{
    (void)state;
    (void)add_vm(GIB);
    ticks(0, 3601);
    need(1, 0, GIB); /* and 51 MiB of headroom */
    finish();
    assert_usage_equal(recorded[0].short_kib_ns,
                       (usage_kib_ns)(GIB / 20) * 3600 * (usage_kib_ns)NS_PER_S);
}

static void test_simulate_counts_turns_of_4_mib(void **state)
{
    struct sample *vm = add_vm(GIB);

    (void)state;
    for (int64_t s = 0; s < 100; s += 10) {
        vm->tot_kib = s % 20 == 0 ? GIB : GIB + 4 * MIB;
        ticks(s, s + 10);
    }
    vm->tot_kib = GIB + 4 * MIB - 4; /* less than a turn */
    ticks(100, 110);
    finish();
    assert_int_equal(recorded[0].reversals, 8);
}

static void test_simulate_fixed_policy_changes_nothing(void **state)
{
    (void)state;
    (void)add_vm(GIB);
    (void)add_vm(2 * GIB);
    ticks(0, 601);
    finish();
    for (size_t i = 0; i < 2; i++) {
        assert_usage_equal(changed[i].held_kib_ns, recorded[i].held_kib_ns);
        assert_int_equal(changed[i].reversals, 0);
        assert_int_equal(changed[i].kills, 0);
    }
}

static void test_simulate_demand_holds_what_is_needed(void **state)
{
    (void)state;
    (void)add_vm(2 * GIB);
    policies[0].kind = POLICY_DEMAND;
    policies[0].floor_kib = 256 * MIB;
    policies[0].is_headroom_adaptive = false; /* 600 MiB in a second would teach it to keep them */
    ticks(0, 3601);
    need(1, 0, 400 * MIB);
    need(1, 1800, 1000 * MIB);
    finish();
    /* 2 GiB*h as recorded; 0.68 are needed, with headroom 0.72 */
    assert_true(changed[0].held_kib_ns < recorded[0].held_kib_ns * 1 / 2);
    assert_true(changed[0].held_kib_ns > KIB_NS_PER_GIB_H * 68 / 100);
    assert_true(changed[0].short_kib_ns < KIB_NS_PER_GIB_H / 100);
    assert_int_equal(changed[0].kills, 0);
}

static void test_simulate_vm_that_comes_and_goes(void **state)
{
    (void)state;
    (void)add_vm(GIB);
    ticks(0, 100);
    (void)add_vm(GIB);
    ticks(100, 700);
    sample_count--;
    ticks(700, 1000);
    finish();
    assert_usage_equal(recorded[1].held_kib_ns, (usage_kib_ns)GIB * 600 * (usage_kib_ns)NS_PER_S);
    /* building takes its time */
    assert_true(changed[1].held_kib_ns > recorded[1].held_kib_ns / 100 * 99);
    assert_true(changed[1].held_kib_ns <= recorded[1].held_kib_ns);
}

static void test_simulate_same_history_same_result(void **state)
{
    struct simulate_tally before[VMS_MAX];

    (void)state;
    (void)add_vm(2 * GIB);
    policies[0].kind = POLICY_DEMAND;
    ticks(0, 601);
    need(1, 0, 400 * MIB);
    need(1, 300, 900 * MIB);
    finish();
    memcpy(before, changed, sizeof before);
    finish();
    assert_memory_equal(before, changed, sizeof before[0]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_history_splits_lives_and_keeps_levels),
        test(test_history_time_that_goes_back_is_refused),
        cmocka_unit_test(test_history_assumes_need_and_headroom_are_what_was_there),
        test(test_history_figures_replace_what_is_assumed),
        test(test_simulate_recorded_is_what_was_held),
        test(test_simulate_recorded_shortage_is_need_and_headroom_beyond),
        test(test_simulate_counts_turns_of_4_mib),
        test(test_simulate_fixed_policy_changes_nothing),
        test(test_simulate_demand_holds_what_is_needed),
        test(test_simulate_vm_that_comes_and_goes),
        test(test_simulate_same_history_same_result),
    };

    return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
