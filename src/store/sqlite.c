#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code; /* primary result code */
    enum error_code meaning;
    const char *advice;
} advices[] = {
    {SQLITE_FULL, ERR_RETRY, "the disk is full: make room on it"},
    {SQLITE_IOERR, ERR_RETRY, "the disk failed: see the kernel's log"},
    {SQLITE_READONLY, ERR_RETRY, "it can't be written: check the owner and the mount options"},
    {SQLITE_CANTOPEN, ERR_RETRY, "it can't be opened: check that it exists, and who may read it"},
    {SQLITE_PERM, ERR_RETRY, "access is refused: check the owner"},
    {SQLITE_BUSY, ERR_RETRY, "another program holds it: end that program"},
    {SQLITE_LOCKED, ERR_RETRY, "another program holds it: end that program"},
    {SQLITE_NOMEM, ERR_NOMEM, "not enough memory"},
    {SQLITE_CORRUPT, ERR_STORE,
     "it is damaged: keep a copy for the audit, and restore a backup with pagemeter restore"},
    {SQLITE_NOTADB, ERR_STORE, "it is not a database: name another directory with --db"},
};

bool sqlite_error(const struct db *db, int code, const char *what, struct error *err)
{
    const char *said = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);

    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        if (advices[i].code == (code & 0xff))
            return error_set(err, advices[i].meaning, "%s: can't %s: %s (%s)", db->path, what,
                             advices[i].advice, said);
    }
    return error_set(err, ERR_STORE, "%s: can't %s: %s", db->path, what, said);
}

/* ---- the connection ---- */

static bool exec(struct db *db, const char *sql, const char *what, struct error *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK || sqlite_error(db, code, what, err);
}

static bool begin(struct db *db, enum db_transaction kind, const char *what, struct error *err)
{
    return exec(db, kind == DB_WRITING ? "BEGIN IMMEDIATE" : "BEGIN", what, err);
}

static void rollback(struct db *db)
{
    /* some failures end the transaction by themselves */
    if (db->handle != NULL && sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static void close_it(struct db *db)
{
    (void)sqlite3_close_v2(db->handle); /* what is left of it goes with its last statement */
}

/* ---- statements ---- */

struct lite_stmt {
    struct db_stmt base; /* first: a statement is this */
    sqlite3_stmt *stmt;
};

static sqlite3_stmt *lite(struct db_stmt *stmt)
{
    return ((struct lite_stmt *)(void *)stmt)->stmt;
}

static bool wrap(struct db *db, sqlite3_stmt *stmt, struct db_stmt **out, struct error *err)
{
    struct lite_stmt *l = stmt != NULL ? malloc(sizeof *l) : NULL;

    *out = NULL;
    if (stmt == NULL)
        return true;
    if (l == NULL) {
        (void)sqlite3_finalize(stmt);
        return error_set(err, ERR_NOMEM, "%s: not enough memory to ask it", db->path);
    }
    *l = (struct lite_stmt){{db}, stmt};
    *out = &l->base;
    return true;
}

static bool prepare_next(struct db *db, const char *sql, const char **rest, sqlite3_stmt **stmt,
                         struct error *err)
{
    if (sqlite3_prepare_v2(db->handle, sql, -1, stmt, rest) != SQLITE_OK)
        return error_set(err, ERR_USAGE, "%s", sqlite3_errmsg(db->handle));
    if (*stmt == NULL || sqlite3_stmt_readonly(*stmt) != 0)
        return true;
    (void)sqlite3_finalize(*stmt);
    return error_set(err, ERR_USAGE, "it does not only read");
}

static bool prepare(struct db *db, const char *sql, const char **rest, struct db_stmt **out,
                    const char *what, struct error *err)
{
    sqlite3_stmt *stmt = NULL;

    *out = NULL;
    if (rest != NULL)
        return prepare_next(db, sql, rest, &stmt, err) && wrap(db, stmt, out, err);
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

    if (code != SQLITE_OK)
        return sqlite_error(db, code, what, err);
    return wrap(db, stmt, out, err);
}

static bool run(struct db_stmt *stmt, const char *what, struct error *err)
{
    int code = sqlite3_step(lite(stmt));
    bool is_ok = code == SQLITE_DONE || sqlite_error(stmt->db, code, what, err);

    (void)sqlite3_reset(lite(stmt)); /* repeats the error of the step */
    return is_ok;
}

static enum db_row step(struct db_stmt *stmt, const char *what, struct error *err)
{
    int code = sqlite3_step(lite(stmt));

    if (code == SQLITE_ROW)
        return DB_ROW;
    if (code == SQLITE_DONE)
        return DB_DONE;
    (void)sqlite_error(stmt->db, code, what, err);
    return DB_FAILED;
}

static void finalize(struct db_stmt *stmt)
{
    (void)sqlite3_finalize(lite(stmt));
    free(stmt);
}

static int parameter(struct db_stmt *stmt, const char *name)
{
    char with_colon[64];

    (void)snprintf(with_colon, sizeof with_colon, ":%s", name);
    return sqlite3_bind_parameter_index(lite(stmt), with_colon);
}

static void bind_int(struct db_stmt *stmt, int place, int64_t value)
{
    (void)sqlite3_bind_int64(lite(stmt), place, value); /* fails for a wrong place only */
}

static void bind_text(struct db_stmt *stmt, int place, const char *text)
{
    (void)sqlite3_bind_text(lite(stmt), place, text, -1, SQLITE_TRANSIENT);
}

static int columns(struct db_stmt *stmt)
{
    return sqlite3_column_count(lite(stmt));
}

static const char *column_name(struct db_stmt *stmt, int column)
{
    return sqlite3_column_name(lite(stmt), column);
}

static int64_t get_int(struct db_stmt *stmt, int column)
{
    return sqlite3_column_int64(lite(stmt), column);
}

static const char *text(struct db_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(lite(stmt), column);
}

static bool is_null(struct db_stmt *stmt, int column)
{
    return sqlite3_column_type(lite(stmt), column) == SQLITE_NULL;
}

static const struct db_engine engine = {
    .exec = exec,
    .begin = begin,
    .rollback = rollback,
    .close = close_it,
    .prepare = prepare,
    .step = step,
    .run = run,
    .finalize = finalize,
    .parameter = parameter,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .columns = columns,
    .column_name = column_name,
    .get_int = get_int,
    .text = text,
    .is_null = is_null,
};

bool sqlite_open(struct db *db, int flags, struct error *err)
{
    sqlite3 *handle = NULL;
    int code = sqlite3_open_v2(db->path, &handle, flags, NULL);

    db->engine = &engine;
    db->handle = handle; /* there on failure too, for its message */
    return code == SQLITE_OK || sqlite_error(db, code, "open it", err);
}
