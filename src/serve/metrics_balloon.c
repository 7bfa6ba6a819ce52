/*
 * metrics_balloon.c - memory on demand, from balloon.db: what VMs said last, and what was counted.
 */
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/units.h"
#include "serve/metrics_impl.h"
#include "store/balloon_tally.h"

/* A figure that is older says nothing of now. */
#define FIGURE_NS (INT64_C(60) * 1000000000)

static const struct exposition_family readable = {
    "pagemeter_balloon_readable", "",
    "1: what memory on demand keeps can be read. The metrics of it are missing otherwise.",
    FORM_NUMBER, false};

/* ---- of VMs ---- */

static bool take_latest(void *self, const struct balloon_latest *latest, struct error *err)
{
    struct vm_metric *vm = metrics_find(self, &latest->vm);

    (void)err;
    if (vm == NULL)
        return true;
    vm->target_kib = (int64_t)latest->target_kib;
    vm->need_kib = (int64_t)latest->need_kib;
    return true;
}

static void count_from(int64_t *counter)
{
    if (*counter == EXPOSITION_NONE)
        *counter = 0;
}

/* Refusals and alerts: a row each, since a VM has few of them. */
static bool add_reason(struct exposition_rows *rows, const struct vm_metric *vm,
                       const struct balloon_total *t, struct error *err)
{
    struct labels labels = metrics_vm_labels(vm);

    labels_add(&labels, "reason", t->reason);
    struct exposition_row *row = exposition_add(rows, &labels, err);

    if (row != NULL)
        row->values[0] = t->total;
    return row != NULL;
}

static bool take_vm_total(void *self, const struct balloon_total *t, struct error *err)
{
    struct metrics *m = self;
    struct vm_metric *vm = t->is_host ? NULL : metrics_find(m, &t->vm);

    if (vm == NULL)
        return true;
    count_from(&vm->grown);
    count_from(&vm->shrunk);
    count_from(&vm->reversals);
    count_from(&vm->hostile);
    if (strcmp(t->what, "refusal") == 0)
        return add_reason(&m->vm_refusals, vm, t, err);
    if (strcmp(t->what, "alert") == 0)
        return add_reason(&m->vm_alerts, vm, t, err);
    if (strcmp(t->what, "hostile") == 0)
        vm->hostile += t->total;
    else if (strcmp(t->what, "reversal") == 0)
        vm->reversals += t->total;
    else if (strcmp(t->failure, "-") == 0 && strcmp(t->action, "grow") == 0)
        vm->grown += t->total;
    else if (strcmp(t->failure, "-") == 0 && strcmp(t->action, "shrink") == 0)
        vm->shrunk += t->total;
    return true;
}

bool metrics_read_balloon(struct metrics *m, struct error *err)
{
    const struct balloon_latest_reader latest = {take_latest, m};
    const struct balloon_totals_reader totals = {take_vm_total, m};
    struct balloon_store *store = m->a->reader->balloon;

    return store == NULL ||
           (balloon_store_latest(store, m->a->request->now_utc_ns - FIGURE_NS, &latest, err) &&
            balloon_store_totals(store, BALLOON_TOTALS_OF_VMS, &totals, err));
}

/* ---- of the host ---- */

enum { DECISIONS, REFUSALS, ALERTS, REVERSALS, HOSTILE, LOST, OF_HOST };

static const struct exposition_family of_host[OF_HOST] = {
    [DECISIONS] = {"pagemeter_balloon_decisions", "",
                   "Decisions of memory on demand, of all VMs that ever were: what was to be done, "
                   "why, and what came of it.",
                   FORM_NUMBER, true},
    [REFUSALS] = {"pagemeter_balloon_refusals", "",
                  "Times that a VM wanted to grow and, from then on, might not.", FORM_NUMBER,
                  true},
    [ALERTS] = {"pagemeter_balloon_alerts", "", "Troubles that a person was told of.", FORM_NUMBER,
                true},
    [REVERSALS] = {"pagemeter_balloon_reversals", "",
                   "Times that a VM was shrunk after it had grown, or the other way round.",
                   FORM_NUMBER, true},
    [HOSTILE] = {"pagemeter_balloon_hostile_records", "",
                 "Records of guests that were not believed.", FORM_NUMBER, true},
    [LOST] = {"pagemeter_balloon_lost_entries", "",
              "Decisions and figures that were not kept, since the disk was too slow.", FORM_NUMBER,
              true},
};

struct host_totals {
    struct exposition_rows rows[OF_HOST];
};

static bool take_host_total(void *self, const struct balloon_total *t, struct error *err)
{
    static const char *const words[OF_HOST] = {"decision", "refusal", "alert",
                                               "reversal", "hostile", "lost"};
    struct host_totals *h = self;
    struct labels labels = {.length = 0};

    for (int i = 0; i < OF_HOST; i++) {
        if (strcmp(t->what, words[i]) != 0)
            continue;
        if (i == DECISIONS)
            labels_add(&labels, "action", t->action);
        if (i < REVERSALS)
            labels_add(&labels, "reason", t->reason);
        if (i == DECISIONS)
            labels_add(&labels, "outcome", strcmp(t->failure, "-") == 0 ? "done" : t->failure);
        struct exposition_row *row = exposition_add(&h->rows[i], &labels, err);

        if (row == NULL)
            return false;
        row->values[0] = t->total;
    }
    return true;
}

/* What never happened is 0, where it has no labels that would have to be made up. */
static bool begin_at_zero(struct exposition_rows *rows, struct error *err)
{
    const struct labels none = {.length = 0};

    if (rows->count > 0)
        return true;
    struct exposition_row *row = exposition_add(rows, &none, err);

    if (row != NULL)
        row->values[0] = 0;
    return row != NULL;
}

/* ---- how long needs waited ---- */

static const struct exposition_family reaction_family = {
    "pagemeter_balloon_reaction_seconds", "seconds",
    "From the record by which a VM had less than half of its headroom until it had that again.",
    FORM_SECONDS, false};

struct reactions {
    int64_t within[REACTION_BOUNDS]; /* cumulative */
    int64_t total, ns;
};

static bool take_reaction(void *self, const struct balloon_reaction *reaction, struct error *err)
{
    struct reactions *r = self;

    (void)err;
    for (size_t i = 0; i < REACTION_BOUNDS; i++)
        if (reaction->up_to_ms != 0 && reaction->up_to_ms <= reaction_bounds_ms[i])
            r->within[i] += reaction->total;
    r->total += reaction->total;
    r->ns += reaction->ns;
    return true;
}

/* In seconds, as OpenMetrics writes numbers: 0.05, 1.0. */
static const char *format_bound(uint32_t ms, char out[16])
{
    int length = snprintf(out, 16, "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);

    while (out[length - 1] == '0' && out[length - 2] != '.')
        out[--length] = '\0';
    return out;
}

static bool put_reactions(FILE *out, struct balloon_store *store, struct error *err)
{
    const char *name = reaction_family.name;
    struct reactions r = {.total = 0};
    const struct balloon_reaction_reader reader = {take_reaction, &r};
    char bound[16];

    if (!balloon_store_reactions(store, &reader, err))
        return false;
    (void)fprintf(out, "# TYPE %s histogram\n# UNIT %s %s\n# HELP %s %s\n", name, name,
                  reaction_family.unit, name, reaction_family.help);
    for (size_t i = 0; i < REACTION_BOUNDS; i++)
        (void)fprintf(out, "%s_bucket{le=\"%s\"} %" PRId64 "\n", name,
                      format_bound(reaction_bounds_ms[i], bound), r.within[i]);
    (void)fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", name, r.total);
    (void)fprintf(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n%s_count %" PRId64 "\n", name,
                  (uint64_t)r.ns / NS_PER_S, (uint64_t)r.ns % NS_PER_S, name, r.total);
    return true;
}

bool metrics_put_balloon(struct metrics *m, bool is_readable, struct error *err)
{
    struct balloon_store *store = m->a->reader->balloon;
    struct host_totals h = {0};
    const struct balloon_totals_reader reader = {take_host_total, &h};
    struct error why;

    if (store == NULL && !m->a->reader->is_balloon_lost)
        return true;
    is_readable = is_readable && store != NULL;
    if (is_readable && !balloon_store_totals(store, BALLOON_TOTALS_OF_ALL, &reader, &why)) {
        log_event(LOG_LEVEL_WARNING, "what memory on demand keeps is not told: %s", why.text);
        is_readable = false;
    }
    exposition_begin(m->a->out, &readable);
    (void)fprintf(m->a->out, "%s %d\n", readable.name, is_readable);
    bool is_ok = !is_readable ||
                 (begin_at_zero(&h.rows[REVERSALS], err) && begin_at_zero(&h.rows[HOSTILE], err) &&
                  begin_at_zero(&h.rows[LOST], err) && put_reactions(m->a->out, store, err));

    for (int i = 0; i < OF_HOST; i++) {
        if (is_readable && is_ok)
            exposition_put(m->a->out, &of_host[i], 1, &h.rows[i]);
        exposition_clear(&h.rows[i]);
    }
    return is_ok;
}
