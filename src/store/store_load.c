/*
 * store_load.c - where a store stands, for a meter that goes on.
 */
#include <stdlib.h>

#include "store/store_impl.h"

/* The uuid that a query gives, if it gives a row. */
static bool load_uuid(struct store *s, const char *sql, struct uuid *out, bool *is_there,
                      struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, sql, &stmt, err);
    enum db_row row = is_ok ? db_step(stmt, "read it", err) : DB_FAILED;

    *is_there = row == DB_ROW;
    if (row == DB_ROW)
        is_ok = db_uuid(stmt, 0, out, err);
    db_finalize(stmt);
    return is_ok && row != DB_FAILED;
}

static bool load_last_tick(struct store *s, struct meter_state *state, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_SELECT_LAST_TICK, &stmt, err);
    enum db_row row = is_ok ? db_step(stmt, "read it", err) : DB_FAILED;

    if (row == DB_ROW) {
        state->has_boot = true;
        state->tick = db_int(stmt, 0);
        state->mono_ns = db_int(stmt, 1);
        state->utc_ns = db_int(stmt, 2);
        is_ok = db_uuid(stmt, 3, &state->boot, err);
        state->tick_base = db_int(stmt, 4);
    }
    db_finalize(stmt);
    return is_ok && row != DB_FAILED;
}

static bool load_next_numbers(struct store *s, struct meter_state *state, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_SELECT_NEXT_NUMBERS, &stmt, err) &&
                 db_step(stmt, "read it", err) == DB_ROW;

    if (is_ok) {
        state->next_life = db_int(stmt, 0);
        state->next_segment = db_int(stmt, 1);
    }
    db_finalize(stmt);
    return is_ok;
}

static bool load_life(struct db_stmt *stmt, struct open_life *life, struct error *err)
{
    *life = (struct open_life){
        .life = db_int(stmt, 0),
        .domid = (uint16_t)db_int(stmt, 1),
        .has_run = db_int(stmt, 3) != 0,
        .has_counted = db_int(stmt, 4) != 0,
        .is_billed = db_int(stmt, 5) != 0,
        .segment = db_int(stmt, 6),
        .kib = (uint64_t)db_int(stmt, 7),
        .is_counted = db_int(stmt, 8) != 0,
    };
    return db_uuid(stmt, 2, &life->uuid, err);
}

static bool load_lives(struct store *s, struct open_life *lives, size_t capacity, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    size_t count = 0;

    if (!db_prepare(&s->db, SQL_SELECT_OPEN_LIVES, &stmt, err))
        return false;
    while ((row = db_step(stmt, "read its open lives", err)) == DB_ROW) {
        if (count < capacity && !load_life(stmt, &lives[count], err)) {
            row = DB_FAILED;
            break;
        }
        count++;
    }
    db_finalize(stmt);
    if (row == DB_DONE && count != capacity)
        return error_set(err, ERR_STORE,
                         "%s: %zu lives are open, but %zu open segments belong to them: it was "
                         "changed by hand; restore a backup",
                         s->db.path, capacity, count);
    return row == DB_DONE;
}

static bool load_all(struct store *s, struct meter_state *state, struct open_life **lives,
                     size_t *count, struct error *err)
{
    struct meter_state loaded = {0};
    int64_t open = 0;
    bool is_null;

    if (!load_uuid(s, SQL_SELECT_HOST, &loaded.host, &loaded.has_host, err) ||
        !load_uuid(s, SQL_SELECT_BOOT_ANNOUNCED, &loaded.next_boot, &loaded.is_booted, err) ||
        !load_last_tick(s, &loaded, err) || !load_next_numbers(s, &loaded, err) ||
        !db_get_int(&s->db, SQL_COUNT_OPEN_LIVES, &open, &is_null, err))
        return false;
    struct open_life *list = calloc((size_t)open + 1, sizeof *list);

    if (list == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for %lld lives", (long long)open);
    if (!load_lives(s, list, (size_t)open, err)) {
        free(list);
        return false;
    }
    *state = loaded;
    *lives = list;
    *count = (size_t)open;
    return true;
}

/* All of one moment, however the writer goes on. */
bool store_load(struct store *s, struct meter_state *state, struct open_life **lives, size_t *count,
                struct error *err)
{
    if (!db_begin(&s->db, DB_SNAPSHOT, "read it", err))
        return false;
    bool is_ok = load_all(s, state, lives, count, err);

    db_rollback(&s->db);
    return is_ok;
}

static bool write_uuid(struct store *s, const char *sql, const struct uuid *uuid, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, sql, &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, uuid);
    bool is_ok = db_run(stmt, "write an id", err);

    db_finalize(stmt);
    return is_ok;
}

bool store_set_host(struct store *s, const struct uuid *host, struct error *err)
{
    struct uuid kept;
    bool is_there;

    if (!load_uuid(s, SQL_SELECT_HOST, &kept, &is_there, err))
        return false;
    if (is_there) {
        char is[UUID_TEXT_MAX];
        char was[UUID_TEXT_MAX];

        return uuid_is_equal(&kept, host) ||
               error_set(err, ERR_REFUSED,
                         "%s: it belongs to host %s, and this is host %s: one store per host; name "
                         "another directory with --db",
                         s->db.path, uuid_format(&kept, was), uuid_format(host, is));
    }
    return write_uuid(s, SQL_INSERT_HOST, host, err);
}

bool store_announce_boot(struct store *s, const struct uuid *boot, struct error *err)
{
    return write_uuid(s, SQL_ANNOUNCE_BOOT, boot, err);
}

bool store_refuse_known_boot(struct store *s, const struct uuid *boot, struct error *err)
{
    struct db_stmt *stmt = NULL;
    char text[UUID_TEXT_MAX];

    if (!db_prepare(&s->db, SQL_SELECT_BOOT, &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, boot);
    enum db_row row = db_step(stmt, "read it", err);

    db_finalize(stmt);
    if (row == DB_ROW)
        (void)error_set(err, ERR_REFUSED, "boot %s is in this store already, and has ended there",
                        uuid_format(boot, text));
    return row == DB_DONE;
}
