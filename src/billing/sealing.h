/*
 * sealing.h - the end of a month: what was billed is written down by the hour, fractions of a penny
 * are handed on, and nothing of it changes any more.
 *
 * Within one transaction: all that was measured is charged; `rated` is written, and with the
 * adjustments it must give each line's n again; what VMs that are gone have left goes to their
 * account's pool, where it may come to a penny; the other carries become carry_in of the next
 * month; the seal. Whatever arrives later is an adjustment in a month that is open.
 */
#ifndef PAGEMETER_SEALING_H
#define PAGEMETER_SEALING_H

#include "billing/charge.h"

struct sealing {
    int32_t month;
    int64_t utc_ns;  /* now */
    int64_t wait_ns; /* after the month's end, for what comes late */
    bool is_forced;  /* the host need not have delivered past its end: the bill says so */
    int64_t change;  /* who closes */
};

struct sealing_summary {
    bool was_sealed; /* before: nothing was done */
    int64_t lines, hours, transfers;
    struct charge_summary charged;
};

/* The end of a month, for the account whose books end last. */
MUST_CHECK bool sealing_end_ns(struct billing_store *b, int32_t month, int64_t *out,
                               struct error *err);

/*
 * ERR_REFUSED, and nothing has changed, when the month has not ended for wait_ns, when one before
 * it is open, when the host has not delivered a synchronised tick past its end (unless is_forced),
 * or when usage of it has no owner or no tariff. The sentence says which, and what to do.
 */
MUST_CHECK bool sealing_run(struct store *measured, struct billing_store *b,
                            const struct chain_key *key, const struct sealing *sealing,
                            struct sealing_summary *out, struct error *err);

#endif
