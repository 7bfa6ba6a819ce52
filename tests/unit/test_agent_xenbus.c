/*
 * The agent's line to xenstore, with one at the other end that is late, answers in pieces, answers
 * something else, fails and goes away.
 */
#include "fake_xenstored.h"

#include <signal.h>

#include "agent/xenbus.h"

static struct fake fake;
static struct xenbus bus;

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    fake = (struct fake){.fd = -1};
    xenbus_init(&bus, fake_open, &fake);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    xenbus_close(&bus);
    fake_close(&fake);
    return 0;
}

static void ask_at(uint64_t now_ms)
{
    assert_true(xenbus_write(&bus, now_ms, "a/b", "value", 5));
    assert_true(fake_take(&fake));
}

/* ---- messages ---- */

static void test_wire_request_is_header_path_nul_value(void **state)
{
    char out[WIRE_REQUEST_MAX];
    struct wire_header header = {.type = WIRE_WRITE, .request = 9};

    (void)state;
    assert_int_equal(wire_request(header, "a/b", "xy", 2, out), 16 + 4 + 2);
    memcpy(&header, out, sizeof header);
    assert_int_equal(header.type, WIRE_WRITE);
    assert_int_equal(header.request, 9);
    assert_int_equal(header.transaction, 0);
    assert_int_equal(header.length, 6);
    assert_memory_equal(out + 16, "a/b\0xy", 6);
}

static void test_wire_request_fills_its_room_and_no_more(void **state)
{
    static const char value[WIRE_REQUEST_MAX];
    char out[WIRE_REQUEST_MAX];

    (void)state;
    assert_int_equal(wire_request((struct wire_header){0}, "a", value, 494, out), 512);
    assert_int_equal(wire_request((struct wire_header){0}, "a", value, 495, out), 0);
    assert_int_equal(wire_request((struct wire_header){0}, "a", value, SIZE_MAX, out), 0);
}

static void test_wire_payload_of_the_most_is_whole_one_more_is_broken(void **state)
{
    static char message[sizeof(struct wire_header) + WIRE_PAYLOAD_MAX + 1];
    struct wire_header header = {.length = WIRE_PAYLOAD_MAX};
    struct wire w = {0};
    const char *at = message;

    (void)state;
    memcpy(message, &header, sizeof header);
    assert_int_equal(wire_take(&w, &at, message + sizeof message), WIRE_WHOLE);
    assert_ptr_equal(at, message + sizeof message - 1);
    assert_int_equal(wire_kept(&w), WIRE_KEPT);
    header.length++;
    memcpy(message, &header, sizeof header);
    at = message;
    assert_int_equal(wire_take(&w, &at, message + sizeof message), WIRE_BROKEN);
}

/* ---- requests and replies ---- */

static void test_xenbus_answer_comes_to_its_request(void **state)
{
    (void)state;
    ask_at(0);
    assert_int_equal(fake.asked.type, WIRE_WRITE);
    assert_memory_equal(fake.payload, "a/b\0value", 9);
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_NOTHING);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 2), XENBUS_ANSWER);
    assert_int_equal(xenbus_take(&bus, 3), XENBUS_NOTHING);
    assert_false(bus.is_waiting);
}

static void test_xenbus_read_gives_the_value(void **state)
{
    (void)state;
    assert_true(xenbus_read(&bus, 0, "a/b"));
    assert_true(fake_take(&fake));
    assert_int_equal(fake.asked.type, WIRE_READ);
    assert_int_equal(fake.asked.length, 4);
    fake_answer(&fake, "20480");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    assert_int_equal(wire_kept(&bus.wire), 5);
    assert_memory_equal(bus.wire.text, "20480", 5);
}

static void test_xenbus_never_has_two_requests_out(void **state)
{
    (void)state;
    ask_at(0);
    assert_false(xenbus_write(&bus, 1, "a/b", "value", 5));
    assert_false(xenbus_read(&bus, 1, "a/b"));
    assert_false(fake_take(&fake));
    assert_int_equal(fake.opened, 1);
}

static void test_xenbus_error_is_a_refusal(void **state)
{
    (void)state;
    ask_at(0);
    fake_refuse(&fake, "EACCES");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_REFUSED);
    assert_string_equal(bus.wire.text, "EACCES");
    ask_at(2); /* the line is as good as before */
    assert_int_equal(fake.opened, 1);
}

static void test_xenbus_reply_in_pieces_is_put_together(void **state)
{
    struct wire_header header = {.type = WIRE_WRITE, .length = 3};
    char message[sizeof header + 3];

    (void)state;
    ask_at(0);
    header.request = fake.asked.request;
    memcpy(message, &header, sizeof header);
    memcpy(message + sizeof header, "OK", 3);
    for (size_t i = 0; i < sizeof message - 1; i++) {
        fake_put(&fake, message + i, 1);
        assert_int_equal(xenbus_take(&bus, i), XENBUS_NOTHING);
    }
    fake_put(&fake, message + sizeof message - 1, 1);
    assert_int_equal(xenbus_take(&bus, 99), XENBUS_ANSWER);
}

static void test_xenbus_reply_to_another_request_is_nothing(void **state)
{
    (void)state;
    ask_at(0);
    fake_say(&fake, WIRE_WRITE, fake.asked.request - 1, "OK", 3);
    fake_say(&fake, WIRE_ERROR, fake.asked.request + 1, "EIO", 4);
    fake_say(&fake, WIRE_WATCH_EVENT, fake.asked.request, "a/b\0t", 6);
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_NOTHING);
    assert_true(bus.is_waiting);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 2), XENBUS_ANSWER);
}

static void test_xenbus_long_reply_is_stepped_over(void **state)
{
    static const char much[WIRE_PAYLOAD_MAX];

    (void)state;
    ask_at(0);
    fake_say(&fake, WIRE_WRITE, 77, much, sizeof much);
    fake_say(&fake, fake.asked.type, fake.asked.request, much, sizeof much);
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    assert_int_equal(wire_kept(&bus.wire), WIRE_KEPT);
    ask_at(2);
    fake_refuse(&fake, "EIO");
    assert_int_equal(xenbus_take(&bus, 3), XENBUS_REFUSED);
}

static void test_xenbus_two_replies_at_once_are_one_event(void **state)
{
    (void)state;
    ask_at(0);
    fake_answer(&fake, "OK");
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    assert_int_equal(xenbus_take(&bus, 2), XENBUS_NOTHING);
    ask_at(3);
    assert_int_equal(xenbus_take(&bus, 4), XENBUS_NOTHING);
}

/* ---- one that is late ---- */

static void test_xenbus_late_reply_still_counts(void **state)
{
    (void)state;
    ask_at(0);
    assert_int_equal(xenbus_take(&bus, XENBUS_PATIENCE_MS - 1), XENBUS_NOTHING);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, XENBUS_PATIENCE_MS + 5), XENBUS_ANSWER);
    assert_int_equal(fake.opened, 1);
}

static void test_xenbus_reply_that_stays_away_is_given_up(void **state)
{
    (void)state;
    ask_at(0);
    assert_int_equal(xenbus_deadline_ms(&bus), XENBUS_PATIENCE_MS);
    assert_int_equal(xenbus_take(&bus, XENBUS_PATIENCE_MS - 1), XENBUS_NOTHING);
    assert_int_equal(xenbus_take(&bus, XENBUS_PATIENCE_MS), XENBUS_LOST);
    assert_int_equal(bus.fd, -1);
    assert_true(xenbus_deadline_ms(&bus) == UINT64_MAX);
    assert_false(xenbus_write(&bus, XENBUS_PATIENCE_MS + XENBUS_PAUSE_MS - 1, "a", "b", 1));
    ask_at(XENBUS_PATIENCE_MS + XENBUS_PAUSE_MS);
    assert_int_equal(fake.opened, 2);
}

static void test_xenbus_given_up_in_mid_message_begins_anew(void **state)
{
    (void)state;
    ask_at(0);
    fake_put(&fake, "\x0b\0\0\0\x01", 5);
    assert_int_equal(xenbus_take(&bus, XENBUS_PATIENCE_MS), XENBUS_LOST);
    ask_at(20000);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 20001), XENBUS_ANSWER);
}

static void test_xenbus_patience_doubles_to_a_minute_and_comes_back(void **state)
{
    static const unsigned waits_ms[] = {10000, 20000, 40000, 60000, 60000};
    uint64_t now_ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        ask_at(now_ms);
        assert_int_equal(xenbus_deadline_ms(&bus) - now_ms, waits_ms[i]);
        now_ms = xenbus_deadline_ms(&bus);
        assert_int_equal(xenbus_take(&bus, now_ms), XENBUS_LOST);
        now_ms += XENBUS_PAUSE_MS;
    }
    ask_at(now_ms);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, now_ms), XENBUS_ANSWER);
    ask_at(now_ms);
    assert_int_equal(xenbus_deadline_ms(&bus) - now_ms, XENBUS_PATIENCE_MS);
}

/* ---- one that fails ---- */

static void test_xenbus_end_of_file_loses_the_request(void **state)
{
    (void)state;
    ask_at(0);
    fake_close(&fake);
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_LOST);
    assert_int_equal(xenbus_take(&bus, 2), XENBUS_NOTHING);
    ask_at(1 + XENBUS_PAUSE_MS);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 2000), XENBUS_ANSWER);
}

static void test_xenbus_end_of_file_without_a_request_is_no_event(void **state)
{
    (void)state;
    ask_at(0);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    fake_close(&fake);
    assert_int_equal(xenbus_take(&bus, 2), XENBUS_NOTHING);
    assert_int_equal(bus.fd, -1);
}

static void test_xenbus_write_that_fails_closes(void **state)
{
    (void)state;
    ask_at(0);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    fake_close(&fake);
    assert_false(xenbus_write(&bus, 5000, "a/b", "value", 5)); /* EPIPE */
    assert_int_equal(bus.fd, -1);
    assert_false(xenbus_write(&bus, 5999, "a/b", "value", 5));
    ask_at(6000);
}

static void test_xenbus_write_that_has_no_room_closes(void **state)
{
    static const char much[4096];

    (void)state;
    ask_at(0);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_ANSWER);
    while (write(bus.fd, much, sizeof much) > 0) /* full: EAGAIN */
        ;
    assert_int_equal(errno, EAGAIN);
    assert_false(xenbus_write(&bus, 5000, "a/b", "value", 5));
    assert_int_equal(bus.fd, -1);
    ask_at(6000);
}

static void test_xenbus_nonsense_loses_the_request(void **state)
{
    struct wire_header header = {.type = WIRE_WRITE, .length = WIRE_PAYLOAD_MAX + 1};

    (void)state;
    ask_at(0);
    header.request = fake.asked.request;
    fake_put(&fake, &header, sizeof header);
    assert_int_equal(xenbus_take(&bus, 1), XENBUS_LOST);
    ask_at(1 + XENBUS_PAUSE_MS);
    fake_answer(&fake, "OK");
    assert_int_equal(xenbus_take(&bus, 2000), XENBUS_ANSWER);
}

static void test_xenbus_absent_device_is_tried_once_a_second(void **state)
{
    (void)state;
    fake.is_absent = true;
    for (uint64_t now_ms = 0; now_ms < 10000; now_ms += 100)
        assert_false(xenbus_write(&bus, now_ms, "a/b", "value", 5));
    assert_int_equal(fake.opened, 10);
    assert_int_equal(xenbus_take(&bus, 10000), XENBUS_NOTHING);
    fake.is_absent = false;
    ask_at(10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wire_request_is_header_path_nul_value),
        TEST(test_wire_request_fills_its_room_and_no_more),
        TEST(test_wire_payload_of_the_most_is_whole_one_more_is_broken),
        TEST(test_xenbus_answer_comes_to_its_request),
        TEST(test_xenbus_read_gives_the_value),
        TEST(test_xenbus_never_has_two_requests_out),
        TEST(test_xenbus_error_is_a_refusal),
        TEST(test_xenbus_reply_in_pieces_is_put_together),
        TEST(test_xenbus_reply_to_another_request_is_nothing),
        TEST(test_xenbus_long_reply_is_stepped_over),
        TEST(test_xenbus_two_replies_at_once_are_one_event),
        TEST(test_xenbus_late_reply_still_counts),
        TEST(test_xenbus_reply_that_stays_away_is_given_up),
        TEST(test_xenbus_given_up_in_mid_message_begins_anew),
        TEST(test_xenbus_patience_doubles_to_a_minute_and_comes_back),
        TEST(test_xenbus_end_of_file_loses_the_request),
        TEST(test_xenbus_end_of_file_without_a_request_is_no_event),
        TEST(test_xenbus_write_that_fails_closes),
        TEST(test_xenbus_write_that_has_no_room_closes),
        TEST(test_xenbus_nonsense_loses_the_request),
        TEST(test_xenbus_absent_device_is_tried_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
