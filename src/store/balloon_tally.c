#include "store/balloon_tally.h"

#include "store/balloon_impl.h"

static const char *word(struct db_stmt *stmt, int column)
{
    const char *text = db_text(stmt, column);

    return text != NULL ? text : "";
}

bool balloon_store_totals(struct balloon_store *s, enum balloon_totals which,
                          const struct balloon_totals_reader *reader, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db,
                            which == BALLOON_TOTALS_OF_VMS ? SQL_BALLOON_SELECT_TALLY
                                                           : SQL_BALLOON_SELECT_TALLY_OF_ALL,
                            &stmt, err);

    while (is_ok && (row = db_step(stmt, "read what was counted", err)) == DB_ROW) {
        struct balloon_total t = {.is_host = db_is_empty(stmt, 0), .total = db_int(stmt, 5)};

        is_ok = t.is_host || db_uuid(stmt, 0, &t.vm, err);
        t.what = word(stmt, 1);
        t.action = word(stmt, 2);
        t.reason = word(stmt, 3);
        t.failure = word(stmt, 4);
        is_ok = is_ok && reader->take(reader->self, &t, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

bool balloon_store_reactions(struct balloon_store *s, const struct balloon_reaction_reader *reader,
                             struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_REACTIONS, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read how long needs waited", err)) == DB_ROW) {
        const struct balloon_reaction r = {db_int(stmt, 0), db_int(stmt, 1), db_int(stmt, 2)};

        is_ok = reader->take(reader->self, &r, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

bool balloon_store_latest(struct balloon_store *s, int64_t from_utc_ns,
                          const struct balloon_latest_reader *reader, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_LATEST, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, from_utc_ns);
    while (is_ok && (row = db_step(stmt, "read what guests said", err)) == DB_ROW) {
        struct balloon_latest l = {.utc_ns = db_int(stmt, 1),
                                   .target_kib = (uint64_t)db_int(stmt, 2),
                                   .need_kib = (uint64_t)db_int(stmt, 3)};

        is_ok = db_uuid(stmt, 0, &l.vm, err) && reader->take(reader->self, &l, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
