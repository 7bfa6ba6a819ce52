#include "store/central.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/uri.h"
#include "store/central_impl.h"

/* Another program that makes or keeps it needs seconds; one that has hung must not be waited for.
 */
enum { LOCK_WAIT_S = 60 };

/* Hours of stores that one run prunes: minutes of work; the rest goes with the next. */
enum { PRUNED_MOST = 20000 };

/* ---- opening ---- */

bool central_open(struct db *db, const char *uri, bool is_writer, struct error *err)
{
    return postgres_open(db, uri, is_writer, err) && central_check_version(db, err);
}

bool central_open_store(struct store **out, const char *uri, bool is_writer, struct error *err)
{
    struct store *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    s->lock_fd = -1;
    s->is_cut = true;
    if (central_open(&s->db, uri, is_writer, err)) {
        *out = s;
        return true;
    }
    store_close(s);
    return false;
}

bool store_open_named(struct store **out, const char *name, struct error *err)
{
    return uri_is_postgres(name) ? central_open_store(out, name, false, err)
                                 : store_open(out, name, STORE_READ, err);
}

/* ---- one at a time ---- */

bool central_hold(struct db *db, const char *lock, struct error *err)
{
    bool is_held;

    return postgres_lock(db, lock, LOCK_WAIT_S, &is_held, err) &&
           (is_held ||
            error_set(err, ERR_RETRY, "%s: another program does the same: wait for it", db->path));
}

struct central_lock {
    struct db db; /* the lock is the connection's */
};

bool central_lock_take(struct central_lock **out, const char *uri, const char *task,
                       struct error *err)
{
    struct central_lock *lock = calloc(1, sizeof *lock);
    bool is_held = false;

    if (lock == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a lock");
    bool is_ok =
        central_open(&lock->db, uri, true, err) && postgres_lock(&lock->db, task, 0, &is_held, err);

    if (is_ok && !is_held)
        (void)error_set(err, ERR_REFUSED, "%s: another pagemeter %s is at it", lock->db.path, task);
    if (is_ok && is_held)
        *out = lock;
    else
        central_lock_release(lock);
    return is_ok && is_held;
}

void central_lock_release(struct central_lock *lock)
{
    if (lock == NULL)
        return;
    db_close(&lock->db);
    free(lock);
}

/* ---- the keeper ---- */

static bool drop_hours(struct store *s, int64_t before_hour, struct central_kept *out,
                       struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (before_hour <= 0)
        return true;
    if (!db_prepare(&s->db, SQL_PG_DROP_HOURS, &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){before_hour, clock_utc().ns}, 2);
    bool is_ok = db_step(stmt, "drop old hours", err) == DB_ROW;

    if (is_ok) {
        out->months = db_int(stmt, 0);
        (void)snprintf(out->stays, sizeof out->stays, "%s", db_text(stmt, 1));
        (void)snprintf(out->why, sizeof out->why, "%s", db_text(stmt, 2));
    }
    db_finalize(stmt);
    return is_ok;
}

static bool keep(struct store *s, const struct central_keeping *keeping, struct central_kept *out,
                 struct error *err)
{
    int64_t dropped;
    bool is_null;

    *out = (struct central_kept){0};
    return central_hold(&s->db, "keep", err) &&
           db_get_int(&s->db, SQL_PG_MAKE_PARTITIONS, &out->partitions, &is_null, err) &&
           db_get_int(&s->db, SQL_PG_RETIRE_RESTORED, &out->retired, &is_null, err) &&
           store_derive(s, err) &&
           store_prune(s, keeping->raw_before_hour, PRUNED_MOST, &out->pruned, err) &&
           db_get_int(&s->db, SQL_PG_DROP_PARTITIONS, &dropped, &is_null, err) &&
           drop_hours(s, keeping->hours_before_hour, out, err);
}

bool central_keep(const char *uri, const struct central_keeping *keeping, struct central_kept *out,
                  struct error *err)
{
    struct store *s = NULL;
    bool is_ok = central_open_store(&s, uri, true, err) && keep(s, keeping, out, err);

    store_close(s);
    return is_ok;
}

/* ---- hosts ---- */

/* "role", as SQL has names. */
static bool quote_name(const char *name, char *out, size_t size, struct error *err)
{
    size_t used = 0;

    out[used++] = '"';
    for (; *name != '\0' && used + 3 < size; name++) {
        if (*name == '"')
            out[used++] = '"';
        out[used++] = *name;
    }
    out[used++] = '"';
    out[used] = '\0';
    return *name == '\0' || error_set(err, ERR_USAGE, "the name of the role is too long");
}

/* Ship needs one. Those that a host's crash left behind stay for a while; and a thief must not take
 * those of all. */
enum { HOST_CONNECTIONS = 10, ROLE_NAME_MAX = 63 };

/* The role itself, which the keeper of a database may not be allowed to make. */
static bool make_role(struct db *db, const char *role, struct error *err)
{
    struct db_stmt *stmt = NULL;
    char name[160], sql[512];
    /* PostgreSQL would cut it off, and admit another one than it made */
    if (strlen(role) > ROLE_NAME_MAX)
        return error_set(err, ERR_USAGE, "the name of the role is longer than %d bytes",
                         ROLE_NAME_MAX);
    bool is_ok =
        quote_name(role, name, sizeof name, err) && db_prepare(db, SQL_PG_COUNT_ROLES, &stmt, err);

    if (is_ok) {
        db_bind_text(stmt, 1, role);
        is_ok = db_step(stmt, "look for the role", err) == DB_ROW;
    }
    bool is_there = is_ok && db_int(stmt, 0) > 0;

    db_finalize(stmt);
    (void)snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN CONNECTION LIMIT %d", name,
                   HOST_CONNECTIONS);
    if (is_ok && !is_there)
        is_ok = db_exec(db, sql, "make the role", err);
    (void)snprintf(sql, sizeof sql, "GRANT pagemeter_host TO %s", name);
    return is_ok && db_exec(db, sql, "make the role one of a host", err);
}

/* Who had the role may have given it settings that outlive a password: a timeout of a millisecond.
 */
static bool reset_role(struct db *db, const char *role, bool *had_settings, struct error *err)
{
    static const char what[] = "take the role's own settings from it";
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    *had_settings = false;
    if (!db_prepare(db, SQL_PG_SELECT_RESETS, &stmt, err))
        return false;
    db_bind_text(stmt, 1, role);
    while ((row = db_step(stmt, what, err)) == DB_ROW && db_exec(db, db_text(stmt, 0), what, err))
        *had_settings = true;
    db_finalize(stmt);
    return row == DB_DONE;
}

bool central_add_host(const char *uri, const struct uuid *host, const char *role,
                      bool *had_settings, struct error *err)
{
    struct db db = {0};
    struct db_stmt *stmt = NULL;
    bool is_ok = central_open(&db, uri, true, err) &&
                 db_begin(&db, DB_WRITING, "add a host", err) && make_role(&db, role, err) &&
                 reset_role(&db, role, had_settings, err) &&
                 db_prepare(&db, SQL_PG_ADD_HOST, &stmt, err);

    if (is_ok) {
        db_bind_text(stmt, 1, role);
        db_bind_uuid(stmt, 2, host);
        is_ok = db_run(stmt, "add a host", err) && db_commit(&db, "add a host", err);
    }
    db_finalize(stmt);
    db_close(&db);
    return is_ok;
}

static bool take_row(struct db_stmt *stmt, const struct central_sink *sink, struct error *err)
{
    struct central_row row = {.store_no = db_int(stmt, 0),
                              .state = db_text(stmt, 3),
                              .last_tick = db_is_null(stmt, 4) ? -1 : db_int(stmt, 4),
                              .utc_ns = db_int(stmt, 5),
                              .derived_ns = db_int(stmt, 6),
                              .conflicts = db_int(stmt, 7),
                              .is_awaited = db_int(stmt, 8) == 1};

    return db_uuid(stmt, 1, &row.host, err) && db_uuid(stmt, 2, &row.store, err) &&
           sink->row(sink->self, &row, err);
}

bool central_status(const char *uri, const struct central_sink *sink, struct error *err)
{
    struct db db = {0};
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok =
        central_open(&db, uri, false, err) && db_prepare(&db, SQL_PG_SELECT_STORES, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read its stores", err)) == DB_ROW)
        is_ok = take_row(stmt, sink, err);
    db_finalize(stmt);
    db_close(&db);
    return is_ok && row == DB_DONE;
}
