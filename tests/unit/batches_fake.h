/*
 * batches_fake.h - a database that takes batches as ship() does, so far as they contradict nothing,
 * and tells whether it has what a store has.
 */
#ifndef PAGEMETER_TESTS_BATCHES_FAKE_H
#define PAGEMETER_TESTS_BATCHES_FAKE_H

#include <sqlite3.h>
#include <stdlib.h>

#include "check.h"
#include "store/ship_read.h"

static const char *const batches_schema =
    "CREATE TABLE boot (boot PRIMARY KEY, boot_uuid, first_tick, tick_base);"
    "CREATE TABLE restart (tick PRIMARY KEY, version, interval_ns, max_gap_ns, mono_ns,"
    " utc_offset_ns);"
    "CREATE TABLE gap (tick PRIMARY KEY, from_tick, span_ns, cause);"
    "CREATE TABLE clock_step (tick PRIMARY KEY, step_ns);"
    "CREATE TABLE hour_cut (tick PRIMARY KEY, hour, first_segment);"
    "CREATE TABLE life (life PRIMARY KEY, boot, domid, vm, first_tick, ran_tick, counted_tick,"
    " last_tick, billed);"
    "CREATE TABLE tick (tick PRIMARY KEY, late_ns, utc_diff_ns, window_ns, synchronised, domains,"
    " kib);"
    "CREATE TABLE segment (segment PRIMARY KEY, life, first_tick, last_tick, kib, counted);"
    /* an end that is said again is the same */
    "CREATE TRIGGER one_end BEFORE UPDATE ON segment WHEN OLD.last_tick <> NEW.last_tick"
    " BEGIN SELECT raise(ABORT, 'two ends'); END;";

/* ?1: rows, ?2: ticks, ?3: segments, all in JSON. */
static const char *const batches_takes[] = {
    "INSERT INTO boot SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3"
    " FROM json_each(?1, '$.boot')",
    "INSERT INTO restart SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,"
    " value ->> 5 FROM json_each(?1, '$.restart')",
    "INSERT INTO gap SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3"
    " FROM json_each(?1, '$.gap')",
    "INSERT INTO clock_step SELECT value ->> 0, value ->> 1 FROM json_each(?1, '$.clock_step')",
    "INSERT INTO hour_cut SELECT value ->> 0, value ->> 1, value ->> 2"
    " FROM json_each(?1, '$.hour_cut')",
    "INSERT INTO life SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,"
    " value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1, '$.life') WHERE true"
    " ON CONFLICT (life) DO UPDATE SET ran_tick = coalesce(ran_tick, excluded.ran_tick),"
    " counted_tick = coalesce(counted_tick, excluded.counted_tick),"
    " last_tick = coalesce(last_tick, excluded.last_tick)",
    "INSERT INTO tick SELECT max(value) FILTER (WHERE key % 7 = 0),"
    " max(value) FILTER (WHERE key % 7 = 1), max(value) FILTER (WHERE key % 7 = 2),"
    " max(value) FILTER (WHERE key % 7 = 3), max(value) FILTER (WHERE key % 7 = 4),"
    " max(value) FILTER (WHERE key % 7 = 5), max(value) FILTER (WHERE key % 7 = 6)"
    " FROM json_each(?2) GROUP BY key / 7",
    "INSERT INTO segment SELECT max(value) FILTER (WHERE key % 6 = 0),"
    " max(value) FILTER (WHERE key % 6 = 1), max(value) FILTER (WHERE key % 6 = 2),"
    " nullif(max(value) FILTER (WHERE key % 6 = 3), -1), max(value) FILTER (WHERE key % 6 = 4),"
    " max(value) FILTER (WHERE key % 6 = 5) FROM json_each(?3) WHERE true GROUP BY key / 6"
    " ON CONFLICT (segment) DO UPDATE SET last_tick = coalesce(last_tick, excluded.last_tick)",
};

static inline void batches_do(sqlite3 *db, const char *sql)
{
    char *said = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
        fail_msg("%s: %s", sql, said);
}

static inline sqlite3 *batches_open(void)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    batches_do(db, batches_schema);
    return db;
}

/* {1,2} becomes [1,2]. */
static inline void bind_numbers(sqlite3_stmt *stmt, int place, const struct ship_text *text)
{
    char *list = strdup(text->text);

    assert_non_null(list);
    list[0] = '[';
    list[text->length - 1] = ']';
    (void)sqlite3_bind_text(stmt, place, list, -1, free);
}

static inline void batches_take(sqlite3 *db, const struct ship_batch *b)
{
    for (size_t i = 0; i < sizeof batches_takes / sizeof *batches_takes; i++) {
        sqlite3_stmt *stmt = NULL;

        assert_int_equal(sqlite3_prepare_v2(db, batches_takes[i], -1, &stmt, NULL), SQLITE_OK);
        if (strstr(batches_takes[i], "?1") != NULL)
            (void)sqlite3_bind_text(stmt, 1, b->rows.text, -1, SQLITE_STATIC);
        else if (strstr(batches_takes[i], "?2") != NULL)
            bind_numbers(stmt, 2, &b->tick_numbers);
        else
            bind_numbers(stmt, 3, &b->segment_numbers);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            fail_msg("batch (%lld, %lld]: %.40s: %s", (long long)b->after, (long long)b->up_to,
                     batches_takes[i], sqlite3_errmsg(db));
        (void)sqlite3_finalize(stmt);
    }
}

static inline int64_t batches_int(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);

    (void)sqlite3_finalize(stmt);
    return value;
}

/* Has it, of each table, the rows of `store` (the path of a meter.db) that this condition names? */
static inline void assert_batches_are(sqlite3 *db, const char *store, const char *where)
{
    static const char *const tables[][2] = {{"boot", "first_tick"},    {"restart", "tick"},
                                            {"gap", "tick"},           {"clock_step", "tick"},
                                            {"hour_cut", "tick"},      {"tick", "tick"},
                                            {"segment", "first_tick"}, {"life", "first_tick"}};
    char sql[512];

    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS store", store);
    batches_do(db, sql);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const char *t = tables[i][0];

        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM main.%s EXCEPT SELECT *"
                       " FROM store.%s WHERE %s %s) UNION ALL SELECT * FROM (SELECT * FROM store.%s"
                       " WHERE %s %s EXCEPT SELECT * FROM main.%s))",
                       t, t, tables[i][1], where, t, tables[i][1], where, t);
        if (batches_int(db, sql) != 0)
            fail_msg("%s is not what the store has: %lld rows differ", t,
                     (long long)batches_int(db, sql));
    }
    batches_do(db, "DETACH store");
}

#endif
