/*
 * Names that customers gave, as cells of a spreadsheet; and the characters that they are made of.
 */
#include <stdlib.h>

#include "check.h"
#include "common/cell.h"
#include "common/utf8.h"

static void assert_written(void (*write)(FILE *, const char *), const char *text,
                           const char *expected)
{
    char *out = NULL;
    size_t size;
    FILE *stream = open_memstream(&out, &size);

    assert_non_null(stream);
    write(stream, text);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(out, expected);
    free(out);
}

static void assert_cell(const char *text, const char *expected)
{
    assert_written(cell_write, text, expected);
}

static void test_cell_plain_text_is_only_quoted(void **state)
{
    (void)state;
    assert_cell("", "\"\"");
    assert_cell("web 1", "\"web 1\"");
    assert_cell("0123", "\"0123\"");
    assert_cell("Müller & Söhne 🦊", "\"Müller & Söhne 🦊\"");
    assert_cell("a=b, c-d; e@f", "\"a=b, c-d; e@f\"");
    assert_cell("5+5", "\"5+5\"");
}

static void test_cell_quotes_and_lines_stay(void **state)
{
    (void)state;
    assert_cell("say \"hi\"", "\"say \"\"hi\"\"\"");
    assert_cell("one\r\ntwo\nthree\tfour", "\"one\r\ntwo\nthree\tfour\"");
}

static void test_cell_that_begins_like_a_formula_gets_an_apostrophe(void **state)
{
    (void)state;
    assert_cell("=1+1", "\"'=1+1\"");
    assert_cell("+1", "\"'+1\"");
    assert_cell("-1", "\"'-1\"");
    assert_cell("@SUM(A1)", "\"'@SUM(A1)\"");
    assert_cell("\t=1", "\"'\t'=1\"");
    assert_cell("\rx", "\"'\rx\"");
    assert_cell("\nx", "\"'\nx\"");
    /* in full width: = + - @ */
    assert_cell("＝1", "\"'＝1\"");
    assert_cell("＋1", "\"'＋1\"");
    assert_cell("－1", "\"'－1\"");
    assert_cell("＠A1", "\"'＠A1\"");
}

static void test_cell_blanks_and_quotes_hide_no_formula(void **state)
{
    (void)state;
    assert_cell("  =1", "\"'  =1\"");
    assert_cell("\"=1\"", "\"'\"\"=1\"\"\"");
    assert_cell("\" \"=1", "\"'\"\" \"\"=1\"");
    assert_cell("\xc2\xa0=1", "\"'\xc2\xa0=1\"");         /* no-break space */
    assert_cell("\xe3\x80\x80=1", "\"'\xe3\x80\x80=1\""); /* ideographic space */
    assert_cell("\xef\xbb\xbf=1", "\"'\xef\xbb\xbf=1\""); /* byte order mark */
    assert_cell(" \tx", "\"' \tx\"");
}

static void test_cell_other_separators_begin_no_formula(void **state)
{
    (void)state;
    assert_cell("a;=1", "\"a;'=1\"");
    assert_cell("a,=1", "\"a,'=1\"");
    assert_cell("a\t=1", "\"a\t'=1\"");
    assert_cell("a\n=1", "\"a\n'=1\"");
    assert_cell("a\r\n=1", "\"a\r\n'=1\"");
    assert_cell("a;\"=1", "\"a;'\"\"=1\"");
    assert_cell("a; ;-1", "\"a; ;'-1\"");
    assert_cell(";;=1", "\";;'=1\"");
    assert_cell("=1;=2", "\"'=1;'=2\"");
}

static void test_cell_what_is_not_text_is_replaced(void **state)
{
    (void)state;
    assert_cell("a\xff"
                "b",
                "\"a\xef\xbf\xbd"
                "b\"");
    assert_cell("a\xc3", "\"a\xef\xbf\xbd\"");
    assert_cell("\xed\xa0\x80",
                "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* half of a surrogate pair */
    assert_cell("\x1b[31m", "\"\xef\xbf\xbd[31m\"");
    assert_cell("a\x7f\xc2\x85z", "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
}

static void test_cell_of_64_kib_is_whole(void **state)
{
    enum { LENGTH = 65536 };
    char *text = malloc(LENGTH + 1), *expected = malloc(LENGTH + 3);

    (void)state;
    assert_true(text != NULL && expected != NULL);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    (void)sprintf(expected, "\"%s\"", text);
    assert_cell(text, expected);
    free(text);
    free(expected);
}

static void test_cell_field_marks_formulas_and_no_numbers(void **state)
{
    (void)state;
    assert_written(cell_field, "", "");
    assert_written(cell_field, "-17", "-17");
    assert_written(cell_field, "-0.25", "-0.25");
    assert_written(cell_field, "web, 1", "\"web, 1\"");
    assert_written(cell_field, "-", "\"'-\"");
    assert_written(cell_field, "-1+1", "\"'-1+1\"");
    assert_written(cell_field, "-1.2.3", "\"'-1.2.3\"");
    assert_written(cell_field, "=1+1", "\"'=1+1\"");
    assert_written(cell_field, "a;=1", "\"a;'=1\"");
    assert_written(cell_field, "\tx", "\"'\tx\"");
}

static void test_utf8_lengths(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(""), 1);
    assert_int_equal(utf8_length("\x7f"), 1);
    assert_int_equal(utf8_length("\x80"), 0);
    assert_int_equal(utf8_length("\xc1\xbf"), 0);
    assert_int_equal(utf8_length("\xc2\x80"), 2);
    assert_int_equal(utf8_length("\xdf\xbf"), 2);
    assert_int_equal(utf8_length("\xe0\x9f\xbf"), 0);
    assert_int_equal(utf8_length("\xe0\xa0\x80"), 3);
    assert_int_equal(utf8_length("\xed\x9f\xbf"), 3);
    assert_int_equal(utf8_length("\xed\xa0\x80"), 0);
    assert_int_equal(utf8_length("\xef\xbf\xbf"), 3);
    assert_int_equal(utf8_length("\xf0\x8f\xbf\xbf"), 0);
    assert_int_equal(utf8_length("\xf0\x90\x80\x80"), 4);
    assert_int_equal(utf8_length("\xf4\x8f\xbf\xbf"), 4);
    assert_int_equal(utf8_length("\xf4\x90\x80\x80"), 0);
    assert_int_equal(utf8_length("\xf5\x80\x80\x80"), 0);
    assert_int_equal(utf8_length("\xf0\x9f\xa6"), 0); /* cut off */
}

static void test_utf8_control_characters(void **state)
{
    (void)state;
    assert_true(utf8_is_control("\x1f"));
    assert_false(utf8_is_control(" "));
    assert_false(utf8_is_control("~"));
    assert_true(utf8_is_control("\x7f"));
    assert_true(utf8_is_control("\xc2\x80"));
    assert_true(utf8_is_control("\xc2\x9f"));
    assert_false(utf8_is_control("\xc2\xa0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cell_plain_text_is_only_quoted),
        cmocka_unit_test(test_cell_quotes_and_lines_stay),
        cmocka_unit_test(test_cell_that_begins_like_a_formula_gets_an_apostrophe),
        cmocka_unit_test(test_cell_blanks_and_quotes_hide_no_formula),
        cmocka_unit_test(test_cell_other_separators_begin_no_formula),
        cmocka_unit_test(test_cell_what_is_not_text_is_replaced),
        cmocka_unit_test(test_cell_of_64_kib_is_whole),
        cmocka_unit_test(test_cell_field_marks_formulas_and_no_numbers),
        cmocka_unit_test(test_utf8_lengths),
        cmocka_unit_test(test_utf8_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
