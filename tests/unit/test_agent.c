/*
 * The whole agent in virtual time, between a made-up kernel and a made-up xenstored.
 */
#include "fake_xenstored.h"

#include <signal.h>

#include "agent/agent.h"
#include "balloon/figures_parse.h"

/* What the kernel says. */
static struct {
    uint64_t available_kib, current_kib;
    unsigned moves; /* so often current is another one at each reading */
    bool has_balloon, has_pressure, has_vmstat, has_meminfo;
    unsigned looks; /* readings of meminfo */
} kernel;

static size_t kernel_read(void *context, enum guest_file file, const char **text)
{
    static char out[1024];
    int length = 0;

    (void)context;
    *text = out;
    if (file == GUEST_MEMINFO && kernel.has_meminfo) {
        kernel.looks++;
        length =
            snprintf(out, sizeof out,
                     "MemTotal: 900000 kB\nMemFree: 100 kB\nMemAvailable: %u kB\nCached: 50 kB\n"
                     "SwapTotal: 9 kB\nSwapFree: 8 kB\nCommitted_AS: 7 kB\n",
                     (unsigned)kernel.available_kib);
    } else if (file == GUEST_VMSTAT && kernel.has_vmstat) {
        length = snprintf(out, sizeof out, "pswpin 5\noom_kill 2\n");
    } else if (file == GUEST_PRESSURE && kernel.has_pressure) {
        length = snprintf(out, sizeof out, "some avg10=0.00 total=31\nfull avg10=0.00 total=32\n");
    } else if (file == GUEST_CURRENT && kernel.has_balloon) {
        if (kernel.moves > 0) {
            kernel.moves--;
            kernel.current_kib -= 2048;
        }
        length = snprintf(out, sizeof out, "%u\n", (unsigned)kernel.current_kib);
    }
    return (size_t)length;
}

static struct fake fake;
static struct guest guest;
static struct agent agent;
static uint64_t now_ms;

/* What xenstored does, and what it was told. */
static bool is_hung;
static const char *refusal, *headroom;
static struct figures told;
static unsigned records, questions;
static uint64_t told_ms;

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&kernel, 0, sizeof kernel);
    kernel.available_kib = 500000;
    kernel.current_kib = 1000000;
    kernel.has_balloon = kernel.has_pressure = kernel.has_vmstat = kernel.has_meminfo = true;
    fake = (struct fake){.fd = -1};
    guest_init(&guest, kernel_read, NULL);
    agent_init(&agent, &guest, fake_open, &fake);
    now_ms = 1000;
    is_hung = false;
    refusal = headroom = NULL;
    records = questions = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    xenbus_close(&agent.bus);
    fake_close(&fake);
    return 0;
}

static void serve_read(void)
{
    assert_string_equal(fake.payload, FIGURES_HEADROOM_PATH);
    questions++;
    if (headroom != NULL)
        fake_answer(&fake, headroom);
    else
        fake_refuse(&fake, "ENOENT");
}

static void serve_write(void)
{
    size_t path = sizeof FIGURES_PATH;
    struct error err;

    assert_string_equal(fake.payload, FIGURES_PATH);
    assert_ok(figures_parse(fake.payload + path, fake.asked.length - path, &told, &err));
    records++;
    told_ms = now_ms;
    if (refusal != NULL)
        fake_refuse(&fake, refusal);
    else
        fake_say(&fake, WIRE_WRITE, fake.asked.request, "OK", 3);
}

/* xenstored does its work; true when it answered something. */
static bool serve(void)
{
    if (is_hung || !fake_take(&fake))
        return false;
    if (fake.asked.type == WIRE_READ)
        serve_read();
    else
        serve_write();
    return true;
}

/* Runs until a moment, xenstored at the other end answering at once. Returns how often it woke up.
 */
static unsigned run_until(uint64_t end_ms)
{
    unsigned turns = 0;

    for (;;) {
        uint64_t wake_ms = agent_step(&agent, now_ms, false);

        assert_true(wake_ms > now_ms);
        turns++;
        if (serve())
            continue;
        if (wake_ms > end_ms) {
            now_ms = end_ms;
            return turns;
        }
        now_ms = wake_ms;
    }
}

/* ---- what a record has in it ---- */

static void test_guest_record_is_what_the_kernel_says(void **state)
{
    (void)state;
    (void)run_until(1000);
    assert_int_equal(records, 1);
    assert_int_equal(told.seq, 1);
    assert_int_equal(told.up_ms, 1000);
    assert_int_equal(told.current_kib, 1000000);
    assert_int_equal(told.total_kib, 900000);
    assert_int_equal(told.available_kib, 500000);
    assert_int_equal(told.swap_in, 5);
    assert_int_equal(told.oom_kills, 2);
    assert_int_equal(told.stall_some_us, 31);
    assert_int_equal(told.stall_full_us, 32);
    assert_int_equal(told.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE);
}

static void test_guest_without_pressure_and_balloon_lacks_their_flags(void **state)
{
    (void)state;
    kernel.has_pressure = kernel.has_balloon = false;
    (void)run_until(1000);
    assert_int_equal(told.flags, 0);
    assert_int_equal(told.current_kib, 0);
    assert_int_equal(told.stall_some_us, 0);
}

static void test_guest_pressure_that_goes_away_takes_its_flag_along(void **state)
{
    (void)state;
    (void)run_until(1000);
    kernel.has_pressure = false;
    (void)run_until(6000);
    assert_int_equal(records, 2);
    assert_int_equal(told.flags, FIGURES_HAS_BALLOON);
    assert_int_equal(told.stall_some_us, 0);
}

static void test_guest_counters_that_cannot_be_read_stay(void **state)
{
    (void)state;
    (void)run_until(1000);
    kernel.has_vmstat = false;
    (void)run_until(6000);
    assert_int_equal(records, 2);
    assert_int_equal(told.swap_in, 5);
    assert_int_equal(told.oom_kills, 2);
}

/* current is read before and after each reading of meminfo: tries and one more. */
static void test_guest_current_that_comes_to_rest_at_the_last_try_is_not_moving(void **state)
{
    (void)state;
    kernel.moves = GUEST_TRIES;
    (void)run_until(1000);
    assert_int_equal(told.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE);
    assert_int_equal(told.current_kib, 1000000 - GUEST_TRIES * 2048);
    assert_int_equal(kernel.looks, 1 + GUEST_TRIES);
}

static void test_guest_current_that_never_rests_is_moving(void **state)
{
    (void)state;
    kernel.moves = GUEST_TRIES + 1;
    (void)run_until(1000);
    assert_int_equal(told.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE | FIGURES_IS_MOVING);
    assert_int_equal(kernel.looks, 1 + GUEST_TRIES);
}

/* ---- when it speaks ---- */

static void test_agent_quiet_guest_hears_of_it_every_five_seconds(void **state)
{
    (void)state;
    (void)run_until(60999);
    assert_int_equal(records, 12);
    assert_int_equal(told_ms, 56000);
    (void)run_until(61000);
    assert_int_equal(records, 13);
    assert_int_equal(questions, 13);
    assert_int_equal(agent.trouble, AGENT_FINE);
}

static void test_agent_far_from_trouble_wakes_once_a_second(void **state)
{
    (void)state;
    (void)run_until(1000);
    /* 100 looks; 20 records and 20 questions, each with its reply: one more turn */
    assert_in_range(run_until(101000), 100, 160);
    assert_in_range(kernel.looks, 100, 150);
}

static void test_agent_near_trouble_tells_within_a_tenth_of_a_second(void **state)
{
    (void)state;
    kernel.available_kib = 70000; /* own headroom: 5 % of 930000, 46500 */
    (void)run_until(2000);
    records = 0;
    kernel.available_kib = 23000; /* under half of it */
    (void)run_until(2100);
    assert_int_equal(records, 1);
    assert_int_equal(told.available_kib, 23000);
}

static void test_agent_alarm_makes_it_look_at_once(void **state)
{
    (void)state;
    (void)run_until(3300);
    records = 0;
    kernel.available_kib = 100;
    (void)agent_step(&agent, now_ms, true);
    assert_true(serve());
    assert_int_equal(records, 1);
    assert_int_equal(told.available_kib, 100);
}

static void test_agent_alarm_within_the_spacing_is_told_right_after_it(void **state)
{
    (void)state;
    (void)run_until(1000);
    kernel.available_kib = 400000;
    now_ms = 1030;
    (void)agent_step(&agent, now_ms, true);
    (void)run_until(1099);
    assert_int_equal(records, 1);
    (void)run_until(1100);
    assert_int_equal(records, 2);
}

static void test_agent_wild_guest_makes_ten_records_a_second(void **state)
{
    (void)state;
    (void)run_until(1000);
    records = 0;
    for (uint64_t end = 1050; end <= 11000; end += 50) {
        kernel.available_kib = end % 100 != 0 ? 10000 : 40000;
        (void)agent_step(&agent, now_ms, true);
        (void)run_until(end);
    }
    assert_in_range(records, 90, 100);
}

/* ---- the headroom ---- */

static void test_agent_takes_the_hosts_headroom_and_its_own_without(void **state)
{
    (void)state;
    headroom = "200000";
    (void)run_until(1000);
    assert_int_equal(agent.pace.headroom_kib, 200000);
    headroom = "200000 "; /* not taken */
    (void)run_until(6000);
    assert_int_equal(agent.pace.headroom_kib, 25000);
    headroom = "30000";
    (void)run_until(11000);
    assert_int_equal(agent.pace.headroom_kib, 30000);
    headroom = NULL;
    (void)run_until(16000);
    assert_int_equal(agent.pace.headroom_kib, 25000);
}

static void test_agent_headroom_longer_than_what_is_kept_is_not_taken(void **state)
{
    (void)state;
    headroom = "2000000000000000000000000000000000000000000000000000000000000000000";
    (void)run_until(1000);
    assert_int_equal(agent.pace.headroom_kib, 25000);
}

/* ---- trouble ---- */

static void test_agent_is_fine_when_a_record_has_arrived(void **state)
{
    (void)state;
    (void)agent_step(&agent, now_ms, false);
    assert_int_equal(agent.trouble, AGENT_STARTING);
    assert_true(serve());
    (void)agent_step(&agent, now_ms, false);
    assert_int_equal(agent.trouble, AGENT_FINE);
}

static void test_agent_hung_xenstored_gets_one_request_and_delays_no_look(void **state)
{
    (void)state;
    (void)run_until(1000);
    is_hung = true;
    unsigned looks = kernel.looks;

    kernel.available_kib = 1000;
    (void)run_until(8000);
    assert_true(kernel.looks - looks >= 60);
    assert_int_equal(agent.trouble, AGENT_NO_REPLY);
    assert_int_equal(fake.opened, 1);
    records = 0;
    is_hung = false;
    kernel.available_kib = 2000;
    assert_true(serve()); /* the one that was out */
    assert_false(serve());
    (void)run_until(now_ms);
    assert_int_equal(records, 2);
    assert_int_equal(told.available_kib, 2000);
    assert_int_equal(agent.trouble, AGENT_FINE);
}

/* The record of 6000 gets no reply. */
static void test_agent_reply_is_late_after_five_seconds(void **state)
{
    (void)state;
    (void)run_until(5999);
    is_hung = true;
    (void)run_until(6000);
    (void)agent_step(&agent, 10999, false);
    assert_int_equal(agent.trouble, AGENT_FINE);
    (void)agent_step(&agent, 11000, false);
    assert_int_equal(agent.trouble, AGENT_NO_REPLY);
}

static void test_agent_survives_a_xenstored_that_forgets_the_request(void **state)
{
    (void)state;
    (void)run_until(1000);
    is_hung = true;
    (void)run_until(30000);
    assert_int_equal(fake.opened, 2);
    is_hung = false;
    fake_close(&fake); /* a new one has taken its place */
    (void)run_until(36000);
    assert_int_equal(fake.opened, 3);
    assert_int_equal(agent.trouble, AGENT_FINE);
    assert_true(told_ms >= 31000);
}

static void test_agent_refused_record_is_tried_every_second(void **state)
{
    (void)state;
    refusal = "EACCES";
    (void)run_until(10999);
    assert_int_equal(records, 10);
    assert_int_equal(questions, 0);
    assert_int_equal(agent.trouble, AGENT_REFUSED);
    refusal = NULL;
    (void)run_until(12000);
    assert_int_equal(agent.trouble, AGENT_FINE);
}

static void test_agent_without_device_tries_every_second(void **state)
{
    (void)state;
    fake.is_absent = true;
    (void)run_until(10999);
    assert_int_equal(fake.opened, 10);
    assert_int_equal(agent.trouble, AGENT_NO_DEVICE);
    fake.is_absent = false;
    (void)run_until(12000);
    assert_int_equal(records, 1);
    assert_int_equal(told.seq, 1);
}

static void test_agent_without_meminfo_tries_every_second(void **state)
{
    (void)state;
    kernel.has_meminfo = false;
    assert_int_equal(run_until(10999), 10);
    assert_int_equal(agent.trouble, AGENT_NO_MEMINFO);
    kernel.has_meminfo = true;
    (void)run_until(11000);
    assert_int_equal(records, 1);
    assert_int_equal(agent.trouble, AGENT_FINE);
}

static void test_agent_long_suspend_is_followed_by_a_record(void **state)
{
    (void)state;
    (void)run_until(1500);
    now_ms += 3600000;
    (void)agent_step(&agent, now_ms, false);
    assert_true(serve());
    assert_int_equal(records, 2);
    assert_int_equal(told.seq, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_guest_record_is_what_the_kernel_says),
        TEST(test_guest_without_pressure_and_balloon_lacks_their_flags),
        TEST(test_guest_pressure_that_goes_away_takes_its_flag_along),
        TEST(test_guest_counters_that_cannot_be_read_stay),
        TEST(test_guest_current_that_comes_to_rest_at_the_last_try_is_not_moving),
        TEST(test_guest_current_that_never_rests_is_moving),
        TEST(test_agent_quiet_guest_hears_of_it_every_five_seconds),
        TEST(test_agent_far_from_trouble_wakes_once_a_second),
        TEST(test_agent_near_trouble_tells_within_a_tenth_of_a_second),
        TEST(test_agent_alarm_makes_it_look_at_once),
        TEST(test_agent_alarm_within_the_spacing_is_told_right_after_it),
        TEST(test_agent_wild_guest_makes_ten_records_a_second),
        TEST(test_agent_takes_the_hosts_headroom_and_its_own_without),
        TEST(test_agent_headroom_longer_than_what_is_kept_is_not_taken),
        TEST(test_agent_is_fine_when_a_record_has_arrived),
        TEST(test_agent_hung_xenstored_gets_one_request_and_delays_no_look),
        TEST(test_agent_reply_is_late_after_five_seconds),
        TEST(test_agent_survives_a_xenstored_that_forgets_the_request),
        TEST(test_agent_refused_record_is_tried_every_second),
        TEST(test_agent_without_device_tries_every_second),
        TEST(test_agent_without_meminfo_tries_every_second),
        TEST(test_agent_long_suspend_is_followed_by_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
