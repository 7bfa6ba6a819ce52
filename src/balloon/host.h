/*
 * host.h - the host at one instant: what the hypervisor, xenstore and the guests say. No code.
 *
 * Memory in KiB. Time is CLOCK_BOOTTIME in ns. A snapshot is read anew before every grant; nothing
 * in it is remembered from before, but the guests' records and their arrival.
 */
#ifndef PAGEMETER_HOST_H
#define PAGEMETER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"

enum { BALLOON_VMS_MAX = 4096 };

/* One domain as the hypervisor lists it. flags are SAMPLE_... of meter/record.h. */
struct host_domain {
    uint16_t domid;
    uint16_t flags;
    struct uuid uuid;
    uint64_t tot_kib;
    uint64_t max_kib;         /* the cap: xc_domain_setmaxmem */
    uint64_t outstanding_kib; /* its claim */
    uint64_t cpu_ns;
};

/* What the toolstack says of one domain in xenstore. */
struct vm_facts {
    char name[256];          /* "" unknown */
    uint64_t target_kib;     /* memory/target; 0 unknown */
    uint64_t static_max_kib; /* memory/static-max; 0 unknown */
    uint64_t videoram_kib;   /* memory/videoram; 0 none, or not there */
    bool has_pci_device;     /* one is passed through to it */
};

/* The machine: one reading of physinfo and all domains. */
struct host_view {
    int64_t now_ns;
    uint64_t total_kib;
    uint64_t free_kib;
    uint64_t outstanding_kib; /* all claims */
    size_t count;
    const struct host_domain *domains; /* ascending domid, each once; the reader owns them */
};

#endif
