/*
 * billing_rated.c - what the hours of sealed lines were billed for: millions of rows for a month of
 * a fleet. PostgreSQL gets many of them with each statement.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"
#include "store/billing_impl.h"

enum { NUMBERS = 8, NUMBER_ROOM = 22, ROWS_MOST = 2000, SEEN_PLACES = 4096 };

/* Rows that wait to be written with one statement, in which a line and hour may be only once. */
struct billing_rated {
    char text[ROWS_MOST * NUMBERS * NUMBER_ROOM + 2]; /* an array of PostgreSQL */
    size_t length, rows;
    struct {
        int64_t line, hour;
    } seen[SEEN_PLACES]; /* line 0: free */
};

static bool usage_limbs(numerator usage, int64_t *kib_s, int64_t *frac, struct error *err)
{
    return (usage >= 0 && usage_to_limbs((usage_kib_ns)usage, kib_s, frac)) ||
           error_set(err, ERR_RANGE, "the usage of an hour does not fit the store");
}

/* False: it is there already. */
static bool note_seen(struct billing_rated *r, int64_t line, int64_t hour)
{
    uint64_t mixed = ((uint64_t)line * 1000003 + (uint64_t)hour) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t place = mixed >> 52;; place = (place + 1) % SEEN_PLACES) {
        if (r->seen[place].line == line && r->seen[place].hour == hour)
            return false;
        if (r->seen[place].line != 0)
            continue;
        r->seen[place].line = line;
        r->seen[place].hour = hour;
        return true;
    }
}

static bool gather(struct billing_store *b, const int64_t numbers[NUMBERS], struct error *err)
{
    if (b->rated == NULL)
        b->rated = calloc(1, sizeof *b->rated);
    if (b->rated == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for what is billed");
    struct billing_rated *r = b->rated;

    if (!note_seen(r, numbers[0], numbers[1]) && safety_is_on(SAFETY_RATED_ONCE)) {
        if (!billing_flush_rated(b, err))
            return false;
        (void)note_seen(r, numbers[0], numbers[1]);
    }
    for (int i = 0; i < NUMBERS; i++)
        r->length += (size_t)sprintf(r->text + r->length, "%c%" PRId64, r->length == 0 ? '{' : ',',
                                     numbers[i]);
    r->rows++;
    return r->rows < ROWS_MOST || billing_flush_rated(b, err);
}

bool billing_flush_rated(struct billing_store *b, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_RATED];
    struct billing_rated *r = b->rated;

    if (r == NULL || r->rows == 0)
        return true;
    (void)sprintf(r->text + r->length, "}");
    r->rows = r->length = 0;
    memset(r->seen, 0, sizeof r->seen);
    db_bind_text(stmt, 1, r->text);
    return db_run(stmt, "write what is billed", err);
}

bool billing_add_rated(struct billing_store *b, const struct rated *r, struct error *err)
{
    struct db_stmt *stmt = b->statements[BL_RATED];
    int64_t numbers[NUMBERS] = {r->line,
                                r->hour,
                                r->nano_pennies,
                                0,
                                0,
                                r->part.measured_ns,
                                r->part.missing_ns,
                                r->part.excluded_ns};

    if (!usage_limbs((numerator)r->part.kib_ns, &numbers[3], &numbers[4], err))
        return false;
    if (b->db.is_postgres && stmt != NULL)
        return gather(b, numbers, err);
    db_bind_ints(stmt, numbers, NUMBERS);
    return db_run(stmt, "write what is billed", err);
}

bool billing_read_rated(struct billing_store *b, int32_t month, const struct rated_sink *sink,
                        struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&b->db, SQL_BILLING_SELECT_RATED, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, month);
    while (is_ok && (row = db_step(stmt, "read what was rated", err)) == DB_ROW) {
        struct rated r = {.line = db_int(stmt, 0),
                          .hour = db_int(stmt, 1),
                          .nano_pennies = db_int(stmt, 2),
                          .part = {.hour = db_int(stmt, 1),
                                   .kib_ns = (usage_kib_ns)billing_column_usage(stmt, 3),
                                   .measured_ns = db_int(stmt, 5),
                                   .missing_ns = db_int(stmt, 6),
                                   .excluded_ns = db_int(stmt, 7)}};

        is_ok = sink->rated(sink->self, &r, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
