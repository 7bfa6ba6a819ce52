/*
 * actuator_contract.h - what every actuator promises (balloon/actuator.h), as checks that any kind
 * can be put through: sim, xe with a stub and dry-run in unit tests, xen in the lab.
 *
 * The host has at least one guest that follows its target within ten seconds.
 */
#ifndef PAGEMETER_TESTS_ACTUATOR_CONTRACT_H
#define PAGEMETER_TESTS_ACTUATOR_CONTRACT_H

#include "balloon/actuator.h"
#include "check.h"
#include "meter/record.h"

struct actuator_kind {
    const char *name;
    struct actuator *actuator;
    /* lets time pass: sleeps, or moves the virtual clock; looks after what goes on meanwhile */
    void (*advance)(void *context, int64_t ns);
    void *context;
    uint16_t domid;       /* the guest */
    uint64_t low_kib;     /* two targets that it can be at, its cap allowing both; it is at low */
    uint64_t high_kib;    /* at most low + 64 MiB */
    bool sets_caps;       /* set_cap and claim do what they say; else they succeed */
    bool sets_targets;    /* set_target does; else it succeeds */
    bool replaces_claims; /* a second claim takes the first one's place; Xen refuses it */
};

enum { CONTRACT_TRIES = 200, CONTRACT_SLACK_KIB = 1024 };
#define CONTRACT_STEP_NS (NS_PER_S / 20)

static inline struct host_view contract_read(const struct actuator_kind *kind)
{
    struct host_view view = {0};
    struct error err;

    assert_ok(kind->actuator->ops->read(kind->actuator, &view, &err));
    return view;
}

static inline const struct host_domain *contract_find(const struct host_view *view, uint16_t domid)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->domains[i].domid == domid)
            return &view->domains[i];
    fail_msg("domain %u is not listed", domid);
    return NULL;
}

static inline struct host_domain contract_guest(const struct actuator_kind *kind)
{
    struct host_view view = contract_read(kind);

    return *contract_find(&view, kind->domid);
}

static inline bool contract_is_near(uint64_t kib, uint64_t wanted_kib)
{
    return kib <= wanted_kib + CONTRACT_SLACK_KIB && wanted_kib <= kib + CONTRACT_SLACK_KIB;
}

static inline bool contract_arrives(const struct actuator_kind *kind, uint64_t target_kib)
{
    for (int i = 0; i < CONTRACT_TRIES; i++) {
        if (contract_is_near(contract_guest(kind).tot_kib, target_kib))
            return true;
        kind->advance(kind->context, CONTRACT_STEP_NS);
    }
    return false;
}

static inline void contract_read_is_whole_and_ordered(const struct actuator_kind *kind)
{
    struct host_view view = contract_read(kind);

    assert_non_null(kind->actuator->ops->kind);
    assert_true(view.total_kib > 0 && view.total_kib <= KIB_MAX);
    assert_true(view.free_kib <= view.total_kib);
    assert_true(view.outstanding_kib <= view.total_kib);
    assert_true(view.count > 0);
    for (size_t i = 1; i < view.count; i++)
        assert_true(view.domains[i - 1].domid < view.domains[i].domid);
    for (size_t i = 0; i < view.count; i++)
        assert_true(view.domains[i].tot_kib <= view.total_kib);
    (void)contract_find(&view, kind->domid);
}

static inline void contract_time_goes_forward(const struct actuator_kind *kind)
{
    int64_t before_ns = contract_read(kind).now_ns;

    kind->advance(kind->context, CONTRACT_STEP_NS);
    assert_true(contract_read(kind).now_ns >= before_ns + CONTRACT_STEP_NS);
}

static inline void contract_cap_is_set_and_set_back(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    uint64_t before_kib = contract_guest(kind).max_kib;
    uint64_t more_kib = before_kib + 8192;
    struct error err;

    assert_ok(a->ops->set_cap(a, kind->domid, more_kib, &err));
    assert_int_equal(contract_guest(kind).max_kib, kind->sets_caps ? more_kib : before_kib);
    assert_ok(a->ops->set_cap(a, kind->domid, before_kib, &err));
    assert_int_equal(contract_guest(kind).max_kib, before_kib);
}

/* The free memory is the same before and after: a claim is only a word. */
static inline void contract_claim_is_made_once_and_given_back(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    struct host_domain before = contract_guest(kind);
    uint64_t total_kib = before.tot_kib + 16384;
    struct error err;

    assert_ok(a->ops->set_cap(a, kind->domid, total_kib, &err));
    assert_ok(a->ops->claim(a, kind->domid, total_kib, &err));
    if (kind->sets_caps) {
        struct host_view view = contract_read(kind);

        assert_int_equal(contract_find(&view, kind->domid)->outstanding_kib, 16384);
        assert_true(view.outstanding_kib >= 16384);
        if (a->ops->claim(a, kind->domid, total_kib, &err) != kind->replaces_claims)
            fail_msg("a second claim %s", kind->replaces_claims ? err.text : "succeeded");
        if (!kind->replaces_claims)
            assert_true(err.code != ERR_REFUSED); /* that says that the host is full */
        assert_int_equal(contract_guest(kind).outstanding_kib, 16384);
    }
    assert_ok(a->ops->claim(a, kind->domid, 0, &err));
    assert_int_equal(contract_guest(kind).outstanding_kib, 0);
    assert_ok(a->ops->claim(a, kind->domid, 0, &err));
    assert_ok(a->ops->set_cap(a, kind->domid, before.max_kib, &err));
}

static inline void contract_claim_of_too_much_is_refused(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    struct host_view view = contract_read(kind);
    struct host_domain before = *contract_find(&view, kind->domid);
    uint64_t total_kib = before.tot_kib + view.free_kib + 65536;
    struct error err;

    if (!kind->sets_caps)
        return;
    assert_ok(a->ops->set_cap(a, kind->domid, total_kib, &err));
    assert_fails(a->ops->claim(a, kind->domid, total_kib, &err), ERR_REFUSED, "");
    assert_int_equal(contract_guest(kind).outstanding_kib, 0);
    assert_ok(a->ops->set_cap(a, kind->domid, before.max_kib, &err));
}

static inline void contract_claim_of_what_is_there_is_nothing(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    struct error err;

    assert_ok(a->ops->claim(a, kind->domid, contract_guest(kind).tot_kib, &err));
    assert_int_equal(contract_guest(kind).outstanding_kib, 0);
}

static inline void contract_target_moves_the_guest(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    uint64_t before_kib = contract_guest(kind).tot_kib;
    struct error err;

    assert_ok(a->ops->set_cap(a, kind->domid, kind->high_kib + 4096, &err));
    assert_ok(a->ops->set_target(a, kind->domid, kind->high_kib, &err));
    if (!kind->sets_targets) {
        kind->advance(kind->context, NS_PER_S);
        assert_int_equal(contract_guest(kind).tot_kib, before_kib);
        return;
    }
    assert_true(contract_arrives(kind, kind->high_kib));
    assert_ok(a->ops->set_target(a, kind->domid, kind->low_kib, &err));
    assert_true(contract_arrives(kind, kind->low_kib));
}

static inline void contract_guest_is_told(const struct actuator_kind *kind)
{
    struct actuator *a = kind->actuator;
    struct error err;

    assert_ok(a->ops->tell(a, kind->domid, "headroom", "16384", &err));
    assert_ok(a->ops->tell(a, kind->domid, "answer", "seq=1 granted", &err));
}

/* All of it, as one test: `contract_of(&kind)`. */
static inline void contract_of(const struct actuator_kind *kind)
{
    contract_read_is_whole_and_ordered(kind);
    contract_time_goes_forward(kind);
    contract_cap_is_set_and_set_back(kind);
    contract_claim_is_made_once_and_given_back(kind);
    contract_claim_of_too_much_is_refused(kind);
    contract_claim_of_what_is_there_is_nothing(kind);
    contract_target_moves_the_guest(kind);
    contract_guest_is_told(kind);
}

#endif
