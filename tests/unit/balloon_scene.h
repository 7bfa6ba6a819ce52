/*
 * balloon_scene.h - made-up VMs for memory on demand, and a host for them: builders, no rules.
 *
 * A VM made by vm_at_rest has been there for long, has sent its three records, and nothing has
 * happened to it lately; the last record came at NOW. Memory in KiB.
 */
#ifndef PAGEMETER_TESTS_BALLOON_SCENE_H
#define PAGEMETER_TESTS_BALLOON_SCENE_H

#include <inttypes.h>
#include <stdlib.h>

#include "balloon/controller.h"
#include "balloon/plan.h"
#include "check.h"
#include "meter/record.h"

#define MIB UINT64_C(1024)
#define GIB (UINT64_C(1) << 20)
#define SECOND NS_PER_S
#define MS (NS_PER_S / 1000)
#define NOW (INT64_C(100000) * SECOND)

#define FLOOR (128 * MIB)
#define CEILING (4 * GIB)

/* A PV domain that runs, at rest at tot_kib under libxl's cap. */
static inline struct host_domain domain_of(unsigned domid, uint64_t tot_kib)
{
    return (struct host_domain){.domid = (uint16_t)domid,
                                .flags = SAMPLE_RUNNING,
                                .uuid = uuid_of(domid),
                                .tot_kib = tot_kib,
                                .max_kib = tot_kib + MIB,
                                .cpu_ns = 1};
}

static inline struct vm_facts facts_of(unsigned domid, uint64_t target_kib)
{
    struct vm_facts facts = {.target_kib = target_kib, .static_max_kib = CEILING};

    (void)snprintf(facts.name, sizeof facts.name, "vm%u", domid);
    return facts;
}

/* What a guest with a balloon driver says at this time. */
static inline struct figures figures_at(uint64_t current_kib, uint64_t available_kib, int64_t at_ns)
{
    return (struct figures){.seq = 1,
                            .up_ms = (uint64_t)(at_ns / MS),
                            .current_kib = current_kib,
                            .total_kib = current_kib,
                            .free_kib = available_kib,
                            .available_kib = available_kib,
                            .flags = FIGURES_HAS_BALLOON | FIGURES_HAS_PRESSURE};
}

/* The next record: as the last one, with so much available. */
static inline void vm_says(struct vm *vm, uint64_t available_kib, int64_t at_ns)
{
    struct figures f = vm->last;

    f.seq++;
    f.up_ms = (uint64_t)(at_ns / MS);
    f.available_kib = f.free_kib = available_kib;
    vm_take_figures(vm, &f, false, at_ns);
}

/* The domain has so many pages now. */
static inline void vm_has(struct vm *vm, uint64_t tot_kib, int64_t at_ns)
{
    struct host_domain domain = vm->domain;

    domain.tot_kib = tot_kib;
    vm_take_domain(vm, &domain, at_ns);
}

/* Xenstore says this target. */
static inline void vm_is_told(struct vm *vm, uint64_t target_kib, int64_t at_ns)
{
    struct vm_facts facts = vm->facts;

    facts.target_kib = target_kib;
    vm_take_facts(vm, &facts, at_ns);
}

/* Policy demand, no record yet. */
static inline struct vm vm_born(unsigned domid, uint64_t target_kib, int64_t at_ns)
{
    struct host_domain domain = domain_of(domid, target_kib);
    struct vm_facts facts = facts_of(domid, target_kib);
    struct vm vm;

    vm_init(&vm, &domain, at_ns);
    vm.policy.kind = POLICY_DEMAND;
    vm.policy.floor_kib = FLOOR;
    vm.policy.ceiling_kib = CEILING;
    vm_take_facts(&vm, &facts, at_ns);
    vm_take_domain(&vm, &domain, at_ns);
    return vm;
}

static inline struct vm vm_at_rest(unsigned domid, uint64_t target_kib, uint64_t available_kib)
{
    struct vm vm = vm_born(domid, target_kib, NOW - 1000 * SECOND);
    struct figures f = figures_at(target_kib, available_kib, NOW - 3 * SECOND);

    vm_take_figures(&vm, &f, false, NOW - 3 * SECOND);
    for (int i = 2; i >= 0; i--)
        vm_says(&vm, available_kib, NOW - i * SECOND);
    vm.phase = VM_RUN;
    return vm;
}

/* ---- a host of some VMs, for plan_make ---- */

enum { SCENE_VMS = 8 };

struct balloon_scene {
    struct host_rules rules;
    struct host_view host;
    struct host_domain domains[SCENE_VMS];
    struct vm vms[SCENE_VMS];
    size_t count;
    struct action actions[SCENE_VMS * PLAN_ACTIONS_PER_VM];
    struct share shares[SCENE_VMS];
    struct plan plan;
};

/* No VM yet. The pool's goal is 4 KiB, so that nobody gives for it. */
static inline void scene_begin(struct balloon_scene *s)
{
    *s = (struct balloon_scene){.host = {.now_ns = NOW, .total_kib = 64 * GIB}};
    s->rules.mode = MODE_ON;
    s->rules.pool_least_kib = 4;
}

/* In the order of their domids. */
static inline struct vm *scene_add(struct balloon_scene *s, struct vm vm)
{
    assert_true(s->count < SCENE_VMS);
    s->vms[s->count] = vm;
    return &s->vms[s->count++];
}

/* Sets free memory so that this is the surplus of the VMs as they are. */
static inline void scene_surplus(struct balloon_scene *s, int64_t surplus_kib)
{
    for (size_t i = 0; i < s->count; i++)
        s->domains[i] = s->vms[i].domain;
    s->host.domains = s->domains;
    s->host.count = s->count;
    s->host.free_kib = 0;
    int64_t owed = -ledger_surplus_kib(&s->host, &s->rules.ledger);

    assert_true(owed + surplus_kib >= 0);
    s->host.free_kib = (uint64_t)(owed + surplus_kib);
}

/* A plan at now_ns with this surplus. */
static inline void scene_plan(struct balloon_scene *s, int64_t now_ns, int64_t surplus_kib)
{
    scene_surplus(s, surplus_kib);
    s->host.now_ns = now_ns;
    s->plan = (struct plan){.actions = s->actions, .shares = s->shares};
    plan_make(&s->host, &s->rules, s->vms, s->count, &s->plan);
    assert_int_equal(s->plan.surplus_kib, surplus_kib);
}

/* The plan's action of this kind for this VM, or NULL. */
static inline const struct action *scene_find(const struct balloon_scene *s, const struct vm *vm,
                                              enum action_kind kind)
{
    for (size_t i = 0; i < s->plan.count; i++)
        if (&s->vms[s->plan.actions[i].vm] == vm && s->plan.actions[i].kind == kind)
            return &s->plan.actions[i];
    return NULL;
}

static inline const struct action *scene_action(const struct balloon_scene *s, const struct vm *vm,
                                                enum action_kind kind)
{
    const struct action *a = scene_find(s, vm, kind);

    if (a == NULL)
        fail_msg("no action of kind %d for domain %u, blocked by %s", (int)kind, vm->domid,
                 reason_word(vm->blocked_by));
    return a;
}

/* ---- wishes ---- */

static inline void assert_wish(struct wish is, enum wish_kind kind, enum reason reason,
                               uint64_t target_kib)
{
    if (is.kind != kind || is.reason != reason || is.target_kib != target_kib)
        fail_msg("wish %d %s %" PRIu64 " instead of %d %s %" PRIu64, (int)is.kind,
                 reason_word(is.reason), is.target_kib, (int)kind, reason_word(reason), target_kib);
}

static inline void assert_no_wish(struct wish is, const struct vm *vm, enum reason blocked_by)
{
    if (is.kind != WISH_NONE)
        fail_msg("wish %d %s %" PRIu64, (int)is.kind, reason_word(is.reason), is.target_kib);
    assert_string_equal(reason_word(vm->blocked_by), reason_word(blocked_by));
}

#endif
