#include "store/db.h"

#include <stdio.h>
#include <string.h>

void db_close(struct db *db)
{
    if (db->engine != NULL)
        db->engine->close(db);
    db->engine = NULL;
    db->handle = NULL;
}

bool db_exec(struct db *db, const char *sql, const char *what, struct error *err)
{
    return db->engine->exec(db, sql, what, err);
}

bool db_begin(struct db *db, enum db_transaction kind, const char *what, struct error *err)
{
    return db->engine->begin(db, kind, what, err);
}

bool db_commit(struct db *db, const char *what, struct error *err)
{
    return db->engine->exec(db, "COMMIT", what, err);
}

void db_rollback(struct db *db)
{
    if (db->engine != NULL)
        db->engine->rollback(db);
}

bool db_prepare(struct db *db, const char *sql, struct db_stmt **stmt, struct error *err)
{
    return db->engine->prepare(db, sql, NULL, stmt, "read its tables", err);
}

bool db_prepare_next(struct db *db, const char *sql, const char **rest, struct db_stmt **stmt,
                     struct error *err)
{
    return db->engine->prepare(db, sql, rest, stmt, "ask it", err);
}

void db_finalize(struct db_stmt *stmt)
{
    if (stmt != NULL)
        stmt->db->engine->finalize(stmt);
}

bool db_run(struct db_stmt *stmt, const char *what, struct error *err)
{
    if (stmt == NULL)
        return error_set(err, ERR_STORE, "can't %s: it is open for reading only", what);
    return stmt->db->engine->run(stmt, what, err);
}

enum db_row db_step(struct db_stmt *stmt, const char *what, struct error *err)
{
    return stmt->db->engine->step(stmt, what, err);
}

bool db_run_int(struct db_stmt *stmt, const char *what, int64_t *out, struct error *err)
{
    enum db_row row = stmt != NULL ? db_step(stmt, what, err) : DB_FAILED;

    if (stmt == NULL)
        return db_run(stmt, what, err);
    if (row == DB_DONE)
        return error_set(err, ERR_STORE, "%s: can't %s: it returned nothing", stmt->db->path, what);
    *out = row == DB_ROW ? db_int(stmt, 0) : 0;
    return row == DB_ROW && db_run(stmt, what, err);
}

bool db_get_int(struct db *db, const char *sql, int64_t *out, bool *is_null, struct error *err)
{
    struct db_stmt *stmt;

    if (!db_prepare(db, sql, &stmt, err))
        return false;
    enum db_row row = db_step(stmt, "read it", err);

    *is_null = row != DB_ROW || db_is_null(stmt, 0);
    if (!*is_null)
        *out = db_int(stmt, 0);
    db_finalize(stmt);
    return row != DB_FAILED;
}

int db_parameter(struct db_stmt *stmt, const char *name)
{
    return stmt->db->engine->parameter(stmt, name);
}

void db_bind_int(struct db_stmt *stmt, int place, int64_t value)
{
    if (stmt != NULL)
        stmt->db->engine->bind_int(stmt, place, value);
}

void db_bind_ints(struct db_stmt *stmt, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        db_bind_int(stmt, i + 1, values[i]);
}

void db_bind_text(struct db_stmt *stmt, int place, const char *text)
{
    if (stmt != NULL)
        stmt->db->engine->bind_text(stmt, place, text);
}

void db_bind_uuid(struct db_stmt *stmt, int place, const struct uuid *uuid)
{
    char text[UUID_TEXT_MAX];

    db_bind_text(stmt, place, uuid_format(uuid, text));
}

int db_columns(struct db_stmt *stmt)
{
    return stmt->db->engine->columns(stmt);
}

const char *db_column_name(struct db_stmt *stmt, int column)
{
    return stmt->db->engine->column_name(stmt, column);
}

int64_t db_int(struct db_stmt *stmt, int column)
{
    return stmt->db->engine->get_int(stmt, column);
}

const char *db_text(struct db_stmt *stmt, int column)
{
    return stmt->db->engine->text(stmt, column);
}

bool db_is_null(struct db_stmt *stmt, int column)
{
    return stmt->db->engine->is_null(stmt, column);
}

bool db_is_empty(struct db_stmt *stmt, int column)
{
    const char *text = db_text(stmt, column);

    return text == NULL || text[0] == '\0';
}

void db_copy_text(struct db_stmt *stmt, int column, char *out, size_t size)
{
    const char *text = db_text(stmt, column);

    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

bool db_uuid(struct db_stmt *stmt, int column, struct uuid *out, struct error *err)
{
    const char *text = db_text(stmt, column);

    if (text != NULL && uuid_parse(text, strlen(text), out))
        return true;
    return error_set(err, ERR_STORE, "%s: '%.40s' stands where a uuid should", stmt->db->path,
                     text != NULL ? text : "nothing");
}
