#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/notify.h"

static int bind_socket(const char *path, bool is_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    (void)strcpy(address.sun_path, path);
    if (is_abstract)
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                     0);
    return fd;
}

static void assert_received(int fd, const char *expected)
{
    char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static void assert_nothing_received(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static void test_notify_message_arrives_whole(void **state)
{
    struct scratch_path path = scratch_path(state, "notify");
    int fd = bind_socket(path.text, false);

    (void)setenv("NOTIFY_SOCKET", path.text, 1);
    notify("READY=%d\nSTATUS=%s", 1, "metering");
    assert_received(fd, "READY=1\nSTATUS=metering");
    assert_nothing_received(fd);
    (void)close(fd);
}

static void test_notify_abstract_socket_is_reached(void **state)
{
    char name[64];

    (void)state;
    (void)snprintf(name, sizeof name, "@pagemeter-unit-%d", (int)getpid());
    int fd = bind_socket(name, true);

    (void)setenv("NOTIFY_SOCKET", name, 1);
    notify("WATCHDOG=1");
    assert_received(fd, "WATCHDOG=1");
    (void)close(fd);
}

static void test_notify_without_a_socket_does_nothing(void **state)
{
    struct scratch_path path = scratch_path(state, "notify");
    int fd = bind_socket(path.text, false);

    (void)unsetenv("NOTIFY_SOCKET");
    notify("READY=1");
    assert_nothing_received(fd);
    (void)close(fd);
}

static void test_notify_strange_addresses_do_nothing(void **state)
{
    char address[256];

    (void)state;
    memset(address, 'x', sizeof address - 1);
    address[0] = '/';
    address[sizeof address - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", address, 1);
    notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", "relative", 1);
    notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", "", 1);
    notify("READY=1");
}

static void test_notify_nobody_listening_does_nothing(void **state)
{
    struct scratch_path path = scratch_path(state, "absent");

    (void)setenv("NOTIFY_SOCKET", path.text, 1);
    notify("READY=1");
    assert_false(is_there(path.text));
}

static void test_notify_full_socket_is_not_waited_for(void **state)
{
    struct scratch_path path = scratch_path(state, "notify");
    int fd = bind_socket(path.text, false);

    (void)setenv("NOTIFY_SOCKET", path.text, 1);
    for (int i = 0; i < 10000; i++) /* more than any queue of datagrams holds */
        notify("WATCHDOG=1");
    assert_received(fd, "WATCHDOG=1");
    (void)close(fd);
}

static void test_notify_long_message_is_cut(void **state)
{
    struct scratch_path path = scratch_path(state, "notify");
    int fd = bind_socket(path.text, false);
    char text[4096];
    char got[4096];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", path.text, 1);
    notify("%s", text);
    assert_int_equal(recv(fd, got, sizeof got, 0), 1023);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_notify_message_arrives_whole),
        cmocka_unit_test(test_notify_abstract_socket_is_reached),
        scratch_test(test_notify_without_a_socket_does_nothing),
        cmocka_unit_test(test_notify_strange_addresses_do_nothing),
        scratch_test(test_notify_nobody_listening_does_nothing),
        scratch_test(test_notify_full_socket_is_not_waited_for),
        scratch_test(test_notify_long_message_is_cut),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
