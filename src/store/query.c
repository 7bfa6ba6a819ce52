#include "store/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"
#include "common/uri.h"
#include "store/central_impl.h"

struct query {
    struct db db;
};

static bool name_books(struct db *db, const char *dir, struct error *err)
{
    db->writer = "pagemeter account";
    return store_name_db(db, dir, "billing.db", err);
}

/* Tables are always there: books are, when something was said in them. Errors are told later. */
static bool has_changes(const char *uri)
{
    struct db db = {0};
    struct error err;
    int64_t change = 1;
    bool is_null;

    if (central_open(&db, uri, false, &err) &&
        !db_get_int(&db, "SELECT coalesce(max(change), 0) FROM change_log", &change, &is_null,
                    &err))
        change = 1;
    db_close(&db);
    return change > 0;
}

bool query_has_books(const char *dir)
{
    struct db db = {0};
    struct error err;

    if (uri_is_postgres(dir))
        return has_changes(dir);
    return name_books(&db, dir, &err) && access(db.path, F_OK) == 0;
}

/* Opens the measurements as any reader does, which says best what is wrong with them. */
static bool check_measured(const char *dir, struct error *err)
{
    struct store *store = NULL;
    bool is_ok = store_open(&store, dir, STORE_READ, err);

    store_close(store);
    return is_ok;
}

static bool attach_measured(struct db *db, const char *dir, struct error *err)
{
    struct db measured = {0};
    struct db_stmt *stmt = NULL;

    /* for reading only, as what it is attached to */
    if (!store_name_db(&measured, dir, "meter.db", err) ||
        !db_prepare(db, "ATTACH ?1 AS meter", &stmt, err))
        return false;
    db_bind_text(stmt, 1, measured.path);
    bool is_ok = db_run(stmt, "attach meter.db to it", err);

    db_finalize(stmt);
    return is_ok;
}

static bool open_all(struct query *q, const char *dir, struct error *err)
{
    if (uri_is_postgres(dir))
        return central_open(&q->db, dir, false, err);
    if (!check_measured(dir, err))
        return false;
    if (!query_has_books(dir))
        return store_name_db(&q->db, dir, "meter.db", err) &&
               store_open_db(&q->db, sql_migrations, STORE_READ, err);
    return name_books(&q->db, dir, err) &&
           store_open_db(&q->db, sql_billing_migrations, STORE_READ, err) &&
           attach_measured(&q->db, dir, err);
}

bool query_open(struct query **out, const char *dir, struct error *err)
{
    struct query *q = calloc(1, sizeof *q);

    if (q == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    /* sorting goes to the disk, not into the memory of a dom0 */
    if (!open_all(q, dir, err) ||
        (!q->db.is_postgres && !db_exec(&q->db, "PRAGMA temp_store = FILE", "open it", err))) {
        query_close(q);
        return false;
    }
    *out = q;
    return true;
}

void query_close(struct query *q)
{
    if (q == NULL)
        return;
    db_close(&q->db);
    free(q);
}

bool query_audit(struct query *q, const struct sql_file *audit,
                 void (*row)(void *self, const char *text), void *self, int64_t *findings,
                 struct error *err)
{
    return db_audit(&q->db, audit, &(struct audit_sink){row, self, findings}, err);
}

bool query_audit_schema(struct query *q, void (*row)(void *self, const char *text), void *self,
                        int64_t *findings, struct error *err)
{
    return db_audit_schema(&q->db, "billing", sql_billing_migrations,
                           &(struct audit_sink){row, self, findings}, err);
}

/* ---- questions ---- */

static void bind_value(struct db_stmt *stmt, int place, const char *value)
{
    uint64_t number;

    if (number_parse(value, strlen(value), INT64_MAX, &number))
        db_bind_int(stmt, place, (int64_t)number);
    else
        db_bind_text(stmt, place, value);
}

/* used: which of them the file has. */
static void bind_all(struct db_stmt *stmt, const struct query_parameter *parameters, size_t count,
                     bool *used)
{
    for (size_t i = 0; i < count; i++) {
        int place = db_parameter(stmt, parameters[i].name);

        if (place > 0)
            bind_value(stmt, place, parameters[i].value);
        used[i] = used[i] || place > 0;
    }
}

static bool answer(struct db_stmt *stmt, const struct query_sink *sink, struct error *err)
{
    const char *names[QUERY_COLUMNS_MAX], *values[QUERY_COLUMNS_MAX];
    struct query_row row = {.count = db_columns(stmt), .names = names};
    enum db_row result;

    if (row.count > QUERY_COLUMNS_MAX)
        return error_set(err, ERR_USAGE, "an answer has at most %d columns", QUERY_COLUMNS_MAX);
    for (int c = 0; c < row.count; c++)
        names[c] = db_column_name(stmt, c);
    if (!sink->head(sink->self, &row, err))
        return false;
    row.values = values;
    while ((result = db_step(stmt, "ask it", err)) == DB_ROW) {
        for (int c = 0; c < row.count; c++)
            values[c] = db_text(stmt, c);
        if (!sink->row(sink->self, &row, err))
            return false;
    }
    return result == DB_DONE;
}

enum { PARAMETERS_MAX = 16 };

bool query_ask(struct query *q, const struct sql_file *file,
               const struct query_parameter *parameters, size_t count,
               const struct query_sink *sink, struct error *err)
{
    bool used[PARAMETERS_MAX] = {false};
    const char *rest = db_text_of(&q->db, file);

    if (count > PARAMETERS_MAX)
        return error_set(err, ERR_USAGE, "there are at most %d parameters", PARAMETERS_MAX);
    while (*rest != '\0') {
        struct db_stmt *stmt = NULL;

        if (!db_prepare_next(&q->db, rest, &rest, &stmt, err))
            return error_context(err, "%s", file->name);
        if (stmt == NULL)
            continue;
        bind_all(stmt, parameters, count, used);
        bool is_ok = answer(stmt, sink, err);

        db_finalize(stmt);
        if (!is_ok)
            return error_context(err, "%s", file->name);
    }
    for (size_t i = 0; i < count; i++)
        if (!used[i])
            return error_set(err, ERR_USAGE, "%s has no parameter '%.40s'", file->name,
                             parameters[i].name);
    return true;
}
