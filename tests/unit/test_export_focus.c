#include "check.h"

#include <stdlib.h>

#include "billing/export.h"

static bool write(const char *provider, char **text, struct error *err)
{
    struct statement s = {.from_hour = 1, .to_hour = 2};
    struct export_options o = {.provider = provider};
    struct export_counts counts = {.rows = 9};
    size_t length;
    FILE *out = open_memstream(text, &length);
    bool is_ok = export_focus(out, &s, &o, &counts, err);

    assert_int_equal(fclose(out), 0);
    assert_int_equal(counts.rows, is_ok ? 0 : 9);
    return is_ok;
}

static void test_focus_of_nothing_has_its_header(void **state)
{
    struct error err;
    char *text;

    (void)state;
    assert_true(write("Hoster", &text, &err));
    assert_memory_equal(text, "BilledCost,BillingAccountId,", 28);
    assert_string_equal(strchr(text, '\n'), "\n");
    free(text);
}

static void test_focus_of_nobody_is_refused_and_writes_nothing(void **state)
{
    struct error err;
    char *text;

    (void)state;
    assert_false(write("", &text, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(text, "");
    free(text);
    assert_false(write(NULL, &text, &err));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_focus_of_nothing_has_its_header),
        cmocka_unit_test(test_focus_of_nobody_is_refused_and_writes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
