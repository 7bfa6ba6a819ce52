/*
 * balloon_impl.h - what the files of balloon.db's store share. Internal to src/store/.
 */
#ifndef PAGEMETER_BALLOON_IMPL_H
#define PAGEMETER_BALLOON_IMPL_H

#include "balloon/decision.h"
#include "store/balloon_store.h"
#include "store/store_impl.h"

enum balloon_statement {
    BS_DECISION,
    BS_FIGURE,
    BS_ROLLED_BACK,
    BS_ALERT,
    BS_LOST,
    BS_COUNTED,
    BS_REACTED,
    BS_CHANGE,
    BS_SET,
    BS_UNSET,
    BS_RESERVATION_CHANGE,
    BS_RESERVE,
    BS_UNRESERVE,
    BS_COUNT
};

struct balloon_store {
    struct db db;
    int lock_fd; /* -1: open for reading */
    struct db_stmt *statements[BS_COUNT];
    int64_t rolled_to; /* five minutes that begin before it are rolled up; of a writer */
};

#define FIVE_MIN_NS (INT64_C(300) * NS_PER_S)

/* Up to where figures are rolled up, in five minutes since 1970. */
MUST_CHECK bool balloon_rolled_to(struct balloon_store *s, int64_t *out, struct error *err);

/* Deletes rolled-up figures from before, and VMs that have none any more. */
MUST_CHECK bool balloon_prune_rolled(struct balloon_store *s, int64_t before_utc_ns,
                                     struct error *err);

#endif
