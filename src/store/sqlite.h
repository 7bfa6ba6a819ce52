/*
 * sqlite.h - SQLite with this project's errors: what failed, where, what to do.
 *
 * Internal to src/store/.
 */
#ifndef PAGEMETER_SQLITE_H
#define PAGEMETER_SQLITE_H

#include <sqlite3.h>

#include "common/units.h"
#include "common/uuid.h"

struct db {
    sqlite3 *handle;
    char path[1024];    /* for messages */
    const char *writer; /* the program that writes it, for messages; NULL: pagemeterd */
};

/* Fills *err from a result code, with what the operator can do about it. Returns false. */
bool db_error(const struct db *db, int code, const char *what, struct error *err);

/* One or more statements without results. */
MUST_CHECK bool db_exec(struct db *db, const char *sql, const char *what, struct error *err);

/* The caller finalizes; *stmt is NULL on failure. */
MUST_CHECK bool db_prepare(struct db *db, const char *sql, sqlite3_stmt **stmt, struct error *err);

/* Runs a statement whose values are bound, and resets it. */
MUST_CHECK bool db_run(struct db *db, sqlite3_stmt *stmt, const char *what, struct error *err);

enum db_row { DB_ROW, DB_DONE, DB_FAILED };
enum db_row db_step(struct db *db, sqlite3_stmt *stmt, const char *what, struct error *err);

/* The first column of the first row of a query without parameters; *is_null when there is none. */
MUST_CHECK bool db_get_int(struct db *db, const char *sql, int64_t *out, bool *is_null,
                           struct error *err);

/* Ends a transaction that is open, whatever its state; never fails. */
void db_rollback(struct db *db);

void db_bind_ints(sqlite3_stmt *stmt, const int64_t *values, int count);
void db_bind_uuid(sqlite3_stmt *stmt, int place, const struct uuid *uuid);
MUST_CHECK bool db_column_uuid(const struct db *db, sqlite3_stmt *stmt, int column,
                               struct uuid *out, struct error *err);

#endif
