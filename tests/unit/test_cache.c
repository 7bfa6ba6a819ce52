/*
 * Answers that are kept for a moment: made once for all who ask the same, and never so many that
 * nothing new is kept.
 */
#include <stdlib.h>

#include "check.h"

#include "serve/cache.h"

enum { MIB = 1024 * 1024 };

static struct cache *cache;
static int made;

static int set_up(void **state)
{
    struct error err;

    (void)state;
    made = 0;
    return cache_open(&cache, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cache_close(cache);
    return 0;
}

struct wanted {
    unsigned status;
    size_t length;
};

static struct body *make(void *context)
{
    const struct wanted *wanted = context;
    char *bytes = calloc(1, wanted->length);

    assert_non_null(bytes);
    struct body *body = body_make(wanted->status, "text/plain", bytes, wanted->length);

    free(bytes);
    made++;
    return body;
}

static void ask(const char *key, unsigned status, size_t length)
{
    struct wanted wanted = {status, length};
    struct body *body = cache_get(cache, key, make, &wanted);

    assert_non_null(body);
    body_give(body);
}

static void test_cache_asked_twice_makes_once(void **state)
{
    (void)state;
    ask("a", 200, 10);
    ask("a", 200, 10);
    assert_int_equal(made, 1);
    ask("b", 200, 10);
    assert_int_equal(made, 2);
}

static void test_cache_keeps_no_refusal(void **state)
{
    (void)state;
    ask("a", 404, 10);
    ask("a", 200, 10);
    ask("a", 200, 10);
    assert_int_equal(made, 2);
}

static void test_cache_full_of_bytes_keeps_what_is_new(void **state)
{
    char key[] = "a";

    (void)state;
    for (int i = 0; i <= CACHE_BYTES_MAX / MIB; i++, key[0]++)
        ask(key, 200, MIB);
    made = 0;
    ask("new", 200, 10);
    ask("new", 200, 10);
    assert_int_equal(made, 1);
    key[0]--; /* the last of the large ones is there, the first is not */
    ask(key, 200, MIB);
    assert_int_equal(made, 1);
    ask("a", 200, MIB);
    assert_int_equal(made, 2);
}

static void test_cache_full_of_entries_keeps_what_is_new(void **state)
{
    char key[] = "00";

    (void)state;
    for (int i = 0; i < CACHE_ENTRIES + 1; i++) {
        key[0] = (char)('0' + i / 10);
        key[1] = (char)('0' + i % 10);
        ask(key, 200, 1);
    }
    ask(key, 200, 1);
    assert_int_equal(made, CACHE_ENTRIES + 1);
}

static void test_cache_too_large_is_answered_all_the_same(void **state)
{
    (void)state;
    ask("a", 200, (size_t)CACHE_BYTES_MAX + 1);
    ask("a", 200, (size_t)CACHE_BYTES_MAX + 1);
    assert_int_equal(made, 2);
    ask("b", 200, (size_t)CACHE_BYTES_MAX);
    ask("b", 200, (size_t)CACHE_BYTES_MAX);
    assert_int_equal(made, 3);
}

static void test_bodies_are_so_many_bytes_and_no_more(void **state)
{
    enum { COUNT = BODIES_BYTES_MAX / (16 * MIB) };
    struct wanted wanted = {200, (size_t)16 * MIB};
    struct body *bodies[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        assert_true(body_has_room(wanted.length));
        bodies[i] = make(&wanted);
    }
    assert_false(body_has_room(1));
    assert_true(body_has_room(0));
    body_give(bodies[0]);
    assert_true(body_has_room(wanted.length));
    assert_false(body_has_room(wanted.length + 1));
    for (int i = 1; i < COUNT; i++)
        body_give(bodies[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cache_asked_twice_makes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cache_keeps_no_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cache_full_of_bytes_keeps_what_is_new, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_cache_full_of_entries_keeps_what_is_new, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_cache_too_large_is_answered_all_the_same, set_up,
                                        tear_down),
        cmocka_unit_test(test_bodies_are_so_many_bytes_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
