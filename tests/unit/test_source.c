/*
 * The sources that need no hypervisor: the contract of all, and what is their own.
 */
#include "scratch.h"
#include "source_contract.h"

#include "meter/source_replay.h"

static const char trace[] =
    "P 1 11111111-1111-1111-1111-111111111111 22222222-2222-2222-2222-222222222222"
    " 33333333-3333-3333-3333-333333333333 1000000000 5000000000\n"
    "T 1 1000000000 5000000000 10 s 4 0 2\n"
    "D 0 00000000-0000-0000-0000-000000000000 1024 1024 0 r 1\n"
    "D 1 01010101-0101-0101-0101-010101010101 2048 2048 0 rh 1\n"
    "G overrun\n"
    "T 4 4000000000 8000000000 10 u 4 0 1\n"
    "D 0 00000000-0000-0000-0000-000000000000 1024 1024 0 r 1\n"
    "R\n"
    "B 44444444-4444-4444-4444-444444444444\n"
    "T 1 1000000000 9000000000 10 s 4 0 1\n"
    "D 0 00000000-0000-0000-0000-000000000000 1024 1024 0 r 1\n";

static const char script[] =
    "[sim]\nseed = 7\nticks = 60\ndomains = 3\nchange_every = 5\nbirth_every = 20\n"
    "destroy_every = 20\nmigrate_every = 30\nstep_every = 40\nmiss_every = 30\n"
    "[script]\n3 = birth web 262144\n6 = balloon web 131072\n8 = pause web\n9 = unpause web\n"
    "12 = migrate web\n20 = step -5000000000\n22 = miss 7\n24 = fail\n30 = shutdown web\n"
    "40 = boot\n41 = birth db 65536\n45 = destroy db\n";

/* Both kinds through one check. */
static void check_both(void **state, void (*contract)(const struct source_kind *kind))
{
    struct scratch_path replay_file = scratch_file(state, "a.trace", trace);
    struct scratch_path sim_file = scratch_file(state, "a.sim", script);
    const struct source_kind replay = {"replay", replay_file.text, source_open_replay, false, true,
                                       1000};
    const struct source_kind sim = {"sim", sim_file.text, source_open_sim, false, false, 1000};

    contract(&replay);
    contract(&sim);
}

static void test_source_head_comes_first_and_once(void **state)
{
    check_both(state, contract_head_comes_first_and_once);
}

static void test_source_ticks_go_forward_and_are_sane(void **state)
{
    check_both(state, contract_ticks_go_forward_and_are_sane);
}

static void test_source_samples_are_valid_until_the_next(void **state)
{
    check_both(state, contract_samples_are_valid_until_the_next);
}

static void test_source_closes_after_any_number_of_records(void **state)
{
    check_both(state, contract_closes_after_any_number_of_records);
}

static void test_source_ends_when_told(void **state)
{
    check_both(state, contract_ends_when_told);
}

static void test_source_close_accepts_null(void **state)
{
    (void)state;
    source_close(NULL);
}

static struct source *open_text(void **state, const char *text, bool is_sim)
{
    struct scratch_path file = scratch_file(state, "file", text);
    const struct source_kind kind = {
        "", file.text, is_sim ? source_open_sim : source_open_replay, false, !is_sim, 0};

    return source_opened(&kind, -1);
}

static void test_replay_yields_each_record_with_its_line(void **state)
{
    static const struct {
        enum record_kind kind;
        uint64_t line;
    } expected[] = {{RECORD_HEAD, 1},    {RECORD_TICK, 2}, {RECORD_GAP, 5},  {RECORD_TICK, 6},
                    {RECORD_RESTART, 8}, {RECORD_BOOT, 9}, {RECORD_TICK, 10}};
    struct source *source = open_text(state, trace, false);

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(source_next(source).kind, expected[i].kind);
        assert_int_equal(replay_line(source), expected[i].line);
    }
    assert_int_equal(source_next(source).kind, RECORD_END);
    assert_int_equal(source_next(source).kind, RECORD_END);
    assert_false(replay_is_cut_off(source));
    source_close(source);
}

/* Wherever the file is cut, what is whole comes, and nothing else. */
static void test_replay_cut_anywhere_drops_the_last_tick_only(void **state)
{
    size_t head = strcspn(trace, "\n") + 1;

    for (size_t length = head; length < sizeof trace - 1; length++) {
        char text[sizeof trace];
        unsigned ticks = 0;
        struct record record;

        memcpy(text, trace, length);
        text[length] = '\0';
        struct source *source = open_text(state, text, false);

        do {
            record = source_next(source);
            ticks += record.kind == RECORD_TICK;
        } while (record.kind != RECORD_END);
        assert_in_range(ticks, 0, 2);
        if (trace[length - 1] != '\n')
            assert_true(replay_is_cut_off(source));
        source_close(source);
    }
}

static void assert_trace_fails(void **state, const char *text, const char *said)
{
    struct source *source = open_text(state, text, false);
    struct record record = {.kind = RECORD_HEAD};
    struct error err = {.code = ERR_NONE};
    bool is_ok = true;

    while (is_ok && record.kind != RECORD_END)
        is_ok = source->ops->next(source, &record, &err);
    assert_false(is_ok);
    assert_error(&err, ERR_INPUT, said);
    source_close(source);
}

static void test_replay_without_head_refused(void **state)
{
    assert_trace_fails(state, "", "line 1: a trace begins with a P record");
    assert_trace_fails(state, "R\n", "line 1: a trace begins with a P record");
    assert_trace_fails(state, "T 1 1 1 1 s 0 0 0\n", "line 1: a trace begins with a P record");
}

static void test_replay_malformed_line_is_told_with_its_number(void **state)
{
    char text[sizeof trace + 32];

    (void)snprintf(text, sizeof text, "%snonsense\n", trace);
    assert_trace_fails(state, text, "line 12: not a record");
}

static void test_replay_missing_file_says_which(void **state)
{
    const struct source_config config = {.stop_fd = -1};
    struct scratch_path file = scratch_path(state, "absent.trace");
    struct source *source = NULL;
    struct error err;

    assert_fails(source_open_replay(&source, file.text, &config, &err), ERR_SYSTEM, "absent.trace");
}

static void test_sim_same_seed_is_the_same_host(void **state)
{
    struct source *one = open_text(state, script, true);
    struct source *two = open_text(state, script, true);
    struct record a;

    do {
        struct record b = source_next(two);

        a = source_next(one);
        assert_int_equal(a.kind, b.kind);
        if (a.kind != RECORD_TICK)
            continue;
        assert_int_equal(a.tick.mono_ns, b.tick.mono_ns);
        assert_int_equal(a.tick.utc_ns, b.tick.utc_ns);
        assert_int_equal(a.tick.domains, b.tick.domains);
        for (size_t i = 0; i < a.tick.domains; i++) {
            assert_int_equal(a.tick.samples[i].tot_kib, b.tick.samples[i].tot_kib);
            assert_uuid_equal(&a.tick.samples[i].uuid, &b.tick.samples[i].uuid);
        }
    } while (a.kind != RECORD_END);
    source_close(one);
    source_close(two);
}

static void test_sim_malformed_file_is_told_with_file_and_line(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"[sim]\nseed = x\n", "line 2"},
        {"[sim]\nseed = 4294967296\n", "line 2"},
        {"[sim]\nspeed = 1\n", "line 2"},
        {"[other]\nseed = 1\n", "line 2"},
        {"[sim]\n\nnonsense\n", "line 3"},
        {"[script]\n5 = dance web\n", "line 2"},
        {"[script]\n5 = birth web\n", "line 2"},
        {"[script]\n5 = birth web 4 4\n", "line 2"},
        {"[script]\n5 = fail\n4 = fail\n", "line 3"},
        {"[script]\nx = fail\n", "line 2"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scratch_path file = scratch_file(state, "bad.sim", cases[i].text);
        const struct source_config config = {.interval_ns = 1, .max_gap_ns = 1, .stop_fd = -1};
        struct source *source = NULL;
        struct error err;

        assert_fails(source_open_sim(&source, file.text, &config, &err), ERR_INPUT, cases[i].said);
        assert_text_has(err.text, file.text);
    }
}

static void test_sim_figures_have_both_limits(void **state)
{
    static const char *const good[] = {"birth web 0", "birth web 1099511627776", "miss 1"};
    static const char *const bad[] = {
        "birth web -1", "birth web 1099511627777",  "miss 0",
        "miss -4",      "miss 9223372036854775807", "step 9223372036854775807"};
    const struct source_config config = {.interval_ns = 1, .max_gap_ns = 1, .stop_fd = -1};
    struct error err;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, "[sim]\njitter_ns = 0\n[script]\n5 = %s\n", good[i]);
        source_close(open_text(state, text, true));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct source *source = NULL;
        char text[128];

        (void)snprintf(text, sizeof text, "[sim]\njitter_ns = 0\n[script]\n5 = %s\n", bad[i]);
        struct scratch_path file = scratch_file(state, "bad.sim", text);

        assert_fails(source_open_sim(&source, file.text, &config, &err), ERR_INPUT, "line 4");
    }
}

static void test_sim_order_to_a_vm_that_is_not_there_fails(void **state)
{
    struct source *source = open_text(state, "[sim]\nticks = 9\n[script]\n5 = pause web\n", true);
    struct record record = {.kind = RECORD_HEAD};
    struct error err;

    while (source->ops->next(source, &record, &err))
        assert_int_not_equal(record.kind, RECORD_END);
    assert_error(&err, ERR_INPUT, "a VM that is not there, at tick 5");
    source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_source_head_comes_first_and_once),
        scratch_test(test_source_ticks_go_forward_and_are_sane),
        scratch_test(test_source_samples_are_valid_until_the_next),
        scratch_test(test_source_closes_after_any_number_of_records),
        scratch_test(test_source_ends_when_told),
        cmocka_unit_test(test_source_close_accepts_null),
        scratch_test(test_replay_yields_each_record_with_its_line),
        scratch_test(test_replay_cut_anywhere_drops_the_last_tick_only),
        scratch_test(test_replay_without_head_refused),
        scratch_test(test_replay_malformed_line_is_told_with_its_number),
        scratch_test(test_replay_missing_file_says_which),
        scratch_test(test_sim_same_seed_is_the_same_host),
        scratch_test(test_sim_malformed_file_is_told_with_file_and_line),
        scratch_test(test_sim_figures_have_both_limits),
        scratch_test(test_sim_order_to_a_vm_that_is_not_there_fails),
    };

    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
