#include "store/balloon_lines.h"

#include "common/units.h"
#include "store/balloon_impl.h"

/* The columns of both statements are in this order: a value, or least, average and most of each. */
static struct balloon_value value_of(struct db_stmt *stmt, int column, bool is_rolled)
{
    if (db_is_null(stmt, column))
        return (struct balloon_value){0};
    return (struct balloon_value){.least_kib = (uint64_t)db_int(stmt, column),
                                  .kib = (uint64_t)db_int(stmt, column + is_rolled),
                                  .most_kib = (uint64_t)db_int(stmt, column + 2 * is_rolled),
                                  .is_there = true};
}

static bool read_some(struct balloon_store *s, const struct uuid *vm, const int64_t span[2],
                      bool is_rolled, const struct balloon_lines_reader *reader, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    if (span[0] >= span[1])
        return true;
    bool is_ok =
        db_prepare(&s->db, is_rolled ? SQL_BALLOON_SELECT_ROLLED_LINES : SQL_BALLOON_SELECT_LINES,
                   &stmt, err);

    if (is_ok) {
        db_bind_uuid(stmt, 1, vm);
        db_bind_int(stmt, 2, span[0]);
        db_bind_int(stmt, 3, span[1]);
    }
    while (is_ok && (row = db_step(stmt, "read a guest's figures", err)) == DB_ROW) {
        struct balloon_sample sample = {.utc_ns = db_int(stmt, 0),
                                        .span_ns = is_rolled ? FIVE_MIN_NS : 0};

        for (int i = 0; i < BALLOON_LINES; i++)
            sample.lines[i] = value_of(stmt, 1 + i * (is_rolled ? 3 : 1), is_rolled);
        is_ok = reader->take(reader->self, &sample, err);
    }
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}

static bool first_whole(struct balloon_store *s, const struct uuid *vm, int64_t *five_min,
                        struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_FIRST_WHOLE, &stmt, err);

    if (is_ok) {
        db_bind_uuid(stmt, 1, vm);
        is_ok = db_run_int(stmt, "read a guest's figures", five_min, err);
    }
    db_finalize(stmt);
    return is_ok;
}

/* By five minutes before this, as they came from here on. */
static bool find_split(struct balloon_store *s, const struct uuid *vm, bool is_long, int64_t *out,
                       struct error *err)
{
    int64_t whole = -1;
    int64_t rolled = 0;

    if (!first_whole(s, vm, &whole, err) || !balloon_rolled_to(s, &rolled, err))
        return false;
    *out = (is_long || whole < 0 || whole > rolled ? rolled : whole) * FIVE_MIN_NS;
    return true;
}

bool balloon_store_lines(struct balloon_store *s, const struct uuid *vm, int64_t from_utc_ns,
                         int64_t to_utc_ns, const struct balloon_lines_reader *reader,
                         struct error *err)
{
    int64_t split = 0;

    if (!db_begin(&s->db, DB_SNAPSHOT, "read it", err))
        return false;
    bool is_ok = find_split(s, vm, to_utc_ns - from_utc_ns > BALLOON_RAW_NS, &split, err);
    /* those that begin before the end, and before the split */
    int64_t end = to_utc_ns < split ? to_utc_ns + FIVE_MIN_NS - 1 : split;
    const int64_t rolled[] = {from_utc_ns, end};
    const int64_t raw[] = {from_utc_ns > split ? from_utc_ns : split, to_utc_ns};

    is_ok = is_ok && read_some(s, vm, rolled, true, reader, err) &&
            read_some(s, vm, raw, false, reader, err);
    db_rollback(&s->db);
    return is_ok;
}
