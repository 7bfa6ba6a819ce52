/*
 * operator_scene.h - an operator over a made-up host with one VM, vm5 at 512 MiB under policy
 * demand, and a store that takes all, or nothing.
 */
#ifndef PAGEMETER_TESTS_OPERATOR_SCENE_H
#define PAGEMETER_TESTS_OPERATOR_SCENE_H

#include "balloon/operator.h"
#include "balloon_fake.h"

static struct fake f;
static struct recent recent;
static struct operator_state op;
static struct reply reply; /* of the last request */
static uint64_t ticket;
static struct error err;

static bool is_disk_full;

static inline bool journal_writes(void *self, const struct balloon_entry *entries, size_t count,
                                  struct error *error)
{
    (void)self;
    (void)entries;
    (void)count;
    return !is_disk_full || error_set(error, ERR_RETRY, "the disk is full");
}

static inline bool journal_prunes(void *self, const struct balloon_ages *ages, struct error *error)
{
    (void)self;
    (void)ages;
    (void)error;
    return true;
}

static inline bool journal_rolls_up(void *self, int64_t up_to_utc_ns, bool *has_more,
                                    struct error *error)
{
    (void)self;
    (void)up_to_utc_ns;
    (void)error;
    *has_more = false;
    return true;
}

static inline int begin(void **state)
{
    const struct journal_store store = {journal_writes, journal_prunes, journal_rolls_up, NULL};
    const struct journal_options options = {.room = 4, .retry_ns = 1000000};
    struct policy standard;

    (void)state;
    is_disk_full = false;
    fake_begin(&f);
    op = (struct operator_state){.engine = &f.engine, .recent = &recent};
    policy_init(&standard);
    settings_init(&op.settings, &standard);
    f.engine.policies = (struct policy_source){operator_find_policy, &op};
    reply_init(&reply);
    assert_ok(journal_open(&op.journal, &store, &options, &err));
    (void)fake_add(&f, 5, 512 * MIB);
    f.policy.ceiling_kib = GIB;
    f.engine.vms[0].policy = f.policy;
    assert_ok(settings_put(&op.settings, &f.engine.vms[0].uuid, &f.policy, &err));
    fake_run(&f, NOW);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    is_disk_full = false;
    assert_true(journal_close(op.journal, 10 * SECOND));
    operator_clear(&op);
    reply_clear(&reply);
    fake_end(&f);
    return 0;
}

static inline struct vm *vm5(void)
{
    return engine_find(&f.engine, 5);
}

/* The request of this line; its reply is in reply. */
static inline bool serve(const char *line)
{
    static char text[REQUEST_LINE_MAX];
    struct request request;

    (void)snprintf(text, sizeof text, "%s", line);
    assert_ok(request_parse(text, &request, &err));
    (void)snprintf(request.who, sizeof request.who, "tester");
    reply_clear(&reply);
    reply_init(&reply);
    ticket = 0;
    return operator_serve(&op, &request, &reply, &ticket, &err);
}

/* Fills the journal until it takes nothing more. */
static inline void fill_journal(void)
{
    const struct balloon_setting setting = {.is_host = true, .key = "k", .value = "v"};

    is_disk_full = true;
    while (journal_take_setting(op.journal, &setting, "test", 1) != 0)
        ;
}

#define operator_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
