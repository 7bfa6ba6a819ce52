/*
 * store_append.c - one tick, one transaction: its row, and what changed.
 */
#include <string.h>

#include "common/safety.h"
#include "store/store_impl.h"
#include "version.h"

bool store_prepare(struct store *s, struct error *err)
{
    static const char *const texts[ST_COUNT] = {
        [ST_TICK] = SQL_INSERT_TICK,
        [ST_SEGMENT] = SQL_INSERT_SEGMENT,
        [ST_CLOSE_SEGMENT] = SQL_CLOSE_SEGMENT,
        [ST_LIFE] = SQL_INSERT_LIFE,
        [ST_LIFE_RAN] = SQL_LIFE_RAN,
        [ST_LIFE_COUNTED] = SQL_LIFE_COUNTED,
        [ST_CLOSE_LIFE] = SQL_CLOSE_LIFE,
        [ST_BOOT] = SQL_INSERT_BOOT,
        [ST_FORGET_BOOT_ANNOUNCED] = SQL_FORGET_BOOT_ANNOUNCED,
        [ST_RESTART] = SQL_INSERT_RESTART,
        [ST_GAP] = SQL_INSERT_GAP,
        [ST_CLOCK_STEP] = SQL_INSERT_CLOCK_STEP,
        [ST_HOUR_CUT] = SQL_INSERT_HOUR_CUT,
        [ST_BEGIN] = "BEGIN IMMEDIATE",
        [ST_COMMIT] = "COMMIT",
    };

    for (size_t i = 0; i < ST_COUNT; i++)
        if (!db_prepare(&s->db, texts[i], &s->append[i], err))
            return false;
    return true;
}

static bool run(struct store *s, enum append_statement which, struct error *err)
{
    return db_run(s->append[which], "write a tick", err);
}

static bool run_ints(struct store *s, enum append_statement which, const int64_t *values, int count,
                     struct error *err)
{
    db_bind_ints(s->append[which], values, count);
    return run(s, which, err);
}

#define RUN_INTS(s, which, err, ...)                                                               \
    run_ints(s, which, (const int64_t[]){__VA_ARGS__},                                             \
             (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), err)

static bool write_restart(struct store *s, int64_t tick, const struct restart_row *r,
                          struct error *err)
{
    struct db_stmt *stmt = s->append[ST_RESTART];

    db_bind_int(stmt, 1, tick);
    db_bind_text(stmt, 2, PAGEMETER_VERSION);
    db_bind_int(stmt, 3, (int64_t)r->interval_ns);
    db_bind_int(stmt, 4, (int64_t)r->max_gap_ns);
    db_bind_int(stmt, 5, r->mono_ns);
    db_bind_int(stmt, 6, r->utc_offset_ns);
    return run(s, ST_RESTART, err);
}

static bool write_life(struct store *s, int64_t tick, const struct change *c, struct error *err)
{
    struct db_stmt *stmt = s->append[ST_LIFE];

    db_bind_int(stmt, 1, c->life);
    db_bind_int(stmt, 2, c->domid);
    db_bind_uuid(stmt, 3, &c->uuid);
    db_bind_int(stmt, 4, tick);
    db_bind_int(stmt, 5, c->is_billed);
    return run(s, ST_LIFE, err);
}

static bool write_boot(struct store *s, int64_t tick, const struct change *c, struct error *err)
{
    struct db_stmt *stmt = s->append[ST_BOOT];

    db_bind_uuid(stmt, 1, &c->uuid);
    db_bind_int(stmt, 2, tick);
    db_bind_int(stmt, 3, c->number);
    return store_refuse_known_boot(s, &c->uuid, err) && run(s, ST_BOOT, err) &&
           run(s, ST_FORGET_BOOT_ANNOUNCED, err);
}

static bool write_gap(struct store *s, int64_t tick, const struct change *c, struct error *err)
{
    struct db_stmt *stmt = s->append[ST_GAP];

    db_bind_int(stmt, 1, tick);
    db_bind_int(stmt, 2, c->number);
    db_bind_int(stmt, 3, c->span_ns);
    db_bind_text(stmt, 4, gap_cause_name(c->cause));
    return run(s, ST_GAP, err);
}

static bool write_change(struct store *s, int64_t tick, const struct change *c, struct error *err)
{
    switch (c->kind) {
    case CHANGE_BOOT:
        return write_boot(s, tick, c, err);
    case CHANGE_RESTART:
        return write_restart(s, tick, &c->restart, err);
    case CHANGE_GAP:
        return write_gap(s, tick, c, err);
    case CHANGE_CLOCK_STEP:
        return RUN_INTS(s, ST_CLOCK_STEP, err, tick, c->span_ns);
    case CHANGE_CUT:
        return RUN_INTS(s, ST_HOUR_CUT, err, tick, c->number, c->segment);
    case CHANGE_LIFE_BEGIN:
        return write_life(s, tick, c, err);
    case CHANGE_LIFE_RAN:
        return RUN_INTS(s, ST_LIFE_RAN, err, c->life, tick);
    case CHANGE_LIFE_COUNTED:
        return RUN_INTS(s, ST_LIFE_COUNTED, err, c->life, tick);
    case CHANGE_LIFE_END:
        return RUN_INTS(s, ST_CLOSE_LIFE, err, c->life, c->number);
    case CHANGE_SEGMENT_BEGIN:
        return RUN_INTS(s, ST_SEGMENT, err, c->segment, c->life, tick, (int64_t)c->kib,
                        c->is_counted);
    case CHANGE_SEGMENT_END:
        return RUN_INTS(s, ST_CLOSE_SEGMENT, err, c->segment, c->number);
    }
    return error_set(err, ERR_STORE, "unknown change %d", (int)c->kind);
}

static bool write_tick(struct store *s, const struct tick_row *row, const struct change *changes,
                       size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!write_change(s, row->tick, &changes[i], err))
            return false;
        if (changes[i].kind == CHANGE_CUT)
            s->is_cut = true;
    }
    return RUN_INTS(s, ST_TICK, err, row->tick, row->late_ns, row->utc_diff_ns,
                    (int64_t)row->window_ns, row->is_synchronised, (int64_t)row->domains,
                    (int64_t)row->kib);
}

bool store_begin(struct store *s, struct error *err)
{
    if (safety_is_on(SAFETY_STORE_TRANSACTION) && !run(s, ST_BEGIN, err))
        return false;
    s->is_in_transaction = true;
    return true;
}

bool store_commit(struct store *s, struct error *err)
{
    if (safety_is_on(SAFETY_STORE_TRANSACTION) && !run(s, ST_COMMIT, err)) {
        store_rollback(s);
        return false;
    }
    s->is_in_transaction = false;
    return true;
}

void store_rollback(struct store *s)
{
    db_rollback(&s->db);
    s->is_in_transaction = false;
}

bool store_append(struct store *s, const struct tick_row *row, const struct change *changes,
                  size_t count, struct error *err)
{
    bool is_own = !s->is_in_transaction && safety_is_on(SAFETY_STORE_TRANSACTION);

    if (is_own && !run(s, ST_BEGIN, err))
        return false;
    if (write_tick(s, row, changes, count, err) && (!is_own || run(s, ST_COMMIT, err)))
        return true;
    if (is_own)
        db_rollback(&s->db);
    return false;
}
