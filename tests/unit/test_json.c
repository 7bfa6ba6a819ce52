/*
 * JSON as it is written: its form, and texts that people wrote.
 */
#include <stdlib.h>

#include "check.h"
#include "common/json.h"

struct document {
    char *text;
    size_t size;
    struct json json;
};

static void begin(struct document *d)
{
    *d = (struct document){0};
    FILE *out = open_memstream(&d->text, &d->size);

    assert_non_null(out);
    json_begin(&d->json, out);
}

static void assert_document(struct document *d, const char *expected)
{
    json_end(&d->json);
    assert_int_equal(fclose(d->json.out), 0);
    assert_string_equal(d->text, expected);
    free(d->text);
}

static void test_json_empty(void **state)
{
    struct document d;

    (void)state;
    begin(&d);
    assert_document(&d, "{}\n");
}

static void test_json_values_lists_and_objects(void **state)
{
    struct document d;

    (void)state;
    begin(&d);
    json_int(&d.json, "least", INT64_MIN);
    json_bool(&d.json, "yes", true);
    json_null(&d.json, "nothing");
    json_open_list(&d.json, "empty");
    json_close(&d.json);
    json_open_list(&d.json, "list");
    json_open_object(&d.json, NULL);
    json_text(&d.json, "a", "b");
    json_close(&d.json);
    json_open_flat_object(&d.json, NULL);
    json_int(&d.json, "c", 1);
    json_open_list(&d.json, "d");
    json_int(&d.json, NULL, 2);
    json_int(&d.json, NULL, 3);
    json_close(&d.json);
    json_close(&d.json);
    json_int(&d.json, NULL, 4);
    json_close(&d.json);
    assert_document(&d, "{\n"
                        "  \"least\": -9223372036854775808,\n"
                        "  \"yes\": true,\n"
                        "  \"nothing\": null,\n"
                        "  \"empty\": [],\n"
                        "  \"list\": [\n"
                        "    {\n"
                        "      \"a\": \"b\"\n"
                        "    },\n"
                        "    {\"c\": 1, \"d\": [2, 3]},\n"
                        "    4\n"
                        "  ]\n"
                        "}\n");
}

static void test_json_texts_that_people_wrote(void **state)
{
    struct document d;

    (void)state;
    begin(&d);
    json_text(&d.json, "text", "\"\\/\b\n\r\t\x01\x7f\xc2\x90 ä🦊\xff=1");
    assert_document(&d, "{\n  \"text\": \"\\\"\\\\/\\u0008\\u000a\\u000d\\u0009\\u0001\\u007f\\u0090 "
                        "ä🦊\xef\xbf\xbd=1\"\n}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_empty),
        cmocka_unit_test(test_json_values_lists_and_objects),
        cmocka_unit_test(test_json_texts_that_people_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
