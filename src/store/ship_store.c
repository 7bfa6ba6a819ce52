#include "store/ship_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "store/store_impl.h"

struct ship_store {
    struct db db;
    int lock_fd;
};

bool ship_store_open(struct ship_store **out, const char *dir, enum store_mode mode,
                     struct error *err)
{
    struct ship_store *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    s->lock_fd = -1;
    s->db.writer = "pagemeter ship";
    if (!store_name_db(&s->db, dir, "ship.db", err) ||
        (mode == STORE_WRITE && !store_lock_dir(dir, "ship.lock", &s->lock_fd, err)) ||
        !store_open_db(&s->db, sql_ship_migrations, mode, err)) {
        ship_store_close(s);
        return false;
    }
    *out = s;
    return true;
}

void ship_store_close(struct ship_store *s)
{
    if (s == NULL)
        return;
    db_close(&s->db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

static bool write_mark(struct ship_store *s, const char *destination, const struct ship_mark *m,
                       struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, SQL_SHIP_CONFIRM, &stmt, err))
        return false;
    db_bind_text(stmt, 1, destination);
    db_bind_uuid(stmt, 2, &m->store);
    db_bind_int(stmt, 3, m->tick);
    db_bind_int(stmt, 4, m->utc_ns);
    db_bind_int(stmt, 5, m->confirmed_ns);
    db_bind_int(stmt, 6, m->conflicts);
    db_bind_int(stmt, 7, m->pruned_to);
    bool is_ok = db_run(stmt, "note what was shipped", err);

    db_finalize(stmt);
    return is_ok;
}

static bool write_state(struct ship_store *s, const struct ship_note *n, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, n->error != NULL ? SQL_SHIP_FAIL : SQL_SHIP_RECOVER, &stmt, err))
        return false;
    db_bind_text(stmt, 1, n->destination);
    db_bind_int(stmt, 2, n->utc_ns);
    if (n->error != NULL)
        db_bind_text(stmt, 3, n->error);
    bool is_ok = db_run(stmt, "note how it goes", err);

    db_finalize(stmt);
    return is_ok;
}

bool ship_store_note(struct ship_store *s, const struct ship_note *n, struct error *err)
{
    bool is_ok = db_begin(&s->db, DB_WRITING, "note what was shipped", err);

    for (size_t i = 0; is_ok && i < n->count; i++)
        is_ok = write_mark(s, n->destination, &n->marks[i], err);
    is_ok = is_ok && write_state(s, n, err) && db_commit(&s->db, "note what was shipped", err);
    if (!is_ok)
        db_rollback(&s->db);
    return is_ok;
}

static bool take_row(struct db_stmt *stmt, const struct ship_rows *rows, struct error *err)
{
    struct ship_row row = {
        .destination = db_text(stmt, 0),
        .has_mark = !db_is_null(stmt, 1),
        .mark = {.tick = db_int(stmt, 2),
                 .utc_ns = db_int(stmt, 3),
                 .confirmed_ns = db_int(stmt, 4),
                 .conflicts = db_int(stmt, 5),
                 .pruned_to = db_int(stmt, 6)},
        .error = db_text(stmt, 7),
        .since_ns = db_int(stmt, 8),
        .last_ns = db_int(stmt, 9),
        .ended_ns = db_int(stmt, 10),
    };

    return (!row.has_mark || db_uuid(stmt, 1, &row.mark.store, err)) &&
           rows->row(rows->self, &row, err);
}

bool ship_store_read(struct ship_store *s, const struct ship_rows *rows, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db, SQL_SHIP_SELECT_SHIPPED, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read what was shipped", err)) == DB_ROW)
        is_ok = take_row(stmt, rows, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
