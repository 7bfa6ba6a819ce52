/*
 * usage_table.h - the parts that a store gives, added up by the keys that the reader wants.
 */
#ifndef PAGEMETER_USAGE_TABLE_H
#define PAGEMETER_USAGE_TABLE_H

#include "billing/book.h"

/* In the order of the columns, and of the sorting. */
enum usage_key { KEY_VM, KEY_ACCOUNT, KEY_HOST, KEY_LIFE, KEY_HOUR, KEY_COUNT };

const char *usage_key_name(enum usage_key key);

/* "vm,hour" -> has[KEY_VM], has[KEY_HOUR]. */
MUST_CHECK bool usage_parse_keys(const char *text, bool has[KEY_COUNT], struct error *err);

enum { KEY_TEXT_MAX = ACCOUNT_TEXT_MAX };

/* 1,000 VMs have 292 years together in four months: sums of times need more than 64 bits too. */
typedef usage_kib_ns sum_ns;

struct usage_sum {
    int64_t hour;
    usage_kib_ns kib_ns;
    sum_ns measured_ns;
    sum_ns missing_ns;
    sum_ns excluded_ns;
};

struct usage_row {
    const struct life_info *life;
    const struct book_account *account; /* who owned the VM at these hours; NULL: nobody */
    struct usage_sum sum;
};

struct usage_table {
    bool has[KEY_COUNT];
    bool with_unbilled;      /* dom0 and service domains too */
    const struct book *book; /* the caller's; NULL: nobody owns anything */
    struct usage_reader reader;
    struct usage_row *rows;
    size_t count;
    size_t capacity;
};

/* Reads a store; on success the rows are merged and sorted by the keys, as text. */
MUST_CHECK bool usage_table_read(struct usage_table *table, struct store *store,
                                 struct usage_query *query, struct error *err);
void usage_table_clear(struct usage_table *table);

MUST_CHECK bool usage_sum_add(struct usage_sum *sum, const struct usage_sum *more,
                              struct error *err);

/* The text of one key of one row; an account outlives out, the rest may lie in it. */
const char *usage_row_key(const struct usage_row *row, enum usage_key key, char out[KEY_TEXT_MAX]);

#endif
