/*
 * store_impl.h - what the files of the SQLite store share. Internal to src/store/.
 */
#ifndef PAGEMETER_STORE_IMPL_H
#define PAGEMETER_STORE_IMPL_H

#include "store/sql.h"
#include "store/sqlite.h"
#include "store/store.h"

enum append_statement {
    ST_TICK,
    ST_SEGMENT,
    ST_CLOSE_SEGMENT,
    ST_LIFE,
    ST_LIFE_RAN,
    ST_LIFE_COUNTED,
    ST_CLOSE_LIFE,
    ST_BOOT,
    ST_FORGET_BOOT_ANNOUNCED,
    ST_RESTART,
    ST_GAP,
    ST_CLOCK_STEP,
    ST_HOUR_CUT,
    ST_BEGIN,
    ST_COMMIT,
    ST_COUNT
};

struct store {
    struct db db;
    struct uuid id;
    int lock_fd;            /* -1: open for reading */
    bool is_in_transaction; /* store_begin was called */
    bool is_in_snapshot;    /* store_snapshot_begin was called */
    bool is_cut;            /* a cut was written since the last store_derive */
    bool has_prune_limit;
    int64_t prune_limit; /* of store_limit_pruning */
    struct db_stmt *append[ST_COUNT];
};

/* A statement whose text is another in PostgreSQL. */
#define STORE_SQL(s, name) ((s)->db.is_postgres ? SQL_PG_##name : SQL_##name)

#define STORE_APPLICATION_ID 0x50674d74 /* "PgMt" */

/*
 * Makes the directory when absent, and takes the lock of its writer, a file in it, until *lock_fd
 * is closed.
 */
MUST_CHECK bool store_lock_dir(const char *dir, const char *file, int *lock_fd, struct error *err);

/* The path of a database, "<dir>/<file>". */
MUST_CHECK bool store_name_db(struct db *db, const char *dir, const char *file, struct error *err);

/*
 * Opens what db->path names, made when absent and migrated unless it is for reading; db->writer is
 * named in advice. The caller closes the handle, on failure too.
 */
MUST_CHECK bool store_open_db(struct db *db, const struct sql_file *migrations,
                              enum store_mode mode, struct error *err);

/* Applies what is missing of `migrations` (after a copy of a database that has data). */
MUST_CHECK bool store_migrate(struct db *db, const struct sql_file *migrations, struct error *err);

/* Refuses what is no Pagemeter database, or one of another version than the newest. */
MUST_CHECK bool store_check_version(struct db *db, const struct sql_file *migrations,
                                    struct error *err);

/* The text of a file for this engine: audits that ask one about itself are others in PostgreSQL. */
const char *db_text_of(const struct db *db, const struct sql_file *audit);

/* What store_audit and store_audit_schema do, for any of the databases. */
struct audit_sink {
    void (*row)(void *self, const char *text);
    void *self;
    int64_t *findings;
};
MUST_CHECK bool db_audit(struct db *db, const struct sql_file *audit, const struct audit_sink *sink,
                         struct error *err);
/* home: the schema in PostgreSQL, which notes what its migrations made. */
MUST_CHECK bool db_audit_schema(struct db *db, const char *home, const struct sql_file *migrations,
                                const struct audit_sink *sink, struct error *err);

/* Prepares the statements of store_append. */
MUST_CHECK bool store_prepare(struct store *store, struct error *err);

/*
 * Feeds the usage of the intervals that begin at ticks from `from` (a cut) up to before `to` into
 * `add`; `self` is handed on. *ticks, *segments count what was read (may be NULL).
 */
struct range_sink {
    bool (*add)(void *self, int64_t life, const struct usage_part *part, struct error *err);
    void *self;
};
MUST_CHECK bool store_integrate_range(struct store *store, int64_t from, int64_t to,
                                      const struct range_sink *sink, struct error *err);

#endif
