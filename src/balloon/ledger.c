#include "balloon/ledger.h"

#include "common/safety.h"
#include "common/units.h"

#define HARD_RESERVE_LEAST_KIB (UINT64_C(64) << 10)

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t ledger_hard_reserve_kib(const struct ledger_rules *rules, uint64_t total_kib)
{
    if (!safety_is_on(SAFETY_BALLOON_HARD_RESERVE))
        return 0;
    return max_of(max_of(HARD_RESERVE_LEAST_KIB, total_kib / 100), rules->reserve_kib);
}

/* A cap that no host can fill is none: Xen gives dom0 the largest number that it can write. */
static bool has_cap(const struct host_domain *domain)
{
    return domain->max_kib < KIB_MAX;
}

uint64_t ledger_promise_kib(const struct host_domain *domain, const struct ledger_rules *rules)
{
    bool is_bare_dom0 = domain->domid == 0 && safety_is_on(SAFETY_BALLOON_DOM0_ALLOWANCE);
    uint64_t cap = has_cap(domain) ? domain->max_kib
                   : is_bare_dom0  ? rules->dom0_allowance_kib
                                   : domain->tot_kib;
    uint64_t free = cap > domain->tot_kib ? cap - domain->tot_kib : 0;

    return max_of(free, domain->outstanding_kib);
}

int64_t ledger_surplus_kib(const struct host_view *host, const struct ledger_rules *rules)
{
    int64_t surplus = (int64_t)host->free_kib -
                      (int64_t)ledger_hard_reserve_kib(rules, host->total_kib) -
                      (int64_t)rules->reserved_kib;

    for (size_t i = 0; i < host->count; i++)
        surplus -= (int64_t)ledger_promise_kib(&host->domains[i], rules);
    return surplus;
}
