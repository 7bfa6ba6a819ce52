/*
 * The stream to its subscribers. The publisher never waits; nothing here waits for a time either: a
 * test reads until what must come has come.
 */
#include "scratch.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/lines.h"
#include "meter/stream.h"
#include "meter/trace.h"

static const struct head head = {{{1}}, {{2}}, {{3}}, UINT64_C(1000000000), UINT64_C(5000000000)};

static struct sample samples[1000];
static struct lines lines;
static struct trace_reader reader;

static struct stream *open_stream(const char *path)
{
    struct stream *stream = NULL;
    struct error err;

    assert_ok(stream_open(&stream, path, &head, &err));
    return stream;
}

static int subscribe(const char *path)
{
    struct error err;
    int fd = stream_connect(path, &err);

    if (fd < 0)
        fail_msg("%s", err.text);
    return fd;
}

/* Published records go to those that the stream has accepted by then. */
static void wait_for_subscribers(struct stream *stream, size_t count)
{
    while (stream_subscribers(stream) != count)
        assert_int_equal(poll(NULL, 0, 1), 0);
}

static void publish_tick(struct stream *stream, uint64_t seq, size_t domains)
{
    struct record record = {
        .kind = RECORD_TICK,
        .tick = {.seq = seq, .mono_ns = (int64_t)seq, .domains = domains, .samples = samples}};

    stream_publish(stream, &record);
}

static void begin_reading(int fd)
{
    struct error err;

    lines_init(&lines, fd);
    assert_ok(trace_reader_init(&reader, &err));
}

/* Waits for the next record; RECORD_END when the stream has hung up. */
static struct record next_record(void)
{
    struct record record = {.kind = RECORD_END};
    struct error err;

    for (;;) {
        const char *line;
        size_t length;
        enum lines_result got = lines_next(&lines, &line, &length, &err);

        if (got != LINES_LINE)
            return (struct record){.kind = RECORD_END};
        enum trace_result result = trace_read_line(&reader, line, length, &record, &err);

        if (result == TRACE_BAD)
            fail_msg("%s", err.text);
        if (result == TRACE_RECORD)
            return record;
    }
}

static void end_reading(void)
{
    trace_reader_clear(&reader);
    (void)close(lines.fd);
}

static int fill_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        samples[i] =
            (struct sample){.domid = (uint16_t)i, .uuid = uuid_of((unsigned)i), .tot_kib = i};
    return 0;
}

static void test_stream_subscriber_gets_head_then_ticks(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);

    begin_reading(subscribe(path.text));
    struct record record = next_record();

    assert_int_equal(record.kind, RECORD_HEAD);
    assert_memory_equal(&record.head, &head, sizeof head);
    wait_for_subscribers(stream, 1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        publish_tick(stream, seq, 1000);
        record = next_record();
        assert_int_equal(record.kind, RECORD_TICK);
        assert_int_equal(record.tick.seq, seq);
        assert_int_equal(record.tick.domains, 1000);
    }
    end_reading();
    stream_close(stream);
}

static void test_stream_other_records_are_published_too(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    const struct record gap = {.kind = RECORD_GAP, .gap = GAP_OVERRUN};

    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 1);
    stream_publish(stream, &gap);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    struct record record = next_record();

    assert_int_equal(record.kind, RECORD_GAP);
    assert_int_equal(record.gap, GAP_OVERRUN);
    end_reading();
    stream_close(stream);
}

static void test_stream_late_subscriber_begins_with_a_whole_tick(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int first = subscribe(path.text);

    wait_for_subscribers(stream, 1);
    publish_tick(stream, 1, 1000);
    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 2);
    publish_tick(stream, 2, 1000);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    assert_int_equal(next_record().tick.seq, 2);
    end_reading();
    (void)close(first);
    stream_close(stream);
}

static void test_stream_all_subscribers_get_the_same(void **state)
{
    enum { COUNT = 5 };
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int fds[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        fds[i] = subscribe(path.text);
    wait_for_subscribers(stream, COUNT);
    publish_tick(stream, 7, 10);
    for (size_t i = 0; i < COUNT; i++) {
        begin_reading(fds[i]);
        assert_int_equal(next_record().kind, RECORD_HEAD);
        assert_int_equal(next_record().tick.seq, 7);
        end_reading();
    }
    stream_close(stream);
}

/* 17 MB and more go by: over the end of the ring, and past it again. */
static void test_stream_text_across_the_end_of_the_ring_is_whole(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);

    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 1);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    for (uint64_t seq = 1; seq <= 700; seq++) {
        publish_tick(stream, seq, 1000);
        struct record record = next_record();

        assert_int_equal(record.tick.seq, seq);
        assert_int_equal(record.tick.samples[999].tot_kib, 999);
    }
    assert_int_equal(stream_dropped(stream), 0);
    end_reading();
    stream_close(stream);
}

static void test_stream_publishing_to_nobody_is_nothing(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);

    for (uint64_t seq = 0; seq < 1000; seq++)
        publish_tick(stream, seq, 1000);
    assert_int_equal(stream_subscribers(stream), 0);
    stream_close(stream);
}

/* Returning at all is the proof: what is published is much more than all buffers hold. */
static void test_stream_one_that_never_reads_is_dropped_and_never_waited_for(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int deaf = subscribe(path.text);

    wait_for_subscribers(stream, 1);
    for (uint64_t seq = 0; stream_subscribers(stream) > 0; seq++)
        publish_tick(stream, seq, 1000);
    assert_int_equal(stream_dropped(stream), 1);
    (void)close(deaf);
    stream_close(stream);
}

/* More than the ring goes by before it reads: what was overwritten must never reach it. */
static void test_stream_one_that_lagged_gets_whole_records_then_the_end(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    struct record record;
    uint64_t seq = 0;

    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 1);
    for (uint64_t i = 1; i <= 700; i++)
        publish_tick(stream, i, 1000);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    while ((record = next_record()).kind == RECORD_TICK)
        assert_int_equal(record.tick.seq, ++seq);
    assert_true(seq < 700);
    assert_int_equal(stream_dropped(stream), 1);
    end_reading();
    stream_close(stream);
}

static void test_stream_one_that_talks_is_dropped_and_others_stay(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int talker = subscribe(path.text);
    char byte;

    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 2);
    assert_int_equal(write(talker, "x", 1), 1);
    wait_for_subscribers(stream, 1);
    while (read(talker, &byte, 1) > 0)
        continue; /* the head, then the end */
    publish_tick(stream, 7, 1);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    assert_int_equal(next_record().tick.seq, 7);
    assert_int_equal(stream_dropped(stream), 0);
    end_reading();
    (void)close(talker);
    stream_close(stream);
}

static void test_stream_one_that_hangs_up_is_forgotten(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int fd = subscribe(path.text);

    wait_for_subscribers(stream, 1);
    (void)close(fd);
    wait_for_subscribers(stream, 0);
    stream_close(stream);
}

static void test_stream_as_many_as_allowed_stay_one_more_is_hung_up_on(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    int fds[STREAM_SUBSCRIBERS_MAX];
    char byte;

    for (size_t i = 0; i < STREAM_SUBSCRIBERS_MAX; i++)
        fds[i] = subscribe(path.text);
    wait_for_subscribers(stream, STREAM_SUBSCRIBERS_MAX);
    int more = subscribe(path.text);

    assert_int_equal(read(more, &byte, 1), 0);
    assert_int_equal(stream_subscribers(stream), STREAM_SUBSCRIBERS_MAX);
    (void)close(more);
    for (size_t i = 0; i < STREAM_SUBSCRIBERS_MAX; i++)
        (void)close(fds[i]);
    stream_close(stream);
}

static void test_stream_close_sends_what_was_published_then_hangs_up(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);

    begin_reading(subscribe(path.text));
    wait_for_subscribers(stream, 1);
    publish_tick(stream, 1, 10);
    stream_close(stream);
    assert_int_equal(next_record().kind, RECORD_HEAD);
    assert_int_equal(next_record().tick.seq, 1);
    assert_int_equal(next_record().kind, RECORD_END);
    assert_false(is_there(path.text));
    end_reading();
}

static void test_stream_close_accepts_null(void **state)
{
    (void)state;
    stream_close(NULL);
}

static void test_stream_stale_socket_is_replaced(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)strcpy(address.sun_path, path.text);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(dead);
    struct stream *stream = open_stream(path.text);

    (void)close(subscribe(path.text));
    stream_close(stream);
}

static void test_stream_live_socket_refused_and_left(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    struct stream *second = NULL;
    struct error err;

    assert_fails(stream_open(&second, path.text, &head, &err), ERR_REFUSED, "another pagemeterd");
    begin_reading(subscribe(path.text));
    assert_int_equal(next_record().kind, RECORD_HEAD);
    end_reading();
    stream_close(stream);
}

static void test_stream_file_that_is_no_socket_refused_and_left(void **state)
{
    struct scratch_path path = scratch_file(state, "stream.sock", "precious");
    struct stream *stream = NULL;
    struct error err;

    assert_fails(stream_open(&stream, path.text, &head, &err), ERR_REFUSED, "is not a socket");
    assert_true(is_there(path.text));
}

static void test_stream_directory_is_made(void **state)
{
    struct scratch_path path = scratch_path(state, "run/stream.sock");
    struct stream *stream = open_stream(path.text);

    assert_true(is_there(path.text));
    stream_close(stream);
}

static void test_stream_where_nothing_can_be_made_refused(void **state)
{
    struct scratch_path path = scratch_path(state, "a/b/stream.sock");
    struct stream *stream = NULL;
    struct error err;

    assert_fails(stream_open(&stream, path.text, &head, &err), ERR_SYSTEM, "name a place");
}

static void test_stream_longest_name_has_its_limit(void **state)
{
    struct scratch_path path = scratch_path(state, "");
    struct stream *stream = NULL;
    struct error err;
    size_t length = strlen(path.text);

    memset(path.text + length, 'x', 107 - length);
    path.text[107] = '\0';
    stream_close(open_stream(path.text));
    path.text[107] = 'x';
    path.text[108] = '\0';
    assert_fails(stream_open(&stream, path.text, &head, &err), ERR_USAGE, "too long");
    assert_int_equal(stream_connect(path.text, &err), -1);
    assert_error(&err, ERR_USAGE, "too long");
}

static void test_stream_socket_is_for_owner_and_group(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct stream *stream = open_stream(path.text);
    struct stat st;

    assert_int_equal(stat(path.text, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    stream_close(stream);
}

static void test_stream_connect_where_nobody_is_says_so(void **state)
{
    struct scratch_path path = scratch_path(state, "stream.sock");
    struct error err;

    assert_int_equal(stream_connect(path.text, &err), -1);
    assert_error(&err, ERR_SYSTEM, "is it running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_stream_subscriber_gets_head_then_ticks),
        scratch_test(test_stream_other_records_are_published_too),
        scratch_test(test_stream_late_subscriber_begins_with_a_whole_tick),
        scratch_test(test_stream_all_subscribers_get_the_same),
        scratch_test(test_stream_text_across_the_end_of_the_ring_is_whole),
        scratch_test(test_stream_publishing_to_nobody_is_nothing),
        scratch_test(test_stream_one_that_never_reads_is_dropped_and_never_waited_for),
        scratch_test(test_stream_one_that_lagged_gets_whole_records_then_the_end),
        scratch_test(test_stream_one_that_talks_is_dropped_and_others_stay),
        scratch_test(test_stream_one_that_hangs_up_is_forgotten),
        scratch_test(test_stream_as_many_as_allowed_stay_one_more_is_hung_up_on),
        scratch_test(test_stream_close_sends_what_was_published_then_hangs_up),
        cmocka_unit_test(test_stream_close_accepts_null),
        scratch_test(test_stream_stale_socket_is_replaced),
        scratch_test(test_stream_live_socket_refused_and_left),
        scratch_test(test_stream_file_that_is_no_socket_refused_and_left),
        scratch_test(test_stream_directory_is_made),
        scratch_test(test_stream_where_nothing_can_be_made_refused),
        scratch_test(test_stream_longest_name_has_its_limit),
        scratch_test(test_stream_socket_is_for_owner_and_group),
        scratch_test(test_stream_connect_where_nobody_is_says_so),
    };

    return cmocka_run_group_tests_name("stream", tests, fill_samples, NULL);
}
