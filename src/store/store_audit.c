/*
 * store_audit.c - runs the queries of sql/audit/: a row is something wrong.
 *
 * The queries trust the views and the triggers of the file: so these are looked at first, against
 * what the migrations make (store_audit_schema).
 */
#include <stdio.h>
#include <string.h>

#include "store/store_impl.h"

enum { FINDING_TEXT_MAX = 1024 };

static void format_row(sqlite3_stmt *stmt, char *out)
{
    size_t used = 0;

    out[0] = '\0';
    for (int c = 0; c < sqlite3_column_count(stmt) && used < FINDING_TEXT_MAX; c++) {
        const char *value = (const char *)sqlite3_column_text(stmt, c);
        int n = snprintf(out + used, FINDING_TEXT_MAX - used, "%s%s=%s", c > 0 ? " " : "",
                         sqlite3_column_name(stmt, c), value != NULL ? value : "null");

        used += n > 0 ? (size_t)n : 0;
    }
}

static bool run_statement(struct store *s, sqlite3_stmt *stmt,
                          void (*row)(void *self, const char *text), void *self, int64_t *findings,
                          struct error *err)
{
    char text[FINDING_TEXT_MAX];
    enum db_row result;

    while ((result = db_step(&s->db, stmt, "audit it", err)) == DB_ROW) {
        format_row(stmt, text);
        row(self, text);
        ++*findings;
    }
    return result == DB_DONE;
}

bool store_audit(struct store *s, const struct sql_file *audit,
                 void (*row)(void *self, const char *text), void *self, int64_t *findings,
                 struct error *err)
{
    const char *rest = audit->text;

    *findings = 0;
    while (*rest != '\0') {
        sqlite3_stmt *stmt = NULL;
        int code = sqlite3_prepare_v2(s->db.handle, rest, -1, &stmt, &rest);

        if (code != SQLITE_OK)
            return db_error(&s->db, code, "audit it", err) || error_context(err, "%s", audit->name);
        bool is_ok = stmt == NULL || run_statement(s, stmt, row, self, findings, err);

        (void)sqlite3_finalize(stmt);
        if (!is_ok)
            return error_context(err, "%s", audit->name);
    }
    return true;
}

/* Objects that one database has and the other has not, or has otherwise. */
static const char schema_differences[] =
    "SELECT type, name, 'is missing' AS finding FROM"
    " (SELECT type, name, tbl_name, sql FROM wanted.sqlite_master EXCEPT"
    "  SELECT type, name, tbl_name, sql FROM main.sqlite_master)"
    " UNION ALL SELECT type, name, 'was added or changed' FROM"
    " (SELECT type, name, tbl_name, sql FROM main.sqlite_master EXCEPT"
    "  SELECT type, name, tbl_name, sql FROM wanted.sqlite_master)"
    " ORDER BY 1, 2";

static bool make_wanted(struct db *wanted, const char *path, struct error *err)
{
    (void)snprintf(wanted->path, sizeof wanted->path, "%s", path);
    int code = sqlite3_open_v2(path, &wanted->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL);

    return (code == SQLITE_OK || db_error(wanted, code, "open it", err)) &&
           store_migrate(wanted, sql_migrations, err);
}

bool store_audit_schema(struct store *s, void (*row)(void *self, const char *text), void *self,
                        int64_t *findings, struct error *err)
{
    static const char path[] = "file:pagemeter-wanted?mode=memory&cache=shared";
    const struct sql_file audit = {"schema", schema_differences};
    struct db wanted = {0};
    bool is_ok =
        make_wanted(&wanted, path, err) &&
        db_exec(&s->db, "ATTACH 'file:pagemeter-wanted?mode=memory&cache=shared' AS wanted",
                "compare it", err);

    if (is_ok) {
        is_ok = store_audit(s, &audit, row, self, findings, err);
        /* what follows sorts every tick of the store: on disk, not in the memory of a dom0 */
        is_ok =
            db_exec(&s->db, "DETACH wanted; PRAGMA temp_store = FILE", "compare it", err) && is_ok;
    }
    (void)sqlite3_close_v2(wanted.handle);
    return is_ok;
}
