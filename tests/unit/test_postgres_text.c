/* SQL as PostgreSQL wants it: parameters numbered, one statement at a time, nothing else touched. */
#include <stdlib.h>

#include "check.h"
#include "store/postgres_text.h"

static void assert_text(const char *sql, const char *wanted)
{
    struct postgres_text text;
    struct error err;

    assert_ok(postgres_text_read(sql, NULL, &text, &err));
    assert_string_equal(text.sql, wanted);
    free(text.sql);
}

static void test_postgres_text_numbers_parameters(void **state)
{
    (void)state;
    assert_text("SELECT ?1, ?2, ?1", "SELECT $1, $2, $1");
    assert_text("SELECT ?32", "SELECT $32");
    assert_text("a = :vm AND b = :vm OR c = :period_2", "a = $1 AND b = $1 OR c = $2");
}

static void test_postgres_text_leaves_the_rest_alone(void **state)
{
    (void)state;
    assert_text("SELECT 'a ?1 :b '' ;' -- ?2 :c ;\n", "SELECT 'a ?1 :b '' ;' -- ?2 :c ;\n");
    assert_text("SELECT \"a:b\" /* ?1 ; */ :: int", "SELECT \"a:b\" /* ?1 ; */ :: int");
    assert_text("SELECT x::bigint, a[1:2], '?'", "SELECT x::bigint, a[1:2], '?'");
    assert_text("SELECT 'never closed ?1", "SELECT 'never closed ?1");
}

static void test_postgres_text_gives_one_statement_after_the_other(void **state)
{
    const char *rest = "-- first\nSELECT ';', :a; SELECT :b; \n -- nothing\n";
    struct postgres_text text;
    struct error err;

    (void)state;
    assert_ok(postgres_text_read(rest, &rest, &text, &err));
    assert_string_equal(text.sql, "-- first\nSELECT ';', $1");
    assert_string_equal(text.names[0], "a");
    free(text.sql);
    assert_ok(postgres_text_read(rest, &rest, &text, &err));
    assert_string_equal(text.sql, " SELECT $1");
    assert_string_equal(text.names[0], "b");
    free(text.sql);
    assert_ok(postgres_text_read(rest, &rest, &text, &err));
    assert_null(text.sql);
    assert_string_equal(rest, "");
}

static void test_postgres_text_refuses_what_can_t_be_given(void **state)
{
    static const char *const wrong[] = {"SELECT ?0", "SELECT ?33", "SELECT ?99999999999",
                                        "SELECT :a_name_of_more_than_thirty_one_letters"};
    struct postgres_text text;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_fails(postgres_text_read(wrong[i], NULL, &text, &err), ERR_USAGE, "no parameter");
        assert_null(text.sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_postgres_text_numbers_parameters),
        cmocka_unit_test(test_postgres_text_leaves_the_rest_alone),
        cmocka_unit_test(test_postgres_text_gives_one_statement_after_the_other),
        cmocka_unit_test(test_postgres_text_refuses_what_can_t_be_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
