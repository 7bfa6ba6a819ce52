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
    BS_ALERT,
    BS_LOST,
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
};

#endif
