#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void rig_die(const struct error *err)
{
    (void)fprintf(stderr, "sim: %s\n", err->text);
    exit(3);
}

void rig_open(struct rig *rig)
{
    struct error err;

    memset(rig, 0, sizeof *rig);
    if (!sim_world_init(&rig->world, RIG_VMS_MAX, &err))
        rig_die(&err);
    rig->checker.where = "";
    rig->checker.watched = calloc(RIG_VMS_MAX, sizeof *rig->checker.watched);
    rig->checker.scratch = calloc(RIG_VMS_MAX + 1, sizeof *rig->checker.scratch);
    if (rig->checker.watched == NULL || rig->checker.scratch == NULL)
        rig_die(&(struct error){ERR_NOMEM, "no memory for the rig"});
}

static void end_engine(struct rig *rig)
{
    if (rig->has_engine)
        engine_clear(&rig->engine);
    rig->has_engine = false;
}

void rig_close(struct rig *rig)
{
    end_engine(rig);
    sim_world_clear(&rig->world);
    free(rig->checker.watched);
    free(rig->checker.scratch);
}

void rig_begin(struct rig *rig, uint64_t total_kib, uint64_t dom0_kib)
{
    end_engine(rig);
    sim_world_reset(&rig->world, total_kib, dom0_kib, dom0_kib);
    rig->order_count = 0;
}

size_t rig_add(struct rig *rig, const struct sim_birth_form *form, const struct policy *policy,
               const struct sim_step *steps, size_t count)
{
    size_t i = rig->world.count;
    struct sim_birth_form own = *form;

    for (size_t k = 0; k < count; k++) {
        rig->steps[i][k] = steps[k];
        rig->steps[i][k].at_ns += RIG_BEGIN_NS;
    }
    own.program.steps = rig->steps[i];
    own.program.count = count;
    rig->policies[i] = *policy;
    return sim_world_add(&rig->world, &own, true);
}

void rig_order(struct rig *rig, double at_s, enum sim_order_kind kind, size_t guest, uint64_t kib)
{
    struct sim_order order = {RIG_BEGIN_NS + (int64_t)(at_s * 1e9), kind, guest, kib};
    size_t i = rig->order_count++;

    for (; i > 0 && rig->orders[i - 1].at_ns > order.at_ns; i--)
        rig->orders[i] = rig->orders[i - 1];
    rig->orders[i] = order;
    if (kind == ORDER_BUILD || kind == ORDER_BUILD_BARE)
        rig->world.guests[guest].life = LIFE_NONE;
}

static void find_policy(void *context, const struct uuid *uuid, const char *name,
                        struct policy *out)
{
    const struct rig *rig = context;

    (void)name;
    *out = rig->policies[uuid->bytes[14] << 8 | uuid->bytes[15]];
}

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x100000001b3) + (*hash >> 29);
}

static void decided(void *context, const struct decision *d)
{
    struct rig *rig = context;
    uint64_t *log = &rig->log_of[d->domid == 0 ? RIG_VMS_MAX - 1 : d->domid - 1];

    rig->decisions++;
    rig->decided[d->action.reason]++;
    mix(log, (uint64_t)d->at_ns);
    mix(log, (uint64_t)d->action.kind << 8 | (uint64_t)d->action.reason);
    mix(log, d->action.target_kib);
    mix(log, d->action.cap_kib);
    mix(log, d->action.claim_kib);
    if (rig->trace != NULL)
        rig->trace(d);
}

static void alert(void *context, const struct vm *vm, enum reason reason)
{
    struct rig *rig = context;

    (void)vm;
    rig->alerts[reason]++;
}

void rig_start(struct rig *rig)
{
    struct error err;

    rig->world.orders = rig->orders;
    rig->world.order_count = rig->order_count;
    checker_begin(&rig->checker, &rig->world, &rig->engine, rig->policies);
    if (!engine_init(&rig->engine, &rig->checker.actuator, &err))
        rig_die(&err);
    rig->has_engine = true;
    rig->engine.rules.mode = MODE_ON;
    rig->engine.policies = (struct policy_source){find_policy, rig};
    rig->engine.sink = (struct engine_sink){.decided = decided, .alert = alert, .context = rig};
    rig->run = (struct sim_run){.world = &rig->world,
                                .controller = &rig->checker.controller,
                                .watch = checker_watch,
                                .context = &rig->checker};
    memset(rig->decided, 0, sizeof rig->decided);
    memset(rig->alerts, 0, sizeof rig->alerts);
    memset(rig->log_of, 0, sizeof rig->log_of);
    rig->decisions = 0;
}

void rig_until(struct rig *rig, double seconds)
{
    struct error err;

    if (!sim_run_until(&rig->run, RIG_BEGIN_NS + (int64_t)(seconds * 1e9), &err))
        rig_die(&err);
}
