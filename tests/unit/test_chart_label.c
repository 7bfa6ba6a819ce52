/*
 * Hostile names become one short line of text; scales have labels that say what they mean.
 */
#include "chance.h"
#include "check.h"

#include <stdlib.h>

#include "chart/label.h"
#include "chart/scale.h"
#include "common/utf8.h"

static char out[LABEL_TEXT_MAX];

static const char *clean(const char *name)
{
    return label_clean(name, strlen(name), out);
}

static void test_label_plain_names_stay(void **state)
{
    (void)state;
    assert_string_equal(clean("web"), "web");
    assert_string_equal(clean("Bücher & <Söhne>"), "Bücher & <Söhne>"); /* escaped by who writes */
    assert_string_equal(clean("データベース"), "データベース");
    assert_string_equal(clean(""), "");
}

static void test_label_48_characters_fit_and_49_are_cut(void **state)
{
    char name[64];

    (void)state;
    memset(name, 'x', sizeof name);
    name[48] = '\0';
    assert_string_equal(clean(name), name);
    name[48] = 'x';
    name[49] = '\0';
    assert_int_equal(strlen(clean(name)), 48 + 3);
    assert_string_equal(out + 48, "\u2026");
}

static void test_label_controls_and_bad_bytes_are_shown_as_such(void **state)
{
    (void)state;
    assert_string_equal(clean("a\x01\x7f\xff"
                              "b"),
                        "a\ufffd\ufffd\ufffdb");
    assert_string_equal(clean("a\xc3"), "a\ufffd");
    assert_string_equal(clean("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
    assert_string_equal(label_clean("a\0b", 3, out), "a\ufffdb");
}

static void test_label_lines_and_blanks_become_one_space(void **state)
{
    (void)state;
    assert_string_equal(clean("  a\t\r\n b\u2028c\u00a0 "), "a b c");
}

static void test_label_what_can_not_be_seen_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(clean("a\u202eb\u2066c\u200dd\ufeff\ufe0fe\U000e0041"), "abcde");
    assert_string_equal(clean("\u202e\u200b"), "");
}

static void test_label_accents_are_two_in_a_row_at_most(void **state)
{
    (void)state;
    assert_string_equal(clean("e\u0301\u0302\u0303\u0304x"), "e\u0301\u0302x");
    assert_string_equal(clean("\u0301x"), "x");
}

static void test_label_name_cut_in_a_character_reads_no_further(void **state)
{
    char *name = malloc(2); /* so that a sanitizer sees a byte too many */

    (void)state;
    assert_non_null(name);
    memcpy(name, "a\xf0", 2);
    assert_string_equal(label_clean(name, 2, out), "a\ufffd");
    free(name);
}

static void test_label_random_bytes_give_short_text(void **state)
{
    struct chance c = chance_begin("label");
    static char name[65536];

    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t length = chance_below(&c, round == 0 ? sizeof name : 400);
        size_t characters = 0;

        for (size_t i = 0; i < length; i++)
            name[i] =
                (char)(chance_hits(&c, 3) ? chance_below(&c, 256) : 0xcc + chance_below(&c, 3));
        label_clean(name, length, out);
        assert_true(strlen(out) < LABEL_TEXT_MAX);
        for (const char *p = out; *p != '\0'; p += utf8_length(p)) {
            assert_true(utf8_length(p) > 0);
            assert_false(utf8_is_control(p));
            characters++;
        }
        assert_in_range(characters, 0, 3 * LABEL_CHARACTERS + 1);
    }
}

/* ---- scales ---- */

static void assert_memory(uint64_t most_kib, size_t most, const char *labels)
{
    struct scale scale;
    char text[512] = "";

    scale_memory(most_kib, most, &scale);
    for (size_t i = 0; i < scale.count; i++) {
        (void)strcat(text, i > 0 ? ", " : "");
        (void)strcat(text, scale.marks[i].text);
    }
    assert_string_equal(text, labels);
    assert_true((uint64_t)scale.top >= most_kib);
}

static void test_scale_memory_goes_in_binary_steps(void **state)
{
    (void)state;
    assert_memory(1 << 20, 4, "0 GiB, 0.25 GiB, 0.50 GiB, 0.75 GiB, 1.00 GiB");
    assert_memory((1 << 20) + 1, 4, "0 GiB, 0.5 GiB, 1.0 GiB, 1.5 GiB");
    assert_memory(131072, 4, "0 MiB, 32 MiB, 64 MiB, 96 MiB, 128 MiB");
    assert_memory(UINT64_C(3) << 30, 3, "0 TiB, 1 TiB, 2 TiB, 3 TiB");
    assert_memory(UINT64_C(1) << 40, 2, "0 TiB, 512 TiB, 1024 TiB");
    assert_memory(3, 4, "0 KiB, 1 KiB, 2 KiB, 3 KiB");
    assert_memory(0, 4, "0 KiB, 1 KiB");
}

static void assert_time(int64_t from_s, int64_t to_s, size_t most, const char *labels)
{
    struct series_span span = {from_s * NS_PER_S, to_s * NS_PER_S};
    struct scale scale;
    char text[2048] = "";

    scale_time(&span, most, &scale);
    assert_in_range(scale.count, 0, most);
    for (size_t i = 0; i < scale.count; i++) {
        assert_in_range(scale.marks[i].at, span.from_utc_ns, span.to_utc_ns);
        (void)strcat(text, i > 0 ? ", " : "");
        (void)strcat(text, scale.marks[i].text);
    }
    assert_string_equal(text, labels);
}

enum { NOON = 1795348800 }; /* 2026-11-22T12:00:00Z */

static void test_scale_time_names_days_and_hours(void **state)
{
    (void)state;
    assert_time(NOON, NOON + 3600, 5, "12:00, 12:15, 12:30, 12:45, 13:00");
    assert_time(NOON + 1, NOON + 20, 5, "12:00:05, 12:00:10, 12:00:15, 12:00:20");
    assert_time(NOON, NOON + 86400, 6, "12:00, 18:00, 23 Nov, 06:00, 12:00");
    assert_time(NOON, NOON + 20 * 86400, 4, "23 Nov, 30 Nov, 7 Dec");
    assert_time(NOON, NOON + 100 * 86400, 5, "Dec 2026, Jan 2027, Feb 2027, Mar 2027");
    assert_time(NOON, NOON + 3000 * (int64_t)86400, 9,
                "2027, 2028, 2029, 2030, 2031, 2032, 2033, 2034, 2035");
}

static void test_scale_format_kib_has_three_digits(void **state)
{
    char text[SCALE_TEXT_MAX];

    (void)state;
    assert_string_equal(scale_format_kib(0, text), "0 KiB");
    assert_string_equal(scale_format_kib(1023, text), "1023 KiB");
    assert_string_equal(scale_format_kib(1024, text), "1 MiB");
    assert_string_equal(scale_format_kib(1536, text), "1.50 MiB");
    assert_string_equal(scale_format_kib(262144, text), "256 MiB");
    assert_string_equal(scale_format_kib(1572864 + 5242, text), "1.50 GiB");
    assert_string_equal(scale_format_kib(1572864 + 5243, text), "1.51 GiB");
    assert_string_equal(scale_format_kib(UINT64_C(1) << 40, text), "1024 TiB");
}

static void test_scale_format_span_is_cut(void **state)
{
    char text[SCALE_TEXT_MAX];

    (void)state;
    assert_string_equal(scale_format_span(NS_PER_S - 1, text), "0.999 s");
    assert_string_equal(scale_format_span(10 * NS_PER_S - 1, text), "9.999 s");
    assert_string_equal(scale_format_span(10 * NS_PER_S, text), "0:00:10");
    assert_string_equal(scale_format_span(3661 * NS_PER_S, text), "1:01:01");
    assert_string_equal(scale_format_span(86400 * NS_PER_S, text), "1 d 0:00:00");
}

static void test_scale_random_ranges_have_marks_inside(void **state)
{
    struct chance c = chance_begin("scale");

    (void)state;
    for (int round = 0; round < 20000; round++) {
        int64_t from = (int64_t)chance_below(&c, INT64_MAX / 2) >> chance_below(&c, 40);
        struct series_span span = {from, from + 1 +
                                             ((int64_t)chance_below(&c, INT64_MAX / 2) >>
                                              chance_below(&c, 62))};
        size_t most = 2 + chance_below(&c, 40);
        struct scale scale;

        scale_time(&span, most, &scale);
        assert_in_range(scale.count, 0, most);
        for (size_t i = 0; i < scale.count; i++) {
            assert_in_range(scale.marks[i].at, span.from_utc_ns, span.to_utc_ns);
            assert_true(i == 0 || scale.marks[i].at > scale.marks[i - 1].at);
        }
        uint64_t kib = chance_below(&c, KIB_MAX + 1) >> chance_below(&c, 41);

        scale_memory(kib, most, &scale);
        assert_in_range(scale.count, 2, (most < 31 ? most : 31) + 1);
        assert_true((uint64_t)scale.top >= kib);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_plain_names_stay),
        cmocka_unit_test(test_label_48_characters_fit_and_49_are_cut),
        cmocka_unit_test(test_label_controls_and_bad_bytes_are_shown_as_such),
        cmocka_unit_test(test_label_lines_and_blanks_become_one_space),
        cmocka_unit_test(test_label_what_can_not_be_seen_is_left_out),
        cmocka_unit_test(test_label_accents_are_two_in_a_row_at_most),
        cmocka_unit_test(test_label_name_cut_in_a_character_reads_no_further),
        cmocka_unit_test(test_label_random_bytes_give_short_text),
        cmocka_unit_test(test_scale_memory_goes_in_binary_steps),
        cmocka_unit_test(test_scale_time_names_days_and_hours),
        cmocka_unit_test(test_scale_format_kib_has_three_digits),
        cmocka_unit_test(test_scale_format_span_is_cut),
        cmocka_unit_test(test_scale_random_ranges_have_marks_inside),
    };

    return cmocka_run_group_tests_name("chart_label", tests, NULL, NULL);
}
