/*
 * metrics_meter.c - how measuring goes, host by host.
 */
#include <stdlib.h>

#include "serve/metrics_impl.h"
#include "version.h"

/* ---- each host ---- */

/* By the columns of sql/serve/meter.sql from the sixth on. */
static const struct exposition_family families[] = {
    {"pagemeter_meter", "", "A host, its store, and the version that measures it.", FORM_INFO,
     false},
    {"pagemeter_meter_interval_seconds", "seconds", "Between two readings, as configured.",
     FORM_SECONDS, false},
    {"pagemeter_meter_max_gap_seconds", "seconds",
     "Between readings that are further apart nothing is billed.", FORM_SECONDS, false},
    {"pagemeter_meter_last_tick_timestamp_seconds", "seconds",
     "When the last reading was taken, by the clock of the host.", FORM_SECONDS, false},
    {"pagemeter_meter_window_seconds", "seconds",
     "How long the last reading took: so uncertain is its time.", FORM_SECONDS, false},
    {"pagemeter_meter_clock_synchronised", "", "1: the clock of the host was synchronised then.",
     FORM_NUMBER, false},
    {"pagemeter_meter_domains", "", "Domains that counted, dom0 among them.", FORM_NUMBER, false},
    {"pagemeter_meter_allocated_bytes", "bytes", "What they held, dom0 among them.", FORM_BYTES,
     false},
    {"pagemeter_meter_ticks", "", "The number of the last reading; numbers may jump.", FORM_NUMBER,
     true},
    {"pagemeter_meter_restarts", "", "Starts of the meter.", FORM_NUMBER, true},
    {"pagemeter_meter_clock_steps", "", "Times that the wall clock was set.", FORM_NUMBER, true},
    {"pagemeter_meter_derived_timestamp_seconds", "seconds",
     "Up to when usage is derived by the hour.", FORM_SECONDS, false},
};

enum { FAMILIES = sizeof families / sizeof *families, NAMED_COLUMNS = 3 };

static bool take_host(void *self, const char *const *v, struct error *err)
{
    struct exposition_rows *rows = self;
    struct labels labels = {.length = 0}, named = labels;

    labels_add(&labels, "host", v[0]);
    labels_add(&named, "host", v[0]);
    labels_add(&named, "store", v[1]);
    labels_add(&named, "version", v[2]);
    struct exposition_row *info = exposition_add(rows, &named, err);

    if (info == NULL)
        return false;
    info->values[0] = 1;
    struct exposition_row *row = exposition_add(rows, &labels, err);

    for (size_t i = 1; row != NULL && i < FAMILIES; i++)
        if (v[NAMED_COLUMNS + i - 1] != NULL)
            row->values[i] = reader_number(v[NAMED_COLUMNS + i - 1]);
    return row != NULL;
}

static bool put_hosts(struct metrics *m, struct error *err)
{
    struct exposition_rows rows = {0};
    bool is_ok = answer_ask(m->a, "meter", NULL, &(struct reader_sink){take_host, &rows}, err);

    if (is_ok)
        exposition_put(m->a->out, families, FAMILIES, &rows);
    exposition_clear(&rows);
    return is_ok;
}

/* ---- gaps ---- */

static const struct exposition_family gap_families[] = {
    {"pagemeter_meter_gaps", "", "Stretches that were not measured, by cause.", FORM_NUMBER, true},
    {"pagemeter_meter_gap_seconds", "seconds", "How long they were, by cause.", FORM_SECONDS, true},
};

static bool take_gap(void *self, const char *const *v, struct error *err)
{
    struct labels labels = {.length = 0};

    labels_add(&labels, "host", v[0]);
    labels_add(&labels, "cause", v[1]);
    struct exposition_row *row = exposition_add(self, &labels, err);

    if (row == NULL)
        return false;
    row->values[0] = reader_number(v[2]);
    row->values[1] = reader_number(v[3]);
    return true;
}

static bool put_gaps(struct metrics *m, struct error *err)
{
    struct exposition_rows rows = {0};
    bool is_ok = reader_ask(m->a->reader, "gap_causes", NULL, 0,
                            &(struct reader_sink){take_gap, &rows}, err);

    if (is_ok)
        exposition_put(m->a->out, gap_families, sizeof gap_families / sizeof *gap_families, &rows);
    exposition_clear(&rows);
    return is_ok;
}

bool metrics_put_meter(struct metrics *m, struct error *err)
{
    static const struct exposition_family build = {"pagemeter_build", "",
                                                   "The version that answers here.", FORM_INFO,
                                                   false};
    struct labels labels = {.length = 0};

    labels_add(&labels, "version", PAGEMETER_VERSION);
    exposition_begin(m->a->out, &build);
    exposition_name(m->a->out, &build, labels.text);
    (void)fputs("1\n", m->a->out);
    return put_hosts(m, err) && put_gaps(m, err);
}
