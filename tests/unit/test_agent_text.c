/*
 * What the kernel says, and what the agent makes of it.
 */
#include "check.h"

#include "agent/figures_format.h"
#include "agent/kernel_text.h"
#include "balloon/figures_parse.h"

static const char meminfo[] = "MemTotal:          92244 kB\n"
                              "MemFree:           40100 kB\n"
                              "MemAvailable:      51234 kB\n"
                              "Buffers:               0 kB\n"
                              "Cached:             3004 kB\n"
                              "SwapCached:            7 kB\n"
                              "SwapTotal:         65532 kB\n"
                              "SwapFree:          65000 kB\n"
                              "Committed_AS:       1234 kB\n"
                              "HugePages_Total:       0\n";

static const char vmstat[] = "nr_free_pages 10025\n"
                             "pswpin 11\n"
                             "pswpout 22\n"
                             "pgmajfault 33\n"
                             "workingset_refault_anon 4\n"
                             "workingset_refault_file 5\n"
                             "oom_kill 6\n";

static const char pressure[] = "some avg10=0.00 avg60=1.25 avg300=0.00 total=123\n"
                               "full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n";

static bool parse_meminfo(const char *text, struct figures *out)
{
    return kernel_text_meminfo(text, strlen(text), out);
}

static bool parse_vmstat(const char *text, struct figures *out)
{
    return kernel_text_vmstat(text, strlen(text), out);
}

static bool parse_pressure(const char *text, struct figures *out)
{
    return kernel_text_pressure(text, strlen(text), out);
}

/* text with the first `old` in it replaced */
static const char *with(const char *text, const char *old, const char *new)
{
    static char out[2 * KERNEL_TEXT_MAX];
    const char *at = strstr(text, old);

    assert_non_null(at);
    (void)snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return out;
}

/* ---- /proc/meminfo ---- */

static void test_meminfo_whole_is_read(void **state)
{
    struct figures f = {0};

    (void)state;
    assert_true(parse_meminfo(meminfo, &f));
    assert_int_equal(f.total_kib, 92244);
    assert_int_equal(f.free_kib, 40100);
    assert_int_equal(f.available_kib, 51234);
    assert_int_equal(f.cached_kib, 3004);
    assert_int_equal(f.swap_total_kib, 65532);
    assert_int_equal(f.swap_free_kib, 65000);
    assert_int_equal(f.committed_kib, 1234);
}

static void test_meminfo_malformed_is_refused_untouched(void **state)
{
    static const struct {
        const char *old, *new;
    } faults[] = {
        {"MemAvailable:      51234 kB\n", ""},               /* a kernel before 3.14 */
        {"51234 kB", "51234 MB"},                            /* another unit */
        {"51234 kB", "51234"},                               /* none */
        {"51234 kB", "kB"},                                  /* no number */
        {"51234 kB", " kB"},                                 /* none either */
        {"51234 kB", "-51234 kB"},                           /* a sign */
        {"51234 kB", "051234 kB"},                           /* a leading zero */
        {"51234 kB", "51 234 kB"},                           /* two numbers */
        {"51234 kB", "51234 kB "},                           /* something behind it */
        {"51234 kB", "18446744073709551616 kB"},             /* 2^64 */
        {"Buffers", "MemTotal"},                             /* one of them twice */
        {"Committed_AS:       1234 kB\n", "Committed_AS: "}, /* cut off */
    };
    struct figures f = {.total_kib = 7};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (parse_meminfo(with(meminfo, faults[i].old, faults[i].new), &f))
            fail_msg("taken: '%s' for '%s'", faults[i].new, faults[i].old);
        assert_int_equal(f.total_kib, 7);
    }
}

static void test_meminfo_last_line_without_newline_is_none(void **state)
{
    const char *end = strstr(meminfo, "\nHugePages");
    struct figures f;

    (void)state;
    assert_false(kernel_text_meminfo(meminfo, (size_t)(end - meminfo), &f));
    assert_true(kernel_text_meminfo(meminfo, (size_t)(end - meminfo) + 1, &f));
}

static void test_meminfo_largest_number_is_read(void **state)
{
    struct figures f = {0};

    (void)state;
    assert_true(parse_meminfo(with(meminfo, "1234 kB\nHuge", "18446744073709551615 kB\nHuge"), &f));
    assert_true(f.committed_kib == UINT64_MAX);
}

static void test_text_of_the_most_bytes_is_refused_one_less_is_read(void **state)
{
    static char text[KERNEL_TEXT_MAX];
    struct figures f;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, meminfo, sizeof meminfo - 1);
    assert_true(kernel_text_meminfo(text, sizeof text - 1, &f));
    assert_false(kernel_text_meminfo(text, sizeof text, &f));
    memcpy(text, vmstat, sizeof vmstat - 1);
    assert_true(kernel_text_vmstat(text, sizeof text - 1, &f));
    assert_false(kernel_text_vmstat(text, sizeof text, &f));
    memcpy(text, pressure, sizeof pressure - 1);
    assert_true(kernel_text_pressure(text, sizeof text - 1, &f));
    assert_false(kernel_text_pressure(text, sizeof text, &f));
}

static void test_text_empty_is_no_memory_and_no_pressure(void **state)
{
    struct figures f = {0};

    (void)state;
    assert_false(kernel_text_meminfo("", 0, &f));
    assert_false(kernel_text_pressure("", 0, &f));
    assert_false(kernel_text_number("", 0, 9, &f.seq));
    assert_true(kernel_text_vmstat("", 0, &f));
}

/* ---- /proc/vmstat ---- */

static void test_vmstat_whole_is_read(void **state)
{
    struct figures f = {0};

    (void)state;
    assert_true(parse_vmstat(vmstat, &f));
    assert_int_equal(f.swap_in, 11);
    assert_int_equal(f.swap_out, 22);
    assert_int_equal(f.refaults, 9);
    assert_int_equal(f.major_faults, 33);
    assert_int_equal(f.oom_kills, 6);
}

static void test_vmstat_of_an_older_kernel_is_read(void **state)
{
    struct figures f = {.swap_in = 7, .oom_kills = 7};

    (void)state;
    assert_true(parse_vmstat("pgmajfault 3\nworkingset_refault 8\n", &f));
    assert_int_equal(f.refaults, 8);
    assert_int_equal(f.major_faults, 3);
    assert_int_equal(f.swap_in, 0);
    assert_int_equal(f.oom_kills, 0);
    assert_true(parse_vmstat("workingset_refault_file 2\nworkingset_refault 8\n", &f));
    assert_int_equal(f.refaults, 2);
    assert_true(parse_vmstat("workingset_refault_anon 3\nworkingset_refault 8\n", &f));
    assert_int_equal(f.refaults, 3);
}

static void test_vmstat_sum_that_does_not_fit_is_the_largest(void **state)
{
    struct figures f;

    (void)state;
    assert_true(
        parse_vmstat(with(vmstat, "refault_anon 4", "refault_anon 18446744073709551610"), &f));
    assert_true(f.refaults == UINT64_MAX);
    assert_true(
        parse_vmstat(with(vmstat, "refault_anon 4", "refault_anon 18446744073709551611"), &f));
    assert_true(f.refaults == UINT64_MAX);
    assert_true(
        parse_vmstat(with(vmstat, "refault_anon 4", "refault_anon 18446744073709551609"), &f));
    assert_true(f.refaults == UINT64_MAX - 1);
}

static void test_vmstat_malformed_is_refused_untouched(void **state)
{
    struct figures f = {.swap_in = 7};

    (void)state;
    assert_false(parse_vmstat(with(vmstat, "pswpin 11", "pswpin x"), &f));
    assert_false(parse_vmstat(with(vmstat, "pswpin 11", "pswpin "), &f));
    assert_false(parse_vmstat(with(vmstat, "pswpin 11", "pswpin 11 12"), &f));
    assert_false(parse_vmstat(with(vmstat, "pswpin 11", "pswpin 11\npswpin 11"), &f));
    assert_int_equal(f.swap_in, 7);
}

/* ---- /proc/pressure/memory, current_kb ---- */

static void test_pressure_whole_is_read(void **state)
{
    struct figures f = {.flags = FIGURES_HAS_BALLOON};

    (void)state;
    assert_true(parse_pressure(pressure, &f));
    assert_int_equal(f.stall_some_us, 123);
    assert_int_equal(f.stall_full_us, 45);
    assert_int_equal(f.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE);
}

static void test_pressure_malformed_is_refused_untouched(void **state)
{
    struct figures f = {.stall_some_us = 7};

    (void)state;
    assert_false(parse_pressure(with(pressure, "total=123", "total="), &f));
    assert_false(parse_pressure(with(pressure, "total=123", "total=1.5"), &f));
    assert_false(parse_pressure(with(pressure, " total=123", ""), &f));
    assert_false(parse_pressure(with(pressure, "full", "fool"), &f));
    assert_false(parse_pressure(with(pressure, "total=45\n", "total=45"), &f));
    assert_false(parse_pressure(with(pressure, "full", "some"), &f));
    assert_int_equal(f.stall_some_us, 7);
    assert_int_equal(f.flags, 0);
}

static void test_number_is_one_line_within_its_maximum(void **state)
{
    uint64_t kib = 7;

    (void)state;
    assert_true(kernel_text_number("98304\n", 6, 98304, &kib));
    assert_int_equal(kib, 98304);
    assert_false(kernel_text_number("98305\n", 6, 98304, &kib));
    assert_false(kernel_text_number("98304", 5, 98304, &kib));
    assert_false(kernel_text_number("98304\n\n", 7, 98304, &kib));
    assert_false(kernel_text_number("\n", 1, 98304, &kib));
    assert_int_equal(kib, 98304);
}

/* ---- the record ---- */

#define FILL(key, member, most) f.member = UINT64_MAX;
#define AT_MOST(key, member, most) assert_true(f.member == (most));

static void test_format_longest_record_fits_and_is_read_back_at_its_limits(void **state)
{
    char text[FIGURES_TEXT_MAX];
    struct figures f = {.flags = UINT32_MAX};
    struct error err;

    (void)state;
    FIGURES(FILL)
    size_t length = figures_format(&f, text);

    assert_true(length <= FIGURES_TEXT_MAX);
    assert_int_equal(length, 397);
    assert_ok(figures_parse(text, length, &f, &err));
    FIGURES(AT_MOST)
    assert_int_equal(f.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE | FIGURES_IS_MOVING);
}

#define COUNT_UP(key, member, most) f.member = ++n;

static void test_format_is_read_back_the_same(void **state)
{
    struct figures f, again;
    char text[FIGURES_TEXT_MAX];
    struct error err;

    (void)state;
    for (unsigned flags = 0; flags < 8; flags++) {
        uint64_t n = 8 + flags; /* across 9 and 10 */

        memset(&f, 0, sizeof f);
        FIGURES(COUNT_UP)
        f.flags = flags;
        memset(&again, 0, sizeof again);
        assert_ok(figures_parse(text, figures_format(&f, text), &again, &err));
        assert_memory_equal(&again, &f, sizeof f);
    }
}

static void test_format_of_nothing_is_zeros(void **state)
{
    static const char expected[] =
        "v=1 seq=0 up=0 cur=0 tot=0 free=0 avail=0 cached=0 swtot=0 swfree=0 commit=0 swin=0 "
        "swout=0 refault=0 majfault=0 oom=0 psome=0 pfull=0 flags=-";
    struct figures f = {0};
    char text[FIGURES_TEXT_MAX];

    (void)state;
    assert_int_equal(figures_format(&f, text), sizeof expected - 1);
    assert_memory_equal(text, expected, sizeof expected - 1);
}

static void test_format_value_above_its_most_is_its_most(void **state)
{
    struct figures f = {.committed_kib = FIGURES_KIB_MAX + 1, .total_kib = FIGURES_KIB_MAX};
    char text[FIGURES_TEXT_MAX + 1];

    (void)state;
    text[figures_format(&f, text)] = '\0';
    assert_text_has(text, " tot=1099511627776 ");
    assert_text_has(text, " commit=1099511627776 ");
}

static void test_seq_after_the_largest_is_one(void **state)
{
    (void)state;
    assert_int_equal(figures_next_seq(0), 1);
    assert_int_equal(figures_next_seq(UINT32_MAX - 1), UINT32_MAX);
    assert_int_equal(figures_next_seq(UINT32_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meminfo_whole_is_read),
        cmocka_unit_test(test_meminfo_malformed_is_refused_untouched),
        cmocka_unit_test(test_meminfo_last_line_without_newline_is_none),
        cmocka_unit_test(test_meminfo_largest_number_is_read),
        cmocka_unit_test(test_text_of_the_most_bytes_is_refused_one_less_is_read),
        cmocka_unit_test(test_text_empty_is_no_memory_and_no_pressure),
        cmocka_unit_test(test_vmstat_whole_is_read),
        cmocka_unit_test(test_vmstat_of_an_older_kernel_is_read),
        cmocka_unit_test(test_vmstat_sum_that_does_not_fit_is_the_largest),
        cmocka_unit_test(test_vmstat_malformed_is_refused_untouched),
        cmocka_unit_test(test_pressure_whole_is_read),
        cmocka_unit_test(test_pressure_malformed_is_refused_untouched),
        cmocka_unit_test(test_number_is_one_line_within_its_maximum),
        cmocka_unit_test(test_format_longest_record_fits_and_is_read_back_at_its_limits),
        cmocka_unit_test(test_format_is_read_back_the_same),
        cmocka_unit_test(test_format_of_nothing_is_zeros),
        cmocka_unit_test(test_format_value_above_its_most_is_its_most),
        cmocka_unit_test(test_seq_after_the_largest_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
