/* rivals.h: names of processes, xl.conf, and a look at a made-up /proc. */
#include "balloon/rivals.h"
#include "scratch.h"

static void test_rival_names_are_known_exactly(void **state)
{
    (void)state;
    assert_int_equal(rival_of_name("squeezed"), RIVAL_SQUEEZED);
    assert_int_equal(rival_of_name("qmemman"), RIVAL_QMEMMAN);
    assert_int_equal(rival_of_name("qmemmand"), RIVAL_QMEMMAN);
    assert_int_equal(rival_of_name("qmemman_daemon."), RIVAL_QMEMMAN);
    assert_int_equal(rival_of_name("squeeze"), RIVAL_NONE);
    assert_int_equal(rival_of_name("squeezed2"), RIVAL_NONE);
    assert_int_equal(rival_of_name("pageballoond"), RIVAL_NONE);
    assert_int_equal(rival_of_name(""), RIVAL_NONE);
}

static bool is_on(const char *text, bool has_dom0_mem)
{
    return rival_is_autoballoon(text, strlen(text), has_dom0_mem);
}

static void test_autoballoon_on_off_and_auto_are_read_as_xl_does(void **state)
{
    (void)state;
    assert_true(is_on("autoballoon=\"on\"\n", true));
    assert_true(is_on("  autoballoon = 1\n", true));
    assert_true(is_on("x=1\nautoballoon='on'", true));
    assert_false(is_on("autoballoon=\"off\"\n", false));
    assert_false(is_on("autoballoon=0", false));
    assert_false(is_on("autoballoon=\"auto\"\n", true));
    assert_true(is_on("autoballoon=\"auto\"\n", false));
    assert_false(is_on("", true));
    assert_true(is_on("", false));
    assert_false(is_on("#autoballoon=\"on\"\n", true));
    assert_false(is_on("autoballoons=\"on\"\nmyautoballoon=1\nautoballoon\n", true));
    assert_true(is_on("autoballoon=\"off\"\nautoballoon=\"on\"\n", true));
    assert_false(is_on("autoballoon=", true));
}

static struct scratch_path host_with(void **state, const char *comm, const char *xl_conf)
{
    struct scratch_path root = {""};

    (void)snprintf(root.text, sizeof root.text, "%s", (const char *)*state);
    for (const char *const *dir = (const char *const[]){"proc", "proc/1", "proc/712", "proc/self",
                                                        "etc", "etc/xen", NULL};
         *dir != NULL; dir++)
        assert_int_equal(mkdir(scratch_path(state, *dir).text, 0700), 0);
    (void)scratch_file(state, "proc/1/comm", "systemd\n");
    (void)scratch_file(state, "proc/self/comm", "squeezed\n"); /* no number: not looked at */
    if (comm != NULL)
        (void)scratch_file(state, "proc/712/comm", comm);
    if (xl_conf != NULL)
        (void)scratch_file(state, "etc/xen/xl.conf", xl_conf);
    return root;
}

static void test_rivals_none_on_a_quiet_host(void **state)
{
    assert_int_equal(rivals_find(host_with(state, NULL, NULL).text, false), RIVAL_NONE);
}

static void test_rivals_process_is_found(void **state)
{
    struct scratch_path root = host_with(state, "squeezed\n", "autoballoon=\"on\"\n");

    assert_int_equal(rivals_find(root.text, true), RIVAL_SQUEEZED);
    assert_text_has(rival_sentence(RIVAL_SQUEEZED), "squeezed");
}

static void test_rivals_autoballoon_is_found(void **state)
{
    struct scratch_path root = host_with(state, "xl\n", "autoballoon=\"auto\"\n");

    assert_int_equal(rivals_find(root.text, false), RIVAL_AUTOBALLOON);
    assert_int_equal(rivals_find(root.text, true), RIVAL_NONE);
}

static void test_rivals_nothing_readable_is_none(void **state)
{
    (void)state;
    assert_int_equal(rivals_find("/nowhere", false), RIVAL_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rival_names_are_known_exactly),
        cmocka_unit_test(test_autoballoon_on_off_and_auto_are_read_as_xl_does),
        cmocka_unit_test_setup_teardown(test_rivals_none_on_a_quiet_host, scratch_begin,
                                        scratch_end),
        cmocka_unit_test_setup_teardown(test_rivals_process_is_found, scratch_begin, scratch_end),
        cmocka_unit_test_setup_teardown(test_rivals_autoballoon_is_found, scratch_begin,
                                        scratch_end),
        cmocka_unit_test(test_rivals_nothing_readable_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
