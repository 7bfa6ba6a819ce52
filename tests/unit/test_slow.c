/*
 * Connections that are too slow: with a request that does not end, or an answer that is not read.
 * The time before a request does not count for its answer. libmicrohttpd is played here.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#include "common/clock.h"
#include "serve/slow.h"

struct MHD_Connection {
    union MHD_ConnectionInfo server;
    int client;
};

static struct slow *slow;
static struct MHD_Connection asker;

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c,
                                                        enum MHD_ConnectionInfoType type, ...)
{
    assert_int_equal(type, MHD_CONNECTION_INFO_CONNECTION_FD);
    return &c->server;
}

/* A moment that is over, after all that was said before. */
static int64_t now_is_over(void)
{
    int64_t now = clock_mono().ns;

    while (clock_mono().ns <= now + 1)
        continue;
    return now + 1;
}

static int set_up(void **state)
{
    struct error err;
    int pair[2];

    (void)state;
    if (!slow_open(&slow, &err) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    asker.server.connect_fd = pair[0];
    asker.client = pair[1];
    slow_note_begin(slow, &asker);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    slow_note_gone(slow, &asker);
    slow_close(slow);
    return close(asker.server.connect_fd) | close(asker.client);
}

/* What he is told: 408, the end ("") or nothing yet (NULL). */
static const char *told(void)
{
    static char text[512];
    ssize_t length = recv(asker.client, text, sizeof text - 1, MSG_DONTWAIT);

    text[length > 0 ? length : 0] = '\0';
    return length < 0 ? NULL : text;
}

static void test_slow_headers_are_refused(void **state)
{
    int64_t begun = now_is_over();

    (void)state;
    slow_end_late(slow, begun);
    assert_non_null(strstr(told(), " 408 "));
    assert_string_equal(told(), "");
    slow_end_late(slow, now_is_over()); /* it is told once */
    assert_string_equal(told(), "");
}

static void test_slow_is_measured_from_both_sides(void **state)
{
    (void)state;
    slow_end_late(slow, 0);
    assert_null(told());
    slow_end_late(slow, now_is_over());
    assert_non_null(told());
}

static void test_slow_answers_have_their_own_time(void **state)
{
    int64_t waited = now_is_over();

    (void)state;
    slow_note_headers(slow, &asker);
    slow_note_headers(slow, &asker);
    slow_end_late(slow, waited);
    assert_null(told());
    int64_t answered = now_is_over();

    slow_note_headers(slow, &asker); /* of the same request */
    slow_end_late(slow, answered);
    assert_string_equal(told(), ""); /* cut off: part of an answer may be there */
}

static void test_slow_next_request_begins_anew(void **state)
{
    (void)state;
    slow_note_headers(slow, &asker);
    int64_t first = now_is_over();

    slow_note_end(slow, &asker);
    slow_end_late(slow, first);
    assert_null(told());
    slow_end_late(slow, now_is_over());
    assert_non_null(strstr(told(), " 408 "));
}

static void test_slow_forgets_who_is_gone(void **state)
{
    (void)state;
    slow_note_gone(slow, &asker);
    slow_end_late(slow, now_is_over());
    assert_null(told());
    slow_note_begin(slow, &asker);
    slow_end_late(slow, now_is_over());
    assert_non_null(told());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slow_headers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_is_measured_from_both_sides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_answers_have_their_own_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_next_request_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_forgets_who_is_gone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
