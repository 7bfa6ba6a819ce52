/*
 * ledger.h - the ledger's entries and the chain that holds them together.
 *
 * An entry's hash covers all that it says, and its line by name: entry, time, kind, account, vm,
 * currency, unit, month, pennies, transfer, host and tick, in decimal and plain text.
 */
#ifndef PAGEMETER_BILLING_LEDGER_H
#define PAGEMETER_BILLING_LEDGER_H

#include "billing/month.h"
#include "store/billing_store.h"

/* Where the next entry goes. */
struct ledger_end {
    int64_t entry;
    struct chain_hash hash;
};

/* ERR_REFUSED when the last entry was not made with this key: the chain would break for ever. */
MUST_CHECK bool ledger_open(struct ledger_end *end, struct billing_store *b,
                            const struct chain_key *key, struct error *err);

/*
 * Names whose measurements it comes from, and up to which of that store's own ticks; NULL: from
 * several, or from none.
 */
void ledger_name_source(struct ledger_entry *entry, const struct store_marks *source);

/* Numbers and hashes *entry, writes it, and moves the end behind it. */
MUST_CHECK bool ledger_append(struct ledger_end *end, struct billing_store *b,
                              const struct chain_key *key, struct ledger_entry *entry,
                              const struct billing_line *line, struct error *err);

/*
 * Follows the chain from its first entry. *broken_at: the first entry that does not fit, or 0.
 * end: the last entry that there is.
 */
MUST_CHECK bool ledger_verify(struct billing_store *b, const struct chain_key *key,
                              int64_t *broken_at, struct ledger_end *end, struct error *err);

#endif
