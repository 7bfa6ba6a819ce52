/*
 * Requests at the control socket: one line, whole, or a sentence that says what would be right; and
 * which VM a word means.
 */
#include "check.h"

#include "balloon/request.h"

static char line[REQUEST_LINE_MAX];

static bool parse(const char *text, struct request *out, struct error *err)
{
    (void)strcpy(line, text);
    return request_parse(line, out, err);
}

static struct request parsed(const char *text)
{
    struct request request = {0};
    struct error err;

    assert_ok(parse(text, &request, &err));
    return request;
}

static void test_request_set_has_its_pairs_in_order(void **state)
{
    struct request r = parsed("set web force policy=demand floor=256M");

    (void)state;
    assert_int_equal(r.verb, REQUEST_SET);
    assert_string_equal(r.vm, "web");
    assert_true(r.is_forced);
    assert_int_equal(r.count, 2);
    assert_string_equal(r.pairs[0].key, "policy");
    assert_string_equal(r.pairs[0].value, "demand");
    assert_string_equal(r.pairs[1].key, "floor");
    assert_string_equal(r.pairs[1].value, "256M");
    assert_false(parsed("set 7 - weight=5").is_forced);
}

static void test_request_reserve_has_size_and_time(void **state)
{
    struct request r = parsed("reserve 2G web%202 5m");

    (void)state;
    assert_int_equal(r.verb, REQUEST_RESERVE);
    assert_string_equal(r.vm, "web 2");
    assert_int_equal(r.size_kib, 2 << 20);
    assert_int_equal(r.ttl_ns, 300 * NS_PER_S);
}

static void test_request_stop_and_start_take_a_vm_or_the_host(void **state)
{
    (void)state;
    assert_null(parsed("stop").vm);
    assert_string_equal(parsed("start web").vm, "web");
    assert_null(parsed("list").vm);
}

static void test_request_changes_are_told_from_questions(void **state)
{
    (void)state;
    assert_false(request_is_change(REQUEST_LIST));
    assert_false(request_is_change(REQUEST_HOST));
    assert_false(request_is_change(REQUEST_EXPLAIN));
    for (int verb = REQUEST_SET; verb <= REQUEST_UNRESERVE; verb++)
        assert_true(request_is_change((enum request_verb)verb));
}

static void test_request_that_is_none_is_refused(void **state)
{
    static const char *const lines[] = {"",
                                        "lists",
                                        "list all",
                                        "explain",
                                        "explain ",
                                        "explain a b",
                                        "set web policy=demand",
                                        "set web maybe policy=demand",
                                        "set web - policy",
                                        "set web - =demand",
                                        "set web - policy=",
                                        "set  - policy=demand",
                                        "stop a b",
                                        "drain now",
                                        "reserve 2 web 5m",
                                        "reserve 0K web 5m",
                                        "reserve 2G web",
                                        "reserve 2G web 5",
                                        "unreserve",
                                        "explain %zz",
                                        " list",
                                        "list "};
    struct request request;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_fails(parse(lines[i], &request, &err), ERR_USAGE, "");
}

static void test_request_bounds_the_pairs(void **state)
{
    char text[256] = "set web -";
    struct request request;
    struct error err;

    (void)state;
    for (int i = 0; i < REQUEST_PAIRS_MAX; i++)
        (void)strcat(text, " a=b");
    assert_int_equal(parsed(text).count, REQUEST_PAIRS_MAX);
    (void)strcat(text, " a=b");
    assert_fails(parse(text, &request, &err), ERR_USAGE, "");
}

static void test_request_bounds_the_name(void **state)
{
    struct request request;
    struct error err;
    char text[128];

    (void)state;
    (void)snprintf(text, sizeof text, "explain %063d", 0);
    assert_int_equal(strlen(parsed(text).vm), 63);
    (void)snprintf(text, sizeof text, "explain %064d", 0);
    assert_fails(parse(text, &request, &err), ERR_USAGE, "a VM is named");
}

/* ---- which VM ---- */

static struct vm vms[3];

static void make_vms(void)
{
    memset(vms, 0, sizeof vms);
    for (uint16_t i = 0; i < 3; i++) {
        vms[i].domid = (uint16_t)(i + 1);
        vms[i].uuid = uuid_of(i + 1u);
    }
    (void)strcpy(vms[0].facts.name, "web");
    (void)strcpy(vms[1].facts.name, "db");
}

static size_t resolved(const char *word)
{
    struct error err;
    size_t index = 99;

    assert_ok(request_resolve(vms, 3, word, &index, &err));
    return index;
}

static void test_resolve_by_domid_name_and_uuid(void **state)
{
    (void)state;
    make_vms();
    assert_int_equal(resolved("2"), 1);
    assert_int_equal(resolved("web"), 0);
    assert_int_equal(resolved("03030303-0303-0303-0303-030303030303"), 2);
}

static void test_resolve_nobody_is_refused(void **state)
{
    struct error err;
    size_t index;

    (void)state;
    make_vms();
    assert_fails(request_resolve(vms, 3, "mail", &index, &err), ERR_REFUSED, "no VM here");
    assert_fails(request_resolve(vms, 3, "02", &index, &err), ERR_REFUSED, "no VM here");
    /* the third has no name: an empty word is not it */
    assert_fails(request_resolve(vms, 3, "", &index, &err), ERR_USAGE, "");
    assert_fails(request_resolve(vms, 0, "1", &index, &err), ERR_REFUSED, "no VM here");
}

static void test_resolve_two_with_one_name_is_refused(void **state)
{
    struct error err;
    size_t index;

    (void)state;
    make_vms();
    (void)strcpy(vms[2].facts.name, "web");
    assert_fails(request_resolve(vms, 3, "web", &index, &err), ERR_REFUSED, "is two VMs");
}

static void test_resolve_name_that_is_anothers_number_is_refused(void **state)
{
    struct error err;
    size_t index;

    (void)state;
    make_vms();
    (void)strcpy(vms[0].facts.name, "2");
    assert_fails(request_resolve(vms, 3, "2", &index, &err), ERR_REFUSED, "is two VMs");
    (void)strcpy(vms[0].facts.name, "1");
    assert_int_equal(resolved("1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_set_has_its_pairs_in_order),
        cmocka_unit_test(test_request_reserve_has_size_and_time),
        cmocka_unit_test(test_request_stop_and_start_take_a_vm_or_the_host),
        cmocka_unit_test(test_request_changes_are_told_from_questions),
        cmocka_unit_test(test_request_that_is_none_is_refused),
        cmocka_unit_test(test_request_bounds_the_pairs),
        cmocka_unit_test(test_request_bounds_the_name),
        cmocka_unit_test(test_resolve_by_domid_name_and_uuid),
        cmocka_unit_test(test_resolve_nobody_is_refused),
        cmocka_unit_test(test_resolve_two_with_one_name_is_refused),
        cmocka_unit_test(test_resolve_name_that_is_anothers_number_is_refused),
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
