/*
 * charge.h - from measured usage to postings: money is taken as soon as a penny has come together.
 *
 * One run reads what was measured since the run before it, prices it by who owned the VM and what
 * a GiB*h cost at each hour, adds it to the charge lines, and posts what is due. All of it is one
 * transaction in billing.db: a run that is cut off has not happened, and a run after it finds
 * nothing new. Usage of a sealed month becomes an adjustment in the first month that is open.
 *
 * When something was said of the past, or the measurements since the last run are no longer raw,
 * or were restored from a backup, the sums are made anew from the usage by hour, and what sealed
 * months should have billed is compared with what they did: the difference is adjustments too. Both
 * ways give the same lines.
 */
#ifndef PAGEMETER_CHARGE_H
#define PAGEMETER_CHARGE_H

#include "billing/sheet.h"

struct charge_summary {
    int64_t postings;                  /* entries written */
    int64_t adjustments;               /* rows written */
    usage_kib_ns unassigned, unpriced; /* in the months that are open: shown, never charged */
};

/* Each posting, in the order of the ledger. Only told when all of it is committed. */
struct charge_listener {
    void (*posted)(void *self, const struct ledger_entry *entry, const struct billing_line *line);
    void *self;
};

/*
 * Charges what `measured` has. Several at once wait for each other (billing_open). utc_ns is the
 * time that postings bear. listener may be NULL.
 */
MUST_CHECK bool charge_run(struct store *measured, struct billing_store *b,
                           const struct chain_key *key, int64_t utc_ns,
                           const struct charge_listener *listener, struct charge_summary *out,
                           struct error *err);

/*
 * The same as charge_run up to before its commit, within a transaction of the caller's. The
 * snapshot of `measured` is the caller's too.
 */
MUST_CHECK bool charge_pending(struct store *measured, struct billing_store *b,
                               const struct chain_key *key, int64_t utc_ns,
                               struct charge_summary *out, struct error *err);

#endif
