/*
 * metrics.c - /metrics, in OpenMetrics, for Prometheus: what VMs hold and have used, what memory on
 * demand wants for them, and how measuring and shipping go.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/answer.h"
#include "serve/metrics.h"

/* A figure that is older says nothing of now. */
#define FIGURE_NS (INT64_C(60) * 1000000000)

struct vm_metric {
    struct uuid vm;
    int64_t kib;
    usage_kib_ns used;
    bool is_held, has_figure;
    uint64_t target_kib, need_kib;
};

struct metrics {
    const struct answering *a;
    struct vm_names names;
    struct vm_metric *vms;
    size_t count, room;
    struct usage_reader usage;
};

/* A label's value: quotes, backslashes and ends of lines are escaped, as the format wants. */
void metrics_put_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\n')
            (void)fputs("\\n", out);
        else if (*text == '"' || *text == '\\')
            (void)fprintf(out, "\\%c", *text);
        else
            (void)putc(*text, out);
}

static struct vm_metric *metric_of(struct metrics *m, const struct uuid *vm)
{
    for (size_t i = m->count; i-- > 0;)
        if (uuid_is_equal(&m->vms[i].vm, vm))
            return &m->vms[i];
    if (m->count == METRICS_VMS_MAX)
        return NULL;
    if (m->count == m->room) {
        size_t room = m->room * 2 + 64;
        struct vm_metric *larger = realloc(m->vms, room * sizeof *larger);

        if (larger == NULL)
            return NULL;
        m->vms = larger;
        m->room = room;
    }
    m->vms[m->count] = (struct vm_metric){.vm = *vm};
    return &m->vms[m->count++];
}

/* Those that are there now, and billed: others are counters of the past. */
static bool take_held(void *self, const char *const *v, struct error *err)
{
    struct metrics *m = self;
    struct uuid vm;

    if (!uuid_parse(v[0], strlen(v[0]), &vm))
        return error_set(err, ERR_STORE, "'%.40s' is no uuid of a VM", v[0]);
    struct vm_metric *metric = reader_number(v[3]) == 1 ? metric_of(m, &vm) : NULL;

    if (metric != NULL && reader_number(v[5]) == 1) {
        metric->kib += reader_number(v[4]);
        metric->is_held = true;
    }
    return true;
}

static bool add_usage(struct usage_reader *reader, size_t life, const struct usage_part *part,
                      struct error *err)
{
    struct metrics *m = (struct metrics *)((char *)reader - offsetof(struct metrics, usage));

    for (size_t i = 0; i < m->count; i++)
        if (uuid_is_equal(&m->vms[i].vm, &reader->lives[life].vm) &&
            !usage_add(&m->vms[i].used, part->kib_ns))
            return error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
    return true;
}

static bool take_figure(void *self, const struct balloon_entry *entry, struct error *err)
{
    struct metrics *m = self;

    (void)err;
    for (size_t i = 0; i < m->count; i++)
        if (uuid_is_equal(&m->vms[i].vm, &entry->figure.vm)) {
            m->vms[i].has_figure = true;
            m->vms[i].target_kib = entry->figure.target_kib;
            m->vms[i].need_kib = entry->figure.need_kib;
        }
    return true;
}

static bool read_figures(struct metrics *m, struct error *err)
{
    int64_t now = m->a->request->now_utc_ns;
    struct balloon_query query = {ENTRY_FIGURE, NULL, now - FIGURE_NS, INT64_MAX};
    struct balloon_reader reader = {take_figure, m};

    return m->a->reader->balloon == NULL ||
           balloon_store_read(m->a->reader->balloon, &query, &reader, err);
}

/* ---- writing ---- */

static void begin(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void put_vm(struct metrics *m, const char *name, const struct vm_metric *v)
{
    const char *called = vm_names_find(&m->names, &v->vm);
    char vm[UUID_TEXT_MAX];

    (void)fprintf(m->a->out, "%s{vm=\"%s\",name=\"", name, uuid_format(&v->vm, vm));
    metrics_put_label(m->a->out, called != NULL ? called : "");
    (void)fputs("\"} ", m->a->out);
}

static void put_vms(struct metrics *m)
{
    FILE *out = m->a->out;

    begin(out, "pagemeter_vm_allocated_bytes", "gauge", "Memory that a VM holds.");
    for (size_t i = 0; i < m->count; i++)
        if (m->vms[i].is_held) {
            put_vm(m, "pagemeter_vm_allocated_bytes", &m->vms[i]);
            (void)fprintf(out, "%" PRId64 "\n", m->vms[i].kib * 1024);
        }
    begin(out, "pagemeter_vm_used_kib_seconds", "counter",
          "Memory times time that was billed, of all lives of a VM.");
    for (size_t i = 0; i < m->count; i++) {
        char text[USAGE_TEXT_MAX];

        put_vm(m, "pagemeter_vm_used_kib_seconds_total", &m->vms[i]);
        (void)fprintf(out, "%s.%09d\n", usage_format(m->vms[i].used / 1000000000U, text),
                      (int)(m->vms[i].used % 1000000000U));
    }
    begin(out, "pagemeter_vm_target_bytes", "gauge", "What memory on demand lets a VM have.");
    for (size_t i = 0; i < m->count; i++)
        if (m->vms[i].has_figure) {
            put_vm(m, "pagemeter_vm_target_bytes", &m->vms[i]);
            (void)fprintf(out, "%" PRIu64 "\n", m->vms[i].target_kib * 1024);
        }
    begin(out, "pagemeter_vm_demand_bytes", "gauge", "What a VM needs, by its own figures.");
    for (size_t i = 0; i < m->count; i++)
        if (m->vms[i].has_figure) {
            put_vm(m, "pagemeter_vm_demand_bytes", &m->vms[i]);
            (void)fprintf(out, "%" PRIu64 "\n", m->vms[i].need_kib * 1024);
        }
}

static bool put_host(void *self, const char *const *v, struct error *err)
{
    struct metrics *m = self;

    (void)err;
    if (v[2] != NULL && v[6] == NULL)
        (void)fprintf(m->a->out,
                      "pagemeter_meter_last_tick_seconds{host=\"%s\"} %" PRId64 ".%03d\n", v[0],
                      reader_number(v[2]) / 1000000000,
                      (int)(reader_number(v[2]) / 1000000 % 1000));
    return true;
}

static bool put_gap(void *self, const char *const *v, struct error *err)
{
    struct metrics *m = self;

    (void)err;
    (void)fprintf(m->a->out, "pagemeter_meter_gaps_total{host=\"%s\",cause=\"", v[0]);
    metrics_put_label(m->a->out, v[1]);
    (void)fprintf(m->a->out, "\"} %s\n", v[2]);
    return true;
}

static bool put_meter(struct metrics *m, struct error *err)
{
    FILE *out = m->a->out;

    begin(out, "pagemeter_meter_last_tick_seconds", "gauge",
          "When the last reading of a host was taken, Unix time.");
    if (!reader_ask(m->a->reader, "hosts", NULL, 0, &(struct reader_sink){put_host, m}, err))
        return false;
    begin(out, "pagemeter_meter_gaps", "counter", "Stretches that were not measured, by cause.");
    return reader_ask(m->a->reader, "gap_causes", NULL, 0, &(struct reader_sink){put_gap, m}, err);
}

static bool put_all(struct metrics *m, struct error *err)
{
    struct usage_query all = {.to_hour = INT64_MAX / NS_PER_HOUR + 1};

    m->usage.add = add_usage;
    if (!answer_names(m->a, &m->names, err) ||
        !reader_ask(m->a->reader, "held", NULL, 0, &(struct reader_sink){take_held, m}, err) ||
        !store_usage(m->a->reader->measured, &all, &m->usage, err) || !read_figures(m, err))
        return false;
    put_vms(m);
    if (!put_meter(m, err))
        return false;
    (void)fputs("# EOF\n", m->a->out);
    return true;
}

bool answer_metrics(const struct answering *a, struct error *err)
{
    struct metrics m = {.a = a};
    bool is_ok = put_all(&m, err);

    vm_names_clear(&m.names);
    free(m.vms);
    free(m.usage.lives);
    return is_ok;
}
