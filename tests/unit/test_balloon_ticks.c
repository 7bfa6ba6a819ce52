/*
 * The sample stream as a beat: heads of ticks, whole or in pieces, and nothing else.
 */
#include "scratch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balloon/ticks.h"
#include "meter/stream.h"

static struct ticks ticks;
static int peer; /* the other end */

static int begin(void **state)
{
    int fds[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    ticks_init(&ticks, "none");
    ticks.fd = fds[0];
    peer = fds[1];
    return 0;
}

static int end(void **state)
{
    (void)state;
    ticks_clear(&ticks);
    return peer >= 0 ? close(peer) : 0;
}

static void send_bytes(const char *text, size_t length)
{
    assert_int_equal(write(peer, text, length), length);
}

static void send_text(const char *text)
{
    send_bytes(text, strlen(text));
}

static void hang_up(void)
{
    assert_int_equal(close(peer), 0);
    peer = -1;
}

static void assert_tick(uint64_t expected)
{
    uint64_t seq = 0;

    assert_true(ticks_read(&ticks, &seq));
    assert_int_equal(seq, expected);
}

static void assert_no_tick(void)
{
    uint64_t seq = 4711;

    assert_false(ticks_read(&ticks, &seq));
    assert_int_equal(seq, 4711);
}

static void test_ticks_head_is_a_tick(void **state)
{
    (void)state;
    assert_no_tick();
    send_text("T 7 1000 2000\n");
    assert_tick(7);
    assert_no_tick();
}

static void test_ticks_last_of_many_is_told(void **state)
{
    (void)state;
    send_text("T 7 1\nD 1 2 3\nT 8 1\nD 1 2 3\nT 9 1\nD 1 2 3\nT 10");
    assert_tick(9);
    send_text(" 1\n");
    assert_tick(10);
}

static void test_ticks_head_in_pieces_is_a_tick(void **state)
{
    static const char head[] = "T 123 1000 2000";

    (void)state;
    for (size_t i = 0; i < strlen(head); i++) {
        send_bytes(head + i, 1);
        assert_no_tick();
    }
    send_text("\n");
    assert_tick(123);
}

static void test_ticks_other_lines_are_none(void **state)
{
    static const char *const lines[] = {
        "\n",       "T\n",      "T \n",     "T 5\n",
        "T  5 1\n", " T 5 1\n", "TT 5 1\n", "t 5 1\n",
        "T x 1\n",  "T -5 1\n", "T 05 1\n", "D 5 1\n",
        "H 5 1\n",  "T\t5 1\n", "T 5x 1\n", "T 9223372036854775808 1\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        send_text(lines[i]);
        assert_no_tick();
    }
    send_text("T 9223372036854775807 1\n");
    assert_tick(INT64_MAX);
}

/* A line of `length` bytes with its newline, that begins like a tick's head. */
static void send_long(const char *head, size_t length)
{
    static char line[3 * TICKS_BUFFER];

    memset(line, 'x', length);
    memcpy(line, head, strlen(head));
    line[length - 1] = '\n';
    send_bytes(line, length);
}

static void test_ticks_line_as_long_as_the_buffer_is_read(void **state)
{
    (void)state;
    send_long("T 7 ", TICKS_BUFFER);
    assert_tick(7);
}

static void test_ticks_line_longer_than_the_buffer_is_skipped(void **state)
{
    static const size_t lengths[] = {TICKS_BUFFER + 1, TICKS_BUFFER + 2, 2 * TICKS_BUFFER,
                                     2 * TICKS_BUFFER + 1, 3 * TICKS_BUFFER};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        send_long("T 7 ", lengths[i]);
        assert_no_tick();
        send_text("T 8 1\n");
        assert_tick(8);
    }
}

/* What stands at the beginning of a buffer within a long line is no head. */
static void test_ticks_middle_of_a_long_line_is_no_head(void **state)
{
    static char line[TICKS_BUFFER + 8];

    (void)state;
    memset(line, 'x', TICKS_BUFFER);
    memcpy(line + TICKS_BUFFER, "T 7 1\n", 7);
    send_bytes(line, TICKS_BUFFER + 6);
    assert_no_tick();
}

static void test_ticks_peer_that_closes_ends_it(void **state)
{
    (void)state;
    send_text("T 7 1\nT 8");
    hang_up();
    assert_tick(7); /* what came before counts */
    assert_int_equal(ticks.fd, -1);
    assert_no_tick();
}

static void test_ticks_none_is_never_connected(void **state)
{
    (void)state;
    ticks_clear(&ticks);
    ticks_connect(&ticks, NS_PER_S);
    assert_int_equal(ticks.fd, -1);
    ticks_clear(&ticks);
}

static void test_ticks_connects_once_a_second_and_starts_a_new_line(void **state)
{
    char dir[] = "/tmp/pagemeter-unit-XXXXXX";
    char path[64];
    const struct head head = {.interval_ns = 1, .max_gap_ns = 2};
    struct stream *stream = NULL;
    struct error err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/s", dir);
    send_text("T 77"); /* half a line of the connection before */
    assert_no_tick();
    hang_up();
    assert_no_tick();
    ticks.path = path;
    ticks_connect(&ticks, 10 * NS_PER_S);
    assert_int_equal(ticks.fd, -1); /* nobody listens */
    assert_ok(stream_open(&stream, path, &head, &err));
    ticks_connect(&ticks, 11 * NS_PER_S - 1);
    assert_int_equal(ticks.fd, -1);
    ticks_connect(&ticks, 11 * NS_PER_S);
    assert_true(ticks.fd >= 0);
    assert_int_equal(ticks.used, 0);
    assert_true((fcntl(ticks.fd, F_GETFL) & O_NONBLOCK) != 0);
    while (stream_subscribers(stream) != 1)
        (void)usleep(1000);
    struct sample sample = {.domid = 1};
    const struct record record = {
        .kind = RECORD_TICK, .tick = {.seq = 5, .mono_ns = 5, .domains = 1, .samples = &sample}};
    uint64_t seq = 0;

    stream_publish(stream, &record);
    while (!ticks_read(&ticks, &seq))
        (void)usleep(1000);
    assert_int_equal(seq, 5);
    stream_close(stream);
    (void)remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ticks_head_is_a_tick, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_last_of_many_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_head_in_pieces_is_a_tick, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_other_lines_are_none, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_line_as_long_as_the_buffer_is_read, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_line_longer_than_the_buffer_is_skipped, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_ticks_middle_of_a_long_line_is_no_head, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_peer_that_closes_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_none_is_never_connected, begin, end),
        cmocka_unit_test_setup_teardown(test_ticks_connects_once_a_second_and_starts_a_new_line,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
