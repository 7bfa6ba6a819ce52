#include "probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/chance.h"

enum { MOST = 16 };

/* One plan with all that it needs. */
struct made {
    struct vm vms[MOST];
    struct action actions[MOST * PLAN_ACTIONS_PER_VM];
    struct share shares[MOST];
    struct plan plan;
};

static struct made base, other;
static struct host_domain domains[RIG_VMS_MAX + 1];

/* The VMs as the engine will find them when it has read the host. */
static size_t take_vms(const struct engine *e, const struct host_view *view, struct vm *vms)
{
    size_t n = 0;

    for (size_t i = 0; i < view->count && n < MOST; i++)
        for (size_t k = 0; k < e->count; k++)
            if (e->vms[k].domid == view->domains[i].domid &&
                uuid_is_equal(&e->vms[k].uuid, &view->domains[i].uuid)) {
                vms[n] = e->vms[k];
                vm_take_domain(&vms[n++], &view->domains[i], view->now_ns);
            }
    return n;
}

static void make(struct made *m, const struct host_view *view, const struct host_rules *rules,
                 size_t count)
{
    m->plan = (struct plan){.actions = m->actions, .shares = m->shares};
    plan_make(view, rules, m->vms, count, &m->plan);
}

static int by_vm(const void *a, const void *b)
{
    const struct action *x = a;
    const struct action *y = b;

    if (x->vm != y->vm)
        return x->vm < y->vm ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* Actions by domid instead of index, in one order. */
static void name_by_domid(struct made *m)
{
    for (size_t i = 0; i < m->plan.count; i++)
        m->actions[i].vm = m->vms[m->actions[i].vm].domid;
    qsort(m->actions, m->plan.count, sizeof *m->actions, by_vm);
}

static bool is_equal(const struct action *a, const struct action *b)
{
    return a->kind == b->kind && a->reason == b->reason && a->vm == b->vm &&
           a->target_kib == b->target_kib && a->cap_kib == b->cap_kib &&
           a->claim_kib == b->claim_kib && a->before_kib == b->before_kib &&
           a->surplus_kib == b->surplus_kib;
}

static void complain(struct probe *p, const char *what, uint64_t domid)
{
    if (p->failures++ < CHECKER_SAID_MAX)
        printf("VIOLATION %s seed=%" PRIu64 " t=%.3fs dom=%" PRIu64 ": %s\n", p->rig->checker.where,
               p->rig->checker.seed, (double)(p->rig->world.now_ns - RIG_BEGIN_NS) / 1e9, domid,
               what);
}

static void compare(struct probe *p, const char *what)
{
    for (size_t i = 0; i < base.plan.count && i < other.plan.count; i++)
        if (!is_equal(&base.actions[i], &other.actions[i])) {
            complain(p, what, base.actions[i].vm);
            return;
        }
    if (base.plan.count != other.plan.count)
        complain(p, what, 0);
}

static uint64_t granted(const struct made *m, uint64_t domid)
{
    for (size_t i = 0; i < m->plan.count; i++)
        if (m->actions[i].vm == domid && m->actions[i].kind == ACTION_GROW &&
            m->actions[i].target_kib > m->actions[i].before_kib)
            return m->actions[i].target_kib - m->actions[i].before_kib;
    return 0;
}

static void shuffle(struct chance *c, struct vm *vms, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = chance_below(c, i);
        struct vm kept = vms[i - 1];

        vms[i - 1] = vms[k];
        vms[k] = kept;
    }
}

void probe_plan(void *context)
{
    struct probe *p = context;
    const struct engine *e = &p->rig->engine;
    struct chance c = {p->random += 0x9e37};
    struct host_view view;

    sim_world_look(&p->rig->world, domains, &view);
    size_t count = take_vms(e, &view, base.vms);

    if (count == 0)
        return;
    p->plans++;
    memcpy(other.vms, base.vms, count * sizeof *base.vms);
    make(&base, &view, &e->rules, count);
    name_by_domid(&base);
    make(&other, &view, &e->rules, count);
    name_by_domid(&other);
    compare(p, "I9 the same inputs give other actions");

    (void)take_vms(e, &view, other.vms);
    shuffle(&c, other.vms, count);
    make(&other, &view, &e->rules, count);
    name_by_domid(&other);
    compare(p, "the order of the VMs changes actions");

    (void)take_vms(e, &view, other.vms);
    struct vm *heavier = &other.vms[chance_below(&c, count)];
    uint64_t domid = heavier->domid;

    heavier->policy.weight += 1 + (uint32_t)chance_below(&c, 2 * heavier->policy.weight);
    make(&other, &view, &e->rules, count);
    name_by_domid(&other);
    if (granted(&other, domid) < granted(&base, domid))
        complain(p, "more weight yields less", domid);
}
