/*
 * balloon_rollup.c - guests' figures by five minutes.
 *
 * Five minutes are rolled up in one transaction, from the figures alone: done twice it gives the
 * same. How far that has come is stored with it, so a crash loses nothing and repeats at most one.
 */
#include "common/units.h"
#include "store/balloon_impl.h"

bool balloon_rolled_to(struct balloon_store *s, int64_t *out, struct error *err)
{
    bool is_null;

    return db_get_int(&s->db, SQL_BALLOON_SELECT_ROLLED_TO, out, &is_null, err);
}

static bool run(struct balloon_store *s, const char *text, const int64_t *values, int count,
                struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, text, &stmt, err);

    if (is_ok)
        db_bind_ints(stmt, values, count);
    is_ok = is_ok && db_run(stmt, "roll up figures", err);
    db_finalize(stmt);
    return is_ok;
}

/* The five minutes of the next figure that is not rolled up; -1: there is none. */
static bool find_next(struct balloon_store *s, int64_t *five_min, struct error *err)
{
    struct db_stmt *stmt = NULL;
    int64_t utc_ns = -1;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_NEXT_FIGURE, &stmt, err);

    if (is_ok) {
        db_bind_int(stmt, 1, s->rolled_to * FIVE_MIN_NS);
        is_ok = db_run_int(stmt, "roll up figures", &utc_ns, err);
    }
    db_finalize(stmt);
    *five_min = utc_ns < 0 ? -1 : utc_ns / FIVE_MIN_NS;
    return is_ok;
}

static bool roll_up(struct balloon_store *s, int64_t five_min, struct error *err)
{
    const int64_t span[] = {five_min * FIVE_MIN_NS, (five_min + 1) * FIVE_MIN_NS};
    const int64_t next[] = {five_min + 1};

    if (!db_begin(&s->db, DB_WRITING, "roll up figures", err))
        return false;
    if (run(s, SQL_BALLOON_ROLL_VMS, span, 2, err) && run(s, SQL_BALLOON_ROLL, span, 2, err) &&
        run(s, SQL_BALLOON_SET_ROLLED_TO, next, 1, err) &&
        db_commit(&s->db, "roll up figures", err)) {
        s->rolled_to = five_min + 1;
        return true;
    }
    db_rollback(&s->db);
    return false;
}

bool balloon_store_roll_up(struct balloon_store *s, int64_t up_to_utc_ns, bool *has_more,
                           struct error *err)
{
    int64_t five_min;

    *has_more = false;
    if (!find_next(s, &five_min, err))
        return false;
    if (five_min < 0 || five_min >= up_to_utc_ns / FIVE_MIN_NS)
        return true;
    *has_more = roll_up(s, five_min, err);
    return *has_more;
}

bool balloon_prune_rolled(struct balloon_store *s, int64_t before_utc_ns, struct error *err)
{
    return run(s, SQL_BALLOON_PRUNE_ROLLED, &before_utc_ns, 1, err) &&
           run(s, SQL_BALLOON_PRUNE_ROLLED_VMS, NULL, 0, err);
}
