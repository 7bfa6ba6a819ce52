/*
 * billing_impl.h - what the files of billing.db share. Internal to src/store/.
 */
#ifndef PAGEMETER_BILLING_IMPL_H
#define PAGEMETER_BILLING_IMPL_H

#include "store/billing_store.h"
#include "store/store_impl.h"

enum billing_statement {
    BL_CHANGE,
    BL_ACCOUNT,
    BL_OWNER,
    BL_NAME,
    BL_TARIFF,
    BL_MARK_STALE,
    BL_SET_CHARGED,
    BL_FORGET_CHARGED,
    BL_INSERT_LINE,
    BL_UPDATE_LINE,
    BL_ADJUSTMENT,
    BL_RATED,
    BL_PERIOD,
    BL_ENTRY,
    BL_COUNT
};

struct billing_store {
    struct db db;
    int lock_fd;                 /* -1: open for reading */
    struct billing_rated *rated; /* billing_rated.c; NULL: nothing was gathered yet */
    struct db_stmt *statements[BL_COUNT];
};

/* Writes what billing_add_rated has gathered. */
MUST_CHECK bool billing_flush_rated(struct billing_store *b, struct error *err);

void billing_bind_limbs(struct db_stmt *stmt, int place, numerator value);

/* Columns: the limbs of a numerator, a currency and a unit. */
MUST_CHECK bool billing_column_limbs(const struct billing_store *b, struct db_stmt *stmt,
                                     int column, numerator *out, struct error *err);
MUST_CHECK bool billing_column_price(const struct billing_store *b, struct db_stmt *stmt,
                                     int column, struct currency *currency, enum usage_unit *unit,
                                     struct error *err);
/* KiB*ns as two limbs: floor, so that kib_s may be negative and the rest never is. */
MUST_CHECK bool billing_bind_usage(struct db_stmt *stmt, int place, numerator usage,
                                   struct error *err);
/* KiB*ns of two limbs that may be sums, kib_s negative too. */
numerator billing_column_usage(struct db_stmt *stmt, int column);

#endif
