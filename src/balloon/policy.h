/*
 * policy.h - what the operator and the owner set for one VM, and for the host. Pure.
 *
 * floor <= target <= ceiling. A value is a text like "512M" for people and KiB in memory.
 */
#ifndef PAGEMETER_POLICY_H
#define PAGEMETER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

enum policy_kind {
    POLICY_FIXED,  /* never touched */
    POLICY_DEMAND, /* keep the headroom available */
    POLICY_SWAP,   /* grow only on swap-in or stall */
    POLICY_API,    /* the guest or the owner asks for a size */
    POLICY_KINDS
};

/* What the guest may change by data/pagemeter/ask. */
enum { GUEST_MAY_SIZE = 1 << 0, GUEST_MAY_POLICY = 1 << 1 };

/* Limits that hold for every VM. */
#define POLICY_FLOOR_LEAST_KIB (UINT64_C(96) << 10) /* less is refused */
#define POLICY_FLOOR_WARN_KIB (UINT64_C(128) << 10)
enum { POLICY_RATIO_WARN = 8, POLICY_RATIO_MOST = 10, POLICY_WEIGHT_MOST = 10000 };

struct policy {
    enum policy_kind kind;
    uint64_t floor_kib;   /* dynamic-min; 0: the size at which the VM was first seen */
    uint64_t ceiling_kib; /* dynamic-max; 0: static-max */
    uint64_t start_kib;   /* raised to this when it appears; 0: low, the floor; UINT64_MAX: high */
    bool is_headroom_adaptive; /* raised by the VM's own growth before, growth.h; the default */
    uint64_t headroom_kib;     /* 0: by need, headroom_of_need() */
    uint64_t size_kib;         /* policy api: the size asked for; 0: none yet */
    uint64_t spend_cap_milli;  /* thousandths of GiB*h per UTC day; 0: none */
    uint32_t weight;           /* 1..10000, 100 by default */
    bool may_reclaim_swap;     /* reclaim=swap */
    bool is_stopped;           /* `balloon stop VM` */
    unsigned guest_may;        /* GUEST_MAY_... */
};

/* The defaults: fixed, weight 100, an adaptive headroom, nothing else set. */
void policy_init(struct policy *policy);

/*
 * Sets one value: policy, floor, ceiling, start, headroom (adaptive | need | a size), size,
 * cap (GiB*h per day), weight,
 * reclaim (none | swap), guest (none | size | policy | all). ERR_USAGE with what would be right.
 */
MUST_CHECK bool policy_set(struct policy *policy, const char *key, const char *value,
                           struct error *err);

/*
 * What only shows when all values are known: floor above ceiling, a floor under 96 MiB, a ratio of
 * more than 10 (unless is_forced). ERR_REFUSED.
 */
MUST_CHECK bool policy_check(const struct policy *policy, bool is_forced, struct error *err);

/* What an operator should hear though it is allowed, or NULL: no warning. */
const char *policy_warning(const struct policy *policy);

enum { POLICY_TEXT_MAX = 256 };

/* key=value words that policy_set reads back, separated by spaces; only what differs from default.
 */
const char *policy_format(const struct policy *policy, char out[POLICY_TEXT_MAX]);
const char *policy_kind_name(enum policy_kind kind);

#endif
