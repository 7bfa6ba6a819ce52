#include "scratch.h"

#include "common/config.h"

static void assert_set(struct config *config, const char *section, const char *key,
                       const char *value)
{
    struct error err;

    assert_ok(config_set(config, section, key, value, &err));
}

static void read_text(void **state, const char *text, struct config *config)
{
    struct scratch_path path = scratch_file(state, "pagemeter.conf", text);
    struct error err;

    config_init(config);
    assert_ok(config_read(config, path.text, &err));
}

/* Reading fails with file, line and this sentence, and the configuration is as it was. */
static void assert_bad(void **state, const char *text, int line, const char *said)
{
    struct scratch_path path = scratch_file(state, "pagemeter.conf", text);
    struct config before;
    struct config config;
    struct error err;
    char place[SCRATCH_PATH_MAX + 32];

    config_init(&before);
    before.queue_ticks = 77;
    config = before;
    assert_fails(config_read(&config, path.text, &err), ERR_USAGE, said);
    (void)snprintf(place, sizeof place, "%s, line %d: ", path.text, line);
    assert_text_has(err.text, place);
    assert_memory_equal(&config, &before, sizeof config);
}

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    config_print(config, file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void test_config_init_gives_the_documented_defaults(void **state)
{
    struct config c;

    (void)state;
    config_init(&c);
    assert_string_equal(c.source, "xen");
    assert_int_equal(c.interval_ns, NS_PER_S);
    assert_int_equal(c.max_gap_ns, 5 * NS_PER_S);
    assert_int_equal(c.queue_ticks, 600);
    assert_string_equal(c.temporary_handles, "deadbeef-dead-beef-* *-000000000000 *-000000000001");
    assert_string_equal(c.service_domains, "");
    assert_string_equal(c.db, "/var/lib/pagemeter");
    assert_int_equal(c.retention_ns, 400 * 24 * NS_PER_HOUR);
    assert_string_equal(c.stream, "/run/pagemeter/stream.sock");
    assert_string_equal(c.balloon_mode, "dry-run");
    assert_string_equal(c.balloon_actuator, "xen");
    assert_string_equal(c.balloon_policy, "fixed");
    assert_string_equal(c.balloon_guest, "none");
    assert_int_equal(c.balloon_reserve_kib, 0);
    assert_int_equal(c.balloon_dom0_allowance_kib, 0);
    assert_int_equal(c.balloon_pool_kib, 256 << 10);
    assert_string_equal(c.balloon_socket, "/run/pageballoond.sock");
    assert_int_equal(c.balloon_retention_ns, 30 * 24 * NS_PER_HOUR);
    assert_int_equal(c.balloon_figures_retention_ns, 7 * 24 * NS_PER_HOUR);
    assert_int_equal(c.balloon_rollup_retention_ns, 400 * 24 * NS_PER_HOUR);
    assert_string_equal(c.ship_to, "");
    assert_int_equal(c.ship_interval_ns, 60 * NS_PER_S);
    assert_string_equal(c.ship_state, "/var/lib/pagemeter-ship");
}

static void test_config_defaults_pass_the_check(void **state)
{
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    assert_ok(config_check(&c, &err));
}

static void test_config_read_takes_every_key(void **state)
{
    struct config c;

    read_text(state,
              "# a comment\n"
              "[meter]\nsource = replay:/a.trace\ninterval = 2s\nmax_gap = 9s\nqueue_ticks = 10\n"
              "temporary_handles = 01234567-*\nservice_domains = *-89abcdef0123\n"
              "\n[store]\ndb = /srv/meter\nretention = 90d\n"
              "[stream]\nsocket = none\n"
              "[balloon]\nmode = on\nactuator = xe\npolicy = demand\nguest = all\n"
              "reserve = 2G\ndom0_allowance = 512M\npool = 0K\nsocket = /b.sock\n"
              "retention = forever\n"
              "[ship]\nto = postgresql://h1@db/meter\ninterval = 5s\nstate = /s\n",
              &c);
    assert_string_equal(c.source, "replay:/a.trace");
    assert_int_equal(c.interval_ns, 2 * NS_PER_S);
    assert_int_equal(c.max_gap_ns, 9 * NS_PER_S);
    assert_int_equal(c.queue_ticks, 10);
    assert_string_equal(c.temporary_handles, "01234567-*");
    assert_string_equal(c.service_domains, "*-89abcdef0123");
    assert_string_equal(c.db, "/srv/meter");
    assert_int_equal(c.retention_ns, 90 * 24 * NS_PER_HOUR);
    assert_string_equal(c.stream, "none");
    assert_string_equal(c.balloon_mode, "on");
    assert_string_equal(c.balloon_actuator, "xe");
    assert_string_equal(c.balloon_policy, "demand");
    assert_string_equal(c.balloon_guest, "all");
    assert_int_equal(c.balloon_reserve_kib, 2 << 20);
    assert_int_equal(c.balloon_dom0_allowance_kib, 512 << 10);
    assert_int_equal(c.balloon_pool_kib, 0);
    assert_string_equal(c.balloon_socket, "/b.sock");
    assert_int_equal(c.balloon_retention_ns, 0);
    assert_string_equal(c.ship_to, "postgresql://h1@db/meter");
    assert_int_equal(c.ship_interval_ns, 5 * NS_PER_S);
    assert_string_equal(c.ship_state, "/s");
}

static void test_config_set_word_is_one_of_its_list(void **state)
{
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    assert_set(&c, "balloon", "policy", "api");
    assert_fails(config_set(&c, "balloon", "policy", "ap", &err), ERR_USAGE,
                 "none of its words: fixed demand swap api");
    assert_fails(config_set(&c, "balloon", "policy", "swap api", &err), ERR_USAGE, "none of");
    assert_fails(config_set(&c, "balloon", "policy", "", &err), ERR_USAGE, "none of");
    assert_string_equal(c.balloon_policy, "api");
}

static void test_config_set_size_has_both_limits(void **state)
{
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    assert_set(&c, "balloon", "reserve", "1024T");
    assert_fails(config_set(&c, "balloon", "reserve", "1025T", &err), ERR_USAGE, "not a size");
    assert_fails(config_set(&c, "balloon", "reserve", "512", &err), ERR_USAGE, "not a size");
    assert_int_equal(c.balloon_reserve_kib, KIB_MAX);
    assert_set(&c, "balloon", "reserve", "0K");
}

static void test_config_read_empty_file_changes_nothing(void **state)
{
    struct config defaults;
    struct config c;

    config_init(&defaults);
    read_text(state, "", &c);
    assert_memory_equal(&c, &defaults, sizeof c);
}

static void test_config_read_last_line_needs_no_newline(void **state)
{
    struct config c;

    read_text(state, "[store]\nretention = forever", &c);
    assert_int_equal(c.retention_ns, 0);
}

static void test_config_read_normal_form_comes_back(void **state)
{
    struct config c;
    struct config again;

    read_text(state,
              "[meter]\ninterval = 250ms\nservice_domains = 01234567-*\n[store]\n"
              "retention = forever\n",
              &c);
    char *text = print(&c);

    read_text(state, text, &again);
    assert_memory_equal(&again, &c, sizeof c);
    char *text_again = print(&again);

    assert_string_equal(text_again, text);
    free(text);
    free(text_again);
}

static void test_config_read_missing_file_names_it(void **state)
{
    struct scratch_path path = scratch_path(state, "absent.conf");
    struct config c;
    struct error err;

    config_init(&c);
    assert_fails(config_read(&c, path.text, &err), ERR_USAGE, path.text);
}

static void test_config_read_directory_refused(void **state)
{
    struct config c;
    struct error err;

    config_init(&c);
    assert_fails(config_read(&c, *state, &err), ERR_USAGE, "can't read");
}

static void test_config_read_unknown_key_refused(void **state)
{
    assert_bad(state, "[meter]\n\nintervall = 1s\n", 3, "no key 'intervall' in [meter]");
}

static void test_config_read_key_of_another_section_refused(void **state)
{
    assert_bad(state, "[meter]\ninterval = 1s\n[store]\ninterval = 1s\n", 4,
               "no key 'interval' in [store]");
}

static void test_config_read_unknown_section_refused(void **state)
{
    assert_bad(state, "[metre]\ninterval = 1s\n", 2, "no section [metre]");
}

static void test_config_read_key_before_any_section_refused(void **state)
{
    assert_bad(state, "interval = 1s\n", 1, "no section []");
}

static void test_config_read_bad_value_refused(void **state)
{
    assert_bad(state, "[meter]\nmax_gap = 5\n", 2, "[meter] max_gap: '5' is not a duration");
}

static void test_config_read_missing_value_refused(void **state)
{
    assert_bad(state, "[store]\ndb =\n", 2, "it must be the name of a directory");
}

static void test_config_read_limits_are_told_with_their_line(void **state)
{
    assert_bad(state, "[meter]\n\ninterval = 2h\n", 3, "it must be from 1ms to 1h");
    assert_bad(state, "[store]\nretention = 1h\n", 2, "at least 48h");
    assert_bad(state, "[meter]\nsource = foo\n", 2, "write xen, replay:FILE or sim:FILE");
}

static void test_config_read_key_given_twice_refused(void **state)
{
    assert_bad(state, "[meter]\ninterval = 1s\ninterval = 2s\n", 3, "given twice");
}

static void test_config_read_list_in_several_lines_is_one_list(void **state)
{
    struct config c;

    read_text(state,
              "[meter]\ntemporary_handles = deadbeef-*\ntemporary_handles = *-000000000000\n", &c);
    assert_string_equal(c.temporary_handles, "deadbeef-* *-000000000000");
}

static void test_config_read_line_that_is_nothing_refused(void **state)
{
    assert_bad(state, "[meter]\nnonsense\n", 2, "not a [section], a key = value");
    assert_bad(state, "[meter\ninterval = 1s\n", 1, "not a [section]");
}

static void test_config_read_first_of_two_mistakes_is_told(void **state)
{
    assert_bad(state, "[meter]\nnonsense\nintervall = 1s\n", 2, "not a [section]");
    assert_bad(state, "[meter]\nintervall = 1s\nnonsense\n", 2, "no key 'intervall'");
}

static void test_config_read_good_keys_before_a_mistake_are_not_kept(void **state)
{
    assert_bad(state, "[meter]\ninterval = 2s\nqueue_ticks = 5\nnonsense\n", 4, "not a [section]");
}

static void test_config_read_too_long_line_refused(void **state)
{
    char text[4096] = "[meter]\n# ";

    memset(text + strlen(text), 'x', 3000);
    (void)strcat(text, "\ninterval = 1s\n");
    assert_bad(state, text, 2, "the line is too long");
}

static void test_config_read_indented_line_refused(void **state)
{
    assert_bad(state, "[meter]\ntemporary_handles = 01234567-*\n    *-89abcdef0123\n", 3,
               "one line");
}

static void test_config_set_queue_ticks_has_both_limits(void **state)
{
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    assert_set(&c, "meter", "queue_ticks", "1");
    assert_set(&c, "meter", "queue_ticks", "86400");
    assert_int_equal(c.queue_ticks, 86400);
    assert_fails(config_set(&c, "meter", "queue_ticks", "86401", &err), ERR_USAGE, "1 to 86400");
    assert_fails(config_set(&c, "meter", "queue_ticks", "many", &err), ERR_USAGE, "'many'");
}

static void test_config_set_refused_value_leaves_the_old_one(void **state)
{
    static const char *const settings[][3] = {{"meter", "queue_ticks", "0"},
                                              {"meter", "interval", "0s"},
                                              {"store", "retention", "ever"},
                                              {"store", "db", ""},
                                              {"store", "db", "/a\tb"},
                                              {"meter", "service_domains", "*"},
                                              {"meter", "temporary_handles", "nonsense"},
                                              {"ship", "to", "postgresql://h1:secret@db/meter"},
                                              {"ship", "state", ""}};
    struct config defaults;
    struct error err;

    (void)state;
    config_init(&defaults);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct config c = defaults;

        assert_fails(config_set(&c, settings[i][0], settings[i][1], settings[i][2], &err),
                     ERR_USAGE, settings[i][1]);
        assert_memory_equal(&c, &defaults, sizeof c);
    }
}

static void test_config_set_text_has_a_longest_value(void **state)
{
    char text[CONFIG_TEXT_MAX + 1];
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    memset(text, 'x', sizeof text);
    text[CONFIG_TEXT_MAX - 1] = '\0';
    assert_set(&c, "store", "db", text);
    text[CONFIG_TEXT_MAX - 1] = 'x';
    text[CONFIG_TEXT_MAX] = '\0';
    assert_fails(config_set(&c, "store", "db", text, &err), ERR_USAGE,
                 "it must be the name of a directory");
}

static void test_config_set_empty_patterns_match_nothing(void **state)
{
    struct config c;

    (void)state;
    config_init(&c);
    assert_set(&c, "meter", "temporary_handles", "");
    assert_string_equal(c.temporary_handles, "");
}

/* Of each limit the value on the good side passes, and the one beyond it is refused. */
static void assert_limit(const char *section, const char *key, const char *good, const char *bad,
                         const char *said)
{
    struct config c;
    struct error err;

    config_init(&c);
    assert_set(&c, "meter", "max_gap", "1h"); /* so that a long interval is no gap */
    assert_set(&c, section, key, good);
    assert_ok(config_check(&c, &err));
    bool is_refused = !config_set(&c, section, key, bad, &err) || !config_check(&c, &err);

    assert_true(is_refused);
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, said));
}

static void test_config_check_interval_has_both_limits(void **state)
{
    (void)state;
    assert_limit("meter", "interval", "1ms", "999999ns", "interval: it must be from 1ms to 1h");
    assert_limit("meter", "interval", "1h", "3600000000001ns", "interval: it must be from");
}

static void test_config_check_max_gap_has_both_limits(void **state)
{
    (void)state;
    assert_limit("meter", "max_gap", "1s", "999999999ns",
                 "max_gap: it is shorter than the interval");
    assert_limit("meter", "max_gap", "1h", "3600000000001ns", "max_gap: it must be from 1ms to 1h");
}

static void test_config_check_retention_has_a_lower_limit(void **state)
{
    (void)state;
    assert_limit("store", "retention", "48h", "172799999999999ns",
                 "retention: it must be at least 48h");
    assert_limit("store", "retention", "forever", "47h", "retention: it must be at least 48h");
}

static void test_config_check_ship_interval_has_both_limits(void **state)
{
    (void)state;
    assert_limit("ship", "interval", "1s", "999ms", "interval: it must be from 1s to 1h");
    assert_limit("ship", "interval", "1h", "3600001ms", "interval: it must be from 1s to 1h");
}

static void test_config_set_ship_to_is_a_uri_or_nothing(void **state)
{
    struct config c;
    struct error err;

    (void)state;
    config_init(&c);
    assert_set(&c, "ship", "to", "postgresql:///meter");
    assert_fails(config_set(&c, "ship", "to", "/var/lib/meter", &err), ERR_USAGE,
                 "it must be postgresql://");
    assert_string_equal(c.ship_to, "postgresql:///meter");
    assert_set(&c, "ship", "to", "");
    assert_string_equal(c.ship_to, "");
}

static void test_config_check_source_is_one_of_three(void **state)
{
    (void)state;
    assert_limit("meter", "source", "xen", "xen:", "source: write xen, replay:FILE or sim:FILE");
    assert_limit("meter", "source", "replay:a", "replay", "source: write");
    assert_limit("meter", "source", "sim:a", "simulation", "source: write");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_init_gives_the_documented_defaults),
        cmocka_unit_test(test_config_defaults_pass_the_check),
        scratch_test(test_config_read_takes_every_key),
        scratch_test(test_config_read_empty_file_changes_nothing),
        scratch_test(test_config_read_last_line_needs_no_newline),
        scratch_test(test_config_read_normal_form_comes_back),
        scratch_test(test_config_read_missing_file_names_it),
        scratch_test(test_config_read_directory_refused),
        scratch_test(test_config_read_unknown_key_refused),
        scratch_test(test_config_read_key_of_another_section_refused),
        scratch_test(test_config_read_unknown_section_refused),
        scratch_test(test_config_read_key_before_any_section_refused),
        scratch_test(test_config_read_bad_value_refused),
        scratch_test(test_config_read_missing_value_refused),
        scratch_test(test_config_read_limits_are_told_with_their_line),
        scratch_test(test_config_read_key_given_twice_refused),
        scratch_test(test_config_read_list_in_several_lines_is_one_list),
        scratch_test(test_config_read_line_that_is_nothing_refused),
        scratch_test(test_config_read_first_of_two_mistakes_is_told),
        scratch_test(test_config_read_good_keys_before_a_mistake_are_not_kept),
        scratch_test(test_config_read_too_long_line_refused),
        scratch_test(test_config_read_indented_line_refused),
        cmocka_unit_test(test_config_set_queue_ticks_has_both_limits),
        cmocka_unit_test(test_config_set_refused_value_leaves_the_old_one),
        cmocka_unit_test(test_config_set_text_has_a_longest_value),
        cmocka_unit_test(test_config_set_word_is_one_of_its_list),
        cmocka_unit_test(test_config_set_size_has_both_limits),
        cmocka_unit_test(test_config_set_empty_patterns_match_nothing),
        cmocka_unit_test(test_config_check_interval_has_both_limits),
        cmocka_unit_test(test_config_check_max_gap_has_both_limits),
        cmocka_unit_test(test_config_check_retention_has_a_lower_limit),
        cmocka_unit_test(test_config_check_ship_interval_has_both_limits),
        cmocka_unit_test(test_config_set_ship_to_is_a_uri_or_nothing),
        cmocka_unit_test(test_config_check_source_is_one_of_three),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
