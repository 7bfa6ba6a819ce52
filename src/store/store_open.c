/*
 * store_open.c - opening a store: the directory, the lock, the database, its version.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/safety.h"
#include "common/uri.h"
#include "store/store_impl.h"

/* With the directories above it. */
static bool make_dir(const char *dir, struct error *err)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s", dir);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755); /* what is wrong with it, the last one shows */
        *slash = '/';
    }
    if (mkdir(dir, 0750) == 0 || errno == EEXIST)
        return true;
    return error_set(err, ERR_SYSTEM,
                     "can't make the directory %s: %s; make it, or name another with --db", dir,
                     strerror(errno));
}

/* One writer per store. The lock goes with the process, however it ends. */
static bool take_lock(const char *dir, const char *file, int fd, struct error *err)
{
    char holder[16] = "";

    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && safety_is_on(SAFETY_STORE_LOCK)) {
        if (read(fd, holder, sizeof holder - 1) < 0)
            holder[0] = '\0';
        holder[strspn(holder, "0123456789")] = '\0';
        return error_set(err, ERR_REFUSED,
                         "another process (pid %s) writes the store in %s: one %.*s per store; "
                         "end that one first",
                         holder[0] != '\0' ? holder : "unknown", dir, (int)strcspn(file, "."),
                         file);
    }
    (void)snprintf(holder, sizeof holder, "%d\n", (int)getpid());
    /* the pid is a courtesy: the disk may be full */
    (void)(ftruncate(fd, 0) != 0 || pwrite(fd, holder, strlen(holder), 0) < 0);
    return true;
}

bool store_lock_dir(const char *dir, const char *file, int *lock_fd, struct error *err)
{
    char path[1024];

    if (!make_dir(dir, err))
        return false;
    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* who may open may lock */

    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "can't open %s: %s; check who may write there", path,
                         strerror(errno));
    if (!take_lock(dir, file, fd, err)) {
        (void)close(fd);
        return false;
    }
    *lock_fd = fd;
    return true;
}

static bool set_up_connection(struct db *db, enum store_mode mode, struct error *err)
{
    int on = 1;

    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, mode == STORE_READ ? 5000 : 1000);
    if (mode == STORE_READ)
        return db_exec(db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", "open it", err);
    /* readers without the right to write need -wal and -shm to be there */
    (void)sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
    return db_exec(db,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                   "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                   "PRAGMA journal_size_limit = 67108864",
                   "open it", err);
}

/*
 * A reader needs the log's files, which every writer leaves there; other programs of SQLite remove
 * them. *err says so when it is so.
 */
static void explain_missing_log(const struct db *db, struct error *err)
{
    char log[1100];
    struct stat st;

    (void)snprintf(log, sizeof log, "%s-wal", db->path);
    if (err->code != ERR_RETRY || stat(log, &st) == 0)
        return;
    (void)error_set(err, ERR_SYSTEM,
                    "%s: its log (%s) was removed, by another program that read it as its owner; "
                    "start %s, to have it back",
                    db->path, strrchr(log, '/') + 1,
                    db->writer != NULL ? db->writer
                                       : "pagemeterd, or run pagemeter db rebuild as the owner");
}

bool store_open_db(struct db *db, const struct sql_file *migrations, enum store_mode mode,
                   struct error *err)
{
    int flags =
        mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct stat st;

    if (mode == STORE_READ && stat(db->path, &st) != 0)
        return error_set(err, ERR_SYSTEM, "can't open %s: %s; has %s written there?", db->path,
                         strerror(errno),
                         db->writer != NULL ? db->writer : "pagemeterd, or pagemeter replay,");
    mode_t before = umask(027); /* readable by the group, for unprivileged readers */
    bool is_ok = sqlite_open(db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, err) &&
                 set_up_connection(db, mode, err);

    if (is_ok)
        is_ok = mode == STORE_READ ? store_check_version(db, migrations, err)
                                   : store_migrate(db, migrations, err);
    (void)umask(before);
    if (!is_ok && mode == STORE_READ)
        explain_missing_log(db, err);
    return is_ok;
}

bool store_name_db(struct db *db, const char *dir, const char *file, struct error *err)
{
    /* "file:..." is a name of ours like any other, and not an URI */
    const char *before = strncmp(dir, "file:", 5) == 0 ? "./" : "";

    return (size_t)snprintf(db->path, sizeof db->path, "%s%s/%s", before, dir, file) <
               sizeof db->path ||
           error_set(err, ERR_USAGE, "the name of the directory is too long");
}

/* The id of the store; made with the file. */
static bool load_id(struct store *s, enum store_mode mode, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_SELECT_STORE, &stmt, err);
    enum db_row row = is_ok ? db_step(stmt, "read it", err) : DB_FAILED;

    is_ok = row == DB_ROW ? db_uuid(stmt, 0, &s->id, err) : row == DB_DONE;
    db_finalize(stmt);
    if (!is_ok || row == DB_ROW)
        return is_ok;
    if (mode == STORE_READ)
        return error_set(err, ERR_STORE, "%s: it has no store id: it was never finished; remove it",
                         s->db.path);
    if (!uuid_random(&s->id, err) ||
        !db_prepare(&s->db, "INSERT INTO store (store, created_ns) VALUES (?1, ?2)", &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, &s->id);
    db_bind_int(stmt, 2, clock_utc().ns);
    is_ok = db_run(stmt, "begin a store", err);
    db_finalize(stmt);
    return is_ok;
}

bool store_open(struct store **out, const char *dir, enum store_mode mode, struct error *err)
{
    struct store *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    s->lock_fd = -1;
    s->is_cut = true; /* a crash may have come between a cut and its derivation */
    if (uri_is_postgres(dir)) {
        (void)error_set(err, ERR_USAGE,
                        "measurements are written to a directory (SQLite) first: name one with "
                        "--db; pagemeter ship carries them to PostgreSQL");
        goto failed;
    }
    if (!store_name_db(&s->db, dir, "meter.db", err))
        goto failed;
    if (mode == STORE_WRITE && !store_lock_dir(dir, "meter.lock", &s->lock_fd, err))
        goto failed;
    if (!store_open_db(&s->db, sql_migrations, mode, err) || !load_id(s, mode, err))
        goto failed;
    if (mode == STORE_WRITE && !store_prepare(s, err))
        goto failed;
    *out = s;
    return true;
failed:
    store_close(s);
    return false;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < ST_COUNT; i++)
        db_finalize(s->append[i]);
    db_close(&s->db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

const struct uuid *store_id(const struct store *s)
{
    return &s->id;
}
