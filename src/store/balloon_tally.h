/*
 * balloon_tally.h - what balloon.db has counted, and what VMs said last: for a monitoring system.
 *
 * A total never goes back: it does not depend on rows that are deleted by age. That of a VM of
 * which nothing was counted for as long as figures are kept by five minutes is added to the host's.
 */
#ifndef PAGEMETER_BALLOON_TALLY_H
#define PAGEMETER_BALLOON_TALLY_H

#include "store/balloon_store.h"

/* Words are those of schema/sqlite/balloon/0004_reaction.sql, valid during the call. */
struct balloon_total {
    bool is_host; /* else of vm */
    struct uuid vm;
    const char *what, *action, *reason, *failure;
    int64_t total;
};

struct balloon_totals_reader {
    bool (*take)(void *self, const struct balloon_total *total, struct error *err);
    void *self;
};

/* By VM, the host's own first; or added up over all, as if all were the host's. */
enum balloon_totals { BALLOON_TOTALS_OF_VMS, BALLOON_TOTALS_OF_ALL };

MUST_CHECK bool balloon_store_totals(struct balloon_store *store, enum balloon_totals which,
                                     const struct balloon_totals_reader *reader, struct error *err);

/* So many needs took longer than the bound before and no longer than this one; longest last. */
struct balloon_reaction {
    int64_t up_to_ms; /* 0: longer than any bound */
    int64_t total;
    int64_t ns; /* that they took together */
};
struct balloon_reaction_reader {
    bool (*take)(void *self, const struct balloon_reaction *reaction, struct error *err);
    void *self;
};
MUST_CHECK bool balloon_store_reactions(struct balloon_store *store,
                                        const struct balloon_reaction_reader *reader,
                                        struct error *err);

/* The last that a VM said, not before from_utc_ns. */
struct balloon_latest {
    struct uuid vm;
    int64_t utc_ns;
    uint64_t target_kib, need_kib;
};

struct balloon_latest_reader {
    bool (*take)(void *self, const struct balloon_latest *latest, struct error *err);
    void *self;
};

MUST_CHECK bool balloon_store_latest(struct balloon_store *store, int64_t from_utc_ns,
                                     const struct balloon_latest_reader *reader, struct error *err);

#endif
