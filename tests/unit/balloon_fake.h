/*
 * balloon_fake.h - an actuator whose host is a list of domains: it does what it is told, writes
 * down each call as a line, and fails the calls that a test names.
 */
#ifndef PAGEMETER_TESTS_BALLOON_FAKE_H
#define PAGEMETER_TESTS_BALLOON_FAKE_H

#include "balloon/engine.h"
#include "balloon_scene.h"

enum { FAKE_DOMAINS = 8, FAKE_LOG_MAX = 4096, FAKE_DECISIONS = 64 };

struct fake {
    struct actuator actuator; /* first */
    struct engine engine;
    int64_t now_ns;
    uint64_t free_kib;
    uint64_t swap_kib; /* of each guest, none of it free */
    struct host_domain domains[FAKE_DOMAINS];
    size_t count;
    struct policy policy; /* of all VMs */
    const char *fails;    /* the call that fails: read, cap, claim, target or tell; NULL: none */
    enum error_code code; /* with this */
    char log[FAKE_LOG_MAX];
    struct decision decisions[FAKE_DECISIONS];
    size_t decided;
    char alerts[FAKE_LOG_MAX];
};

static inline bool fake_fails(struct fake *f, const char *call, struct error *err)
{
    if (f->fails == NULL || strcmp(f->fails, call) != 0)
        return false;
    return !error_set(err, f->code, "%s fails, as the test wants it", call);
}

static inline void fake_write(char log[FAKE_LOG_MAX], const char *line)
{
    size_t used = strlen(log);

    assert_true(used + strlen(line) < FAKE_LOG_MAX);
    (void)strcpy(log + used, line);
}

static inline struct host_domain *fake_domain(struct fake *f, uint16_t domid)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->domains[i].domid == domid)
            return &f->domains[i];
    fail_msg("a call for domain %u, which is not there", domid);
    return NULL;
}

static inline bool fake_read(struct actuator *a, struct host_view *view, struct error *err)
{
    struct fake *f = (struct fake *)a;

    if (fake_fails(f, "read", err))
        return false;
    *view = (struct host_view){.now_ns = f->now_ns,
                               .total_kib = 16 * GIB,
                               .free_kib = f->free_kib,
                               .count = f->count,
                               .domains = f->domains};
    return true;
}

/* Writes the call down, as "cap 5 525312" in KiB. */
static inline bool fake_call(struct actuator *a, const char *call, uint16_t domid, uint64_t kib,
                             struct error *err)
{
    struct fake *f = (struct fake *)a;
    bool is_failing = fake_fails(f, call, err);
    char line[80];

    (void)snprintf(line, sizeof line, "%s %u %" PRIu64 "%s\n", call, domid, kib,
                   is_failing ? " fails" : "");
    fake_write(f->log, line);
    return !is_failing;
}

static inline bool fake_cap(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    if (!fake_call(a, "cap", domid, kib, err))
        return false;
    fake_domain((struct fake *)a, domid)->max_kib = kib;
    return true;
}

static inline bool fake_claim(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    struct host_domain *d = fake_domain((struct fake *)a, domid);

    /* giving back does not fail */
    if (kib == 0) {
        fake_write(((struct fake *)a)->log, "claim ends\n");
        d->outstanding_kib = 0;
        return true;
    }
    if (!fake_call(a, "claim", domid, kib, err))
        return false;
    d->outstanding_kib = kib > d->tot_kib ? kib - d->tot_kib : 0;
    return true;
}

static inline bool fake_target(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    return fake_call(a, "target", domid, kib, err);
}

static inline bool fake_tell(struct actuator *a, uint16_t domid, const char *node,
                             const char *value, struct error *err)
{
    struct fake *f = (struct fake *)a;
    char line[80];

    if (fake_fails(f, "tell", err))
        return false;
    (void)snprintf(line, sizeof line, "tell %u %s %s\n", domid, node, value);
    fake_write(f->log, line);
    return true;
}

static inline void fake_decided(void *context, const struct decision *decision)
{
    struct fake *f = context;

    assert_true(f->decided < FAKE_DECISIONS);
    f->decisions[f->decided++] = *decision;
}

static inline void fake_alert(void *context, const struct vm *vm, enum reason reason)
{
    struct fake *f = context;
    char line[80];

    (void)snprintf(line, sizeof line, "%d %s\n", vm != NULL ? vm->domid : -1, reason_word(reason));
    fake_write(f->alerts, line);
}

static inline void fake_policy(void *context, const struct uuid *uuid, const char *name,
                               struct policy *out)
{
    (void)uuid;
    (void)name;
    *out = ((struct fake *)context)->policy;
}

/* A host with 8 GiB free, an engine that is on, and no domain but dom0. */
static inline void fake_begin(struct fake *f)
{
    static const struct actuator_ops ops = {"fake",     fake_read,   fake_cap,
                                            fake_claim, fake_target, fake_tell};
    struct error err;

    *f = (struct fake){.actuator = {&ops}, .now_ns = NOW, .free_kib = 8 * GIB};
    policy_init(&f->policy);
    f->policy.kind = POLICY_DEMAND;
    f->policy.floor_kib = FLOOR;
    f->policy.ceiling_kib = CEILING;
    f->domains[f->count++] = domain_of(0, GIB);
    assert_ok(engine_init(&f->engine, &f->actuator, &err));
    f->engine.rules.mode = MODE_ON;
    f->engine.rules.pool_least_kib = 4;
    f->engine.policies = (struct policy_source){fake_policy, f};
    f->engine.sink =
        (struct engine_sink){.decided = fake_decided, .alert = fake_alert, .context = f};
}

static inline void fake_end(struct fake *f)
{
    engine_clear(&f->engine);
}

/* Reads, plans and acts at that time; the log begins anew. */
static inline void fake_run(struct fake *f, int64_t at_ns)
{
    const struct cause cause = {.kind = CAUSE_TICK, .number = 9};
    struct error err;

    f->now_ns = at_ns;
    f->log[0] = '\0';
    f->decided = 0;
    assert_ok(engine_run(&f->engine, &cause, &err));
}

/* A domain of this size appears, the engine sees it, and xenstore tells of it. */
static inline struct vm *fake_add(struct fake *f, unsigned domid, uint64_t kib)
{
    struct vm_facts facts = facts_of(domid, kib);

    assert_true(f->count < FAKE_DOMAINS);
    f->domains[f->count++] = domain_of(domid, kib);
    fake_run(f, f->now_ns);
    engine_facts(&f->engine, (uint16_t)domid, &facts, f->now_ns);
    return engine_find(&f->engine, (uint16_t)domid);
}

/* The guest's text arrives. Its current is what it has. */
static inline void fake_say(struct fake *f, unsigned domid, uint64_t available_kib, int64_t at_ns)
{
    uint64_t kib = fake_domain(f, (uint16_t)domid)->tot_kib;
    char text[FIGURES_TEXT_MAX];
    int length = snprintf(text, sizeof text,
                          "v=1 seq=1 up=%" PRId64 " cur=%" PRIu64 " tot=%" PRIu64
                          " free=0 avail=%" PRIu64 " cached=0 swtot=%" PRIu64
                          " swfree=0 commit=0 swin=0 swout=0 refault=0 majfault=0 oom=0 "
                          "psome=0 pfull=0 flags=bp",
                          at_ns / MS, kib, kib, available_kib, f->swap_kib);

    engine_record(&f->engine, (uint16_t)domid, text, (size_t)length, at_ns);
}

#endif
