/*
 * The engine: domains come and go, actions are carried out in their order, and taken back.
 */
#include "balloon_fake.h"

static struct fake f;
static struct error err;

static int begin(void **state)
{
    (void)state;
    fake_begin(&f);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_end(&f);
    return 0;
}

/* 512 MiB, of which 4 MiB are available: it wishes 63.5 MiB, and its headroom is told. */
static struct vm *add_short(void)
{
    struct vm *vm = fake_add(&f, 5, 512 * MIB);

    fake_say(&f, 5, 4 * MIB, NOW);
    return vm;
}

/* ---- domains ---- */

static void test_engine_domains_appear_and_go(void **state)
{
    (void)state;
    (void)fake_add(&f, 3, GIB);
    (void)fake_add(&f, 9, GIB);
    assert_int_equal(f.engine.count, 2); /* dom0 is not among them */
    assert_null(engine_find(&f.engine, 0));
    f.domains[1] = f.domains[2];
    f.count = 2;
    fake_run(&f, NOW);
    assert_int_equal(f.engine.count, 1);
    assert_null(engine_find(&f.engine, 3));
    assert_non_null(engine_find(&f.engine, 9));
}

static void test_engine_domids_stay_in_order(void **state)
{
    (void)state;
    (void)fake_add(&f, 3, GIB);
    f.domains[f.count++] = domain_of(9, GIB);
    fake_run(&f, NOW);
    f.domains[3] = f.domains[2];
    f.domains[2] = domain_of(7, GIB);
    f.count = 4;
    fake_run(&f, NOW);
    assert_int_equal(f.engine.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(f.engine.vms[i].domid, f.domains[i + 1].domid);
    assert_ptr_equal(engine_find(&f.engine, 7), &f.engine.vms[1]);
}

/* A domid is given anew: nothing is left of the one before. */
static void test_engine_reused_domid_is_another_vm(void **state)
{
    struct vm *vm = add_short();

    (void)state;
    vm->foreign_until_ns = INT64_MAX;
    f.domains[1].uuid = uuid_of(77);
    f.now_ns = NOW + SECOND;
    fake_run(&f, NOW + SECOND);
    vm = engine_find(&f.engine, 5);
    assert_int_equal(f.engine.count, 1);
    assert_int_equal(vm->since_ns, NOW + SECOND);
    assert_int_equal(vm->last_ns, 0);
    assert_int_equal(vm->target_kib, 0);
    assert_int_equal(vm->foreign_until_ns, 0);
}

static void test_engine_more_domains_than_room_are_all_there(void **state)
{
    const struct cause cause = {.kind = CAUSE_TIMER};
    struct engine *e = &f.engine;

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        f.domains[i] = domain_of(i + 1, GIB);
    f.count = 7;
    e->room = 4; /* as if it had begun with less */
    assert_ok(engine_run(e, &cause, &err));
    assert_int_equal(e->count, 7);
    assert_int_equal(e->room, 8);
}

static void test_engine_events_of_unknown_domains_are_nothing(void **state)
{
    struct vm_facts facts = facts_of(8, GIB);
    struct figures figures = figures_at(GIB, 0, NOW);

    (void)state;
    engine_record(&f.engine, 8, "v=1", 3, NOW);
    engine_facts(&f.engine, 8, &facts, NOW);
    engine_fallback(&f.engine, 8, &figures, NOW);
    fake_run(&f, NOW);
    assert_int_equal(f.engine.count, 0);
}

static void test_engine_host_that_cannot_be_read_is_left_alone(void **state)
{
    const struct cause cause = {.kind = CAUSE_TIMER};

    (void)state;
    (void)add_short();
    f.log[0] = '\0';
    f.fails = "read";
    f.code = ERR_SYSTEM;
    assert_fails(engine_run(&f.engine, &cause, &err), ERR_SYSTEM, "nothing is done");
    assert_string_equal(f.log, "");
    assert_int_equal(f.engine.count, 1);
}

/* ---- records ---- */

static void test_engine_bad_records_are_counted_and_are_none(void **state)
{
    struct vm *vm = fake_add(&f, 5, 512 * MIB);

    (void)state;
    engine_record(&f.engine, 5, "v=2", 3, NOW);
    fake_say(&f, 5, 513 * MIB, NOW); /* more available than there is */
    assert_int_equal(vm->hostile_records, 2);
    assert_int_equal(vm->last_ns, 0);
    fake_say(&f, 5, 512 * MIB, NOW);
    assert_int_equal(vm->hostile_records, 2);
    assert_int_equal(vm->last_ns, NOW);
}

static void test_engine_fallback_counts_when_the_agent_is_silent_for_60_s(void **state)
{
    struct vm *vm = fake_add(&f, 5, 512 * MIB);
    const struct figures words = {.total_kib = 400 * MIB, .available_kib = 100 * MIB};

    (void)state;
    fake_say(&f, 5, 50 * MIB, NOW);
    engine_fallback(&f.engine, 5, &words, NOW + 60 * SECOND - 1);
    assert_false(vm->is_fallback);
    engine_fallback(&f.engine, 5, &words, NOW + 60 * SECOND);
    assert_true(vm->is_fallback);
    engine_fallback(&f.engine, 5, &words, NOW + 61 * SECOND);
    assert_int_equal(vm->last_ns, NOW + 61 * SECOND);
    fake_say(&f, 5, 50 * MIB, NOW + 62 * SECOND); /* the agent's own are better */
    assert_false(vm->is_fallback);
}

/* ---- acting ---- */

/* need = 508 MiB, an eighth is 65024 KiB; headroom is 5 % of it */
static void test_engine_growth_is_cap_claim_target(void **state)
{
    (void)state;
    (void)add_short();
    fake_run(&f, NOW);
    assert_string_equal(f.log, "cap 5 590336\nclaim 5 589312\ntarget 5 589312\n"
                               "tell 5 headroom 26009\n");
    assert_int_equal(f.decided, 1);
    const struct decision *d = &f.decisions[0];

    assert_int_equal(d->action.kind, ACTION_GROW);
    assert_int_equal(d->action.before_kib, 512 * MIB);
    assert_int_equal(d->action.target_kib, 589312);
    assert_int_equal(d->failure, REASON_NONE);
    assert_int_equal(d->cause.kind, CAUSE_TICK);
    assert_int_equal(d->cause.number, 9);
    assert_int_equal(d->domid, 5);
    assert_int_equal(d->need_kib, 508 * MIB);
    assert_int_equal(d->available_kib, 4 * MIB);
    assert_int_equal(d->headroom_kib, 26009);
    assert_int_equal(d->tot_kib, 512 * MIB);
    assert_int_equal(engine_find(&f.engine, 5)->target_kib, 589312);
}

static void check_failure(const char *fails, enum error_code code, enum reason reason,
                          const char *log)
{
    struct vm *vm = add_short();

    vm->told_headroom_kib = 26009;
    f.fails = fails;
    f.code = code;
    fake_run(&f, NOW);
    assert_string_equal(f.log, log);
    assert_int_equal(f.decided, 1);
    assert_string_equal(reason_word(f.decisions[0].failure), reason_word(reason));
    assert_int_equal(vm->target_kib, 512 * MIB);
    assert_int_equal(vm->claim_ns, 0);
    assert_int_equal(f.domains[1].max_kib, 513 * MIB);
    assert_int_equal(f.domains[1].outstanding_kib, 0);
}

static void test_engine_cap_refused_ends_it(void **state)
{
    (void)state;
    check_failure("cap", ERR_SYSTEM, REASON_FAILED, "cap 5 590336 fails\n");
}

static void test_engine_claim_refused_takes_the_cap_back(void **state)
{
    (void)state;
    check_failure("claim", ERR_REFUSED, REASON_CLAIM,
                  "cap 5 590336\nclaim 5 589312 fails\ncap 5 525312\n");
    assert_int_equal(f.engine.claims_refused, 1);
}

static void test_engine_claim_failed_takes_the_cap_back_too(void **state)
{
    (void)state;
    check_failure("claim", ERR_SYSTEM, REASON_FAILED,
                  "cap 5 590336\nclaim 5 589312 fails\ncap 5 525312\n");
}

static void test_engine_target_failed_takes_claim_and_cap_back(void **state)
{
    (void)state;
    check_failure("target", ERR_SYSTEM, REASON_FAILED,
                  "cap 5 590336\nclaim 5 589312\ntarget 5 589312 fails\n"
                  "claim ends\ncap 5 525312\n");
}

/* One claim at a time. */
static void test_engine_next_growth_replaces_the_claim(void **state)
{
    struct vm *vm = add_short();

    (void)state;
    fake_run(&f, NOW);
    f.domains[1].tot_kib = 570 * MIB;
    fake_say(&f, 5, 0, NOW + 100 * MS);
    vm->rate_kib_s = 0;
    fake_run(&f, NOW + 100 * MS);
    assert_int_equal(strncmp(f.log, "cap 5 ", 6), 0);
    assert_text_has(f.log, "claim ends\nclaim 5 ");
    assert_int_equal(vm->claim_ns, NOW + 100 * MS);
}

static void test_engine_shrink_is_target_then_cap(void **state)
{
    (void)state;
    struct vm *vm = fake_add(&f, 5, GIB);

    vm->young_until_ns = vm->quiet_ns = NOW - 1000 * SECOND;
    for (int i = 3; i > 0; i--)
        fake_say(&f, 5, 500 * MIB, NOW - i * SECOND);
    vm->told_headroom_kib = vm_headroom_kib(vm);
    fake_run(&f, NOW);
    assert_string_equal(f.log, "target 5 983040\n");
    f.domains[1].tot_kib = 1000000; /* on its way */
    fake_run(&f, NOW + 50 * MS);
    assert_string_equal(f.log, "cap 5 1000000\n");
    f.domains[1].tot_kib = 983040;
    fake_run(&f, NOW + 100 * MS);
    assert_string_equal(f.log, "cap 5 984064\n");
}

/* ---- dry run ---- */

static void test_engine_dry_run_changes_nothing_and_says_it_once(void **state)
{
    struct vm *vm = add_short();

    (void)state;
    f.engine.rules.mode = MODE_DRY_RUN;
    f.domains[1].max_kib = 520 * MIB; /* the cap would follow, and is not spoken of */
    fake_run(&f, NOW);
    assert_int_equal(f.decided, 1);
    assert_int_equal(f.decisions[0].failure, REASON_DRY_RUN);
    assert_int_equal(f.decisions[0].action.target_kib, 589312);
    for (int i = 1; i < 60; i++) {
        fake_say(&f, 5, 4 * MIB, NOW + i * SECOND);
        fake_run(&f, NOW + i * SECOND);
        assert_int_equal(f.decided, 0);
        assert_string_equal(f.log, "");
    }
    fake_run(&f, NOW + 60 * SECOND - 1);
    assert_int_equal(f.decided, 0);
    fake_run(&f, NOW + 60 * SECOND); /* it is true still */
    assert_int_equal(f.decided, 1);
    assert_string_equal(f.log, "");
    assert_int_equal(vm->target_kib, 512 * MIB);
    assert_int_equal(f.domains[1].max_kib, 520 * MIB);
}

static void test_engine_dry_run_says_another_thing_at_once(void **state)
{
    (void)state;
    (void)add_short();
    f.engine.rules.mode = MODE_DRY_RUN;
    fake_run(&f, NOW);
    fake_say(&f, 5, 0, NOW + SECOND);
    fake_run(&f, NOW + SECOND);
    assert_int_equal(f.decided, 1);
    assert_int_equal(f.decisions[0].action.target_kib, 576 * MIB);
}

/* ---- when, and by which policies ---- */

static void test_engine_looks_again_after_50_ms_while_a_transfer_is_open(void **state)
{
    (void)state;
    (void)fake_add(&f, 5, GIB);
    fake_run(&f, NOW);
    assert_int_equal(engine_next_ns(&f.engine), NOW + SECOND);
    vm_note_written(engine_find(&f.engine, 5), 2 * GIB, NOW);
    fake_run(&f, NOW);
    assert_int_equal(engine_next_ns(&f.engine), NOW + 50 * MS);
}

static void test_engine_reload_takes_a_vm_from_fixed_as_if_it_began(void **state)
{
    (void)state;
    f.policy.kind = POLICY_FIXED;
    struct vm *vm = fake_add(&f, 5, GIB);

    vm->foreign_until_ns = INT64_MAX;
    vm->backoff = 3;
    f.policy.kind = POLICY_SWAP;
    engine_reload(&f.engine, NOW + SECOND);
    assert_int_equal(vm->policy.kind, POLICY_SWAP);
    assert_int_equal(vm->foreign_until_ns, 0);
    assert_int_equal(vm->backoff, 0);
    vm->backoff = 3;
    f.policy.kind = POLICY_DEMAND; /* from another policy nothing is forgotten */
    engine_reload(&f.engine, NOW + SECOND);
    assert_int_equal(vm->backoff, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_engine_domains_appear_and_go, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_domids_stay_in_order, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_reused_domid_is_another_vm, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_more_domains_than_room_are_all_there, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_events_of_unknown_domains_are_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_host_that_cannot_be_read_is_left_alone, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_bad_records_are_counted_and_are_none, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_engine_fallback_counts_when_the_agent_is_silent_for_60_s, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_growth_is_cap_claim_target, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_cap_refused_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_claim_refused_takes_the_cap_back, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_claim_failed_takes_the_cap_back_too, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_target_failed_takes_claim_and_cap_back, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_next_growth_replaces_the_claim, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_shrink_is_target_then_cap, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_dry_run_changes_nothing_and_says_it_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_engine_dry_run_says_another_thing_at_once, begin, end),
        cmocka_unit_test_setup_teardown(
            test_engine_looks_again_after_50_ms_while_a_transfer_is_open, begin, end),
        cmocka_unit_test_setup_teardown(test_engine_reload_takes_a_vm_from_fixed_as_if_it_began,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
