/*
 * billing_export.c - what billing.db notes of exports, and how far its books go.
 */
#include "store/billing_impl.h"

bool billing_marks(struct billing_store *b, struct billing_marks *out, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_MARKS, &stmt, err) &&
                 db_step(stmt, "read how far it goes", err) == DB_ROW;

    if (is_ok)
        *out = (struct billing_marks){db_int(stmt, 0), db_int(stmt, 1)};
    db_finalize(stmt);
    return is_ok;
}

bool billing_first_change(struct billing_store *b, const char *what, int64_t *utc_ns,
                          struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_FIRST_CHANGE, &stmt, err);

    if (is_ok) {
        db_bind_text(stmt, 1, what);
        is_ok = db_step(stmt, "read its changes", err) == DB_ROW;
        *utc_ns = is_ok ? db_int(stmt, 0) : -1;
    }
    db_finalize(stmt);
    return is_ok;
}

bool billing_add_export(struct billing_store *b, const struct billing_export *e, struct error *err)
{
    struct db_stmt *stmt = NULL;
    char hash[CHAIN_TEXT_MAX];

    if (!db_prepare(&b->db, SQL_BILLING_INSERT_EXPORT, &stmt, err))
        return false;
    db_bind_int(stmt, 1, e->utc_ns);
    db_bind_text(stmt, 2, e->format);
    db_bind_int(stmt, 3, e->from_hour);
    db_bind_int(stmt, 4, e->to_hour);
    db_bind_text(stmt, 5, e->watermark);
    db_bind_int(stmt, 6, e->entry);
    db_bind_text(stmt, 7, chain_format(&e->hash, hash));
    db_bind_int(stmt, 8, (int64_t)e->files);
    db_bind_text(stmt, 9, e->manifest);
    bool is_ok = db_run(stmt, "note an export", err);

    db_finalize(stmt);
    return is_ok;
}

bool billing_read_exports(struct billing_store *b, const char *format,
                          const struct billing_export_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_EXPORTS, &stmt, err);

    if (is_ok)
        db_bind_text(stmt, 1, format);
    while (is_ok && (row = db_step(stmt, "read what was exported", err)) == DB_ROW)
        is_ok = sink->made(sink->self, db_int(stmt, 0), db_int(stmt, 1), db_int(stmt, 2), err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
