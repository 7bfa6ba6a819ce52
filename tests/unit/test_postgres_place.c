/* Which PostgreSQL is on this machine; every other one is spoken to by TLS. */
#include "check.h"
#include "store/postgres_place.h"

static void assert_each(bool wanted, const char *const (*places)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (postgres_place_is_local(places[i][0], places[i][1]) != wanted)
            fail_msg("host=%s hostaddr=%s is %s", places[i][0] != NULL ? places[i][0] : "none",
                     places[i][1] != NULL ? places[i][1] : "none", wanted ? "elsewhere" : "local");
}

#define assert_local(places) assert_each(true, places, sizeof(places) / sizeof *(places))
#define assert_elsewhere(places) assert_each(false, places, sizeof(places) / sizeof *(places))

static void test_postgres_place_sockets_and_loopback_are_local(void **state)
{
    static const char *const places[][2] = {
        {NULL, NULL},
        {"", ""},
        {"/run/postgresql", NULL},
        {"@pagemeter", NULL},
        {"localhost", NULL},
        {"127.0.0.1", NULL},
        {"127.255.255.255", NULL},
        {"::1", NULL},
        {"0:0:0:0:0:0:0:1", NULL},
        {NULL, "127.0.0.1"},
        {NULL, "::1"},
        {"localhost", "127.0.0.1"},
    };

    (void)state;
    assert_local(places);
}

static void test_postgres_place_other_names_and_addresses_are_elsewhere(void **state)
{
    static const char *const places[][2] = {
        {"db.example.com", NULL},
        {"10.0.0.1", NULL},
        {"126.255.255.255", NULL},
        {"128.0.0.0", NULL},
        {"0.0.0.0", NULL},
        {"::", NULL},
        {"::2", NULL},
        {"::ffff:127.0.0.1", NULL},
        {"fe80::1", NULL},
        {NULL, "10.0.0.1"},
    };

    (void)state;
    assert_elsewhere(places);
}

static void test_postgres_place_what_only_looks_like_loopback_is_elsewhere(void **state)
{
    static const char *const places[][2] = {
        {"127.evil.example", NULL},
        {"127.0.0.1.example", NULL},
        {"127.1", NULL},
        {"127.", NULL},
        {"127.0.0.1 ", NULL},
        {"::1.example", NULL},
        {"localhost.example", NULL},
        {"LOCALHOST", NULL},
        {NULL, "/run/postgresql"},
        {NULL, "localhost"},
        {NULL, "@pagemeter"},
    };

    (void)state;
    assert_elsewhere(places);
}

static void test_postgres_place_an_address_goes_before_its_name(void **state)
{
    static const char *const places[][2] =
        {
            {"localhost", "10.0.0.1"},       {"127.0.0.1", "10.0.0.1"},
            {"/run/postgresql", "10.0.0.1"}, {"", "10.0.0.1"},
            {"db.example.com", "127.0.0.1"}, /* a way to another machine, whose name it is */
        };

    (void)state;
    assert_elsewhere(places);
}

static void test_postgres_place_all_of_a_list_must_be_local(void **state)
{
    static const char *const local[][2] = {
        {"/run/postgresql,localhost,127.0.0.1,::1", NULL},
        {"/run/postgresql,,localhost", NULL},
        {"localhost,localhost", "127.0.0.1,::1"},
        {"/run/postgresql,localhost", ",127.0.0.1"},
    };
    static const char *const elsewhere[][2] = {
        {"/run/postgresql,10.0.0.1", NULL},
        {"10.0.0.1,/run/postgresql", NULL},
        {"localhost,127.0.0.1,db.example.com", NULL},
        {",db.example.com", NULL},
        {"localhost,localhost", "127.0.0.1,10.0.0.1"},
        {"localhost,localhost", ",10.0.0.1"},
    };

    (void)state;
    assert_local(local);
    assert_elsewhere(elsewhere);
}

/* None is so long: a longer one is not cut until it looks well. */
static void test_postgres_place_a_long_name_is_elsewhere(void **state)
{
    char name[257];

    (void)state;
    memset(name, '/', sizeof name);
    name[255] = '\0';
    assert_true(postgres_place_is_local(name, NULL));
    name[255] = '/';
    name[256] = '\0';
    assert_false(postgres_place_is_local(name, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_postgres_place_sockets_and_loopback_are_local),
        cmocka_unit_test(test_postgres_place_other_names_and_addresses_are_elsewhere),
        cmocka_unit_test(test_postgres_place_what_only_looks_like_loopback_is_elsewhere),
        cmocka_unit_test(test_postgres_place_an_address_goes_before_its_name),
        cmocka_unit_test(test_postgres_place_all_of_a_list_must_be_local),
        cmocka_unit_test(test_postgres_place_a_long_name_is_elsewhere),
    };

    return cmocka_run_group_tests_name("postgres_place", tests, NULL, NULL);
}
