/*
 * store_backup.c - a copy while the meter goes on, and the way back.
 *
 * A restored store is another store: what the meter wrote after the backup may be in other copies
 * (the central database), so that the two must never be taken for one. It gets an id of its own,
 * and the lives that were open end where the backup ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "store/store_impl.h"

static bool sync_path(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_ok = fd >= 0 && fsync(fd) == 0;

    if (!is_ok)
        (void)error_set(err, ERR_SYSTEM, "can't bring %s to disk: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return is_ok;
}

static bool refuse_existing(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return true;
    return error_set(err, ERR_REFUSED,
                     "%s exists already, and is not overwritten: name another "
                     "file, or move it away",
                     path);
}

static bool open_file(struct db *db, const char *path, int flags, struct error *err)
{
    if ((size_t)snprintf(db->path, sizeof db->path, "%s", path) >= sizeof db->path)
        return error_set(err, ERR_USAGE, "the name of the file is too long");
    return sqlite_open(db, flags, err);
}

/* All pages as of one moment, into a database of its own, without a WAL beside it. */
static bool copy_pages(struct db *from, const char *path, struct error *err)
{
    struct db to = {0};
    bool is_ok = open_file(&to, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    sqlite3_backup *backup =
        is_ok ? sqlite3_backup_init(to.handle, "main", from->handle, "main") : NULL;

    if (is_ok && backup == NULL)
        is_ok = sqlite_error(&to, sqlite3_errcode(to.handle), "copy into it", err);
    if (is_ok) {
        int code = sqlite3_backup_step(backup, -1);

        (void)sqlite3_backup_finish(backup);
        is_ok = code == SQLITE_DONE || sqlite_error(&to, code, "copy into it", err);
    }
    is_ok = is_ok && db_exec(&to, "PRAGMA journal_mode = DELETE", "finish the copy", err);
    db_close(&to);
    return is_ok;
}

/* A temporary name, to disk, then the name: a backup is whole or not there. */
static bool copy_to(struct db *db, const char *file, struct error *err)
{
    char temporary[1100];

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.part", file) >= sizeof temporary)
        return error_set(err, ERR_USAGE, "the name of the file is too long");
    (void)unlink(temporary);
    mode_t before = umask(027);
    bool is_ok = copy_pages(db, temporary, err) && sync_path(temporary, err);

    (void)umask(before);
    if (is_ok && link(temporary, file) != 0) /* unlike rename, never replaces */
        is_ok = error_set(err, ERR_SYSTEM, "can't make %s: %s", file, strerror(errno));
    (void)unlink(temporary);
    return is_ok;
}

bool store_backup(struct store *s, const char *file, struct error *err)
{
    return refuse_existing(file, err) && copy_to(&s->db, file, err);
}

static const char restart_as_another[] =
    "UPDATE segment SET last_tick = (SELECT max(tick) FROM tick) WHERE last_tick IS NULL;"
    "UPDATE life SET last_tick = (SELECT max(tick) FROM tick) WHERE last_tick IS NULL;";

static bool give_new_id(struct db *db, struct error *err)
{
    struct uuid id;
    struct db_stmt *stmt = NULL;

    if (!uuid_random(&id, err) || !db_begin(db, DB_WRITING, "restore it", err) ||
        !db_exec(db, restart_as_another, "restore it", err))
        return false;
    bool is_ok = db_prepare(db,
                            "INSERT INTO store (store, created_ns, after_tick)"
                            " VALUES (?1, ?2, (SELECT max(tick) FROM tick))",
                            &stmt, err);

    if (is_ok) {
        db_bind_uuid(stmt, 1, &id);
        db_bind_int(stmt, 2, clock_utc().ns);
        is_ok = db_run(stmt, "restore it", err);
    }
    db_finalize(stmt);
    return is_ok && db_commit(db, "restore it", err);
}

/* What is left of another database: its log would be played into the restored one. */
static bool refuse_leftovers(const char *target, struct error *err)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[1100];

        (void)snprintf(path, sizeof path, "%s%s", target, endings[i]);
        if (!refuse_existing(path, err))
            return false;
    }
    return true;
}

/* A copy of the backup under a temporary name, made a store of its own, then put in place. */
static bool restore_into(struct db *backup, const char *target, struct error *err)
{
    struct db copy = {0};
    char made[1100];

    (void)snprintf(made, sizeof made, "%s.restored", target);
    (void)unlink(made);
    bool is_ok = store_check_version(backup, sql_migrations, err) && copy_to(backup, made, err) &&
                 open_file(&copy, made, SQLITE_OPEN_READWRITE, err) && give_new_id(&copy, err);

    db_close(&copy);
    is_ok = is_ok && sync_path(made, err);
    if (is_ok && link(made, target) != 0)
        is_ok = error_set(err, ERR_SYSTEM, "can't make %s: %s", target, strerror(errno));
    (void)unlink(made);
    return is_ok;
}

bool store_restore(const char *file, const char *dir, struct error *err)
{
    struct db backup = {0};
    char target[1024];
    struct stat st;
    int lock_fd = -1;

    if (stat(file, &st) != 0)
        return error_set(err, ERR_SYSTEM, "can't read the backup %s: %s", file, strerror(errno));
    if ((size_t)snprintf(target, sizeof target, "%s/meter.db", dir) >= sizeof target)
        return error_set(err, ERR_USAGE, "the name of the directory is too long");
    if (!refuse_leftovers(target, err) || !store_lock_dir(dir, "meter.lock", &lock_fd, err))
        return false;
    bool is_ok = open_file(&backup, file, SQLITE_OPEN_READONLY, err) &&
                 restore_into(&backup, target, err) && sync_path(dir, err);

    db_close(&backup);
    (void)close(lock_fd);
    return is_ok;
}
