#include "balloon/operator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/units.h"

#define ASK_EVERY_NS NS_PER_S

/* ---- what was stored ---- */

/* Settings that are no part of policy_set: an operator's switch, of a VM or of the host. */
static const char stopped_key[] = "stopped", draining_key[] = "draining", yes[] = "yes";

static bool load_host(struct operator_state *op, const struct balloon_setting *s)
{
    bool is_yes = strcmp(s->value, yes) == 0;

    if (strcmp(s->key, stopped_key) == 0)
        op->is_stopped = is_yes;
    else if (strcmp(s->key, draining_key) == 0)
        op->engine->rules.is_draining = is_yes;
    else
        return false;
    return true;
}

static bool load_vm(struct operator_state *op, const struct balloon_setting *s)
{
    struct policy policy = *settings_find(&op->settings, &s->vm);
    struct error err;

    if (s->value[0] == '\0')
        return true;
    if (strcmp(s->key, stopped_key) == 0)
        policy.is_stopped = strcmp(s->value, yes) == 0;
    else if (!policy_set(&policy, s->key, s->value, &err))
        return false;
    return settings_put(&op->settings, &s->vm, &policy, &err);
}

bool operator_load(struct operator_state *op, struct balloon_store *store, size_t *left_out,
                   struct error *err)
{
    struct balloon_setting *list = NULL;
    struct reservation *reservations = NULL;
    size_t count = 0;

    *left_out = 0;
    if (!balloon_store_settings(store, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        *left_out += !(list[i].is_host ? load_host(op, &list[i]) : load_vm(op, &list[i]));
    free(list);
    if (!balloon_store_reservations(store, &reservations, &count, err))
        return false;
    op->reserved = count < RESERVATIONS_MAX ? count : RESERVATIONS_MAX;
    *left_out += count - op->reserved;
    if (op->reserved > 0)
        memcpy(op->reservations, reservations, op->reserved * sizeof *reservations);
    free(reservations);
    return true;
}

void operator_clear(struct operator_state *op)
{
    settings_clear(&op->settings);
}

void operator_find_policy(void *context, const struct uuid *uuid, const char *name,
                          struct policy *out)
{
    const struct operator_state *op = context;

    (void)name;
    *out = *settings_find(&op->settings, uuid);
}

/* ---- reservations ---- */

static bool is_for(const struct reservation *r, const struct vm *vm)
{
    static const struct uuid none;

    if (!uuid_is_equal(&r->uuid, &none))
        return uuid_is_equal(&r->uuid, &vm->uuid);
    return strcmp(r->name, vm->facts.name) == 0;
}

/* What the domain holds, or was promised by its builder's claim or cap. */
static uint64_t filled_kib(const struct operator_state *op, const struct reservation *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < op->engine->count; i++) {
        const struct vm *vm = &op->engine->vms[i];

        if (is_for(r, vm))
            sum += vm->domain.tot_kib + ledger_promise_kib(&vm->domain, &op->engine->rules.ledger);
    }
    return sum;
}

static void end_reservation(struct operator_state *op, size_t index, const char *why,
                            int64_t utc_ns)
{
    (void)journal_take_reservation(op->journal, &op->reservations[index], true, why, utc_ns);
    op->reservations[index] = op->reservations[--op->reserved];
}

void operator_refresh(struct operator_state *op, int64_t utc_ns)
{
    struct host_rules *rules = &op->engine->rules;
    uint64_t open = 0;

    for (size_t i = op->reserved; i-- > 0;) {
        struct reservation *r = &op->reservations[i];

        r->filled_kib = filled_kib(op, r);
        if (r->filled_kib >= r->size_kib)
            end_reservation(op, i, "filled", utc_ns);
        else if (r->expires_ns <= utc_ns)
            end_reservation(op, i, "expired", utc_ns);
    }
    for (size_t i = 0; i < op->reserved; i++)
        open += op->reservations[i].size_kib - op->reservations[i].filled_kib;
    op->engine->surplus_kib -= (int64_t)open - (int64_t)rules->ledger.reserved_kib;
    rules->ledger.reserved_kib = open;
    rules->is_stopped = op->is_stopped || op->rival != NULL;
}

static bool find_reservation(const struct operator_state *op, const char *word, size_t *index)
{
    char uuid[UUID_TEXT_MAX];

    for (*index = 0; *index < op->reserved; (*index)++) {
        const struct reservation *r = &op->reservations[*index];

        if (strcmp(word, r->name) == 0 || strcmp(word, uuid_format(&r->uuid, uuid)) == 0)
            return true;
    }
    return false;
}

static bool reserve(struct operator_state *op, const struct request *request, uint64_t *ticket,
                    struct error *err)
{
    int64_t utc_ns = clock_utc().ns, surplus = op->engine->surplus_kib;
    struct reservation r = {.size_kib = request->size_kib, .expires_ns = utc_ns + request->ttl_ns};
    size_t index = 0;
    bool is_again = find_reservation(op, request->vm, &index);
    char size[SIZE_TEXT_MAX];

    if (is_again)
        surplus += (int64_t)(op->reservations[index].size_kib - op->reservations[index].filled_kib);
    if (surplus < (int64_t)r.size_kib)
        return error_set(
            err, ERR_REFUSED,
            "refused: the host can promise %s now. `balloon drain` takes back what VMs "
            "do not need",
            number_format_size(surplus > 0 ? (uint64_t)surplus : 0, size));
    if (!is_again && op->reserved == RESERVATIONS_MAX)
        return error_set(err, ERR_REFUSED, "there are %d reservations already: give one up first",
                         RESERVATIONS_MAX);
    if (!uuid_parse(request->vm, strlen(request->vm), &r.uuid))
        (void)snprintf(r.name, sizeof r.name, "%s", request->vm);
    op->reservations[is_again ? index : op->reserved++] = r;
    *ticket = journal_take_reservation(op->journal, &r, false, request->who, utc_ns);
    operator_refresh(op, utc_ns);
    return true;
}

static bool unreserve(struct operator_state *op, const struct request *request, uint64_t *ticket,
                      struct error *err)
{
    size_t index;

    if (!find_reservation(op, request->vm, &index))
        return error_set(err, ERR_REFUSED, "nothing is reserved for %.60s", request->vm);
    *ticket = journal_take_reservation(op->journal, &op->reservations[index], true, request->who,
                                       clock_utc().ns);
    op->reservations[index] = op->reservations[--op->reserved];
    operator_refresh(op, clock_utc().ns);
    return true;
}

/* ---- settings ---- */

static uint64_t keep(struct operator_state *op, const struct uuid *vm, const char *key,
                     const char *value, const char *who)
{
    struct balloon_setting s = {.is_host = vm == NULL};

    if (vm != NULL)
        s.vm = *vm;
    (void)snprintf(s.key, sizeof s.key, "%s", key);
    (void)snprintf(s.value, sizeof s.value, "%s", value);
    return journal_take_setting(op->journal, &s, who, clock_utc().ns);
}

/* A VM that runs, by any of its names; or one that does not, by its uuid. */
static bool find_uuid(const struct operator_state *op, const char *word, struct uuid *uuid,
                      struct vm **vm, struct error *err)
{
    size_t index;

    *vm = NULL;
    if (request_resolve(op->engine->vms, op->engine->count, word, &index, err)) {
        *vm = &op->engine->vms[index];
        *uuid = (*vm)->uuid;
        return true;
    }
    return uuid_parse(word, strlen(word), uuid);
}

/* Admission: all floors and the hard reserve fit the host. */
static bool check_floors(const struct operator_state *op, const struct uuid *uuid,
                         const struct policy *policy, struct error *err)
{
    const struct engine *e = op->engine;
    uint64_t floors = ledger_hard_reserve_kib(&e->rules.ledger, e->host.total_kib);
    bool has_dom0 = e->host.count > 0 && e->host.domains[0].domid == 0;
    char size[SIZE_TEXT_MAX];

    if (has_dom0)
        floors += e->host.domains[0].tot_kib;
    for (size_t i = 0; i < e->count; i++) {
        const struct vm *vm = &e->vms[i];
        bool is_it = uuid_is_equal(&vm->uuid, uuid);
        const struct policy *p = is_it ? policy : &vm->policy;

        if (p->kind != POLICY_FIXED && p->floor_kib != 0)
            floors += p->floor_kib;
        else
            floors += vm->domain.tot_kib < vm_floor_kib(vm) || p->kind == POLICY_FIXED
                          ? vm->domain.tot_kib
                          : vm_floor_kib(vm);
    }
    if (floors <= e->host.total_kib || e->host.total_kib == 0)
        return true;
    return error_set(err, ERR_REFUSED,
                     "the floors of all VMs and the host's reserve would come to %s, more than the "
                     "host has",
                     number_format_size(floors, size));
}

/* What the VM really has as limits, where the policy leaves one open. */
static bool check_ratio(const struct vm *vm, const struct policy *policy, bool is_forced,
                        struct error *err)
{
    struct policy whole = *policy;

    if (vm != NULL && whole.kind != POLICY_FIXED) {
        struct vm as_if = *vm;

        as_if.policy = *policy;
        if (whole.ceiling_kib == 0)
            whole.ceiling_kib = vm->facts.static_max_kib;
        if (whole.floor_kib == 0 && whole.ceiling_kib != 0)
            whole.floor_kib = vm_floor_kib(&as_if);
    }
    return policy_check(&whole, is_forced, err);
}

/* Without swap there is no swap-in to grow by: the only evidence would be the OOM kill. */
static bool check_swap(const struct vm *vm, const struct policy *policy, struct error *err)
{
    if (policy->kind != POLICY_SWAP || vm == NULL || vm->last_ns == 0 || vm->is_fallback ||
        vm->last.swap_total_kib > 0)
        return true;
    return error_set(err, ERR_REFUSED,
                     "policy swap needs a guest with swap, and this one has none: give it some, or "
                     "use policy demand");
}

static void reload(struct operator_state *op, struct vm *vm)
{
    engine_reload(op->engine, op->engine->host.now_ns);
    if (vm != NULL)
        vm_restart(vm, op->engine->host.now_ns);
}

static bool set(struct operator_state *op, const struct request *request, struct reply *reply,
                uint64_t *ticket, struct error *err)
{
    struct uuid uuid;
    struct vm *vm;

    if (!find_uuid(op, request->vm, &uuid, &vm, err))
        return false;
    struct policy policy = *settings_find(&op->settings, &uuid);

    for (size_t i = 0; i < request->count; i++)
        if (!policy_set(&policy, request->pairs[i].key, request->pairs[i].value, err))
            return false;
    if (!check_ratio(vm, &policy, request->is_forced, err) ||
        !check_floors(op, &uuid, &policy, err) || !check_swap(vm, &policy, err))
        return false;
    for (size_t i = 0; i < request->count; i++) {
        *ticket = keep(op, &uuid, request->pairs[i].key, request->pairs[i].value, request->who);
        if (*ticket == 0 && i == 0)
            return error_set(
                err, ERR_RETRY,
                "nothing is changed, since it could not be stored: is the disk full, or "
                "does it hang?");
    }
    if (!settings_put(&op->settings, &uuid, &policy, err))
        return false;
    reload(op, vm);
    if (policy_warning(&policy) != NULL) {
        reply_begin(reply, "warning");
        reply_word(reply, "text", policy_warning(&policy));
        reply_end(reply);
    }
    return true;
}

static bool switch_vm(struct operator_state *op, const struct request *request, bool is_stopped,
                      uint64_t *ticket, struct error *err)
{
    struct uuid uuid;
    struct vm *vm;

    if (!find_uuid(op, request->vm, &uuid, &vm, err))
        return false;
    struct policy policy = *settings_find(&op->settings, &uuid);

    policy.is_stopped = is_stopped;
    if (!settings_put(&op->settings, &uuid, &policy, err))
        return false;
    *ticket = keep(op, &uuid, stopped_key, is_stopped ? yes : "", request->who);
    reload(op, is_stopped ? NULL : vm);
    return true;
}

static bool switch_host(struct operator_state *op, const struct request *request, bool is_stopped,
                        uint64_t *ticket)
{
    op->is_stopped = is_stopped;
    *ticket = keep(op, NULL, stopped_key, is_stopped ? yes : "", request->who);
    if (!is_stopped && op->engine->rules.is_draining) {
        op->engine->rules.is_draining = false;
        *ticket = keep(op, NULL, draining_key, "", request->who);
    }
    operator_refresh(op, clock_utc().ns);
    return true;
}

static bool drain(struct operator_state *op, const struct request *request, bool is_draining,
                  uint64_t *ticket)
{
    op->engine->rules.is_draining = is_draining;
    *ticket = keep(op, NULL, draining_key, is_draining ? yes : "", request->who);
    return true;
}

/* ---- requests ---- */

static void list(struct operator_state *op, struct reply *reply)
{
    report_host(reply, op->engine, op->engine->host.now_ns);
    report_reservations(reply, op->reservations, op->reserved, clock_utc().ns);
    for (size_t i = 0; i < op->engine->count; i++)
        report_vm(reply, op->engine, &op->engine->vms[i], op->engine->host.now_ns);
}

static bool explain(struct operator_state *op, const struct request *request, struct reply *reply,
                    struct error *err)
{
    struct decision decisions[RECENT_OF_VM_MAX];
    size_t index;

    if (!request_resolve(op->engine->vms, op->engine->count, request->vm, &index, err))
        return false;
    const struct vm *vm = &op->engine->vms[index];
    size_t count = recent_of(op->recent, &vm->uuid, decisions, RECENT_OF_VM_MAX);

    report_explain(reply, op->engine, vm, decisions, count, op->engine->host.now_ns);
    return true;
}

bool operator_serve(void *context, const struct request *request, struct reply *reply,
                    uint64_t *ticket, struct error *err)
{
    struct operator_state *op = context;

    switch (request->verb) {
    case REQUEST_LIST:
        list(op, reply);
        return true;
    case REQUEST_HOST:
        report_host(reply, op->engine, op->engine->host.now_ns);
        return true;
    case REQUEST_EXPLAIN:
        return explain(op, request, reply, err);
    case REQUEST_SET:
        return set(op, request, reply, ticket, err);
    case REQUEST_STOP:
    case REQUEST_START:
        return request->vm != NULL
                   ? switch_vm(op, request, request->verb == REQUEST_STOP, ticket, err)
                   : switch_host(op, request, request->verb == REQUEST_STOP, ticket);
    case REQUEST_DRAIN:
    case REQUEST_UNDRAIN:
        return drain(op, request, request->verb == REQUEST_DRAIN, ticket);
    case REQUEST_RESERVE:
        return reserve(op, request, ticket, err);
    case REQUEST_UNRESERVE:
        return unreserve(op, request, ticket, err);
    }
    return error_set(err, ERR_USAGE, "no such request");
}

enum ticket_state operator_ticket(void *context, uint64_t ticket)
{
    const struct operator_state *op = context;

    return journal_ticket(op->journal, ticket);
}

/* ---- guests ---- */

static enum ask_result do_ask(struct operator_state *op, struct vm *vm, const struct ask *ask,
                              enum ask_reason *reason)
{
    struct policy policy = *settings_find(&op->settings, &vm->uuid);
    struct ask_limits limits = {.floor_kib = vm_floor_kib(vm),
                                .ceiling_kib = vm_ceiling_kib(vm),
                                .kept_kib = vm_may_give(vm) ? 0 : vm->target_kib,
                                .has_swap = vm->last.swap_total_kib > 0,
                                .is_stopped = policy.is_stopped || op->engine->rules.is_stopped};
    struct error err;
    char size[SIZE_TEXT_MAX];

    if (ask_apply(ask, &limits, &policy, reason) != ASK_OK)
        return ASK_REFUSED;
    *reason = ASK_REASON_FAILED;
    bool is_size = ask->kind == ASK_SIZE;
    const struct policy *before = settings_find(&op->settings, &vm->uuid);
    bool is_new = before->kind != policy.kind || before->size_kib != policy.size_kib;

    if (is_new &&
        (keep(op, &vm->uuid, is_size ? "size" : "policy",
              is_size ? number_format_size(policy.size_kib, size) : policy_kind_name(policy.kind),
              "guest") == 0 ||
         !settings_put(&op->settings, &vm->uuid, &policy, &err)))
        return ASK_REFUSED;
    engine_reload(op->engine, op->engine->host.now_ns);
    *reason = ASK_REASON_NONE;
    if (is_size && policy.size_kib > vm->target_kib &&
        op->engine->surplus_kib < (int64_t)(policy.size_kib - vm->target_kib)) {
        *reason = ASK_REASON_NO_SURPLUS;
        return ASK_LATER;
    }
    return ASK_OK;
}

const char *operator_ask(struct operator_state *op, struct vm *vm, const char *text, size_t length,
                         int64_t now_ns, char out[ASK_ANSWER_MAX])
{
    enum ask_reason reason = ASK_REASON_NONE;
    struct ask ask;
    struct error err;

    if (length == 0)
        return NULL;
    if (!ask_parse(text, length, &ask, &err)) {
        engine_disbelieve(op->engine, vm);
        return ask_answer(0, ASK_REFUSED, ASK_REASON_MALFORMED, out);
    }
    bool is_old = ask.seq == vm->asked_seq || vm->is_from_before;

    vm->is_from_before = false;
    if (is_old) {
        vm->asked_seq = ask.seq;
        return NULL;
    }
    vm->asked_seq = ask.seq;
    if (vm->asked_ns != 0 && now_ns - vm->asked_ns < ASK_EVERY_NS)
        return ask_answer(ask.seq, ASK_REFUSED, ASK_REASON_BUSY, out);
    vm->asked_ns = now_ns;

    enum ask_result result = do_ask(op, vm, &ask, &reason);

    return ask_answer(ask.seq, result, reason, out);
}
