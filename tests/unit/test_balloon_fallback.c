/*
 * Other agents' words: lines of /proc/meminfo, and two numbers.
 */
#include "balloon_scene.h"

#include "balloon/figures_parse.h"

static struct error err;

static struct figures read_meminfo(const char *lines)
{
    struct figures f = {.seq = 4711};

    assert_ok(figures_parse_meminfo(lines, strlen(lines), &f, &err));
    return f;
}

static void assert_meminfo(const char *lines, uint64_t available, uint64_t swap_total,
                           uint64_t swap_free)
{
    const struct figures expected = {.total_kib = 1000,
                                     .free_kib = 200,
                                     .available_kib = available,
                                     .swap_total_kib = swap_total,
                                     .swap_free_kib = swap_free};
    struct figures f = read_meminfo(lines);

    assert_memory_equal(&f, &expected, sizeof f);
}

static void test_meminfo_lines_in_any_order_are_read(void **state)
{
    (void)state;
    assert_meminfo("MemTotal:     1000 kB\nMemFree:       200 kB\nMemAvailable:  300 kB\n"
                   "Cached: 7 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\n",
                   300, 50, 40);
    assert_meminfo("SwapFree: 40 kB\nMemAvailable: 300 kB\nSwapTotal: 50 kB\nMemFree: 200 kB\n"
                   "MemTotal: 1000 kB",
                   300, 50, 40);
    assert_meminfo("MemTotal:1000\nMemFree:200\nMemAvailable:300", 300, 0, 0);
}

static void test_meminfo_without_available_takes_free(void **state)
{
    (void)state;
    assert_meminfo("MemTotal: 1000 kB\nMemFree: 200 kB\n", 200, 0, 0);
}

static void test_meminfo_half_of_swap_is_no_swap(void **state)
{
    (void)state;
    assert_meminfo("MemTotal: 1000 kB\nMemFree: 200 kB\nSwapTotal: 50 kB\n", 200, 0, 0);
    assert_meminfo("MemTotal: 1000 kB\nMemFree: 200 kB\nSwapFree: 50 kB\n", 200, 0, 0);
}

static void test_meminfo_names_are_whole(void **state)
{
    (void)state;
    assert_meminfo("XMemTotal: 5 kB\nMemTotal2: 6 kB\nMemTotal: 1000 kB\nMemFree: 200 kB\n", 200, 0,
                   0);
}

static void test_meminfo_spoilt_is_no_record(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n\n",
        "MemTotal: 1000 kB\n",
        "MemFree: 200 kB\n",
        "MemTotal:\nMemFree: 200 kB\n",
        "MemTotal: kB\nMemFree: 200 kB\n",
        "MemTotal: -1 kB\nMemFree: 200 kB\n",
        "MemTotal: 01 kB\nMemFree: 200 kB\n",
        "MemTotal: 1000 MB\nMemFree: 200 kB\n",
        "MemTotal: 1000 kB \nMemFree: 200 kB\n",
        "MemTotal: 1000 kB\r\nMemFree: 200 kB\r\n",
        "MemTotal: 1099511627777 kB\nMemFree: 200 kB\n",
        "MemTotal: 99999999999999999999999 kB\nMemFree: 200 kB\n",
        "MemTotal 1000 kB\nMemFree 200 kB\n",
        "memtotal: 1000 kB\nmemfree: 200 kB\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct figures f = {.seq = 4711}, before = f;

        assert_fails(figures_parse_meminfo(texts[i], strlen(texts[i]), &f, &err), ERR_INPUT,
                     "mod_meminfo");
        assert_memory_equal(&f, &before, sizeof f);
    }
}

static void test_meminfo_more_than_4096_bytes_are_not_looked_at(void **state)
{
    static const char lines[] = "MemTotal: 1000 kB\nMemFree: 200 kB\n";
    struct figures f;
    char text[5000];

    (void)state;
    memset(text, '\n', sizeof text);
    memcpy(text, lines, strlen(lines));
    assert_ok(figures_parse_meminfo(text, 4096, &f, &err));
    assert_fails(figures_parse_meminfo(text, 4097, &f, &err), ERR_INPUT, "more than 4096");
}

static void test_totals_both_numbers_are_read(void **state)
{
    const struct figures expected = {.total_kib = 1000, .free_kib = 300, .available_kib = 300};
    struct figures f;

    (void)state;
    assert_ok(figures_parse_totals("1000", 4, "300", 3, &f, &err));
    assert_memory_equal(&f, &expected, sizeof f);
    assert_ok(figures_parse_totals("1099511627776", 13, "0", 1, &f, &err));
}

static void test_totals_spoilt_is_no_record(void **state)
{
    static const char *const texts[] = {"",    "-1",   " 1",  "1 ",  "01",
                                        "1kB", "0x10", "1.5", "1\n", "1099511627777"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct figures f = {.seq = 4711}, before = f;
        size_t length = strlen(texts[i]);

        assert_fails(figures_parse_totals(texts[i], length, "1", 1, &f, &err), ERR_INPUT, "number");
        assert_fails(figures_parse_totals("1", 1, texts[i], length, &f, &err), ERR_INPUT, "number");
        assert_memory_equal(&f, &before, sizeof f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meminfo_lines_in_any_order_are_read),
        cmocka_unit_test(test_meminfo_without_available_takes_free),
        cmocka_unit_test(test_meminfo_half_of_swap_is_no_swap),
        cmocka_unit_test(test_meminfo_names_are_whole),
        cmocka_unit_test(test_meminfo_spoilt_is_no_record),
        cmocka_unit_test(test_meminfo_more_than_4096_bytes_are_not_looked_at),
        cmocka_unit_test(test_totals_both_numbers_are_read),
        cmocka_unit_test(test_totals_spoilt_is_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
