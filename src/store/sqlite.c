#include "store/sqlite.h"

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

bool db_error(const struct db *db, int code, const char *what, struct error *err)
{
    const char *said = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);

    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        if (advices[i].code == (code & 0xff))
            return error_set(err, advices[i].meaning, "%s: can't %s: %s (%s)", db->path, what,
                             advices[i].advice, said);
    }
    return error_set(err, ERR_STORE, "%s: can't %s: %s", db->path, what, said);
}

bool db_exec(struct db *db, const char *sql, const char *what, struct error *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK || db_error(db, code, what, err);
}

bool db_prepare(struct db *db, const char *sql, sqlite3_stmt **stmt, struct error *err)
{
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);

    return code == SQLITE_OK || db_error(db, code, "read its tables", err);
}

bool db_run(struct db *db, sqlite3_stmt *stmt, const char *what, struct error *err)
{
    int code = sqlite3_step(stmt);
    bool is_ok = code == SQLITE_DONE || db_error(db, code, what, err);

    (void)sqlite3_reset(stmt); /* repeats the error of the step */
    return is_ok;
}

enum db_row db_step(struct db *db, sqlite3_stmt *stmt, const char *what, struct error *err)
{
    int code = sqlite3_step(stmt);

    if (code == SQLITE_ROW)
        return DB_ROW;
    if (code == SQLITE_DONE)
        return DB_DONE;
    (void)db_error(db, code, what, err);
    return DB_FAILED;
}

bool db_get_int(struct db *db, const char *sql, int64_t *out, bool *is_null, struct error *err)
{
    sqlite3_stmt *stmt;

    if (!db_prepare(db, sql, &stmt, err))
        return false;
    enum db_row row = db_step(db, stmt, "read it", err);

    *is_null = row != DB_ROW || sqlite3_column_type(stmt, 0) == SQLITE_NULL;
    if (!*is_null)
        *out = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return row != DB_FAILED;
}

void db_rollback(struct db *db)
{
    /* some failures end the transaction by themselves */
    if (db->handle != NULL && sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void db_bind_ints(sqlite3_stmt *stmt, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        (void)sqlite3_bind_int64(stmt, i + 1, values[i]); /* fails for a wrong place only */
}

void db_bind_uuid(sqlite3_stmt *stmt, int place, const struct uuid *uuid)
{
    char text[UUID_TEXT_MAX];

    uuid_format(uuid, text);
    (void)sqlite3_bind_text(stmt, place, text, UUID_TEXT_LENGTH, SQLITE_TRANSIENT);
}

bool db_column_uuid(const struct db *db, sqlite3_stmt *stmt, int column, struct uuid *out,
                    struct error *err)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    if (text != NULL && uuid_parse(text, strlen(text), out))
        return true;
    return error_set(err, ERR_STORE, "%s: '%.40s' stands where a uuid should", db->path,
                     text != NULL ? text : "nothing");
}
