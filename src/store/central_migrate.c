/*
 * central_migrate.c - the versions of a database in PostgreSQL.
 *
 * Each migration is one transaction, with the note of what there is then. One that changes a table
 * waits for every session that has touched it, and all others wait behind the migration: hosts
 * could not ship while one of them is in a transaction that hangs. So it waits for a moment only,
 * lets them through, and tries again.
 */
#include "store/central.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/units.h"
#include "store/central_impl.h"

/*
 * A table is waited for longer than autovacuum takes to see that somebody waits for it
 * (deadlock_timeout, a second); then hosts ship for a while.
 */
#define BEGIN_PATIENTLY                                                                            \
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'"
enum { SHIPPING_S = 3, TRIED_S = 60 };

static int64_t newest(void)
{
    int64_t count = 0;

    while (sql_pg_migrations[count].name != NULL)
        count++;
    return count;
}

static bool read_version(struct db *db, int64_t *version, struct error *err)
{
    bool is_null;

    *version = 0;
    return db_get_int(db, "SELECT coalesce(max(version), 0) FROM pagemeter.migration", version,
                      &is_null, err);
}

bool central_check_version(struct db *db, struct error *err)
{
    int64_t version;

    if (!read_version(db, &version, err))
        return false;
    if (version == newest())
        return true;
    return error_set(err, ERR_STORE,
                     "%s: its schema has version %lld and this program needs %lld: %s", db->path,
                     (long long)version, (long long)newest(),
                     version < newest() ? "run pagemeter db migrate"
                                        : "use the Pagemeter that made it, or a newer one");
}

/* ---- one migration ---- */

/* With the note of what was made: whenever it ends, there is what audits compare with. */
static bool apply_once(struct db *db, int64_t version, struct error *err)
{
    const struct sql_file *migration = &sql_pg_migrations[version];
    char note[256], what[160];

    (void)snprintf(note, sizeof note,
                   "INSERT INTO pagemeter.migration (version, name) VALUES (%lld, '%.100s')",
                   (long long)version + 1, migration->name);
    (void)snprintf(what, sizeof what, "apply %.100s", migration->name);
    /* each statement sees what was written while the one before waited for it */
    if (db_begin(db, DB_WRITING, what, err) && db_exec(db, BEGIN_PATIENTLY, what, err) &&
        db_exec(db, SQL_PG_MAKE_HOME, what, err) && db_exec(db, migration->text, what, err) &&
        db_exec(db, note, what, err) && db_exec(db, SQL_PG_NOTE_MADE, what, err) &&
        db_commit(db, what, err))
        return true;
    db_rollback(db);
    return false;
}

static bool is_connected(struct db *db)
{
    struct error ignored;
    int64_t one;
    bool is_null;

    return db_get_int(db, "SELECT 1", &one, &is_null, &ignored);
}

/* Asked when shipping had gone on for a while: who has something then has had it for long. */
static bool name_holder(struct db *db, int64_t version, struct error *err)
{
    struct db_stmt *stmt = NULL;
    struct error ignored;
    char holder[200] = "";

    if (db_prepare(db, SQL_PG_SELECT_HOLDERS, &stmt, &ignored) &&
        db_step(stmt, "look who holds a table", &ignored) == DB_ROW)
        db_copy_text(stmt, 0, holder, sizeof holder);
    db_finalize(stmt);
    return error_context(err, "it has version %lld still, and may be migrated later%s%s",
                         (long long)version,
                         holder[0] == '\0' ? "" : "; who holds tables: ", holder);
}

static bool apply(struct db *db, int64_t version, struct error *err)
{
    int64_t until_ns = clock_mono().ns + TRIED_S * NS_PER_S;

    while (!apply_once(db, version, err)) {
        if (err->code != ERR_RETRY || !is_connected(db))
            return false;
        (void)sleep(SHIPPING_S);
        if (clock_mono().ns > until_ns)
            return name_holder(db, version, err);
    }
    return true;
}

/* ---- all of them ---- */

/* What another role makes here is that role's: functions that hosts call could not call it. */
static bool check_owner(struct db *db, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    if (db_prepare(db, SQL_PG_SELECT_OTHER_OWNER, &stmt, err))
        row = db_step(stmt, "look whose it is", err);
    if (row == DB_ROW)
        (void)error_set(
            err, ERR_REFUSED,
            "%s: it is the role %s that made it, and has to migrate it, not %s: connect "
            "as that, or say PGOPTIONS='-c role=%s' if %s may be that",
            db->path, db_text(stmt, 0), db_text(stmt, 1), db_text(stmt, 0), db_text(stmt, 1));
    db_finalize(stmt);
    return row == DB_DONE;
}

static bool has_tables(struct db *db, bool *out, struct error *err)
{
    int64_t tables = 0;
    bool is_null;
    bool is_ok = db_get_int(db, "SELECT count(*) FROM pg_tables WHERE schemaname = 'pagemeter'",
                            &tables, &is_null, err);

    *out = tables > 0;
    return is_ok;
}

static bool migrate(struct db *db, int64_t *before, int64_t *now, struct error *err)
{
    bool is_there;

    *before = 0;
    if (!has_tables(db, &is_there, err) || (is_there && !read_version(db, before, err)))
        return false;
    if (*before > newest())
        return central_check_version(db, err);
    for (*now = *before; *now < newest(); ++*now)
        if (!apply(db, *now, err))
            return false;
    return true;
}

bool central_migrate(const char *uri, int64_t *before, int64_t *now, struct error *err)
{
    struct db db = {0};
    bool is_ok = postgres_open(&db, uri, true, err) && check_owner(&db, err) &&
                 central_hold(&db, "migrate", err) && migrate(&db, before, now, err);

    db_close(&db);
    return is_ok;
}

bool central_make(const char *uri, struct error *err)
{
    struct db db = {0};
    bool is_there;
    int64_t before, now;
    bool is_ok = postgres_open(&db, uri, false, err) && has_tables(&db, &is_there, err);

    db_close(&db);
    return is_ok && (is_there || central_migrate(uri, &before, &now, err));
}
