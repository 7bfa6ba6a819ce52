/*
 * rivals.h - the published rules of other programs that share a host's memory among its VMs.
 *
 * Written from descriptions and from what their sources do; no code of theirs is here. Each rule
 * is a pure function of what its program sees, and says what sizes it wants.
 */
#ifndef PAGEMETER_BENCH_RIVALS_H
#define PAGEMETER_BENCH_RIVALS_H

#include <stddef.h>
#include <stdint.h>

/* What a rule sees of one VM, in KiB, and what it wishes. */
struct rival_vm {
    uint64_t least_kib, most_kib; /* the dynamic range */
    uint64_t target_kib, tot_kib;
    uint64_t used_kib; /* what its programs and kernel use, without caches; swap used included */
    uint64_t free_kib; /* not used and not cache */
    uint64_t wish_kib; /* the result; preset to target_kib */
};

struct rival_host {
    uint64_t total_kib; /* for VMs: without dom0 and the hypervisor's reserve */
    uint64_t free_kib;
};

struct rival_rule {
    const char *name;
    int64_t period_ns; /* how often it looks; 0: only once, at the beginning */
    void (*decide)(const struct rival_host *host, struct rival_vm *vms, size_t count);
};

extern const struct rival_rule rival_rules[];
extern const size_t rival_count;

#endif
