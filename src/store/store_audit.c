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

static void format_row(struct db_stmt *stmt, char *out)
{
    size_t used = 0;

    out[0] = '\0';
    for (int c = 0; c < db_columns(stmt) && used < FINDING_TEXT_MAX; c++) {
        const char *value = db_text(stmt, c);
        int n = snprintf(out + used, FINDING_TEXT_MAX - used, "%s%s=%s", c > 0 ? " " : "",
                         db_column_name(stmt, c), value != NULL ? value : "null");

        used += n > 0 ? (size_t)n : 0;
    }
}

static bool run_statement(struct db_stmt *stmt, const struct audit_sink *sink, struct error *err)
{
    char text[FINDING_TEXT_MAX];
    enum db_row result;

    while ((result = db_step(stmt, "audit it", err)) == DB_ROW) {
        format_row(stmt, text);
        sink->row(sink->self, text);
        ++*sink->findings;
    }
    return result == DB_DONE;
}

const char *db_text_of(const struct db *db, const struct sql_file *audit)
{
    for (const struct sql_file *a = sql_pg_audits; db->is_postgres && a->name != NULL; a++)
        if (strcmp(a->name, audit->name) == 0)
            return a->text;
    return audit->text;
}

/* On several nodes an audit reads what is gathered from them (schema/citus/); elsewhere no such
 * schema is there, and the tables themselves are found. */
static bool find_tables(struct db *db, const char *sql, struct error *err)
{
    return !db->is_postgres || db_exec(db, sql, "audit it", err);
}

static bool run_audit(struct db *db, const struct sql_file *audit, const struct audit_sink *sink,
                      struct error *err)
{
    const char *rest = db_text_of(db, audit);

    while (*rest != '\0') {
        struct db_stmt *stmt = NULL;
        bool is_ok = db_prepare_next(db, rest, &rest, &stmt, err) &&
                     (stmt == NULL || run_statement(stmt, sink, err));

        db_finalize(stmt);
        if (!is_ok)
            return error_context(err, "%s", audit->name);
    }
    return true;
}

bool db_audit(struct db *db, const struct sql_file *audit, const struct audit_sink *sink,
              struct error *err)
{
    *sink->findings = 0;
    return find_tables(db, SQL_PG_FIND_GATHERED, err) && run_audit(db, audit, sink, err) &&
           find_tables(db, SQL_PG_FIND_TABLES, err);
}

bool store_audit(struct store *s, const struct sql_file *audit,
                 void (*row)(void *self, const char *text), void *self, int64_t *findings,
                 struct error *err)
{
    return db_audit(&s->db, audit, &(struct audit_sink){row, self, findings}, err);
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

static bool make_wanted(struct db *wanted, const char *path, const struct sql_file *migrations,
                        struct error *err)
{
    (void)snprintf(wanted->path, sizeof wanted->path, "%s", path);
    return sqlite_open(wanted, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, err) &&
           store_migrate(wanted, migrations, err);
}

/* Against what there was when the migrations had run: pagemeter.made. */
static bool audit_made(struct db *db, const char *home, const struct audit_sink *sink,
                       struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(db, SQL_PG_AUDIT_SCHEMA, &stmt, err);

    *sink->findings = 0;
    if (is_ok) {
        db_bind_text(stmt, 1, home);
        is_ok = run_statement(stmt, sink, err);
    }
    db_finalize(stmt);
    return is_ok;
}

bool db_audit_schema(struct db *db, const char *home, const struct sql_file *migrations,
                     const struct audit_sink *sink, struct error *err)
{
    if (db->is_postgres)
        return audit_made(db, home, sink, err);
    static const char path[] = "file:pagemeter-wanted?mode=memory&cache=shared";
    const struct sql_file audit = {"schema", schema_differences};
    struct db wanted = {0};
    bool is_ok = make_wanted(&wanted, path, migrations, err) &&
                 db_exec(db, "ATTACH 'file:pagemeter-wanted?mode=memory&cache=shared' AS wanted",
                         "compare it", err);

    if (is_ok) {
        is_ok = db_audit(db, &audit, sink, err);
        /* what follows sorts every tick of the store: on disk, not in the memory of a dom0 */
        is_ok = db_exec(db, "DETACH wanted; PRAGMA temp_store = FILE", "compare it", err) && is_ok;
    }
    db_close(&wanted);
    return is_ok;
}

bool store_audit_schema(struct store *s, void (*row)(void *self, const char *text), void *self,
                        int64_t *findings, struct error *err)
{
    return db_audit_schema(&s->db, "meter", sql_migrations,
                           &(struct audit_sink){row, self, findings}, err);
}
