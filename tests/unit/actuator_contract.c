/*
 * actuator_contract.c - the actuator "xen" and its guests in a dom0 (tests/lab/actuator.sh):
 *
 *   actuator_contract contract DOMID    the contract of actuators on this guest; then dry-run on it
 *   actuator_contract guests DOMID      records, facts, what is told, and a flood
 *   actuator_contract hang DOMID PID    xenstored is stopped and continued; PID is its process
 *   actuator_contract lost DOMID        xenstored is killed and started anew
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "actuator_contract.h"
#include "balloon/actuator_dry.h"
#include "common/clock.h"
#include "common/number.h"
#include "xen/actuator_xen.h"
#include "xen/xenstore.h"

static uint16_t domid;
static pid_t xenstored;

/* what the events said, and how long the main thread's calls took */
static struct {
    struct guests *guests;
    struct actuator *actuator;
    struct vm_facts facts;
    struct mail_text record;
    unsigned records, told, written, failed;
    int64_t longest_ns;
} seen;

static void open_all(void)
{
    struct error err;

    memset(&seen, 0, sizeof seen);
    assert_ok(guests_open(&seen.guests, &err));
    assert_ok(actuator_open_xen(&seen.actuator, seen.guests, &err));
    assert_ok(guests_watch(seen.guests, domid, &err));
}

static void close_all(void)
{
    actuator_close_xen(seen.actuator);
    guests_close(seen.guests);
}

static void take_event(const struct mail_event *event)
{
    if (event->domid != domid)
        return;
    if (event->kind == MAIL_TEXT && event->topic == MAIL_RECORD) {
        seen.records++;
        seen.record = event->text;
    } else if (event->kind == MAIL_TOLD) {
        seen.told++;
        seen.facts = event->facts;
    } else if (event->kind == MAIL_WRITTEN) {
        if (event->is_ok)
            seen.written++;
        else
            seen.failed++;
    }
}

/* Listens for so long, as a main loop does. */
static void listen_ns(int64_t ns)
{
    static struct mail_event event;
    int64_t end_ns = clock_mono().ns + ns;

    for (;;) {
        int64_t begin_ns = clock_mono().ns;

        while (guests_next(seen.guests, &event))
            take_event(&event);
        int64_t now_ns = clock_mono().ns;
        struct pollfd fd = {.fd = guests_fd(seen.guests), .events = POLLIN};

        if (now_ns - begin_ns > seen.longest_ns)
            seen.longest_ns = now_ns - begin_ns;
        if (now_ns >= end_ns)
            return;
        (void)poll(&fd, 1, (int)((end_ns - now_ns) / 1000000) + 1);
    }
}

static void advance(void *context, int64_t ns)
{
    (void)context;
    listen_ns(ns);
}

static void test_actuator_xen_keeps_the_contract(void **state)
{
    (void)state;
    open_all();
    listen_ns(NS_PER_S);
    struct actuator_kind kind = {.name = "xen",
                                 .actuator = seen.actuator,
                                 .advance = advance,
                                 .domid = domid,
                                 .low_kib = seen.facts.target_kib,
                                 .high_kib = seen.facts.target_kib + 32768,
                                 .sets_caps = true,
                                 .sets_targets = true};

    assert_true(seen.facts.target_kib > 0);
    contract_of(&kind);
    close_all();
}

static void test_actuator_dry_run_changes_nothing(void **state)
{
    struct actuator *dry;
    struct error err;

    (void)state;
    open_all();
    listen_ns(NS_PER_S);
    assert_ok(actuator_open_dry(&dry, seen.actuator, &err));
    struct actuator_kind kind = {.name = "dry-run",
                                 .actuator = dry,
                                 .advance = advance,
                                 .domid = domid,
                                 .low_kib = seen.facts.target_kib,
                                 .high_kib = seen.facts.target_kib + 32768};

    contract_of(&kind);
    actuator_close_dry(dry);
    close_all();
}

/* ---- guests ---- */

/* A connection of the test's own: writes as the guest would, or the toolstack. */
static struct xenstore other;

static void put(uint16_t to, const char *node, const char *value)
{
    char path[128];

    (void)snprintf(path, sizeof path, "/local/domain/%u/%s", to, node);
    assert_int_equal(xenstore_write(&other, path, value), XENSTORE_OK);
}

static void test_guests_hand_on_records_and_facts(void **state)
{
    char target[32];
    char *long_text = test_malloc(1001);

    (void)state;
    open_all();
    assert_int_equal(xenstore_open(&other), XENSTORE_OK);
    listen_ns(NS_PER_S);
    assert_true(seen.told > 0);
    assert_true(seen.facts.name[0] != 0);
    assert_true(seen.facts.static_max_kib >= seen.facts.target_kib);
    put(domid, "data/pagemeter/mem", "v=1 first");
    listen_ns(NS_PER_S / 4);
    assert_int_equal(seen.record.length, strlen("v=1 first"));
    assert_memory_equal(seen.record.text, "v=1 first", seen.record.length);
    memset(long_text, '9', 1000);
    long_text[1000] = 0;
    put(domid, "data/pagemeter/mem", long_text);
    test_free(long_text);
    listen_ns(NS_PER_S / 4);
    assert_int_equal(seen.record.length, FIGURES_TEXT_MAX + 1); /* too long, and known to be */
    unsigned told = seen.told;

    (void)snprintf(target, sizeof target, "%" PRIu64, seen.facts.target_kib);
    put(domid, "memory/target", target); /* somebody else writes it */
    listen_ns(NS_PER_S / 2);
    assert_true(seen.told > told);
    xenstore_close(&other);
    close_all();
}

static void test_guests_refuse_what_is_not_watched(void **state)
{
    struct error err;
    struct actuator *a;

    (void)state;
    open_all();
    a = seen.actuator;
    assert_fails(a->ops->set_target(a, 32000, 65536, &err), ERR_REFUSED, "not watched");
    assert_fails(a->ops->tell(a, domid, "../name", "x", &err), ERR_USAGE, "not told");
    assert_ok(guests_watch(seen.guests, 32000, &err)); /* a domain that does not exist */
    domid = 32000;
    assert_ok(guests_write_target(seen.guests, 32000, 65536, 1, &err));
    assert_ok(guests_tell(seen.guests, 32000, "answer", "x", 2, &err));
    listen_ns(NS_PER_S / 2);
    assert_int_equal(seen.failed, 2);
    char text[1];
    size_t length;

    assert_int_equal(xenstore_open(&other), XENSTORE_OK);
    assert_int_equal(xenstore_read(&other, "/local/domain/32000", text, 1, &length), XENSTORE_NO);
    xenstore_close(&other);
    close_all();
}

static void test_guests_report_what_was_written(void **state)
{
    struct error err;

    (void)state;
    open_all();
    assert_ok(guests_tell(seen.guests, domid, "headroom", "16384", 1, &err));
    assert_ok(guests_tell(seen.guests, domid, "answer", "seq=1 granted", 2, &err));
    listen_ns(NS_PER_S / 2);
    assert_int_equal(seen.written, 2);
    assert_int_equal(seen.failed, 0);
    close_all();
}

/* ---- a flood ---- */

static atomic_bool is_flooding;
static long flooded;

static void *flood(void *context)
{
    static struct xenstore own;
    char text[32];

    (void)context;
    if (xenstore_open(&own) != XENSTORE_OK)
        return NULL;
    for (flooded = 0; atomic_load(&is_flooding); flooded++) {
        (void)snprintf(text, sizeof text, "v=1 seq=%ld", flooded);
        if (xenstore_write(&own, "/local/domain/0/data/pagemeter/mem", text) != XENSTORE_OK)
            break;
    }
    xenstore_close(&own);
    return NULL;
}

/* dom0's own node is the one that is flooded, the guest's the one that must not wait for it */
static void test_guests_one_that_floods_does_not_starve_another(void **state)
{
    static struct mail_event event;
    enum { ROUNDS = 20 };
    pthread_t thread;
    struct error err;
    unsigned of_flooder = 0;
    unsigned of_other = 0;
    int64_t longest_ns = 0;
    char text[32];

    (void)state;
    open_all();
    assert_ok(guests_watch(seen.guests, 0, &err));
    assert_int_equal(xenstore_open(&other), XENSTORE_OK);
    listen_ns(NS_PER_S / 2);
    atomic_store(&is_flooding, true);
    assert_int_equal(pthread_create(&thread, NULL, flood, NULL), 0);
    int64_t begin_ns = clock_mono().ns;

    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(text, sizeof text, "v=1 round=%d", i);
        put(domid, "data/pagemeter/mem", text);
        int64_t put_ns = clock_mono().ns;
        bool is_there = false;

        while (clock_mono().ns < put_ns + (is_there ? NS_PER_S / 4 : 2 * NS_PER_S)) {
            struct pollfd fd = {.fd = guests_fd(seen.guests), .events = POLLIN};

            (void)poll(&fd, 1, 5);
            while (guests_next(seen.guests, &event)) {
                if (event.kind != MAIL_TEXT)
                    continue;
                of_flooder += event.domid == 0;
                if (event.domid == domid && !is_there) {
                    is_there = true;
                    of_other++;
                    if (event.at_ns - put_ns > longest_ns)
                        longest_ns = event.at_ns - put_ns;
                }
            }
        }
        assert_false(guests_is_hung(seen.guests, clock_mono().ns));
    }
    int64_t took_ns = clock_mono().ns - begin_ns;

    atomic_store(&is_flooding, false);
    (void)pthread_join(thread, NULL);
    print_message("%ld writes in %" PRId64 " ms: %u records of the flooder, %u of %d of the other, "
                  "the latest after %" PRId64 " us\n",
                  flooded, took_ns / 1000000, of_flooder, of_other, ROUNDS, longest_ns / 1000);
    assert_int_equal(of_other, ROUNDS);
    assert_true(of_flooder <= MAIL_BURST + (uint64_t)took_ns * MAIL_RATE_PER_S / NS_PER_S + 1);
    assert_true(of_flooder > 10); /* its newest value is read all the same */
    listen_ns(NS_PER_S);
    put(0, "data/pagemeter/mem", "");
    xenstore_close(&other);
    close_all();
}

/* ---- xenstored stops ---- */

/* One round of all that a main loop calls. The longest counts. */
static void call_everything(int i)
{
    struct actuator *a = seen.actuator;
    struct host_view view;
    struct error err;
    int64_t begin_ns = clock_mono().ns;

    assert_ok(a->ops->read(a, &view, &err));
    assert_ok(a->ops->set_target(a, domid, seen.facts.target_kib, &err));
    assert_ok(a->ops->tell(a, domid, "headroom", i % 2 ? "16384" : "16385", &err));
    assert_ok(guests_watch(seen.guests, 31999, &err));
    guests_unwatch(seen.guests, 31999);
    (void)guests_is_hung(seen.guests, begin_ns);
    int64_t took_ns = clock_mono().ns - begin_ns;

    if (took_ns > seen.longest_ns)
        seen.longest_ns = took_ns;
    listen_ns(NS_PER_S / 100);
}

/* How long until it is hung, or is not, while everything is called, or nothing. */
static int64_t until_hung(bool is_hung, bool is_busy)
{
    int64_t begin_ns = clock_mono().ns;

    for (int i = 0; guests_is_hung(seen.guests, clock_mono().ns) != is_hung; i++) {
        if (clock_mono().ns - begin_ns > 10 * NS_PER_S)
            fail_msg("not %s after 10 s", is_hung ? "hung" : "well");
        if (is_busy)
            call_everything(i);
        else
            listen_ns(NS_PER_S / 100);
    }
    return clock_mono().ns - begin_ns;
}

static void hang_and_recover(bool is_busy)
{
    struct error err;

    open_all();
    listen_ns(NS_PER_S);
    assert_false(guests_is_hung(seen.guests, clock_mono().ns));
    seen.longest_ns = 0;
    assert_int_equal(kill(xenstored, SIGSTOP), 0);
    int64_t hung_ns = until_hung(true, is_busy);

    for (int i = 0; i < 100; i++)
        call_everything(i);
    unsigned told = seen.told;

    assert_int_equal(kill(xenstored, SIGCONT), 0);
    int64_t well_ns = until_hung(false, is_busy);

    print_message("hung after %" PRId64 " ms, well after %" PRId64 " ms, the longest call %" PRId64
                  " us\n",
                  hung_ns / 1000000, well_ns / 1000000, seen.longest_ns / 1000);
    assert_true(hung_ns < 3 * NS_PER_S);
    assert_true(well_ns < NS_PER_S);
    assert_true(seen.longest_ns < NS_PER_S / 5);
    listen_ns(NS_PER_S / 2);
    assert_true(seen.told > told); /* everything was read anew */
    unsigned written = seen.written;

    assert_ok(guests_tell(seen.guests, domid, "headroom", "16384", 9, &err));
    listen_ns(NS_PER_S / 2);
    assert_true(seen.written > written);
    close_all();
}

static void test_guests_idle_when_xenstored_stops_say_so_and_recover(void **state)
{
    (void)state;
    hang_and_recover(false);
}

static void test_guests_busy_when_xenstored_stops_say_so_and_recover(void **state)
{
    (void)state;
    hang_and_recover(true);
}

static void test_guests_opened_and_closed_while_xenstored_is_stopped_do_not_block(void **state)
{
    (void)state;
    assert_int_equal(kill(xenstored, SIGSTOP), 0);
    int64_t begin_ns = clock_mono().ns;

    open_all();
    listen_ns(NS_PER_S / 10);
    int64_t close_ns = clock_mono().ns;

    close_all();
    int64_t took_ns = clock_mono().ns - close_ns;

    print_message("opened in %" PRId64 " ms, closed in %" PRId64 " ms\n",
                  (close_ns - begin_ns) / 1000000 - 100, took_ns / 1000000);
    assert_true(took_ns < NS_PER_S);
    assert_int_equal(kill(xenstored, SIGCONT), 0);
    (void)nanosleep(&(struct timespec){1, 0}, NULL); /* what was left behind wakes, and frees */
}

/* A target asked for while it was hung is too old afterwards: it is not written. */
static void test_guests_do_not_write_late(void **state)
{
    struct error err;
    uint64_t before_kib;

    (void)state;
    open_all();
    listen_ns(NS_PER_S);
    before_kib = seen.facts.target_kib;
    assert_int_equal(kill(xenstored, SIGSTOP), 0);
    listen_ns(NS_PER_S); /* by now the thread waits for an answer */
    assert_ok(guests_write_target(seen.guests, domid, before_kib + 4096, 7, &err));
    listen_ns(3 * NS_PER_S);
    assert_int_equal(kill(xenstored, SIGCONT), 0);
    listen_ns(NS_PER_S);
    assert_int_equal(seen.written, 0);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(seen.facts.target_kib, before_kib);
    close_all();
}

static void lose_and_find(bool has_socket)
{
    open_all();
    listen_ns(NS_PER_S);
    assert_true(seen.told > 0);
    assert_int_equal(system("kill -KILL $(cat /run/xenstored.pid)"), 0);
    if (!has_socket)
        assert_int_equal(system("rm /run/xenstored/socket"), 0);
    int64_t hung_ns = until_hung(true, true);

    print_message("lost after %" PRId64 " ms, the longest call %" PRId64 " us\n", hung_ns / 1000000,
                  seen.longest_ns / 1000);
    assert_true(hung_ns < 3 * NS_PER_S);
    assert_true(seen.longest_ns < NS_PER_S / 5);
    assert_int_equal(system("xenstored --pid-file /run/xenstored.pid"), 0);
    unsigned told = seen.told;
    int64_t well_ns = until_hung(false, false);

    print_message("found again after %" PRId64 " ms\n", well_ns / 1000000);
    listen_ns(NS_PER_S);
    assert_true(seen.told > told);
    close_all();
}

static void test_guests_reconnect_to_a_new_xenstored(void **state)
{
    (void)state;
    lose_and_find(true);
}

/* Meanwhile not even the socket is there, and libxenstore takes the kernel's way. */
static void test_guests_reconnect_when_the_socket_was_gone(void **state)
{
    (void)state;
    lose_and_find(false);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    return text != NULL && number_parse(text, strlen(text), max, out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest contract[] = {
        cmocka_unit_test(test_actuator_xen_keeps_the_contract),
        cmocka_unit_test(test_actuator_dry_run_changes_nothing),
    };
    const struct CMUnitTest guests[] = {
        cmocka_unit_test(test_guests_hand_on_records_and_facts),
        cmocka_unit_test(test_guests_report_what_was_written),
        cmocka_unit_test(test_guests_one_that_floods_does_not_starve_another),
        cmocka_unit_test(test_guests_refuse_what_is_not_watched),
    };
    const struct CMUnitTest hang[] = {
        cmocka_unit_test(test_guests_idle_when_xenstored_stops_say_so_and_recover),
        cmocka_unit_test(test_guests_busy_when_xenstored_stops_say_so_and_recover),
        cmocka_unit_test(test_guests_opened_and_closed_while_xenstored_is_stopped_do_not_block),
        cmocka_unit_test(test_guests_do_not_write_late),
    };
    const struct CMUnitTest lost[] = {
        cmocka_unit_test(test_guests_reconnect_to_a_new_xenstored),
        cmocka_unit_test(test_guests_reconnect_when_the_socket_was_gone),
    };
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t number;
    uint64_t pid = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 3 || !parse_number(argv[2], UINT16_MAX, &number) ||
        (argc > 3 && !parse_number(argv[3], INT32_MAX, &pid)))
        return 2;
    domid = (uint16_t)number;
    xenstored = (pid_t)pid;
    if (strcmp(what, "contract") == 0)
        return cmocka_run_group_tests(contract, NULL, NULL);
    if (strcmp(what, "guests") == 0)
        return cmocka_run_group_tests(guests, NULL, NULL);
    if (strcmp(what, "hang") == 0 && pid > 0)
        return cmocka_run_group_tests(hang, NULL, NULL);
    if (strcmp(what, "lost") == 0)
        return cmocka_run_group_tests(lost, NULL, NULL);
    return 2;
}
