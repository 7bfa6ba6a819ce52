/*
 * The control socket: who may change what, what is bounded, who is dropped, and that an answer
 * waits for its ticket and for nothing else. Time is the test's.
 */
#include "scratch.h"

#include <sys/socket.h>
#include <unistd.h>

#include "balloon/control.h"
#include "common/local_socket.h"

static struct {
    struct control *control;
    char path[SCRATCH_PATH_MAX];
    int64_t now_ns;
    /* the answering side */
    uint64_t ticket; /* given with each change */
    enum ticket_state state;
    unsigned served;
    char who[REQUEST_WHO_MAX];
    size_t rows;
} t;

static bool serve(void *context, const struct request *request, struct reply *reply,
                  uint64_t *ticket, struct error *err)
{
    (void)context;
    t.served++;
    (void)strcpy(t.who, request->who);
    if (request->verb == REQUEST_EXPLAIN)
        return error_set(err, ERR_REFUSED, "no VM here has '%s'", request->vm);
    for (size_t i = 0; i < t.rows; i++) {
        reply_begin(reply, "vm");
        reply_number(reply, "domid", i);
        reply_word(reply, "filler", "0123456789012345678901234567890123456789");
        reply_end(reply);
    }
    if (request_is_change(request->verb))
        *ticket = t.ticket;
    return true;
}

static enum ticket_state ticket_of(void *context, uint64_t ticket)
{
    (void)context;
    assert_int_equal(ticket, t.ticket);
    return t.state;
}

static int begin(void **state)
{
    struct control_ops ops = {serve, ticket_of, NULL};
    struct error err;

    memset(&t, 0, sizeof t);
    t.rows = 1;
    t.ticket = 5;
    t.state = TICKET_STORED;
    t.now_ns = 1000;
    if (scratch_begin(state) != 0)
        return -1;
    (void)snprintf(t.path, sizeof t.path, "%s/control.sock", (const char *)*state);
    return control_open(&t.control, t.path, &ops, &err) ? 0 : -1;
}

static int end(void **state)
{
    control_close(t.control);
    return scratch_end(state);
}

/* The loop, for as long as there is something to do at once. */
static void turn(void)
{
    struct pollfd fds[CONTROL_FDS_MAX];

    for (;;) {
        size_t count = control_fill(t.control, fds);
        bool has_event = poll(fds, count, 0) > 0;

        control_handle(t.control, fds, t.now_ns);
        if (!has_event)
            return;
    }
}

static int connected(void)
{
    int fd = local_socket_connect(t.path);

    assert_true(fd >= 0);
    turn();
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn();
}

/* All that has come so far. */
static const char *heard(int fd)
{
    static char text[1 << 16];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static bool is_dropped(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_control_answers_line_by_line(void **state)
{
    int fd = connected();

    (void)state;
    say(fd, "list\n");
    assert_string_equal(heard(fd),
                        "vm domid=0 filler=0123456789012345678901234567890123456789\nok\n");
    say(fd, "explain nobody\n");
    assert_string_equal(heard(fd), "error refused no VM here has 'nobody'\n");
    say(fd, "nonsense\n");
    assert_text_has(heard(fd), "error usage there is no request 'nonsense'");
    assert_int_equal(t.served, 2);
    (void)close(fd);
}

static void test_control_line_may_come_in_pieces(void **state)
{
    int fd = connected();

    (void)state;
    say(fd, "li");
    assert_string_equal(heard(fd), "");
    say(fd, "st\n");
    assert_text_has(heard(fd), "ok\n");
    (void)close(fd);
}

static void test_control_knows_who_asks(void **state)
{
    int fd = connected();

    (void)state;
    say(fd, "drain\n");
    assert_string_equal(heard(fd) + strlen(heard(fd)), "");
    assert_int_equal(t.served, 1);
    assert_int_not_equal(strlen(t.who), 0);
    (void)close(fd);
}

/* Another user, in a process of its own; skipped where we are not root. */
static void test_control_others_may_look_and_not_change(void **state)
{
    char report[512] = "";
    int ends[2];

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(*state, 0755), 0);
    assert_int_equal(chmod(t.path, 0666), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();

    if (pid == 0) {
        char answer[256];
        ssize_t n = 0;

        if (setuid(65534) == 0) {
            int fd = local_socket_connect(t.path);

            (void)!write(fd, "drain\n", 6);
            n = read(fd, answer, sizeof answer);
            (void)!write(ends[1], answer, n > 0 ? (size_t)n : 0);
            (void)!write(fd, "list\n", 5);
            n = read(fd, answer, sizeof answer);
            (void)!write(ends[1], answer, n > 0 ? (size_t)n : 0);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    for (size_t length = 0;;) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};

        turn();
        if (poll(&fd, 1, 1) <= 0)
            continue;
        ssize_t n = read(ends[0], report + length, sizeof report - 1 - length);

        if (n <= 0)
            break;
        length += (size_t)n;
    }
    (void)close(ends[0]);
    assert_text_has(report, "error refused ");
    assert_text_has(report, "may look, and not change anything");
    assert_text_has(report, "vm domid=0");
    assert_int_equal(t.served, 1);
}

static void test_control_change_is_answered_when_it_is_on_disk(void **state)
{
    int fd = connected();
    int other = connected();

    (void)state;
    t.state = TICKET_WAITING;
    say(fd, "stop\n");
    assert_string_equal(heard(fd), "");
    assert_int_equal(control_next_ns(t.control), 1000 + CONTROL_SLOW_NS);
    say(other, "list\n");
    assert_text_has(heard(other), "ok\n");
    /* the disk hangs for long: that is no reason to drop who waits for it */
    (void)close(other);
    turn();
    t.now_ns += 100 * CONTROL_SLOW_NS;
    turn();
    assert_string_equal(heard(fd), "");
    t.state = TICKET_STORED;
    turn();
    assert_text_has(heard(fd), "ok\n");
    (void)close(fd);
}

static void test_control_change_that_can_not_be_stored_is_told(void **state)
{
    int fd = connected();

    (void)state;
    t.state = TICKET_FAILED;
    say(fd, "stop\n");
    assert_text_has(heard(fd), "error store it holds now, but could not be stored");
    t.ticket = 0;
    say(fd, "stop\n");
    assert_text_has(heard(fd), "error retry it holds now, but is not stored");
    (void)close(fd);
}

static void test_control_line_too_long_is_the_end(void **state)
{
    char text[REQUEST_LINE_MAX + 1];
    int fd = connected();
    int other = connected();

    (void)state;
    memset(text, 'a', sizeof text);
    text[REQUEST_LINE_MAX - 1] = '\0';
    say(fd, text);
    assert_false(is_dropped(fd));
    say(fd, "\n");
    assert_text_has(heard(fd), "error usage");
    text[REQUEST_LINE_MAX - 1] = 'a';
    text[REQUEST_LINE_MAX] = '\0';
    say(other, text);
    assert_true(is_dropped(other));
    (void)close(fd);
    (void)close(other);
}

static void test_control_two_lines_at_once_or_a_nul_are_the_end(void **state)
{
    int one = connected();
    int two = connected();

    (void)state;
    say(one, "list\nlist\n");
    assert_true(is_dropped(one));
    assert_int_equal(send(two, "li\0st\n", 6, MSG_NOSIGNAL), 6);
    turn();
    assert_true(is_dropped(two));
    assert_int_equal(t.served, 0);
    (void)close(one);
    (void)close(two);
}

static void test_control_who_says_nothing_is_dropped(void **state)
{
    int fd = connected();

    (void)state;
    t.now_ns += CONTROL_SLOW_NS - 1;
    turn();
    assert_false(is_dropped(fd));
    t.now_ns += 1;
    turn();
    assert_true(is_dropped(fd));
    assert_int_equal(control_next_ns(t.control), INT64_MAX);
    (void)close(fd);
}

static void test_control_who_takes_nothing_is_dropped(void **state)
{
    int fd = connected();

    (void)state;
    t.rows = 50000;
    say(fd, "list\n");
    t.now_ns += CONTROL_SLOW_NS;
    turn();
    while (*heard(fd) != '\0')
        ;
    assert_true(is_dropped(fd));
    (void)close(fd);
}

static void test_control_long_answer_comes_whole(void **state)
{
    int fd = connected();
    size_t length = 0;

    (void)state;
    t.rows = 50000;
    say(fd, "list\n");
    for (;;) {
        const char *text = heard(fd);

        length += strlen(text);
        if (strlen(text) >= 3 && strcmp(text + strlen(text) - 3, "ok\n") == 0)
            break;
        turn();
    }
    assert_true(length > 50000 * 50);
    (void)close(fd);
}

static void test_control_has_room_for_sixteen(void **state)
{
    int fds[CONTROL_CLIENTS_MAX];

    (void)state;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fds[i] = connected();
    int one_more = connected();

    assert_true(is_dropped(one_more));
    assert_false(is_dropped(fds[0]));
    (void)close(fds[0]);
    turn();
    int again = connected();

    say(again, "list\n");
    assert_text_has(heard(again), "ok\n");
    for (int i = 1; i < CONTROL_CLIENTS_MAX; i++)
        (void)close(fds[i]);
    (void)close(again);
    (void)close(one_more);
}

static void test_control_second_daemon_is_refused_and_a_dead_ones_socket_replaced(void **state)
{
    struct control_ops ops = {serve, ticket_of, NULL};
    struct control *second = NULL;
    struct local_socket dead;
    struct scratch_path left = scratch_path(state, "left.sock");
    struct error err;

    assert_fails(control_open(&second, t.path, &ops, &err), ERR_REFUSED, "another pageballoond");
    assert_ok(local_socket_listen(&dead, left.text, "pageballoond", &err));
    (void)close(dead.fd);
    assert_ok(control_open(&second, left.text, &ops, &err));
    control_close(second);
    assert_false(is_there(left.text));
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_control_answers_line_by_line),
        test(test_control_line_may_come_in_pieces),
        test(test_control_knows_who_asks),
        test(test_control_others_may_look_and_not_change),
        test(test_control_change_is_answered_when_it_is_on_disk),
        test(test_control_change_that_can_not_be_stored_is_told),
        test(test_control_line_too_long_is_the_end),
        test(test_control_two_lines_at_once_or_a_nul_are_the_end),
        test(test_control_who_says_nothing_is_dropped),
        test(test_control_who_takes_nothing_is_dropped),
        test(test_control_long_answer_comes_whole),
        test(test_control_has_room_for_sixteen),
        test(test_control_second_daemon_is_refused_and_a_dead_ones_socket_replaced),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
