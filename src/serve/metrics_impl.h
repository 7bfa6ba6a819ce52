/*
 * metrics_impl.h - what the parts of /metrics share. Internal to src/serve/.
 */
#ifndef PAGEMETER_SERVE_METRICS_IMPL_H
#define PAGEMETER_SERVE_METRICS_IMPL_H

#include "serve/answer.h"
#include "serve/exposition.h"
#include "serve/metrics.h"

/* By uuid, ascending. */
struct vm_metric {
    struct uuid vm;
    const char *name;
    int64_t kib; /* of those that hold something */
    usage_kib_ns used;
    bool is_held;
    int64_t target_kib, need_kib; /* EXPOSITION_NONE */
    /* counters; EXPOSITION_NONE: memory on demand knows it not */
    int64_t grown, shrunk, reversals, hostile;
};

struct metrics {
    const struct answering *a;
    struct vm_names names;
    struct vm_metric *vms;
    size_t count, room;
    int64_t left_out;                              /* VMs that have no place */
    struct exposition_rows vm_refusals, vm_alerts; /* of memory on demand, by VM and reason */
};

/* NULL: it is not among them. */
struct vm_metric *metrics_find(struct metrics *m, const struct uuid *vm);

/* {vm="...",name="..."} */
struct labels metrics_vm_labels(const struct vm_metric *vm);

/* balloon.db: of VMs first, into *m, and then of the host. */
MUST_CHECK bool metrics_read_balloon(struct metrics *m, struct error *err);
MUST_CHECK bool metrics_put_balloon(struct metrics *m, bool is_readable, struct error *err);

MUST_CHECK bool metrics_put_meter(struct metrics *m, struct error *err);

/* What a host has shipped, or what has arrived of all. */
MUST_CHECK bool metrics_put_ship(struct metrics *m, struct error *err);

#endif
