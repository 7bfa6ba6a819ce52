/*
 * Replies: what is written is read back, whatever bytes a guest gave its name.
 */
#include "check.h"

#include <stdlib.h>

#include "balloon/reply.h"

static char *text_of(const struct reply *reply)
{
    char *text = malloc(reply->length + 1);

    assert_non_null(text);
    memcpy(text, reply->text, reply->length);
    text[reply->length] = '\0';
    return text;
}

static void assert_reply(struct reply *reply, const char *expected)
{
    char *text = text_of(reply);

    assert_false(reply->is_short);
    assert_string_equal(text, expected);
    free(text);
    reply_clear(reply);
}

static void test_reply_is_records_and_an_end(void **state)
{
    struct reply reply;

    (void)state;
    reply_init(&reply);
    reply_begin(&reply, "vm");
    reply_word(&reply, "name", "web");
    reply_number(&reply, "need_kib", UINT64_MAX);
    reply_signed(&reply, "surplus_kib", -4);
    reply_end(&reply);
    reply_ok(&reply);
    assert_reply(&reply, "vm name=web need_kib=18446744073709551615 surplus_kib=-4\nok\n");
}

static void test_reply_error_drops_the_records_and_stays_a_line(void **state)
{
    struct reply reply;
    struct error err;

    (void)state;
    reply_init(&reply);
    reply_begin(&reply, "vm");
    reply_end(&reply);
    (void)error_set(&err, ERR_REFUSED, "no\nroom");
    reply_error(&reply, &err);
    assert_reply(&reply, "error refused no room\n");
}

static void test_reply_value_of_any_bytes_is_read_back(void **state)
{
    char value[256];
    struct reply reply;
    struct reply_row row;
    struct error err;

    (void)state;
    for (int i = 0; i < 255; i++)
        value[i] = (char)(i + 1);
    value[255] = '\0';
    reply_init(&reply);
    reply_begin(&reply, "vm");
    reply_word(&reply, "name", value);
    reply_word(&reply, "empty", "");
    char *line = text_of(&reply);

    assert_null(strchr(line, '\n'));
    assert_ok(reply_parse(line, &row, &err));
    assert_string_equal(row.kind, "vm");
    assert_int_equal(row.count, 2);
    assert_string_equal(reply_find(&row, "name"), value);
    assert_string_equal(reply_find(&row, "empty"), "");
    assert_null(reply_find(&row, "other"));
    free(line);
    reply_clear(&reply);
}

static void test_reply_that_is_none_is_refused(void **state)
{
    static const char *const lines[] = {"",         "=",        " a=b",   "vm a",
                                        "vm =b",    "vm a=b  ", "vm a=%", "vm a=%4",
                                        "vm a=%00", "vm a=%4G", "a=b",    "vm a=%-1"};
    struct reply_row row;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[32];

        (void)strcpy(line, lines[i]);
        assert_fails(reply_parse(line, &row, &err), ERR_INPUT, "");
    }
}

static void test_reply_parse_bounds_the_words(void **state)
{
    char line[REPLY_FIELDS_MAX * 4 + 16] = "vm";
    char copy[sizeof line];
    struct reply_row row;
    struct error err;

    (void)state;
    for (int i = 0; i < REPLY_FIELDS_MAX; i++)
        (void)strcat(line, " a=b");
    (void)strcpy(copy, line);
    assert_ok(reply_parse(copy, &row, &err));
    assert_int_equal(row.count, REPLY_FIELDS_MAX);
    (void)strcat(line, " a=b");
    assert_fails(reply_parse(line, &row, &err), ERR_INPUT, "more than");
}

static void test_reply_end_tells_what_went_wrong(void **state)
{
    struct error err;
    bool is_ok;

    (void)state;
    assert_true(reply_is_end("ok", &is_ok, &err));
    assert_true(is_ok);
    assert_true(reply_is_end("error usage a request is: list", &is_ok, &err));
    assert_false(is_ok);
    assert_error(&err, ERR_USAGE, "a request is: list");
    assert_true(reply_is_end("error never-heard-of it", &is_ok, &err));
    assert_error(&err, ERR_SYSTEM, "it");
    assert_false(reply_is_end("vm name=ok", &is_ok, &err));
}

static void test_reply_too_long_says_so(void **state)
{
    struct reply reply;

    (void)state;
    reply_init(&reply);
    for (int i = 0; i < (REPLY_TEXT_MAX / 6) + 1; i++)
        reply_begin(&reply, "123456");
    assert_true(reply.is_short);
    assert_true(reply.length <= REPLY_TEXT_MAX);
    reply_clear(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_is_records_and_an_end),
        cmocka_unit_test(test_reply_error_drops_the_records_and_stays_a_line),
        cmocka_unit_test(test_reply_value_of_any_bytes_is_read_back),
        cmocka_unit_test(test_reply_that_is_none_is_refused),
        cmocka_unit_test(test_reply_parse_bounds_the_words),
        cmocka_unit_test(test_reply_end_tells_what_went_wrong),
        cmocka_unit_test(test_reply_too_long_says_so),
    };

    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
