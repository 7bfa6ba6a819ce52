/*
 * store_prune.c - raw rows that are older than the retention go; the usage that they gave stays.
 *
 * Hour by hour, oldest first. What an hour's intervals gave is written down before its rows go, so
 * that the sum over usage_hour can be checked for ever: see sql/audit/usage_conserved.sql.
 */
#include <inttypes.h>

#include "common/clock.h"
#include "store/store_impl.h"

struct digest {
    usage_kib_ns kib_ns;
    int64_t measured_ns;
    int64_t missing_ns;
    int64_t excluded_ns;
    int64_t to_hour;
};

static bool add_to_digest(void *self, int64_t life, const struct usage_part *part,
                          struct error *err)
{
    struct digest *d = self;

    (void)life;
    if (part->hour > d->to_hour)
        d->to_hour = part->hour;
    d->measured_ns += part->measured_ns;
    d->missing_ns += part->missing_ns;
    d->excluded_ns += part->excluded_ns;
    return usage_add(&d->kib_ns, part->kib_ns) ||
           error_set(err, ERR_RANGE, "usage does not fit 128 bits");
}

/* The oldest cut and the one behind it, when the first is before the hour and both are derived. */
static const char select_oldest[] =
    "SELECT min(c.tick), (SELECT min(tick) FROM hour_cut WHERE tick > min(c.tick))"
    "  FROM hour_cut AS c"
    " WHERE (SELECT hour FROM hour_cut ORDER BY tick LIMIT 1) < ?1"
    "   AND EXISTS (SELECT 1 FROM derived WHERE tick >= (SELECT tick FROM hour_cut"
    "                                                     ORDER BY tick LIMIT 1 OFFSET 1))";

static bool find_oldest(struct store *s, int64_t before_hour, int64_t *from, int64_t *to,
                        bool *is_there, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, select_oldest, &stmt, err))
        return false;
    db_bind_int(stmt, 1, before_hour);
    enum db_row row = db_step(stmt, "look for old rows", err);

    *is_there = row == DB_ROW && !db_is_null(stmt, 0) && !db_is_null(stmt, 1);
    *from = db_int(stmt, 0);
    *to = db_int(stmt, 1);
    db_finalize(stmt);
    return row != DB_FAILED;
}

static bool write_digest(struct store *s, int64_t to, const struct digest *d, struct error *err)
{
    struct db_stmt *stmt = NULL;
    int64_t kib_s;
    int64_t frac;

    if (!usage_to_limbs(d->kib_ns, &kib_s, &frac))
        return error_set(err, ERR_RANGE, "the usage of an hour does not fit the store");
    if (!db_prepare(&s->db,
                    "INSERT INTO prune (up_to_tick, pruned_ns, ticks, segments, kib_s, kib_s_frac,"
                    " measured_ns, missing_ns, excluded_ns, to_hour) VALUES (?1, ?2,"
                    " (SELECT count(*) FROM tick WHERE tick < ?1),"
                    " (SELECT count(*) FROM segment WHERE segment <"
                    "   (SELECT first_segment FROM hour_cut WHERE tick = ?1)),"
                    " ?3, ?4, ?5, ?6, ?7, ?8)",
                    &stmt, err))
        return false;
    db_bind_ints(stmt,
                 (const int64_t[]){to, clock_utc().ns, kib_s, frac, d->measured_ns, d->missing_ns,
                                   d->excluded_ns, d->to_hour},
                 8);
    bool is_ok = db_run(stmt, "prune it", err);

    db_finalize(stmt);
    return is_ok;
}

static bool delete_before(struct store *s, const char *sql, int64_t to, struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, sql, &stmt, err))
        return false;
    db_bind_int(stmt, 1, to);
    bool is_ok = db_run(stmt, "prune it", err);

    db_finalize(stmt);
    return is_ok;
}

static bool prune_hour(struct store *s, int64_t from, int64_t to, struct error *err)
{
    struct digest digest = {0};
    struct range_sink sink = {add_to_digest, &digest};

    return store_integrate_range(s, from, to, &sink, err) && write_digest(s, to, &digest, err) &&
           delete_before(s,
                         "DELETE FROM segment WHERE segment <"
                         " (SELECT first_segment FROM hour_cut WHERE tick = ?1)",
                         to, err) &&
           delete_before(s, "DELETE FROM tick WHERE tick < ?1", to, err) &&
           delete_before(s, "DELETE FROM hour_cut WHERE tick < ?1", to, err);
}

bool store_prune(struct store *s, int64_t before_hour, unsigned hours_max, unsigned *pruned,
                 struct error *err)
{
    *pruned = 0;
    while (*pruned < hours_max) {
        int64_t from;
        int64_t to;
        bool is_there;

        if (!find_oldest(s, before_hour, &from, &to, &is_there, err))
            return false;
        if (!is_there)
            return true;
        if (!db_begin(&s->db, DB_WRITING, "prune it", err))
            return false;
        if (!prune_hour(s, from, to, err) || !db_commit(&s->db, "prune it", err)) {
            db_rollback(&s->db);
            return false;
        }
        ++*pruned;
    }
    return true;
}
