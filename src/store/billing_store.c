/*
 * billing_store.c - opening billing.db, and what was said of accounts, owners and tariffs;
 * billing_lines.c has the lines and the ledger.
 */
#include "store/billing_store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/safety.h"
#include "common/uri.h"
#include "store/billing_impl.h"
#include "store/central_impl.h"

#define LOCK_TRY_NS 50000000L
enum { LOCK_TRIES_PER_S = 20 };

static const char *const statement_texts[BL_COUNT] = {
    [BL_CHANGE] = SQL_BILLING_INSERT_CHANGE,       [BL_ACCOUNT] = SQL_BILLING_INSERT_ACCOUNT,
    [BL_OWNER] = SQL_BILLING_INSERT_OWNER,         [BL_NAME] = SQL_BILLING_INSERT_NAME,
    [BL_TARIFF] = SQL_BILLING_INSERT_TARIFF,       [BL_MARK_STALE] = SQL_BILLING_MARK_STALE,
    [BL_SET_CHARGED] = SQL_BILLING_UPSERT_CHARGED, [BL_INSERT_LINE] = SQL_BILLING_INSERT_LINE,
    [BL_UPDATE_LINE] = SQL_BILLING_UPDATE_LINE,    [BL_ADJUSTMENT] = SQL_BILLING_INSERT_ADJUSTMENT,
    [BL_RATED] = SQL_BILLING_INSERT_RATED,         [BL_PERIOD] = SQL_BILLING_INSERT_PERIOD,
    [BL_ENTRY] = SQL_BILLING_INSERT_ENTRY,         [BL_FORGET_CHARGED] = SQL_BILLING_DELETE_CHARGED,
};

/* Waits for the command before: they take seconds. */
static bool lock_in_turn(const char *dir, int *lock_fd, struct error *err)
{
    struct timespec a_moment = {.tv_nsec = LOCK_TRY_NS};

    for (int i = 0; !store_lock_dir(dir, "billing.lock", lock_fd, err); i++) {
        if (err->code == ERR_REFUSED && !safety_is_on(SAFETY_BILLING_LOCK))
            return true;
        if (err->code != ERR_REFUSED || i >= BILLING_WAIT_S * LOCK_TRIES_PER_S)
            return false;
        (void)nanosleep(&a_moment, NULL);
    }
    return true;
}

static bool prepare_all(struct billing_store *b, struct error *err)
{
    for (size_t i = 0; i < BL_COUNT; i++)
        if (!db_prepare(&b->db,
                        i == BL_RATED ? STORE_SQL(b, BILLING_INSERT_RATED) : statement_texts[i],
                        &b->statements[i], err))
            return false;
    return true;
}

static bool begin(struct billing_store *b, enum store_mode mode, struct error *err)
{
    if (mode == STORE_READ)
        return db_begin(&b->db, DB_SNAPSHOT, "open it", err);
    return !safety_is_on(SAFETY_BILLING_TRANSACTION) ||
           db_begin(&b->db, DB_WRITING, "open it", err);
}

static bool open_file(struct billing_store *b, const char *dir, enum store_mode mode,
                      struct error *err)
{
    return store_name_db(&b->db, dir, "billing.db", err) &&
           (mode == STORE_READ || lock_in_turn(dir, &b->lock_fd, err)) &&
           store_open_db(&b->db, sql_billing_migrations, mode, err);
}

/* The lock lasts as long as the connection. */
static bool open_central(struct billing_store *b, const char *uri, enum store_mode mode,
                         struct error *err)
{
    bool is_held = true;

    if (!central_open(&b->db, uri, mode == STORE_WRITE, err))
        return false;
    if (mode == STORE_WRITE && safety_is_on(SAFETY_BILLING_LOCK) &&
        !postgres_lock(&b->db, "billing", BILLING_WAIT_S, &is_held, err))
        return false;
    return is_held ||
           error_set(err, ERR_RETRY, "%s: another program writes the books: wait for it, or end it",
                     b->db.path);
}

bool billing_open(struct billing_store **out, const char *name, enum store_mode mode,
                  struct error *err)
{
    struct billing_store *b = calloc(1, sizeof *b);

    if (b == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    b->lock_fd = -1;
    b->db.writer = "pagemeter account";
    bool is_ok = (uri_is_postgres(name) ? open_central(b, name, mode, err)
                                        : open_file(b, name, mode, err)) &&
                 (mode == STORE_READ || prepare_all(b, err)) && begin(b, mode, err);

    if (!is_ok) {
        billing_close(b);
        return false;
    }
    *out = b;
    return true;
}

/* What is written without a transaction would be there at once. */
static void end_writing(struct billing_store *b)
{
    for (size_t i = 0; i < BL_COUNT; i++) {
        db_finalize(b->statements[i]);
        b->statements[i] = NULL;
    }
}

bool billing_commit(struct billing_store *b, struct error *err)
{
    if (!billing_flush_rated(b, err))
        return false;
    if (safety_is_on(SAFETY_BILLING_TRANSACTION) && !db_commit(&b->db, "write to it", err))
        return false;
    end_writing(b);
    return true;
}

void billing_close(struct billing_store *b)
{
    if (b == NULL)
        return;
    db_rollback(&b->db);
    end_writing(b);
    db_close(&b->db);
    free(b->rated);
    if (b->lock_fd >= 0)
        (void)close(b->lock_fd);
    free(b);
}

/* ---- what was said ---- */

bool billing_change(struct billing_store *b, int64_t utc_ns, const char *who, const char *what,
                    int64_t *change, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_CHANGE];

    db_bind_int(stmt, 1, utc_ns);
    db_bind_text(stmt, 2, who);
    db_bind_text(stmt, 3, what);
    return db_run_int(stmt, "write a change", change, err);
}

bool billing_add_account(struct billing_store *b, const char *account, const char *name,
                         int offset_h, int64_t change, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_ACCOUNT];

    db_bind_text(stmt, 1, account);
    db_bind_text(stmt, 2, name);
    db_bind_int(stmt, 3, offset_h);
    db_bind_int(stmt, 4, change);
    return db_run(stmt, "write an account", err);
}

bool billing_add_owner(struct billing_store *b, const struct uuid *vm, int64_t from_hour,
                       const char *account, int64_t change, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_OWNER];

    db_bind_uuid(stmt, 1, vm);
    db_bind_int(stmt, 2, from_hour);
    db_bind_int(stmt, 3, change);
    db_bind_text(stmt, 4, account);
    return db_run(stmt, "write who owns a VM", err);
}

bool billing_add_name(struct billing_store *b, const struct uuid *vm, const char *name,
                      int64_t change, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_NAME];

    db_bind_uuid(stmt, 1, vm);
    db_bind_int(stmt, 2, change);
    db_bind_text(stmt, 3, name);
    return db_run(stmt, "write a name", err);
}

bool billing_add_tariff(struct billing_store *b, const char *account, int64_t from_hour,
                        const struct price *price, int64_t change, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_TARIFF];

    db_bind_text(stmt, 1, account);
    db_bind_int(stmt, 2, from_hour);
    db_bind_int(stmt, 3, change);
    db_bind_int(stmt, 4, price->nano_pennies);
    db_bind_text(stmt, 5, price->currency.code);
    db_bind_text(stmt, 6, unit_name(price->unit));
    return db_run(stmt, "write a tariff", err);
}

bool billing_hours_gone(struct billing_store *b, const struct uuid *vm, int64_t *hour,
                        struct error *err)
{
    struct db_stmt *stmt = NULL;

    *hour = 0;
    if (!b->db.is_postgres)
        return true;
    bool is_ok =
        db_prepare(&b->db, vm != NULL ? SQL_PG_SELECT_GONE_OF_VM : SQL_PG_SELECT_HOURS_GONE, &stmt,
                   err);

    if (is_ok && vm != NULL)
        db_bind_uuid(stmt, 1, vm);
    is_ok = is_ok && db_run_int(stmt, "read what is gone", hour, err);
    db_finalize(stmt);
    return is_ok;
}

bool billing_mark_stale(struct billing_store *b, int64_t from_hour, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_MARK_STALE];

    db_bind_int(stmt, 1, from_hour);
    return db_run(stmt, "write what is to be charged anew", err);
}

/* ---- the book ---- */

static const char *text_of(struct db_stmt *stmt, int column)
{
    const char *text = db_text(stmt, column);

    return text != NULL ? text : "";
}

static bool take_account(struct billing_store *b, struct db_stmt *stmt,
                         const struct billing_book_sink *sink, struct error *err)
{
    (void)b;
    return sink->account(sink->self, text_of(stmt, 0), text_of(stmt, 1), (int)db_int(stmt, 2), err);
}

static bool take_owner(struct billing_store *b, struct db_stmt *stmt,
                       const struct billing_book_sink *sink, struct error *err)
{
    struct uuid vm;

    (void)b;
    return db_uuid(stmt, 0, &vm, err) &&
           sink->owner(sink->self, &vm, db_int(stmt, 1), db_int(stmt, 2), text_of(stmt, 3), err);
}

static bool take_tariff(struct billing_store *b, struct db_stmt *stmt,
                        const struct billing_book_sink *sink, struct error *err)
{
    struct price price = {.nano_pennies = db_int(stmt, 3)};

    return billing_column_price(b, stmt, 4, &price.currency, &price.unit, err) &&
           sink->tariff(sink->self, text_of(stmt, 0), db_int(stmt, 1), db_int(stmt, 2), &price,
                        err);
}

static const struct {
    const char *sql;
    bool (*take)(struct billing_store *b, struct db_stmt *stmt,
                 const struct billing_book_sink *sink, struct error *err);
} parts[] = {
    {SQL_BILLING_SELECT_ACCOUNTS, take_account},
    {SQL_BILLING_SELECT_OWNERS, take_owner},
    {SQL_BILLING_SELECT_TARIFFS, take_tariff},
};

bool billing_read_book(struct billing_store *b, const struct billing_book_sink *sink,
                       struct error *err)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct db_stmt *stmt = NULL;
        enum db_row row = DB_FAILED;
        bool is_ok = db_prepare(&b->db, parts[i].sql, &stmt, err);

        while (is_ok && (row = db_step(stmt, "read it", err)) == DB_ROW)
            is_ok = parts[i].take(b, stmt, sink, err);
        db_finalize(stmt);
        if (!is_ok || row == DB_FAILED)
            return false;
    }
    return true;
}

static bool read_names(struct db_stmt *stmt, const struct billing_name_sink *sink,
                       struct error *err)
{
    enum db_row row = DB_FAILED;
    struct uuid vm;
    bool is_ok = true;

    while (is_ok && (row = db_step(stmt, "read its names", err)) == DB_ROW)
        is_ok = db_uuid(stmt, 0, &vm, err) && sink->name(sink->self, &vm, text_of(stmt, 1), err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

bool billing_read_names(struct billing_store *b, int64_t change,
                        const struct billing_name_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&b->db, SQL_BILLING_SELECT_NAMES, &stmt, err))
        return false;
    db_bind_int(stmt, 1, change);
    return read_names(stmt, sink, err);
}

bool billing_read_account_names(struct billing_store *b, int64_t change, const char *account,
                                const struct billing_name_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&b->db, SQL_BILLING_SELECT_ACCOUNT_NAMES, &stmt, err))
        return false;
    db_bind_int(stmt, 1, change);
    db_bind_text(stmt, 2, account);
    return read_names(stmt, sink, err);
}

/* ---- how far ---- */

static bool read_charged(struct db_stmt *stmt, struct charged *out, struct error *err)
{
    *out = (struct charged){
        .is_known = true,
        .tick = db_int(stmt, 0),
        .is_stale = !db_is_null(stmt, 1),
        .stale_from = db_int(stmt, 1),
        .unassigned = (usage_kib_ns)billing_column_usage(stmt, 2),
        .unpriced = (usage_kib_ns)billing_column_usage(stmt, 4),
    };
    return db_uuid(stmt, 6, &out->host, err) && db_uuid(stmt, 7, &out->store, err);
}

bool billing_charged(struct billing_store *b, const struct uuid *store, struct charged *out,
                     struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&b->db, SQL_BILLING_SELECT_CHARGED, &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, store);
    enum db_row row = db_step(stmt, "read how far it is charged", err);
    *out = (struct charged){.store = *store};
    bool is_ok = row == DB_ROW ? read_charged(stmt, out, err) : row == DB_DONE;

    db_finalize(stmt);
    return is_ok;
}

bool billing_set_charged(struct billing_store *b, const struct charged *now, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_SET_CHARGED];

    db_bind_uuid(stmt, 1, &now->host);
    db_bind_int(stmt, 2, now->tick);
    db_bind_uuid(stmt, 7, &now->store);
    return billing_bind_usage(stmt, 3, (numerator)now->unassigned, err) &&
           billing_bind_usage(stmt, 5, (numerator)now->unpriced, err) &&
           db_run(stmt, "write how far it is charged", err);
}

bool billing_forget_charged(struct billing_store *b, const struct uuid *store, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_FORGET_CHARGED];

    db_bind_uuid(stmt, 1, store);
    return db_run(stmt, "write how far it is charged", err);
}

bool billing_read_charged(struct billing_store *b, const struct billing_charged_sink *sink,
                          struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    struct charged charged;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_CHARGED_ALL, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read how far it is charged", err)) == DB_ROW)
        is_ok = read_charged(stmt, &charged, err) && sink->charged(sink->self, &charged, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
