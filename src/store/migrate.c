/*
 * migrate.c - versions of the database: numbered files, applied in order, each whole or not at all.
 *
 * PRAGMA user_version is the number of files applied. A database that holds data is copied beside
 * itself before the first of them; a newer one is refused, since a wrong figure is worse than none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/safety.h"
#include "store/store_impl.h"

static int64_t newest(const struct sql_file *migrations)
{
    int64_t count = 0;

    while (migrations[count].name != NULL)
        count++;
    return count;
}

static bool read_version(struct db *db, int64_t *version, struct error *err)
{
    int64_t application = 0;
    int64_t tables = 0;
    bool is_null;

    if (!db_get_int(db, "PRAGMA user_version", version, &is_null, err) ||
        !db_get_int(db, "PRAGMA application_id", &application, &is_null, err) ||
        !db_get_int(db, "SELECT count(*) FROM sqlite_master", &tables, &is_null, err))
        return false;
    if (application != STORE_APPLICATION_ID && (tables > 0 || *version > 0))
        return error_set(err, ERR_STORE,
                         "%s: it is a database, but not one of Pagemeter: name another directory "
                         "with --db",
                         db->path);
    return true;
}

static bool refuse_newer(const struct db *db, int64_t version, int64_t known, struct error *err)
{
    if (version <= known || !safety_is_on(SAFETY_STORE_VERSION))
        return true;
    return error_set(err, ERR_STORE,
                     "%s: its schema has version %" PRId64
                     ", and this program knows versions up to "
                     "%" PRId64 ": use the Pagemeter that wrote it, or a newer one",
                     db->path, version, known);
}

bool store_check_version(struct db *db, const struct sql_file *migrations, struct error *err)
{
    int64_t version;
    int64_t known = newest(migrations);

    if (!read_version(db, &version, err) || !refuse_newer(db, version, known, err))
        return false;
    if (version < known)
        return error_set(err, ERR_STORE,
                         "%s: its schema has version %" PRId64 " and this program needs %" PRId64
                         ": start this version of %s once, which migrates it",
                         db->path, version, known, db->writer != NULL ? db->writer : "pagemeterd");
    return true;
}

static bool copy_before(struct db *db, int64_t version, struct error *err)
{
    char copy[1100];
    char part[1100];
    struct stat st;
    struct db_stmt *stmt = NULL;

    (void)snprintf(copy, sizeof copy, "%s.schema-%" PRId64, db->path, version);
    if (stat(copy, &st) == 0)
        return error_set(err, ERR_REFUSED,
                         "%s: it must be migrated, and the copy to be made first, %s, exists "
                         "already: move that away",
                         db->path, copy);
    if (!db_prepare(db, "VACUUM INTO ?1", &stmt, err))
        return false;
    /* a copy that was interrupted must not be taken for one */
    (void)snprintf(part, sizeof part, "%s.schema-%" PRId64 ".part", db->path, version);
    (void)unlink(part);
    db_bind_text(stmt, 1, part);
    bool is_ok = db_run(stmt, "copy it before the migration", err);

    db_finalize(stmt);
    if (is_ok && rename(part, copy) != 0)
        is_ok = error_set(err, ERR_SYSTEM, "can't make %s: %s", copy, strerror(errno));
    return is_ok;
}

static bool apply(struct db *db, const struct sql_file *migration, int64_t version,
                  struct error *err)
{
    char finish[128];

    (void)snprintf(finish, sizeof finish,
                   "PRAGMA user_version = %" PRId64 "; PRAGMA application_id = %d; COMMIT", version,
                   STORE_APPLICATION_ID);
    if (db_begin(db, DB_WRITING, "migrate it", err) &&
        db_exec(db, migration->text, migration->name, err) &&
        db_exec(db, finish, "migrate it", err))
        return true;
    db_rollback(db);
    return false;
}

bool store_migrate(struct db *db, const struct sql_file *migrations, struct error *err)
{
    int64_t version;
    int64_t known = newest(migrations);

    if (!read_version(db, &version, err) || !refuse_newer(db, version, known, err))
        return false;
    if (version > 0 && version < known && !copy_before(db, version, err))
        return false;
    for (; version < known; version++)
        if (!apply(db, &migrations[version], version + 1, err))
            return false;
    return true;
}
