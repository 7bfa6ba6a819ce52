/*
 * store_prune.c - raw rows that are older than the retention go; the usage that they gave stays.
 *
 * Hour by hour, oldest first. What an hour's intervals gave is written down before its rows go, so
 * that the sum over usage_hour can be checked for ever: see sql/audit/usage_conserved.sql.
 */
#include <inttypes.h>
#include <stdlib.h>

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

/*
 * The oldest cut of a store and the one behind it, when the first is before the hour and both are
 * derived. Where a host ships to, the hour behind them must be derived too: a shipper that begins
 * sends its last batch again, with the ends of what the last cut ended.
 */
static bool find_oldest(struct store *s, const struct store_marks *m, int64_t before_hour,
                        int64_t *from, int64_t *to, bool *is_there, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_old = false;

    *is_there = false;
    if (!db_prepare(&s->db, SQL_SELECT_OLDEST_CUTS, &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){m->base, m->derived}, 2);
    enum db_row row = db_step(stmt, "look for old rows", err);

    if (row == DB_ROW) {
        *from = db_int(stmt, 0);
        is_old = db_int(stmt, 1) < before_hour;
        row = db_step(stmt, "look for old rows", err);
    }
    if (row == DB_ROW) {
        *to = db_int(stmt, 0);
        row = db_step(stmt, "look for old rows", err);
        /* the ends of the hour's segments were recorded at the cut behind it */
        *is_there = is_old && (!s->has_prune_limit || *to <= s->prune_limit) &&
                    (!s->db.is_postgres || row == DB_ROW);
    }
    db_finalize(stmt);
    return row != DB_FAILED;
}

/*
 * In PostgreSQL the rows go by the same function; *is_held: somebody delivers to this store, and
 * nothing went.
 */
static bool write_digest(struct store *s, int64_t to, const struct digest *d, bool *is_held,
                         struct error *err)
{
    struct db_stmt *stmt = NULL;
    int64_t kib_s;
    int64_t frac;

    if (!usage_to_limbs(d->kib_ns, &kib_s, &frac))
        return error_set(err, ERR_RANGE, "the usage of an hour does not fit the store");
    if (!db_prepare(&s->db, STORE_SQL(s, INSERT_PRUNE), &stmt, err))
        return false;
    db_bind_ints(stmt,
                 (const int64_t[]){to, clock_utc().ns, d->to_hour, kib_s, frac, d->measured_ns,
                                   d->missing_ns, d->excluded_ns},
                 8);
    enum db_row row = db_step(stmt, "prune it", err);

    *is_held = row == DB_ROW && db_int(stmt, 0) == 0;
    db_finalize(stmt);
    return row != DB_FAILED;
}

static bool delete_before(struct store *s, int64_t to, struct error *err)
{
    static const char *const deletes[] = {SQL_DELETE_OLD_SEGMENTS, SQL_DELETE_OLD_TICKS,
                                          SQL_DELETE_OLD_CUTS};
    bool is_ok = true;

    for (size_t i = 0; is_ok && i < sizeof deletes / sizeof *deletes; i++) {
        struct db_stmt *stmt = NULL;

        is_ok = db_prepare(&s->db, deletes[i], &stmt, err);
        if (is_ok)
            db_bind_int(stmt, 1, to);
        is_ok = is_ok && db_run(stmt, "prune it", err);
        db_finalize(stmt);
    }
    return is_ok;
}

static bool prune_hour(struct store *s, int64_t from, int64_t to, bool *is_held, struct error *err)
{
    struct digest digest = {0};
    struct range_sink sink = {add_to_digest, &digest};

    return store_integrate_range(s, from, to, &sink, err) &&
           write_digest(s, to, &digest, is_held, err) &&
           (s->db.is_postgres || delete_before(s, to, err));
}

static bool prune_store(struct store *s, const struct store_marks *m, int64_t before_hour,
                        unsigned hours_max, unsigned *pruned, struct error *err)
{
    bool is_held = false;

    while (*pruned < hours_max && !is_held) {
        int64_t from;
        int64_t to;
        bool is_there;

        if (!find_oldest(s, m, before_hour, &from, &to, &is_there, err))
            return false;
        if (!is_there)
            return true;
        if (!db_begin(&s->db, DB_WRITING, "prune it", err))
            return false;
        if (!prune_hour(s, from, to, &is_held, err) || !db_commit(&s->db, "prune it", err)) {
            db_rollback(&s->db);
            return false;
        }
        *pruned += is_held ? 0 : 1;
    }
    return true;
}

void store_limit_pruning(struct store *s, int64_t tick)
{
    s->has_prune_limit = true;
    s->prune_limit = tick;
}

bool store_prune(struct store *s, int64_t before_hour, unsigned hours_max, unsigned *pruned,
                 struct error *err)
{
    struct store_marks *marks;
    size_t count;
    bool is_ok = store_marks(s, &marks, &count, err);

    *pruned = 0;
    for (size_t i = 0; is_ok && i < count; i++)
        is_ok = prune_store(s, &marks[i], before_hour, hours_max, pruned, err);
    free(marks);
    return is_ok;
}
