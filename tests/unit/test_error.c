#include "check.h"

static void test_error_set_fills_code_and_sentence(void **state)
{
    struct error err;

    (void)state;
    assert_false(error_set(&err, ERR_RANGE, "%d is too %s", 7, "large"));
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.text, "7 is too large");
}

static void test_error_set_long_sentence_is_cut(void **state)
{
    char text[2 * ERROR_TEXT_MAX];
    struct error err;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)error_set(&err, ERR_INPUT, "%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void test_error_context_goes_before_and_keeps_code(void **state)
{
    struct error err;

    (void)state;
    (void)error_set(&err, ERR_INPUT, "no P record");
    assert_false(error_context(&err, "line %d", 3));
    assert_false(error_context(&err, "a.trace"));
    assert_string_equal(err.text, "a.trace: line 3: no P record");
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_error_context_that_just_fits_is_whole(void **state)
{
    char context[ERROR_TEXT_MAX];
    struct error err;

    (void)state;
    memset(context, 'c', sizeof context);
    context[ERROR_TEXT_MAX - 1 - 2 - 5] = '\0';
    (void)error_set(&err, ERR_INPUT, "cause");
    (void)error_context(&err, "%s", context);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_int_equal(err.text[0], 'c');
    assert_text_has(err.text, "c: cause");
}

static void test_error_context_too_long_keeps_the_cause(void **state)
{
    char context[ERROR_TEXT_MAX];
    struct error err;

    (void)state;
    memset(context, 'c', sizeof context);
    context[0] = 'X';
    context[ERROR_TEXT_MAX - 2 - 5] = '\0';
    (void)error_set(&err, ERR_INPUT, "cause");
    (void)error_context(&err, "%s", context);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_int_equal(err.text[0], 'c');
    assert_text_has(err.text, "c: cause");
}

static void test_error_exit_status_is_2_for_wrong_usage_only(void **state)
{
    (void)state;
    for (int code = ERR_NONE; code <= ERR_NOMEM; code++) {
        struct error err = {.code = (enum error_code)code};

        assert_int_equal(error_exit_status(&err), code == ERR_USAGE ? 2 : 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_set_fills_code_and_sentence),
        cmocka_unit_test(test_error_set_long_sentence_is_cut),
        cmocka_unit_test(test_error_context_goes_before_and_keeps_code),
        cmocka_unit_test(test_error_context_that_just_fits_is_whole),
        cmocka_unit_test(test_error_context_too_long_keeps_the_cause),
        cmocka_unit_test(test_error_exit_status_is_2_for_wrong_usage_only),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
