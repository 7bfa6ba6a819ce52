#include "check.h"

#include "meter/trace.h"

#define HOST "11111111-1111-1111-1111-111111111111"
#define STORE "22222222-2222-2222-2222-222222222222"
#define BOOT "33333333-3333-3333-3333-333333333333"
#define VM "44444444-4444-4444-4444-444444444444"

static struct trace_reader reader;
static struct record record;
static struct error err;

static int begin(void **state)
{
    (void)state;
    return trace_reader_init(&reader, &err) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    trace_reader_clear(&reader);
    return 0;
}

static enum trace_result read_line(const char *line)
{
    return trace_read_line(&reader, line, strlen(line), &record, &err);
}

static void assert_record(const char *line, enum record_kind kind)
{
    if (read_line(line) != TRACE_RECORD)
        fail_msg("'%s' is no record: %s", line, err.text);
    assert_int_equal(record.kind, kind);
}

static void assert_more(const char *line)
{
    if (read_line(line) != TRACE_MORE)
        fail_msg("'%s' was not taken as a part", line);
}

static void assert_bad(const char *line, const char *said)
{
    err = (struct error){.code = ERR_NONE};
    if (read_line(line) != TRACE_BAD)
        fail_msg("'%s' was taken", line);
    assert_error(&err, ERR_INPUT, said);
}

/* One field of a T or D line at its largest value, and one beyond. */
static void assert_limit(const char *before, const char *good, const char *bad, const char *after)
{
    char line[TRACE_LINE_MAX];
    bool is_sample = before[0] == 'D';

    if (is_sample)
        assert_more("T 1 1 1 0 s 0 0 1");
    (void)snprintf(line, sizeof line, "%s%s%s", before, good, after);
    assert_record(line, RECORD_TICK);
    if (is_sample)
        assert_more("T 2 2 2 0 s 0 0 1");
    (void)snprintf(line, sizeof line, "%s%s%s", before, bad, after);
    assert_bad(line, is_sample ? "not a D record" : "not a T record");
    reader.is_collecting = false;
}

static void test_trace_head_gives_all_fields(void **state)
{
    struct uuid host = uuid_of(0x11);
    struct uuid store = uuid_of(0x22);
    struct uuid boot = uuid_of(0x33);

    (void)state;
    assert_record("P 1 " HOST " " STORE " " BOOT " 1000000000 5000000000", RECORD_HEAD);
    assert_uuid_equal(&record.head.host, &host);
    assert_uuid_equal(&record.head.store, &store);
    assert_uuid_equal(&record.head.boot, &boot);
    assert_int_equal(record.head.interval_ns, 1000000000);
    assert_int_equal(record.head.max_gap_ns, UINT64_C(5000000000));
}

static void test_trace_head_durations_have_both_limits(void **state)
{
    (void)state;
    assert_record("P 1 " HOST " " STORE " " BOOT " 1 1", RECORD_HEAD);
    assert_record("P 1 " HOST " " STORE " " BOOT " 9223372036854775807 9223372036854775807",
                  RECORD_HEAD);
    assert_bad("P 1 " HOST " " STORE " " BOOT " 0 1", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 1 0", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 9223372036854775808 1", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 1 9223372036854775808", "not a P record");
}

static void test_trace_head_of_another_version_refused(void **state)
{
    (void)state;
    assert_bad("P 0 " HOST " " STORE " " BOOT " 1 1", "not a P record");
    assert_bad("P 2 " HOST " " STORE " " BOOT " 1 1", "not a P record");
}

static void test_trace_head_malformed_refused(void **state)
{
    (void)state;
    assert_bad("P", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 1", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 1 1 1", "not a P record");
    assert_bad("P 1 " HOST " " STORE " x 1 1", "not a P record");
    assert_bad("P 1 " HOST " " STORE " " BOOT " 1 1 ", "not a P record");
}

static void test_trace_tick_gives_all_fields(void **state)
{
    (void)state;
    assert_record("T 7 11 13 17 u 19 23 0", RECORD_TICK);
    assert_int_equal(record.tick.seq, 7);
    assert_int_equal(record.tick.mono_ns, 11);
    assert_int_equal(record.tick.utc_ns, 13);
    assert_int_equal(record.tick.window_ns, 17);
    assert_false(record.tick.is_synchronised);
    assert_int_equal(record.tick.free_kib, 19);
    assert_int_equal(record.tick.outstanding_kib, 23);
    assert_int_equal(record.tick.domains, 0);
}

static void test_trace_tick_each_field_has_its_limit(void **state)
{
    (void)state;
    assert_limit("T ", "9007199254740991", "9007199254740992", " 1 1 0 s 0 0 0");
    assert_limit("T 1 ", "9223372036854775807", "9223372036854775808", " 1 0 s 0 0 0");
    assert_limit("T 1 1 ", "9223372036854775807", "9223372036854775808", " 0 s 0 0 0");
    assert_limit("T 1 1 1 ", "9223372036854775807", "9223372036854775808", " s 0 0 0");
    assert_limit("T 1 1 1 0 s ", "1099511627776", "1099511627777", " 0 0");
    assert_limit("T 1 1 1 0 s 0 ", "1099511627776", "1099511627777", " 0");
}

static void test_trace_tick_domains_have_their_limit(void **state)
{
    (void)state;
    assert_more("T 1 1 1 0 s 0 0 32768");
    reader.is_collecting = false;
    assert_bad("T 1 1 1 0 s 0 0 32769", "not a T record");
}

static void test_trace_tick_clock_is_s_or_u(void **state)
{
    (void)state;
    assert_record("T 1 1 1 0 s 0 0 0", RECORD_TICK);
    assert_true(record.tick.is_synchronised);
    assert_bad("T 1 1 1 0 x 0 0 0", "not a T record");
    assert_bad("T 1 1 1 0 su 0 0 0", "not a T record");
    assert_bad("T 1 1 1 0  0 0 0", "not a T record");
}

static void test_trace_tick_malformed_refused(void **state)
{
    (void)state;
    assert_bad("T", "not a T record");
    assert_bad("T 1 1 1 0 s 0 0", "not a T record");
    assert_bad("T 1 1 1 0 s 0 0 0 0", "not a T record");
    assert_bad("T 1 1 1 0 s 0 0 0 ", "not a T record");
    assert_bad("T 1 -1 1 0 s 0 0 0", "not a T record");
    assert_bad("T 01 1 1 0 s 0 0 0", "not a T record");
    assert_bad("T  1 1 1 0 s 0 0 0", "not a T record");
    assert_bad("T\t1 1 1 0 s 0 0 0", "not a record");
}

static void test_trace_sample_gives_all_fields(void **state)
{
    struct uuid vm = uuid_of(0x44);
    const struct sample *s;

    (void)state;
    assert_more("T 1 1 1 0 s 0 0 1");
    assert_record("D 5 " VM " 1024 2048 4 rh 77", RECORD_TICK);
    assert_int_equal(record.tick.domains, 1);
    s = record.tick.samples;
    assert_int_equal(s->domid, 5);
    assert_uuid_equal(&s->uuid, &vm);
    assert_int_equal(s->tot_kib, 1024);
    assert_int_equal(s->max_kib, 2048);
    assert_int_equal(s->outstanding_kib, 4);
    assert_int_equal(s->flags, SAMPLE_RUNNING | SAMPLE_HVM);
    assert_int_equal(s->cpu_ns, 77);
}

static void test_trace_sample_each_field_has_its_limit(void **state)
{
    (void)state;
    assert_limit("D ", "65535", "65536", " " VM " 0 0 0 r 0");
    assert_limit("D 1 " VM " ", "1099511627776", "1099511627777", " 0 0 r 0");
    assert_limit("D 1 " VM " 0 ", "9223372036854775807", "9223372036854775808", " 0 r 0");
    assert_limit("D 1 " VM " 0 0 ", "1099511627776", "1099511627777", " r 0");
    assert_limit("D 1 " VM " 0 0 0 r ", "9223372036854775807", "9223372036854775808", "");
}

static void test_trace_sample_malformed_refused(void **state)
{
    static const char *const lines[] = {"D",
                                        "D 1 " VM " 0 0 0 r",
                                        "D 1 " VM " 0 0 0 r 0 0",
                                        "D 1 " VM " 0 0 0 r 0 ",
                                        "D 1 x 0 0 0 r 0",
                                        "D -1 " VM " 0 0 0 r 0",
                                        "D 1 " VM " 0 0 0  0"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_more("T 1 1 1 0 s 0 0 1");
        assert_bad(lines[i], "not a D record");
        reader.is_collecting = false;
    }
}

static void test_trace_sample_every_set_of_flags_in_order_taken(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 32; flags++) {
        char letters[8] = "-";
        char line[128];
        size_t n = 0;

        for (unsigned i = 0; i < 5; i++)
            if ((flags & (1U << i)) != 0)
                letters[n++] = "rpsdh"[i];
        letters[n > 0 ? n : 1] = '\0';
        (void)snprintf(line, sizeof line, "D 1 " VM " 0 0 0 %s 0", letters);
        assert_more("T 1 1 1 0 s 0 0 1");
        assert_record(line, RECORD_TICK);
        assert_int_equal(record.tick.samples->flags, flags);
    }
}

static void test_trace_sample_other_flags_refused(void **state)
{
    static const char *const flags[] = {"pr", "rr", "hr", "x", "r-", "-r", "--", "R", "rpsdhr"};

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        char line[128];

        (void)snprintf(line, sizeof line, "D 1 " VM " 0 0 0 %s 0", flags[i]);
        assert_more("T 1 1 1 0 s 0 0 1");
        assert_bad(line, "not a D record");
        reader.is_collecting = false;
    }
}

static void test_trace_sample_without_tick_refused(void **state)
{
    (void)state;
    assert_bad("D 1 " VM " 0 0 0 r 0", "no T record announced");
}

static void test_trace_sample_beyond_announced_refused(void **state)
{
    (void)state;
    assert_more("T 1 1 1 0 s 0 0 1");
    assert_record("D 1 " VM " 0 0 0 r 0", RECORD_TICK);
    assert_bad("D 2 " VM " 0 0 0 r 0", "no T record announced");
}

static void test_trace_fewer_samples_than_announced_refused(void **state)
{
    (void)state;
    assert_more("T 9 1 1 0 s 0 0 2");
    assert_more("D 1 " VM " 0 0 0 r 0");
    assert_bad("T 10 2 2 0 s 0 0 0", "line 3: tick 9 announces 2 domains and lists 1");
}

static void test_trace_unsorted_samples_come_sorted(void **state)
{
    (void)state;
    assert_more("T 1 1 1 0 s 0 0 4");
    assert_more("D 3 " VM " 12 0 0 r 0");
    assert_more("D 7 " VM " 28 0 0 r 0");
    assert_more("D 0 " VM " 0 0 0 r 0");
    assert_record("D 5 " VM " 20 0 0 r 0", RECORD_TICK);
    for (size_t i = 0; i < 4; i++) {
        static const unsigned domids[] = {0, 3, 5, 7};

        assert_int_equal(record.tick.samples[i].domid, domids[i]);
        assert_int_equal(record.tick.samples[i].tot_kib, 4 * domids[i]);
    }
}

static void test_trace_domid_twice_in_a_row_refused(void **state)
{
    (void)state;
    assert_more("T 1 1 1 0 s 0 0 3");
    assert_more("D 3 " VM " 0 0 0 r 0");
    assert_bad("D 3 " VM " 0 0 0 r 0", "line 3: this domain is listed in this tick already");
}

static void test_trace_domid_twice_apart_refused(void **state)
{
    (void)state;
    assert_more("T 1 1 1 0 s 0 0 4");
    assert_more("D 3 " VM " 0 0 0 r 0");
    assert_more("D 9 " VM " 0 0 0 r 0");
    assert_more("D 4 " VM " 0 0 0 r 0");
    assert_bad("D 9 " VM " 0 0 0 r 0", "listed in this tick already");
}

static void test_trace_same_domids_in_next_unsorted_tick_taken(void **state)
{
    (void)state;
    for (int tick = 0; tick < 2; tick++) {
        assert_more("T 1 1 1 0 s 0 0 2");
        assert_more("D 9 " VM " 0 0 0 r 0");
        assert_record("D 3 " VM " 0 0 0 r 0", RECORD_TICK);
    }
}

static void test_trace_gap_each_cause_of_a_stream_taken(void **state)
{
    (void)state;
    for (int cause = GAP_READ_FAILED; cause <= GAP_QUEUE_FULL; cause++) {
        char line[32];

        (void)snprintf(line, sizeof line, "G %s", gap_cause_name((enum gap_cause)cause));
        assert_record(line, RECORD_GAP);
        assert_int_equal(record.gap, cause);
    }
}

static void test_trace_gap_other_causes_refused(void **state)
{
    static const char *const lines[] = {"G",       "G ",        "G unknown",       "G restart",
                                        "G windo", "G windows", "G window window", "G overrun "};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_bad(lines[i], "not a G record");
}

static void test_trace_boot_gives_its_uuid(void **state)
{
    struct uuid boot = uuid_of(0x33);

    (void)state;
    assert_record("B " BOOT, RECORD_BOOT);
    assert_uuid_equal(&record.boot, &boot);
    assert_bad("B", "not a B record");
    assert_bad("B x", "not a B record");
    assert_bad("B " BOOT " ", "not a B record");
}

static void test_trace_restart_is_its_letter_alone(void **state)
{
    (void)state;
    assert_record("R", RECORD_RESTART);
    assert_bad("R ", "not an R record");
    assert_bad("R 1", "not an R record");
}

static void test_trace_other_lines_refused_with_their_number(void **state)
{
    static const char *const lines[] = {"",   " ",        "X", "TT 1", "t 1 1 1 0 s 0 0 0",
                                        " T", "# comment"};
    char place[32];

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        (void)snprintf(place, sizeof place, "line %zu: not a record", i + 1);
        assert_bad(lines[i], place);
    }
}

static void test_trace_line_has_its_longest_length(void **state)
{
    char line[TRACE_LINE_MAX + 2];

    (void)state;
    memset(line, '1', sizeof line);
    line[0] = 'X';
    line[TRACE_LINE_MAX] = '\0';
    assert_bad(line, "line 1: not a record");
    line[TRACE_LINE_MAX] = '1';
    line[TRACE_LINE_MAX + 1] = '\0';
    assert_bad(line, "line 2: a line longer than 512 characters");
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_trace_head_gives_all_fields),
        test(test_trace_head_durations_have_both_limits),
        test(test_trace_head_of_another_version_refused),
        test(test_trace_head_malformed_refused),
        test(test_trace_tick_gives_all_fields),
        test(test_trace_tick_each_field_has_its_limit),
        test(test_trace_tick_domains_have_their_limit),
        test(test_trace_tick_clock_is_s_or_u),
        test(test_trace_tick_malformed_refused),
        test(test_trace_sample_gives_all_fields),
        test(test_trace_sample_each_field_has_its_limit),
        test(test_trace_sample_malformed_refused),
        test(test_trace_sample_every_set_of_flags_in_order_taken),
        test(test_trace_sample_other_flags_refused),
        test(test_trace_sample_without_tick_refused),
        test(test_trace_sample_beyond_announced_refused),
        test(test_trace_fewer_samples_than_announced_refused),
        test(test_trace_unsorted_samples_come_sorted),
        test(test_trace_domid_twice_in_a_row_refused),
        test(test_trace_domid_twice_apart_refused),
        test(test_trace_same_domids_in_next_unsorted_tick_taken),
        test(test_trace_gap_each_cause_of_a_stream_taken),
        test(test_trace_gap_other_causes_refused),
        test(test_trace_boot_gives_its_uuid),
        test(test_trace_restart_is_its_letter_alone),
        test(test_trace_other_lines_refused_with_their_number),
        test(test_trace_line_has_its_longest_length),
    };

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
