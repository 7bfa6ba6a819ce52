/*
 * One field of a CSV file: quoted when it must be, and only then.
 */
#include <stdlib.h>

#include "check.h"
#include "common/csv.h"

static void assert_field(const char *text, char separator, const char *expected)
{
    char *out = NULL;
    size_t size;
    FILE *stream = open_memstream(&out, &size);

    assert_non_null(stream);
    csv_field(stream, text, separator);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(out, expected);
    free(out);
}

static void test_csv_plain_text_is_as_it_is(void **state)
{
    (void)state;
    assert_field("", ',', "");
    assert_field("web", ',', "web");
    assert_field("-12.34", ',', "-12.34");
    assert_field("a b", ',', "a b");
    assert_field("it's", ',', "it's");
    assert_field("Müller & Söhne 🦊", ',', "Müller & Söhne 🦊");
}

static void test_csv_only_its_separator_is_quoted(void **state)
{
    (void)state;
    assert_field("a,b", ',', "\"a,b\"");
    assert_field("a,b", ';', "a,b");
    assert_field("a;b", ';', "\"a;b\"");
    assert_field("a;b", ',', "a;b");
    assert_field("a\tb", '\t', "\"a\tb\"");
    assert_field("a\tb", ',', "a\tb");
    assert_field(",", ',', "\",\"");
}

static void test_csv_quotes_are_doubled(void **state)
{
    (void)state;
    assert_field("\"", ',', "\"\"\"\"");
    assert_field("the \"old\" one", ',', "\"the \"\"old\"\" one\"");
    assert_field("\"\"", ',', "\"\"\"\"\"\"");
}

static void test_csv_ends_of_lines_are_quoted(void **state)
{
    (void)state;
    assert_field("a\nb", ',', "\"a\nb\"");
    assert_field("a\rb", ',', "\"a\rb\"");
    assert_field("\n", ',', "\"\n\"");
    assert_field("a\r\n", ',', "\"a\r\n\"");
}

static void test_csv_spaces_at_an_end_are_quoted(void **state)
{
    (void)state;
    assert_field(" a", ',', "\" a\"");
    assert_field("a ", ',', "\"a \"");
    assert_field(" ", ',', "\" \"");
}

static void test_csv_errors_show_in_the_stream(void **state)
{
    char room[4];
    FILE *stream = fmemopen(room, sizeof room, "w");

    (void)state;
    assert_non_null(stream);
    (void)setvbuf(stream, NULL, _IONBF, 0);
    csv_field(stream, "longer than that", ',');
    assert_true(ferror(stream) != 0);
    (void)fclose(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_plain_text_is_as_it_is),
        cmocka_unit_test(test_csv_only_its_separator_is_quoted),
        cmocka_unit_test(test_csv_quotes_are_doubled),
        cmocka_unit_test(test_csv_ends_of_lines_are_quoted),
        cmocka_unit_test(test_csv_spaces_at_an_end_are_quoted),
        cmocka_unit_test(test_csv_errors_show_in_the_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
