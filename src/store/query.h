/*
 * query.h - a host's databases as they are, for those who ask in SQL: audits of money, reports.
 *
 * One connection for reading over billing.db, with meter.db attached to it; over meter.db alone
 * where there is no billing.db. SQL names the tables of both plainly: no name is in both. A
 * statement sees billing.db as it was no later than meter.db, so that nothing is charged that is
 * not measured yet. No transaction lasts longer than a statement.
 */
#ifndef PAGEMETER_QUERY_H
#define PAGEMETER_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "store/sql_files.h"

/* Does this directory have a billing.db, or this database anything in its books? */
bool query_has_books(const char *dir);

struct query;

/* ERR_SYSTEM or ERR_RETRY when one of them can't be opened. */
MUST_CHECK bool query_open(struct query **out, const char *dir, struct error *err);
/* Accepts NULL. */
void query_close(struct query *query);

/* As store_audit and store_audit_schema (store.h), for billing.db. */
MUST_CHECK bool query_audit(struct query *query, const struct sql_file *audit,
                            void (*row)(void *self, const char *text), void *self,
                            int64_t *findings, struct error *err);
MUST_CHECK bool query_audit_schema(struct query *query, void (*row)(void *self, const char *text),
                                   void *self, int64_t *findings, struct error *err);

/* ":name" in the SQL; a whole number is bound as one, all else as text. */
struct query_parameter {
    const char *name; /* without the colon */
    const char *value;
};

/* A row of the answer: texts that are valid during the call, NULL for null. */
struct query_row {
    int count;
    const char *const *names;
    const char *const *values;
};

struct query_sink {
    /* Before the first row of a statement, and without one too: values is NULL then. */
    bool (*head)(void *self, const struct query_row *row, struct error *err);
    bool (*row)(void *self, const struct query_row *row, struct error *err);
    void *self;
};

enum { QUERY_COLUMNS_MAX = 64 };

/*
 * Runs a file, each statement of it. Parameters without a value are null. ERR_USAGE for one that
 * the file does not have, and for SQL that is wrong; it can only read.
 */
MUST_CHECK bool query_ask(struct query *query, const struct sql_file *file,
                          const struct query_parameter *parameters, size_t count,
                          const struct query_sink *sink, struct error *err);

#endif
