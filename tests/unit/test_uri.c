#include "check.h"

#include "common/uri.h"

static void assert_taken(const char *uri)
{
    struct error err;

    assert_ok(uri_check(uri, &err));
}

static void assert_refused(const char *uri, const char *said)
{
    struct error err;

    assert_fails(uri_check(uri, &err), ERR_USAGE, said);
}

static void test_uri_check_takes_what_names_a_database(void **state)
{
    (void)state;
    assert_taken("postgresql://");
    assert_taken("postgresql:///meter");
    assert_taken("postgres://h1@db.example.com:5433/meter?sslmode=verify-full&sslrootcert=system");
    assert_taken("postgresql://h1@/meter?host=/run/postgresql");
    assert_taken("postgresql://h1@[::1]:5432/meter");
    assert_taken("postgresql:///meter?service=central&passfile=/etc/pagemeter/pgpass");
    assert_taken("postgresql://db/me:ter@x"); /* no user, and no password */
}

static void test_uri_check_refuses_what_is_none(void **state)
{
    (void)state;
    assert_refused("", "it must be postgresql://");
    assert_refused("/var/lib/pagemeter", "it must be");
    assert_refused("host=db dbname=meter", "it must be");
    assert_refused("mysql://db/meter", "it must be");
    assert_refused("postgresql:/db", "it must be");
}

static void test_uri_check_refuses_blanks_and_what_does_not_print(void **state)
{
    (void)state;
    assert_refused("postgresql://db/me ter", "without blanks");
    assert_refused("postgresql://db/meter\n", "without blanks");
    assert_refused("postgresql://db/m\xc3\xa9ter", "without blanks");
    assert_taken("postgresql://db/~!");
}

static void test_uri_check_refuses_passwords_and_does_not_tell_them(void **state)
{
    static const char *const secrets[] = {"postgresql://h1:secret@db/meter",
                                          "postgresql://h1:@db/meter?x=secret",
                                          "postgres://:secret@db",
                                          "postgresql://db/meter?password=secret",
                                          "postgresql://db/meter?sslmode=require&password=secret",
                                          "postgresql://db/meter?sslpassword=secret",
                                          "postgresql://db?password=secret",
                                          "postgresql://db/meter?%70assword=secret"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        assert_fails(uri_check(secrets[i], &err), ERR_USAGE, "~/.pgpass");
        assert_null(strstr(err.text, "secret"));
    }
}

static void test_uri_is_postgres_tells_databases_from_directories(void **state)
{
    (void)state;
    assert_true(uri_is_postgres("postgresql://"));
    assert_true(uri_is_postgres("postgres://db/meter"));
    assert_false(uri_is_postgres("/var/lib/pagemeter"));
    assert_false(uri_is_postgres("./postgresql://db"));
    assert_false(uri_is_postgres("postgresql:/db"));
    assert_false(uri_is_postgres("http://db"));
    assert_false(uri_is_postgres(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uri_check_takes_what_names_a_database),
        cmocka_unit_test(test_uri_check_refuses_what_is_none),
        cmocka_unit_test(test_uri_check_refuses_blanks_and_what_does_not_print),
        cmocka_unit_test(test_uri_check_refuses_passwords_and_does_not_tell_them),
        cmocka_unit_test(test_uri_is_postgres_tells_databases_from_directories),
    };

    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
