#include "store/borrow.h"

#include <string.h>

#include "store/central.h"
#include "store/central_impl.h"
#include "store/ship_send.h"

static const struct {
    const char *from, *to;
} copies[] = {
    {SQL_PG_BORROW_STORE, SQL_BORROW_STORE}, {SQL_PG_BORROW_HOST, SQL_BORROW_HOST},
    {SQL_PG_BORROW_BOOT, SQL_BORROW_BOOT},   {SQL_PG_BORROW_RESTART, SQL_BORROW_RESTART},
    {SQL_PG_BORROW_CUT, SQL_BORROW_CUT},     {SQL_PG_BORROW_TICK, SQL_BORROW_TICK},
    {SQL_PG_BORROW_LIFE, SQL_BORROW_LIFE},   {SQL_PG_BORROW_SEGMENT, SQL_BORROW_SEGMENT},
};

/* The store of the host that goes on; 0: there is none. */
static bool find(struct db *central, const struct uuid *host, int64_t *store_no, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    int64_t found = 0, count = 0, restored = 0;

    if (!db_prepare(central, SQL_PG_BORROW_FIND, &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, host);
    while ((row = db_step(stmt, "look for the host", err)) == DB_ROW) {
        found = db_int(stmt, 0);
        restored += db_int(stmt, 1);
        count++;
    }
    db_finalize(stmt);
    if (row != DB_DONE)
        return false;
    if (count > 1 || restored > 0)
        return error_set(err, ERR_REFUSED,
                         "this host has restored its store and ships it: replay into a directory, "
                         "and ship that");
    *store_no = found;
    return true;
}

static bool copy_row(struct db_stmt *from, struct db_stmt *to, struct error *err)
{
    for (int i = 0; i < db_columns(from); i++) {
        const char *text = db_text(from, i);

        db_bind_text(to, i + 1, text != NULL ? text : "");
    }
    return db_run(to, "copy it", err);
}

static bool copy(struct db *central, struct db *local, size_t which, int64_t store_no,
                 struct error *err)
{
    struct db_stmt *from = NULL, *to = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(central, copies[which].from, &from, err) &&
                 db_prepare(local, copies[which].to, &to, err);

    if (is_ok)
        db_bind_int(from, 1, store_no);
    while (is_ok && (row = db_step(from, "read what is open", err)) == DB_ROW)
        is_ok = copy_row(from, to, err);
    db_finalize(from);
    db_finalize(to);
    return is_ok && row == DB_DONE;
}

static bool copy_all(struct db *central, struct db *local, int64_t store_no, struct error *err)
{
    bool is_ok = db_begin(central, DB_SNAPSHOT, "read it", err) &&
                 db_begin(local, DB_WRITING, "copy it", err);

    for (size_t i = 0; is_ok && i < sizeof copies / sizeof *copies; i++)
        is_ok = copy(central, local, i, store_no, err);
    return is_ok && db_exec(local, SQL_BORROW_DERIVED, "copy it", err) &&
           db_commit(local, "copy it", err);
}

static bool make_local(struct db *central, const char *dir, int64_t store_no, struct error *err)
{
    struct db local = {0};
    bool is_ok = store_name_db(&local, dir, "meter.db", err) &&
                 store_open_db(&local, sql_migrations, STORE_WRITE, err) &&
                 copy_all(central, &local, store_no, err);

    db_close(&local);
    return is_ok;
}

bool borrow_store(const char *uri, const struct uuid *host, const char *dir, struct error *err)
{
    struct db central = {0};
    int64_t store_no = 0;
    bool is_ok = central_make(uri, err) && central_open(&central, uri, false, err) &&
                 find(&central, host, &store_no, err) &&
                 (store_no == 0 || make_local(&central, dir, store_no, err));

    db_close(&central);
    return is_ok;
}

/* ---- back ---- */

static bool send_all(struct ship_sender *sender, struct ship_reader *reader, struct error *err)
{
    const struct ship_origin *origins;
    struct ship_batch batch = {0};
    struct ship_answer answer = {0};
    size_t count = 0;
    bool is_there = true;
    bool is_ok = ship_reader_origins(reader, &origins, &count, err) && count == 1 &&
                 ship_ask(sender, &origins[0], &answer, err);

    while (is_ok && is_there) {
        int64_t after = answer.delivered;

        is_ok = ship_reader_next(reader, &origins[0], after, &batch, &is_there, err) &&
                (!is_there || ship_send(sender, &origins[0], &batch, &answer, err));
        if (is_ok && is_there && (answer.conflicts > 0 || answer.delivered <= after))
            is_ok = error_set(err, ERR_REFUSED, "the database has something else of this store");
    }
    ship_batch_clear(&batch);
    return is_ok;
}

static bool send_as_host(struct ship_sender *sender, const struct uuid *host, const char *dir,
                         struct error *err)
{
    static const struct ship_limits limits = {SHIP_TICKS_MAX, SHIP_SEGMENTS_MAX};
    struct ship_reader *reader = NULL;
    bool is_ok = ship_reader_open(&reader, dir, &limits, err) &&
                 ship_sender_begin_as(sender, host, err) && send_all(sender, reader, err) &&
                 ship_sender_commit_as(sender, host, err);

    ship_reader_close(reader);
    return is_ok;
}

bool borrow_return(const char *uri, const struct uuid *host, const char *dir, struct error *err)
{
    struct ship_sender *sender = NULL;
    struct central_kept kept;
    bool is_ok = ship_sender_open(&sender, uri, err) && send_as_host(sender, host, dir, err);

    ship_sender_close(sender);
    return is_ok && central_keep(uri, &(struct central_keeping){0}, &kept, err);
}
