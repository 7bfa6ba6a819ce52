/*
 * hvm_scene.h - the engine over the actuator "xen", as it is, over a made-up hypervisor and
 * xenstore.
 *
 * Time goes on in steps: guests follow their targets, the toolstack's nodes and the guests' words
 * are read, and the engine runs. Policies are `api`, so that a test asks for a size and knows what
 * is to come.
 */
#ifndef PAGEMETER_TESTS_HVM_SCENE_H
#define PAGEMETER_TESTS_HVM_SCENE_H

#include "balloon/engine.h"
#include "balloon/plan.h"
#include "fake_xenctrl.h"
#include "xen/actuator_xen.h"

#define MIB UINT64_C(1024)
#define SECOND NS_PER_S
#define MS (NS_PER_S / 1000)
#define STEP (50 * MS)

static struct hvm_scene {
    struct actuator *actuator;
    struct engine engine;
    struct policy policy; /* of all VMs */
    bool is_silent;       /* no agent speaks */
    char alerts[FAKE_XEN_LOG];
} scene;

/* ---- xenstore, in the place of guests.c ---- */

struct guests {
    int unused;
};

bool guests_write_target(struct guests *g, uint16_t domid, uint64_t target_kib, uint64_t ticket,
                         struct error *err)
{
    (void)g;
    assert_true(ticket > 0);
    if (fake_xen_call("target", domid, target_kib))
        return error_set(err, ERR_REFUSED, "there is no domain %u", domid);
    fake_xen_find(domid)->target_kib = target_kib;
    return true;
}

bool guests_tell(struct guests *g, uint16_t domid, const char *node, const char *value,
                 uint64_t ticket, struct error *err)
{
    (void)g;
    (void)domid;
    (void)node;
    (void)value;
    (void)ticket;
    (void)err;
    return true;
}

uint64_t guests_videoram_kib(const struct guests *g, uint16_t domid)
{
    (void)g;
    return fake_xen_find(domid)->videoram_kib;
}

/* ---- the engine ---- */

static inline void scene_policy(void *context, const struct uuid *uuid, const char *name,
                                struct policy *out)
{
    (void)context;
    (void)uuid;
    (void)name;
    *out = scene.policy;
}

static inline void scene_alert(void *context, const struct vm *vm, enum reason reason)
{
    (void)context;
    assert_non_null(vm);
    (void)snprintf(scene.alerts + strlen(scene.alerts), 32, "%s\n", reason_word(reason));
}

/* A host with 8 GiB free, and dom0, which has 1 GiB. */
static inline int scene_begin(void **state)
{
    static struct guests guests;
    struct error err;

    (void)state;
    fake_xen = (struct fake_xen){.now_ns = 1000 * SECOND, .free_pages = UINT64_C(1) << 21};
    (void)fake_xen_add(&(struct fake_xen_build){.memory_mib = 1024, .maxmem_mib = 1024});
    scene = (struct hvm_scene){.actuator = NULL};
    policy_init(&scene.policy);
    scene.policy.kind = POLICY_API;
    scene.policy.floor_kib = 128 * MIB;
    assert_ok(actuator_open_xen(&scene.actuator, &guests, &err));
    assert_ok(engine_init(&scene.engine, scene.actuator, &err));
    scene.engine.rules.mode = MODE_ON;
    scene.engine.rules.pool_least_kib = 4;
    scene.engine.policies = (struct policy_source){scene_policy, NULL};
    scene.engine.sink = (struct engine_sink){.alert = scene_alert};
    return 0;
}

static inline int scene_end(void **state)
{
    (void)state;
    engine_clear(&scene.engine);
    actuator_close_xen(scene.actuator);
    return 0;
}

static inline void scene_run(void)
{
    const struct cause cause = {.kind = CAUSE_TIMER};
    struct error err;

    assert_ok(engine_run(&scene.engine, &cause, &err));
}

/* What its driver says that it has: Linux' all but what firmware and video have. */
static inline uint64_t scene_current_kib(const struct fake_xen_domain *d)
{
    return (d->info.tot_pages - d->cache + d->entries) * 4 - d->videoram_kib - 512;
}

/* The toolstack's nodes, and once a second what the guest says: half of it is available. */
static inline void scene_hear(const struct fake_xen_domain *d)
{
    struct vm_facts facts = {.name = "web",
                             .target_kib = d->target_kib,
                             .static_max_kib = d->static_max_kib,
                             .videoram_kib = d->videoram_kib};
    uint64_t current = scene_current_kib(d);
    char text[FIGURES_TEXT_MAX];
    int length =
        snprintf(text, sizeof text,
                 "v=1 seq=1 up=%" PRId64 " cur=%" PRIu64 " tot=%" PRIu64 " free=0 avail=%" PRIu64
                 " cached=0 swtot=0 swfree=0 commit=0 swin=0 swout=0 refault=0 majfault=0"
                 " oom=0 psome=0 pfull=0 flags=bp",
                 fake_xen.now_ns / MS, current, current, current / 2);

    engine_facts(&scene.engine, d->info.domain, &facts, fake_xen.now_ns);
    if (fake_xen.now_ns % SECOND == 0 && !scene.is_silent)
        engine_record(&scene.engine, d->info.domain, text, (size_t)length, fake_xen.now_ns);
}

/* So much time passes; a whole number of steps. */
static inline void scene_pass(int64_t span_ns)
{
    for (int64_t until = fake_xen.now_ns + span_ns; fake_xen.now_ns < until;) {
        fake_xen.now_ns += STEP;
        for (size_t i = 1; i < fake_xen.count; i++) {
            fake_xen_follow(&fake_xen.domains[i]);
            scene_hear(&fake_xen.domains[i]);
        }
        scene_run();
    }
}

/* The engine sees the domain for the first time; what is called from now on is written down. */
static inline struct vm *scene_meet(const struct fake_xen_domain *d)
{
    scene_run();
    scene_hear(d);
    fake_xen.log[0] = '\0';
    return engine_find(&scene.engine, d->info.domain);
}

/* It asks for this size; the next round will see it. */
static inline void scene_ask(struct vm *vm, uint64_t size_kib)
{
    scene.policy.size_kib = vm->policy.size_kib = size_kib;
    fake_xen.log[0] = '\0';
}

/* One round, with nothing having moved since the last one. */
static inline const char *scene_calls(void)
{
    fake_xen.log[0] = '\0';
    scene_run();
    return fake_xen.log;
}

#endif
