/*
 * metrics.c - /metrics: what VMs hold and have used; metrics_*.c have the rest.
 */
#include "serve/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "serve/metrics_impl.h"
#include "serve/totals.h"

/* ---- VMs, by uuid ---- */

static size_t place_of(const struct metrics *m, const struct uuid *vm)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(&m->vms[middle].vm, vm, sizeof *vm) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct vm_metric *metrics_find(struct metrics *m, const struct uuid *vm)
{
    size_t at = place_of(m, vm);

    return at < m->count && uuid_is_equal(&m->vms[at].vm, vm) ? &m->vms[at] : NULL;
}

/* They come in this order, so that it is the last place. */
static struct vm_metric *add_vm(struct metrics *m, const struct uuid *vm, struct error *err)
{
    size_t at = place_of(m, vm);

    if (m->vms == NULL || m->count == m->room) {
        size_t room = m->room * 2 + 64;
        struct vm_metric *larger = realloc(m->vms, room * sizeof *larger);

        if (larger == NULL) {
            (void)error_set(err, ERR_NOMEM, "not enough memory for %zu VMs", room);
            return NULL;
        }
        m->vms = larger;
        m->room = room;
    }
    if (at < m->count)
        memmove(&m->vms[at + 1], &m->vms[at], (m->count - at) * sizeof *m->vms);
    m->count++;
    m->vms[at] = (struct vm_metric){.vm = *vm,
                                    .name = vm_names_find(&m->names, vm),
                                    .target_kib = EXPOSITION_NONE,
                                    .need_kib = EXPOSITION_NONE,
                                    .grown = EXPOSITION_NONE,
                                    .shrunk = EXPOSITION_NONE,
                                    .reversals = EXPOSITION_NONE,
                                    .hostile = EXPOSITION_NONE};
    return &m->vms[at];
}

struct labels metrics_vm_labels(const struct vm_metric *vm)
{
    struct labels labels = {.length = 0};
    char text[UUID_TEXT_MAX];

    labels_add(&labels, "vm", uuid_format(&vm->vm, text));
    labels_add(&labels, "name", vm->name);
    return labels;
}

/* ---- reading ---- */

/* Those that are there now, and billed: others are counters of the past. */
static bool take_held(void *self, const char *const *v, struct error *err)
{
    struct metrics *m = self;
    struct uuid vm;

    if (!uuid_parse(v[0], strlen(v[0]), &vm))
        return error_set(err, ERR_STORE, "'%.40s' is no uuid of a VM", v[0]);
    if (reader_number(v[3]) != 1)
        return true;
    struct vm_metric *metric = metrics_find(m, &vm);

    if (metric == NULL && m->count == METRICS_VMS_MAX) {
        m->left_out++;
        return true;
    }
    if (metric == NULL && (metric = add_vm(m, &vm, err)) == NULL)
        return false;
    if (reader_number(v[5]) == 1) {
        metric->kib += reader_number(v[4]);
        metric->is_held = true;
    }
    return true;
}

static bool add_used(void *self, const struct uuid *vm, usage_kib_ns used, struct error *err)
{
    struct vm_metric *metric = metrics_find(self, vm);

    return metric == NULL || usage_add(&metric->used, used) ||
           error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
}

/* ---- writing ---- */

enum { ALLOCATED, TARGET, DEMAND, GROWTHS, SHRINKS, REVERSALS, HOSTILE, VM_FAMILIES };

static const struct exposition_family vm_families[VM_FAMILIES] = {
    [ALLOCATED] = {"pagemeter_vm_allocated_bytes", "bytes", "Memory that a VM holds.", FORM_BYTES,
                   false},
    [TARGET] = {"pagemeter_vm_target_bytes", "bytes", "What memory on demand lets a VM have.",
                FORM_BYTES, false},
    [DEMAND] = {"pagemeter_vm_demand_bytes", "bytes", "What a VM needs, by its own figures.",
                FORM_BYTES, false},
    [GROWTHS] = {"pagemeter_vm_balloon_growths", "", "Times that memory on demand gave it more.",
                 FORM_NUMBER, true},
    [SHRINKS] = {"pagemeter_vm_balloon_shrinks", "", "Times that memory on demand took some back.",
                 FORM_NUMBER, true},
    [REVERSALS] = {"pagemeter_vm_balloon_reversals", "",
                   "Times that it was shrunk after it had grown, or the other way round.",
                   FORM_NUMBER, true},
    [HOSTILE] = {"pagemeter_vm_balloon_hostile_records", "",
                 "Records of the guest that were not believed.", FORM_NUMBER, true},
};

static const struct exposition_family vm_refusals = {
    "pagemeter_vm_balloon_refusals", "",
    "Times that it wanted to grow and, from then on, might not.", FORM_NUMBER, true};
static const struct exposition_family vm_alerts = {"pagemeter_vm_balloon_alerts", "",
                                                   "Troubles with it that a person was told of.",
                                                   FORM_NUMBER, true};
static const struct exposition_family used_family = {
    "pagemeter_vm_used_kib_seconds", "kib_seconds",
    "Memory times time that was billed, of all lives of a VM.", FORM_NUMBER, true};
static const struct exposition_family count_families[] = {
    {"pagemeter_vms", "", "VMs that are there and billed.", FORM_NUMBER, false},
    {"pagemeter_vms_left_out", "", "Those of them that have no metrics of their own here.",
     FORM_NUMBER, false},
};

/* Exact: what has come together, to the KiB*ns. */
static void put_used(struct metrics *m, const struct exposition_rows *rows)
{
    exposition_begin(m->a->out, &used_family);
    for (size_t i = 0; i < m->count; i++) {
        char text[USAGE_TEXT_MAX];

        exposition_name(m->a->out, &used_family, rows->list[i].labels);
        (void)fprintf(m->a->out, "%s.%09d\n", usage_format(m->vms[i].used / NS_PER_S, text),
                      (int)(m->vms[i].used % NS_PER_S));
    }
}

static bool put_counts(struct metrics *m, struct error *err)
{
    const struct labels none = {.length = 0};
    struct exposition_rows rows = {0};
    struct exposition_row *row = exposition_add(&rows, &none, err);

    if (row == NULL)
        return false;
    row->values[0] = (int64_t)m->count + m->left_out;
    row->values[1] = m->left_out;
    exposition_put(m->a->out, count_families, 2, &rows);
    exposition_clear(&rows);
    return true;
}

static bool make_rows(const struct metrics *m, struct exposition_rows *rows, struct error *err)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct vm_metric *v = &m->vms[i];
        const struct labels labels = metrics_vm_labels(v);
        struct exposition_row *row = exposition_add(rows, &labels, err);

        if (row == NULL)
            return false;
        if (v->is_held)
            row->values[ALLOCATED] = v->kib;
        row->values[TARGET] = v->target_kib;
        row->values[DEMAND] = v->need_kib;
        row->values[GROWTHS] = v->grown;
        row->values[SHRINKS] = v->shrunk;
        row->values[REVERSALS] = v->reversals;
        row->values[HOSTILE] = v->hostile;
    }
    return true;
}

static bool put_vms(struct metrics *m, struct error *err)
{
    struct exposition_rows rows = {0};
    bool has_balloon = m->a->reader->balloon != NULL;
    bool is_ok = make_rows(m, &rows, err);

    if (is_ok) {
        exposition_put(m->a->out, vm_families, has_balloon ? VM_FAMILIES : ALLOCATED + 1, &rows);
        put_used(m, &rows);
    }
    if (is_ok && has_balloon) {
        exposition_put(m->a->out, &vm_refusals, 1, &m->vm_refusals);
        exposition_put(m->a->out, &vm_alerts, 1, &m->vm_alerts);
    }
    exposition_clear(&rows);
    return is_ok && put_counts(m, err);
}

static bool put_all(struct metrics *m, struct error *err)
{
    const struct totals_reader totals = {add_used, m};
    struct error why;

    if (!answer_names(m->a, INT64_MAX, &m->names, err) ||
        !answer_ask(m->a, "held", NULL, &(struct reader_sink){take_held, m}, err) ||
        !totals_read(m->a->reader->measured, m->a->request->now_utc_ns, &totals, err))
        return false;
    bool is_readable = metrics_read_balloon(m, &why);

    if (!is_readable)
        log_event(LOG_LEVEL_WARNING, "what memory on demand keeps is not told: %s", why.text);
    if (!put_vms(m, err) || !metrics_put_meter(m, err) ||
        !metrics_put_balloon(m, is_readable, err) || !metrics_put_ship(m, err))
        return false;
    (void)fputs("# EOF\n", m->a->out);
    return true;
}

bool answer_metrics(const struct answering *a, struct error *err)
{
    struct metrics m = {.a = a};
    bool is_ok = put_all(&m, err);

    vm_names_clear(&m.names);
    exposition_clear(&m.vm_refusals);
    exposition_clear(&m.vm_alerts);
    free(m.vms);
    return is_ok;
}
