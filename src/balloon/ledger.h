/*
 * ledger.h - what the host can still promise. Pure.
 *
 *   surplus = free_pages - hard reserve - open reservations
 *             - sum over all domains of max(max_pages - tot_pages, outstanding, 0)
 *
 * A cap is a promise: a domain may fill it at any moment. So what a guest does inside its cap moves
 * free and its own term by the same amount, and surplus stays. Invariant I1: no action of ours
 * brings surplus below 0, or brings it further down when it is.
 */
#ifndef PAGEMETER_LEDGER_H
#define PAGEMETER_LEDGER_H

#include "balloon/host.h"

struct reservation {
    struct uuid uuid; /* of the VM it is for; all zero when only the name is known */
    char name[64];
    uint64_t size_kib;
    uint64_t filled_kib; /* what the domain that it is for already holds or claims */
    int64_t expires_ns;  /* CLOCK_REALTIME, so that it survives a restart */
};

struct ledger_rules {
    uint64_t reserve_kib;        /* the operator's; the hard reserve is at least this */
    uint64_t dom0_allowance_kib; /* counts as dom0's cap when it has none */
    uint64_t reserved_kib;       /* sum of open reservations, less what has been filled */
};

/* max(64 MiB, 1 % of the host, configured) */
uint64_t ledger_hard_reserve_kib(const struct ledger_rules *rules, uint64_t total_kib);

/* What the host has promised to one domain beyond what it holds. dom0 without a cap: the allowance.
 */
uint64_t ledger_promise_kib(const struct host_domain *domain, const struct ledger_rules *rules);

int64_t ledger_surplus_kib(const struct host_view *host, const struct ledger_rules *rules);

#endif
