/*
 * billing_lines.c - charge lines, adjustments, sealed months and the ledger in billing.db.
 */
#include <stdio.h>
#include <string.h>

#include "store/billing_impl.h"

#define NS_PER_KIB_S 1000000000

static const char *const kind_words[ENTRY_KINDS] = {
    [ENTRY_POSTING] = "posting",
    [ENTRY_TRANSFER] = "transfer",
};

static const char *const cause_words[ADJUSTMENT_CAUSES] = {
    [CAUSE_LATE] = "late",
    [CAUSE_OWNER] = "owner",
    [CAUSE_TARIFF] = "tariff",
};

const char *billing_kind_word(enum entry_kind kind)
{
    return kind_words[kind];
}

/* ---- columns ---- */

void billing_bind_limbs(struct db_stmt *stmt, int place, numerator value)
{
    struct numerator_limbs limbs = numerator_to_limbs(value);

    db_bind_int(stmt, place, limbs.high);
    db_bind_int(stmt, place + 1, limbs.middle);
    db_bind_int(stmt, place + 2, limbs.low);
}

bool billing_column_limbs(const struct billing_store *b, struct db_stmt *stmt, int column,
                          numerator *out, struct error *err)
{
    struct numerator_limbs limbs = {db_int(stmt, column), db_int(stmt, column + 1),
                                    db_int(stmt, column + 2)};

    return numerator_from_limbs(&limbs, out, err) || error_context(err, "%s", b->db.path);
}

bool billing_column_price(const struct billing_store *b, struct db_stmt *stmt, int column,
                          struct currency *currency, enum usage_unit *unit, struct error *err)
{
    const char *code = db_text(stmt, column);
    const char *name = db_text(stmt, column + 1);

    if (currency_find(code != NULL ? code : "", currency, err) &&
        unit_parse(name != NULL ? name : "", unit, err))
        return true;
    err->code = ERR_STORE; /* nobody typed it */
    return error_context(err, "%s", b->db.path);
}

numerator billing_column_usage(struct db_stmt *stmt, int column)
{
    return (numerator)db_int(stmt, column) * NS_PER_KIB_S + db_int(stmt, column + 1);
}

static bool column_hash(const struct billing_store *b, struct db_stmt *stmt, int column,
                        struct chain_hash *out, struct error *err)
{
    const char *text = db_text(stmt, column);

    return chain_parse(text != NULL ? text : "", text != NULL ? strlen(text) : 0, out) ||
           error_set(err, ERR_STORE, "%s: an entry of the ledger has no hash", b->db.path);
}

/* account, vm, currency, unit, month from this column on */
static bool column_line(const struct billing_store *b, struct db_stmt *stmt, int column,
                        struct billing_line *line, struct error *err)
{
    db_copy_text(stmt, column, line->account, sizeof line->account);
    line->is_pool = db_is_empty(stmt, column + 1);
    line->month = (int32_t)db_int(stmt, column + 4);
    return (line->is_pool || db_uuid(stmt, column + 1, &line->vm, err)) &&
           billing_column_price(b, stmt, column + 2, &line->currency, &line->unit, err);
}

/* Floor: kib_s may be negative, the rest never is. */
bool billing_bind_usage(struct db_stmt *stmt, int place, numerator usage, struct error *err)
{
    numerator kib_s = usage / NS_PER_KIB_S, frac = usage % NS_PER_KIB_S;

    if (frac < 0) {
        frac += NS_PER_KIB_S;
        kib_s--;
    }
    if (kib_s > INT64_MAX || kib_s < INT64_MIN)
        return error_set(err, ERR_RANGE, "the usage of an hour does not fit the store");
    db_bind_int(stmt, place, (int64_t)kib_s);
    db_bind_int(stmt, place + 1, (int64_t)frac);
    return true;
}

/* ---- lines ---- */

static bool take_line(struct billing_store *b, struct db_stmt *stmt,
                      const struct billing_line_sink *sink, struct error *err)
{
    struct billing_line line = {.line = db_int(stmt, 0)};

    line.sums.posted = db_int(stmt, 15);
    return column_line(b, stmt, 1, &line, err) &&
           billing_column_limbs(b, stmt, 6, &line.sums.carry_in, err) &&
           billing_column_limbs(b, stmt, 9, &line.sums.n, err) &&
           billing_column_limbs(b, stmt, 12, &line.sums.transfers, err) &&
           sink->line(sink->self, &line, err);
}

bool billing_read_lines(struct billing_store *b, int32_t month,
                        const struct billing_line_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_LINES, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, month);
    while (is_ok && (row = db_step(stmt, "read its lines", err)) == DB_ROW)
        is_ok = take_line(b, stmt, sink, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool insert_line(struct billing_store *b, struct billing_line *line, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_INSERT_LINE];

    db_bind_text(stmt, 1, line->account);
    if (line->is_pool)
        db_bind_text(stmt, 2, "");
    else
        db_bind_uuid(stmt, 2, &line->vm);
    db_bind_text(stmt, 3, line->currency.code);
    db_bind_text(stmt, 4, unit_name(line->unit));
    db_bind_int(stmt, 5, line->month);
    billing_bind_limbs(stmt, 6, line->sums.carry_in);
    billing_bind_limbs(stmt, 9, line->sums.n);
    db_bind_int(stmt, 12, line->sums.posted);
    return db_run_int(stmt, "write a charge line", &line->line, err);
}

bool billing_put_line(struct billing_store *b, struct billing_line *line, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_UPDATE_LINE];

    if (line->line == 0)
        return insert_line(b, line, err);
    db_bind_int(stmt, 1, line->line);
    billing_bind_limbs(stmt, 2, line->sums.carry_in);
    billing_bind_limbs(stmt, 5, line->sums.n);
    db_bind_int(stmt, 8, line->sums.posted);
    return db_run(stmt, "write a charge line", err);
}

bool billing_add_adjustment(struct billing_store *b, const struct adjustment *a, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_ADJUSTMENT];

    db_bind_int(stmt, 1, a->line);
    db_bind_int(stmt, 2, a->hour);
    db_bind_int(stmt, 3, a->nano_pennies);
    if (!billing_bind_usage(stmt, 4, a->usage_kib_ns, err))
        return false;
    db_bind_text(stmt, 6, cause_words[a->cause]);
    db_bind_int(stmt, 7, a->utc_ns);
    return db_run(stmt, "write an adjustment", err);
}

bool billing_read_adjustments(struct billing_store *b, const struct adjustment_sink *sink,
                              struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_ADJUSTMENTS, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read its adjustments", err)) == DB_ROW) {
        struct adjustment sum = {.line = db_int(stmt, 0),
                                 .nano_pennies = db_int(stmt, 1),
                                 .usage_kib_ns = billing_column_usage(stmt, 2)};

        is_ok = sink->sum(sink->self, &sum, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* ---- sealed months ---- */

bool billing_last_sealed(struct billing_store *b, int32_t *month, struct error *err)
{
    int64_t value = -1;
    bool is_null;

    if (!db_get_int(&b->db, SQL_BILLING_SELECT_LAST_SEALED, &value, &is_null, err))
        return false;
    *month = (int32_t)value;
    return true;
}

static bool take_billed(struct billing_store *b, struct db_stmt *stmt,
                        const struct billed_sink *sink, struct error *err)
{
    struct billed billed = {.hour = db_int(stmt, 1),
                            .price = {.nano_pennies = db_int(stmt, 3)},
                            .usage_kib_ns = billing_column_usage(stmt, 6)};

    db_copy_text(stmt, 2, billed.account, sizeof billed.account);
    return db_uuid(stmt, 0, &billed.vm, err) &&
           billing_column_price(b, stmt, 4, &billed.price.currency, &billed.price.unit, err) &&
           sink->billed(sink->self, &billed, err);
}

bool billing_read_billed(struct billing_store *b, int64_t from_hour, const struct billed_sink *sink,
                         struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_BILLED, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, from_hour);
    while (is_ok && (row = db_step(stmt, "read what was billed", err)) == DB_ROW)
        is_ok = take_billed(b, stmt, sink, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

/* The schema has no others. */
static enum adjustment_cause cause_of(const char *word)
{
    for (unsigned cause = 0; word != NULL && cause < ADJUSTMENT_CAUSES; cause++)
        if (strcmp(word, cause_words[cause]) == 0)
            return (enum adjustment_cause)cause;
    return CAUSE_LATE;
}

bool billing_read_month_adjustments(struct billing_store *b, int32_t month,
                                    const struct adjustment_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_MONTH_ADJUSTMENTS, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, month);
    while (is_ok && (row = db_step(stmt, "read its adjustments", err)) == DB_ROW) {
        struct adjustment a = {.line = db_int(stmt, 0),
                               .hour = db_int(stmt, 1),
                               .nano_pennies = db_int(stmt, 2),
                               .usage_kib_ns = billing_column_usage(stmt, 3),
                               .cause = cause_of(db_text(stmt, 5)),
                               .utc_ns = db_int(stmt, 6)};

        is_ok = sink->sum(sink->self, &a, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

bool billing_period(struct billing_store *b, int32_t month, struct billing_period *out,
                    struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_PERIOD, &stmt, err);

    *out = (struct billing_period){0};
    if (is_ok)
        db_bind_int(stmt, 1, month);
    enum db_row row = is_ok ? db_step(stmt, "read its periods", err) : DB_FAILED;

    if (row == DB_ROW) {
        out->is_sealed = true;
        out->sealed_ns = db_int(stmt, 0);
        out->entry = db_int(stmt, 1);
        out->change = db_int(stmt, 4);
        db_copy_text(stmt, 2, out->missing_hosts, sizeof out->missing_hosts);
        is_ok = out->entry == 0 || column_hash(b, stmt, 3, &out->hash, err);
    }
    db_finalize(stmt);
    return is_ok && row != DB_FAILED;
}

bool billing_seal(struct billing_store *b, int32_t month, int64_t utc_ns, int64_t entry,
                  int64_t change, const char *missing_hosts, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_PERIOD];

    if (!billing_flush_rated(b, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){month, utc_ns, entry, change}, 4);
    db_bind_text(stmt, 5, missing_hosts);
    return db_run(stmt, "seal a period", err);
}

/* ---- the ledger ---- */

bool billing_head(struct billing_store *b, int64_t *entry, struct chain_hash *hash,
                  struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_HEAD, &stmt, err);
    enum db_row row = is_ok ? db_step(stmt, "read the ledger", err) : DB_FAILED;

    if (row == DB_DONE) {
        *entry = 0;
        memset(hash, 0, sizeof *hash);
    } else if (row == DB_ROW) {
        *entry = db_int(stmt, 0);
        is_ok = column_hash(b, stmt, 1, hash, err);
    }
    db_finalize(stmt);
    return is_ok && row != DB_FAILED;
}

bool billing_append(struct billing_store *b, const struct ledger_entry *e, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_ENTRY];
    char host[UUID_TEXT_MAX] = "", hash[CHAIN_TEXT_MAX];

    if (!uuid_is_zero(&e->host))
        (void)uuid_format(&e->host, host);
    db_bind_ints(stmt, (const int64_t[]){e->entry, e->utc_ns}, 2);
    db_bind_text(stmt, 3, kind_words[e->kind]);
    db_bind_int(stmt, 4, e->line);
    db_bind_int(stmt, 5, e->pennies);
    billing_bind_limbs(stmt, 6, e->transfer);
    db_bind_text(stmt, 9, host);
    db_bind_int(stmt, 10, e->tick);
    db_bind_text(stmt, 11, chain_format(&e->hash, hash));
    return db_run(stmt, "write the ledger", err);
}

static bool take_entry(struct billing_store *b, struct db_stmt *stmt,
                       const struct ledger_sink *sink, struct error *err)
{
    struct ledger_entry e = {.entry = db_int(stmt, 0),
                             .utc_ns = db_int(stmt, 1),
                             .line = db_int(stmt, 3),
                             .pennies = db_int(stmt, 4),
                             .tick = db_int(stmt, 9)};
    struct billing_line line = {.line = e.line};
    char kind[16];

    db_copy_text(stmt, 2, kind, sizeof kind);
    e.kind = strcmp(kind, kind_words[ENTRY_TRANSFER]) == 0 ? ENTRY_TRANSFER : ENTRY_POSTING;
    if (!db_is_empty(stmt, 8) && !db_uuid(stmt, 8, &e.host, err))
        return false;
    return billing_column_limbs(b, stmt, 5, &e.transfer, err) &&
           column_hash(b, stmt, 10, &e.hash, err) && column_line(b, stmt, 11, &line, err) &&
           sink->entry(sink->self, &e, &line, err);
}

static bool read_entries(struct billing_store *b, const char *sql, int64_t from,
                         const struct ledger_sink *sink, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, sql, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, from);
    while (is_ok && (row = db_step(stmt, "read the ledger", err)) == DB_ROW)
        is_ok = take_entry(b, stmt, sink, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

bool billing_read_ledger(struct billing_store *b, int64_t from_entry,
                         const struct ledger_sink *sink, struct error *err)
{
    return read_entries(b, SQL_BILLING_SELECT_LEDGER, from_entry, sink, err);
}

bool billing_read_month_ledger(struct billing_store *b, int32_t month,
                               const struct ledger_sink *sink, struct error *err)
{
    return read_entries(b, SQL_BILLING_SELECT_MONTH_LEDGER, month, sink, err);
}
