/*
 * A guest's word: whole and possible, or no record. The records are spoilt field by field.
 */
#include "balloon_scene.h"

#include "balloon/figures_parse.h"

static struct error err;

/* A record, word by word: v=, the fields, flags=. */
enum { WORD_MAX = 2100, TEXT_MAX = 8192 };

static const struct {
    const char *key, *value, *most, *above;
} words[] = {
    {"v", "1", "1", "2"},
    {"seq", "7", "4294967295", "4294967296"},
    {"up", "120500", "9999999999999999", "10000000000000000"},
    {"cur", "262144", "1099511627776", "1099511627777"},
    {"tot", "230000", "1099511627776", "1099511627777"},
    {"free", "9000", "1099511627776", "1099511627777"},
    {"avail", "50000", "1099511627776", "1099511627777"},
    {"cached", "40000", "1099511627776", "1099511627777"},
    {"swtot", "524284", "1099511627776", "1099511627777"},
    {"swfree", "500000", "1099511627776", "1099511627777"},
    {"commit", "300000", "1099511627776", "1099511627777"},
    {"swin", "11", "18446744073709551615", "18446744073709551616"},
    {"swout", "12", "18446744073709551615", "18446744073709551616"},
    {"refault", "13", "18446744073709551615", "18446744073709551616"},
    {"majfault", "14", "18446744073709551615", "18446744073709551616"},
    {"oom", "0", "18446744073709551615", "18446744073709551616"},
    {"psome", "15", "18446744073709551615", "18446744073709551616"},
    {"pfull", "16", "18446744073709551615", "18446744073709551616"},
    {"flags", "bp", "bpm", "bpmx"},
};
enum { WORDS = sizeof words / sizeof *words };

static const char golden[] = "v=1 seq=7 up=120500 cur=262144 tot=230000 free=9000 avail=50000 "
                             "cached=40000 swtot=524284 swfree=500000 commit=300000 swin=11 "
                             "swout=12 refault=13 majfault=14 oom=0 psome=15 pfull=16 flags=bp";

static char text[TEXT_MAX];

/* The record with word `which` spoilt: written as `instead`. */
static size_t spoil(size_t which, const char *instead)
{
    size_t used = 0;

    for (size_t i = 0; i < WORDS; i++) {
        const char *blank = i == 0 ? "" : " ";

        used += (size_t)(i == which ? snprintf(text + used, TEXT_MAX - used, "%s", instead)
                                    : snprintf(text + used, TEXT_MAX - used, "%s%s=%s", blank,
                                               words[i].key, words[i].value));
    }
    return used;
}

/* The same with another value. */
static size_t with_value(size_t which, const char *value)
{
    static char word[WORD_MAX];

    (void)snprintf(word, sizeof word, "%s%s=%s", which == 0 ? "" : " ", words[which].key, value);
    return spoil(which, word);
}

static void assert_no_record(const char *record, size_t length, const char *said)
{
    struct figures f = {.seq = 4711}, before = f;

    assert_fails(figures_parse(record, length, &f, &err), ERR_INPUT, said);
    assert_memory_equal(&f, &before, sizeof f);
}

/* ---- well formed ---- */

static void test_figures_parse_golden_record_is_read(void **state)
{
    struct figures f;

    (void)state;
    assert_ok(figures_parse(golden, strlen(golden), &f, &err));
    assert_int_equal(f.seq, 7);
    assert_int_equal(f.up_ms, 120500);
    assert_int_equal(f.current_kib, 262144);
    assert_int_equal(f.total_kib, 230000);
    assert_int_equal(f.free_kib, 9000);
    assert_int_equal(f.available_kib, 50000);
    assert_int_equal(f.cached_kib, 40000);
    assert_int_equal(f.swap_total_kib, 524284);
    assert_int_equal(f.swap_free_kib, 500000);
    assert_int_equal(f.committed_kib, 300000);
    assert_int_equal(f.swap_in, 11);
    assert_int_equal(f.swap_out, 12);
    assert_int_equal(f.refaults, 13);
    assert_int_equal(f.major_faults, 14);
    assert_int_equal(f.oom_kills, 0);
    assert_int_equal(f.stall_some_us, 15);
    assert_int_equal(f.stall_full_us, 16);
    assert_int_equal(f.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE);
}

static void test_figures_parse_reads_no_byte_behind_its_length(void **state)
{
    struct figures f;

    (void)state;
    (void)snprintf(text, sizeof text, "%sm", golden);
    assert_ok(figures_parse(text, strlen(golden), &f, &err));
    assert_int_equal(f.flags, FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE);
}

static void test_figures_parse_each_number_up_to_its_most(void **state)
{
    struct figures f;

    (void)state;
    for (size_t i = 0; i < WORDS; i++) {
        assert_ok(figures_parse(text, with_value(i, words[i].most), &f, &err));
        assert_no_record(text, with_value(i, words[i].above), "record");
    }
}

static void test_figures_parse_flags_in_their_order_only(void **state)
{
    static const struct {
        const char *word;
        int flags; /* -1: refused */
    } rows[] = {
        {"-", 0},     {"b", 1},   {"p", 2},   {"m", 4},    {"bp", 3},    {"bm", 5},   {"pm", 6},
        {"bpm", 7},   {"", -1},   {"pb", -1}, {"mb", -1},  {"mp", -1},   {"bmp", -1}, {"bb", -1},
        {"bpmm", -1}, {"x", -1},  {"bx", -1}, {"-b", -1},  {"b-", -1},   {"--", -1},  {"B", -1},
        {"bp ", -1},  {"- ", -1}, {" b", -1}, {"b p", -1}, {"bp\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = with_value(WORDS - 1, rows[i].word);
        struct figures f;

        if (rows[i].flags < 0) {
            assert_no_record(text, length, "flags=");
            continue;
        }
        assert_ok(figures_parse(text, length, &f, &err));
        assert_int_equal(f.flags, rows[i].flags);
    }
}

/* ---- spoilt ---- */

static void test_figures_parse_spoilt_value_is_no_record(void **state)
{
    static const char *const values[] = {"",    "-1",  "+1",  "01",  "1x",   "x1",   "0x1",
                                         "1.0", "1e3", " 1",  "1 ",  "1\t",  "1\n",  "1\r",
                                         "٣",   "--",  "1,0", "nan", "\x80", "1\x01"};

    (void)state;
    for (size_t i = 0; i < WORDS; i++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            char key[16];
            size_t length = with_value(i, values[k]);

            (void)snprintf(key, sizeof key, "%s=", words[i].key);
            /* a blank behind a value makes the next word a wrong one */
            assert_no_record(text, length, strcmp(values[k], "1 ") == 0 ? "record" : key);
        }
}

static void test_figures_parse_missing_word_is_no_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORDS; i++)
        assert_no_record(text, spoil(i, ""), "record");
}

static void test_figures_parse_word_said_twice_is_no_record(void **state)
{
    char twice[64];

    (void)state;
    for (size_t i = 0; i < WORDS; i++) {
        (void)snprintf(twice, sizeof twice, "%s%s=%s %s=%s", i == 0 ? "" : " ", words[i].key,
                       words[i].value, words[i].key, words[i].value);
        assert_no_record(text, spoil(i, twice), "record");
    }
}

static void test_figures_parse_words_out_of_order_are_no_record(void **state)
{
    char turned[64];

    (void)state;
    for (size_t i = 0; i + 1 < WORDS; i++) { /* this one and the next change places */
        size_t length = 0;

        for (size_t k = 0; k < WORDS; k++) {
            size_t from = k == i ? i + 1 : k == i + 1 ? i : k;

            (void)snprintf(turned, sizeof turned, "%s%s=%s", k == 0 ? "" : " ", words[from].key,
                           words[from].value);
            length += (size_t)snprintf(text + length, TEXT_MAX - length, "%s", turned);
        }
        assert_no_record(text, length, "record");
    }
}

static void test_figures_parse_wrong_key_is_no_record(void **state)
{
    static const char *const instead[] = {" %sx=1", " x%s=1", " %s:1", " %s 1",
                                          " %s",    " %s =1", " =1"};
    char word[64];

    (void)state;
    for (size_t i = 0; i < WORDS; i++)
        for (size_t k = 0; k < sizeof instead / sizeof *instead; k++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(word, sizeof word, instead[k], words[i].key);
#pragma GCC diagnostic pop
            assert_no_record(text, spoil(i, i == 0 ? word + 1 : word), "record");
        }
}

/* Each beginning of a record. */
static void test_figures_parse_cut_off_is_no_record(void **state)
{
    (void)state;
    for (size_t length = 0; length + 1 < strlen(golden); length++)
        assert_no_record(golden, length, "record");
}

static void test_figures_parse_nul_anywhere_is_no_record(void **state)
{
    size_t length = strlen(golden);

    (void)state;
    for (size_t i = 0; i < length; i++) {
        memcpy(text, golden, length);
        text[i] = '\0';
        assert_no_record(text, length, "record");
    }
    memcpy(text, golden, length + 1);
    assert_no_record(text, length + 1, "flags="); /* its own end counts as well */
}

static void test_figures_parse_more_than_400_bytes_are_not_looked_at(void **state)
{
    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, golden, strlen(golden));
    assert_no_record(text, 400, "flags=");
    assert_no_record(text, 401, "more than 400 bytes");
}

static void test_figures_parse_2048_digits_are_no_record(void **state)
{
    static char digits[2049];

    (void)state;
    memset(digits, '9', sizeof digits - 1);
    for (size_t i = 0; i < WORDS; i++)
        assert_no_record(text, with_value(i, digits), "more than 400 bytes");
    digits[100] = '\0';
    for (size_t i = 0; i < WORDS; i++)
        assert_no_record(text, with_value(i, digits), "record");
}

/* ---- possible ---- */

/* Under a cap of 64 GiB, the most is 65 GiB. */
#define CAP (64 * GIB)

static struct figures possible(void)
{
    return (struct figures){.current_kib = 2 * GIB,
                            .total_kib = GIB,
                            .free_kib = 1,
                            .available_kib = 2,
                            .swap_total_kib = 3,
                            .flags = FIGURES_HAS_BALLOON};
}

static void check_possible(struct figures f, bool is_possible)
{
    if (is_possible)
        assert_ok(figures_are_possible(&f, CAP, &err));
    else
        assert_fails(figures_are_possible(&f, CAP, &err), ERR_INPUT, "");
}

static void test_figures_possible_each_limit_on_both_sides(void **state)
{
    static const struct {
        size_t member;
        uint64_t most;
    } rows[] = {
        {offsetof(struct figures, total_kib), 65 * GIB},
        {offsetof(struct figures, current_kib), 65 * GIB},
        {offsetof(struct figures, free_kib), GIB},
        {offsetof(struct figures, available_kib), GIB},
        {offsetof(struct figures, swap_free_kib), 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct figures f = possible();
        uint64_t *member = (uint64_t *)((char *)&f + rows[i].member);

        *member = rows[i].most;
        check_possible(f, true);
        *member = rows[i].most + 1;
        check_possible(f, false);
    }
}

static void test_figures_possible_current_holds_what_is_available(void **state)
{
    struct figures f = possible();

    (void)state;
    f.current_kib = f.available_kib = 1000;
    check_possible(f, true);
    f.current_kib = 999;
    check_possible(f, false);
    f.flags = 0; /* without a balloon driver there is no current */
    check_possible(f, true);
}

static void test_figures_possible_no_total_is_impossible(void **state)
{
    struct figures f = {.flags = 0};

    (void)state;
    check_possible(f, false);
    f.total_kib = 1;
    check_possible(f, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_parse_golden_record_is_read),
        cmocka_unit_test(test_figures_parse_reads_no_byte_behind_its_length),
        cmocka_unit_test(test_figures_parse_each_number_up_to_its_most),
        cmocka_unit_test(test_figures_parse_flags_in_their_order_only),
        cmocka_unit_test(test_figures_parse_spoilt_value_is_no_record),
        cmocka_unit_test(test_figures_parse_missing_word_is_no_record),
        cmocka_unit_test(test_figures_parse_word_said_twice_is_no_record),
        cmocka_unit_test(test_figures_parse_words_out_of_order_are_no_record),
        cmocka_unit_test(test_figures_parse_wrong_key_is_no_record),
        cmocka_unit_test(test_figures_parse_cut_off_is_no_record),
        cmocka_unit_test(test_figures_parse_nul_anywhere_is_no_record),
        cmocka_unit_test(test_figures_parse_more_than_400_bytes_are_not_looked_at),
        cmocka_unit_test(test_figures_parse_2048_digits_are_no_record),
        cmocka_unit_test(test_figures_possible_each_limit_on_both_sides),
        cmocka_unit_test(test_figures_possible_current_holds_what_is_available),
        cmocka_unit_test(test_figures_possible_no_total_is_impossible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
