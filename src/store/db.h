/*
 * db.h - a connection to a database, SQLite or PostgreSQL, with this project's errors: what failed,
 * where, what to do. Internal to src/store/.
 *
 * SQL is written for both (docs/store.md); parameters are ?1, ?2, ... in either. Texts of a row are
 * valid up to the next step of its statement. Values that are bound are copied, and stay until they
 * are bound anew.
 */
#ifndef PAGEMETER_DB_H
#define PAGEMETER_DB_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"

struct db;
struct db_stmt;

enum db_row { DB_ROW, DB_DONE, DB_FAILED };

/* What a transaction is for. DB_SNAPSHOT: reads as of one moment. */
enum db_transaction { DB_SNAPSHOT, DB_WRITING };

/* What the two engines do differently. The daemons have SQLite alone. */
struct db_engine {
    bool (*exec)(struct db *db, const char *sql, const char *what, struct error *err);
    bool (*begin)(struct db *db, enum db_transaction kind, const char *what, struct error *err);
    void (*rollback)(struct db *db);
    void (*close)(struct db *db);
    bool (*prepare)(struct db *db, const char *sql, const char **rest, struct db_stmt **stmt,
                    const char *what, struct error *err);
    enum db_row (*step)(struct db_stmt *stmt, const char *what, struct error *err);
    bool (*run)(struct db_stmt *stmt, const char *what, struct error *err);
    void (*finalize)(struct db_stmt *stmt);
    int (*parameter)(struct db_stmt *stmt, const char *name);
    void (*bind_int)(struct db_stmt *stmt, int place, int64_t value);
    void (*bind_text)(struct db_stmt *stmt, int place, const char *text);
    int (*columns)(struct db_stmt *stmt);
    const char *(*column_name)(struct db_stmt *stmt, int column);
    int64_t (*get_int)(struct db_stmt *stmt, int column);
    const char *(*text)(struct db_stmt *stmt, int column);
    bool (*is_null)(struct db_stmt *stmt, int column);
};

struct db {
    const struct db_engine *engine; /* NULL: not open */
    void *handle;                   /* the engine's connection */
    char path[1024];                /* for messages; never with a password */
    bool is_postgres;               /* else SQLite */
    const char *writer;             /* the program that writes it, for messages; NULL: pagemeterd */
};

/* The head of what an engine makes. */
struct db_stmt {
    struct db *db;
};

/* Accepts one that is not open, or no more. What was not committed has not happened. */
void db_close(struct db *db);

/* One or more statements without results. */
MUST_CHECK bool db_exec(struct db *db, const char *sql, const char *what, struct error *err);

MUST_CHECK bool db_begin(struct db *db, enum db_transaction kind, const char *what,
                         struct error *err);
MUST_CHECK bool db_commit(struct db *db, const char *what, struct error *err);
/* Ends a transaction that is open, whatever its state; never fails. */
void db_rollback(struct db *db);

/* The caller finalizes; *stmt is NULL on failure. */
MUST_CHECK bool db_prepare(struct db *db, const char *sql, struct db_stmt **stmt,
                           struct error *err);

/*
 * The first of several statements, which may only read; *rest is what follows it. *stmt is NULL
 * when there was none, but a comment. Parameters may be named (:name). ERR_USAGE for SQL that is
 * wrong, or writes.
 */
MUST_CHECK bool db_prepare_next(struct db *db, const char *sql, const char **rest,
                                struct db_stmt **stmt, struct error *err);

/* Accepts NULL. */
void db_finalize(struct db_stmt *stmt);

/*
 * Runs a statement whose values are bound, and makes it ready for others. NULL, the statement of a
 * store that is open for reading only: may be bound, and fails here.
 */
MUST_CHECK bool db_run(struct db_stmt *stmt, const char *what, struct error *err);
/* The same of one that returns a number. */
MUST_CHECK bool db_run_int(struct db_stmt *stmt, const char *what, int64_t *out, struct error *err);
enum db_row db_step(struct db_stmt *stmt, const char *what, struct error *err);

/* The first column of the first row of a query without parameters; *is_null when there is none. */
MUST_CHECK bool db_get_int(struct db *db, const char *sql, int64_t *out, bool *is_null,
                           struct error *err);

/* The place of a named parameter; 0: the statement has none of this name. */
int db_parameter(struct db_stmt *stmt, const char *name);
void db_bind_int(struct db_stmt *stmt, int place, int64_t value);
void db_bind_ints(struct db_stmt *stmt, const int64_t *values, int count);
void db_bind_text(struct db_stmt *stmt, int place, const char *text);
void db_bind_uuid(struct db_stmt *stmt, int place, const struct uuid *uuid);

int db_columns(struct db_stmt *stmt);
const char *db_column_name(struct db_stmt *stmt, int column);
int64_t db_int(struct db_stmt *stmt, int column);      /* null: 0 */
const char *db_text(struct db_stmt *stmt, int column); /* null: NULL */
bool db_is_null(struct db_stmt *stmt, int column);
bool db_is_empty(struct db_stmt *stmt, int column); /* a text, or null */
/* Cut, should it not fit; null: "". */
void db_copy_text(struct db_stmt *stmt, int column, char *out, size_t size);
MUST_CHECK bool db_uuid(struct db_stmt *stmt, int column, struct uuid *out, struct error *err);

#endif
