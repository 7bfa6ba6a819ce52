#include "check.h"

#include <stdlib.h>

#include "chance.h"
#include "meter/trace.h"

enum { DOMAINS = 50 };

static struct trace_reader reader;

static uint64_t up_to(struct chance *c, uint64_t max)
{
    /* limits more often than chance would have them */
    switch (chance_below(c, 4)) {
    case 0:
        return 0;
    case 1:
        return max;
    default:
        return max == UINT64_MAX ? chance_next(c) : chance_below(c, max + 1);
    }
}

static struct uuid any_uuid(struct chance *c)
{
    struct uuid uuid;

    for (size_t i = 0; i < sizeof uuid.bytes; i++)
        uuid.bytes[i] = (uint8_t)chance_next(c);
    return uuid;
}

static struct tick any_tick(struct chance *c, struct sample samples[DOMAINS])
{
    struct tick t = {
        .seq = up_to(c, (UINT64_C(1) << 53) - 1),
        .mono_ns = (int64_t)up_to(c, INT64_MAX),
        .utc_ns = (int64_t)up_to(c, INT64_MAX),
        .window_ns = up_to(c, INT64_MAX),
        .is_synchronised = chance_hits(c, 2),
        .free_kib = up_to(c, KIB_MAX),
        .outstanding_kib = up_to(c, KIB_MAX),
        .domains = (size_t)up_to(c, DOMAINS),
        .samples = samples,
    };

    for (size_t i = 0; i < t.domains; i++)
        samples[i] = (struct sample){
            .tot_kib = up_to(c, KIB_MAX),
            .max_kib = up_to(c, INT64_MAX),
            .outstanding_kib = up_to(c, KIB_MAX),
            .cpu_ns = up_to(c, INT64_MAX),
            .uuid = any_uuid(c),
            .domid = (uint16_t)(i * 1311 + chance_below(c, 1000)), /* ascending up to 65535 */
            .flags = (uint16_t)chance_below(c, 32),
        };
    return t;
}

static struct record any_record(struct chance *c, struct sample samples[DOMAINS])
{
    struct record r = {.kind = (enum record_kind)(RECORD_HEAD + chance_below(c, 5))};

    switch (r.kind) {
    case RECORD_HEAD:
        r.head = (struct head){any_uuid(c), any_uuid(c), any_uuid(c), 1 + up_to(c, INT64_MAX - 1),
                               1 + up_to(c, INT64_MAX - 1)};
        break;
    case RECORD_TICK:
        r.tick = any_tick(c, samples);
        break;
    case RECORD_GAP:
        r.gap = (enum gap_cause)(GAP_READ_FAILED + chance_below(c, 4));
        break;
    case RECORD_BOOT:
        r.boot = any_uuid(c);
        break;
    case RECORD_RESTART:
    case RECORD_END:
        break;
    }
    return r;
}

/* Feeds a text line by line; its last line completes the one record in it. */
static void read_back(const char *text, size_t length, struct record *out)
{
    enum trace_result result = TRACE_MORE;
    struct error err;

    while (length > 0) {
        const char *newline = memchr(text, '\n', length);

        assert_non_null(newline);
        assert_int_equal(result, TRACE_MORE);
        result = trace_read_line(&reader, text, (size_t)(newline - text), out, &err);
        if (result == TRACE_BAD)
            fail_msg("%s", err.text);
        length -= (size_t)(newline - text) + 1;
        text = newline + 1;
    }
    assert_int_equal(result, TRACE_RECORD);
}

static void assert_same_samples(const struct sample *a, const struct sample *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].domid, b[i].domid);
        assert_uuid_equal(&a[i].uuid, &b[i].uuid);
        assert_int_equal(a[i].tot_kib, b[i].tot_kib);
        assert_int_equal(a[i].max_kib, b[i].max_kib);
        assert_int_equal(a[i].outstanding_kib, b[i].outstanding_kib);
        assert_int_equal(a[i].flags, b[i].flags);
        assert_int_equal(a[i].cpu_ns, b[i].cpu_ns);
    }
}

static void assert_same_tick(const struct tick *a, const struct tick *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->mono_ns, b->mono_ns);
    assert_int_equal(a->utc_ns, b->utc_ns);
    assert_int_equal(a->window_ns, b->window_ns);
    assert_int_equal(a->is_synchronised, b->is_synchronised);
    assert_int_equal(a->free_kib, b->free_kib);
    assert_int_equal(a->outstanding_kib, b->outstanding_kib);
    assert_int_equal(a->domains, b->domains);
    assert_same_samples(a->samples, b->samples, a->domains);
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->kind, b->kind);
    if (a->kind == RECORD_TICK)
        assert_same_tick(&a->tick, &b->tick);
    else if (a->kind == RECORD_HEAD)
        assert_memory_equal(&a->head, &b->head, sizeof a->head);
    else if (a->kind == RECORD_GAP)
        assert_int_equal(a->gap, b->gap);
    else if (a->kind == RECORD_BOOT)
        assert_uuid_equal(&a->boot, &b->boot);
}

static void test_trace_random_records_written_are_read_back(void **state)
{
    struct chance chance = chance_begin("trace_write");
    char *text = malloc(trace_text_bound(DOMAINS));
    struct sample samples[DOMAINS];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct record written = any_record(&chance, samples);
        struct record read = {.kind = RECORD_END};
        size_t length = trace_write(&written, text);

        assert_true(length <=
                    trace_text_bound(written.kind == RECORD_TICK ? written.tick.domains : 0));
        read_back(text, length, &read);
        assert_same(&written, &read);
    }
    free(text);
}

static void test_trace_end_is_no_text(void **state)
{
    struct record end = {.kind = RECORD_END};
    char text[256];

    (void)state;
    assert_int_equal(trace_write(&end, text), 0);
}

static void test_trace_longest_sample_is_within_the_bound(void **state)
{
    struct sample largest = {.tot_kib = UINT64_MAX,
                             .max_kib = UINT64_MAX,
                             .outstanding_kib = UINT64_MAX,
                             .cpu_ns = UINT64_MAX,
                             .domid = UINT16_MAX,
                             .flags = 31};
    struct sample samples[DOMAINS];
    struct record record = {.kind = RECORD_TICK};
    char *text = malloc(4 * trace_text_bound(DOMAINS));

    (void)state;
    for (size_t i = 0; i < DOMAINS; i++)
        samples[i] = largest;
    record.tick = (struct tick){.seq = UINT64_MAX,
                                .mono_ns = -1,
                                .utc_ns = -1,
                                .window_ns = UINT64_MAX,
                                .free_kib = UINT64_MAX,
                                .outstanding_kib = UINT64_MAX,
                                .domains = DOMAINS,
                                .samples = samples};
    assert_true(trace_write(&record, text) <= trace_text_bound(DOMAINS));
    record.tick.domains = 0;
    assert_true(trace_write(&record, text) <= trace_text_bound(0));
    free(text);
}

static void test_trace_tick_is_written_as_documented(void **state)
{
    struct sample sample = {1024, 2048, 4, 77, uuid_of(0x44), 5, SAMPLE_RUNNING | SAMPLE_HVM};
    struct record record = {.kind = RECORD_TICK,
                            .tick = {.seq = 7,
                                     .mono_ns = 11,
                                     .utc_ns = 13,
                                     .window_ns = 17,
                                     .is_synchronised = true,
                                     .free_kib = 19,
                                     .outstanding_kib = 23,
                                     .domains = 1,
                                     .samples = &sample}};
    static const char expected[] = "T 7 11 13 17 s 19 23 1\n"
                                   "D 5 44444444-4444-4444-4444-444444444444 1024 2048 4 rh 77\n";
    char text[1024];

    (void)state;
    assert_int_equal(trace_write(&record, text), sizeof expected - 1);
    assert_memory_equal(text, expected, sizeof expected - 1);
}

static int begin(void **state)
{
    struct error err;

    (void)state;
    return trace_reader_init(&reader, &err) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    trace_reader_clear(&reader);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_random_records_written_are_read_back),
        cmocka_unit_test(test_trace_end_is_no_text),
        cmocka_unit_test(test_trace_longest_sample_is_within_the_bound),
        cmocka_unit_test(test_trace_tick_is_written_as_documented),
    };

    return cmocka_run_group_tests_name("trace_write", tests, begin, end);
}
