/*
 * record.h - one record of the sample stream, in memory.
 *
 * Sources yield records, the stream and traces carry them as text (trace.h), the meter eats them
 * (meter.h). docs/trace.md describes each for users. Nothing here owns memory: a tick's samples
 * belong to whoever made the record and are valid until that maker makes the next.
 */
#ifndef PAGEMETER_RECORD_H
#define PAGEMETER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"

enum {
    SAMPLE_RUNNING = 1 << 0,  /* r: running, or blocked waiting for an event */
    SAMPLE_PAUSED = 1 << 1,   /* p */
    SAMPLE_SHUTDOWN = 1 << 2, /* s: suspended, powered off or crashed; holds its pages still */
    SAMPLE_DYING = 1 << 3,    /* d: being torn down */
    SAMPLE_HVM = 1 << 4,      /* h: HVM or PVH */
    DOMID_LIMIT = 65536,
    DOMAINS_MAX = 32768 /* Xen's domids end at 32751 */
};

/* What the hypervisor said of one domain. */
struct sample {
    uint64_t tot_kib; /* allocated pages: what is billed */
    uint64_t max_kib;
    uint64_t outstanding_kib; /* claimed, not yet allocated */
    uint64_t cpu_ns;
    struct uuid uuid;
    uint16_t domid;
    uint16_t flags; /* SAMPLE_... */
};

/* One complete pass over the host. */
struct tick {
    uint64_t seq;
    int64_t mono_ns;    /* the middle of the reading */
    int64_t utc_ns;     /* for placement */
    uint64_t window_ns; /* the width of the reading: the uncertainty of mono_ns */
    bool is_synchronised;
    uint64_t free_kib;
    uint64_t outstanding_kib;
    size_t domains;
    const struct sample *samples; /* ascending domid, each once */
};

enum gap_cause {
    GAP_UNKNOWN,
    GAP_READ_FAILED,
    GAP_WINDOW,
    GAP_OVERRUN,
    GAP_QUEUE_FULL,
    GAP_RESTART, /* not in G records: R says it */
    GAP_CAUSES
};

/* The word that stands for a cause in traces and in the store, like "read-failed". */
const char *gap_cause_name(enum gap_cause cause);

/* Head of a stream: who measured, and under which rules. */
struct head {
    struct uuid host;
    struct uuid store;
    struct uuid boot;
    uint64_t interval_ns;
    uint64_t max_gap_ns;
};

enum record_kind {
    RECORD_END, /* no more: the end of a file, or a stop was asked for */
    RECORD_HEAD,
    RECORD_TICK,
    RECORD_GAP,
    RECORD_BOOT,
    RECORD_RESTART
};

struct record {
    enum record_kind kind;
    union {
        struct head head;
        struct tick tick;
        enum gap_cause gap;
        struct uuid boot;
    };
};

#endif
