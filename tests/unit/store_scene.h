/*
 * store_scene.h - a scene whose ticks go into a store, in a directory of the test's own.
 *
 * Use as store_test(test): a new store is open for writing, and its host is set.
 */
#ifndef PAGEMETER_TESTS_STORE_SCENE_H
#define PAGEMETER_TESTS_STORE_SCENE_H

#include <sqlite3.h>

#include "scene.h"
#include "scratch.h"
#include "store/store.h"

struct store_scene {
    char *dir;
    struct scratch_path db;
    struct store *store;
    struct scene s;
    struct error err;
};

static inline struct store *store_opened(const char *dir, enum store_mode mode)
{
    struct store *store = NULL;
    struct error err;

    assert_ok(store_open(&store, dir, mode, &err));
    return store;
}

/* A scene that goes on from where the store is. */
static inline void scene_load(struct scene *s, struct store *store)
{
    struct meter_state state;
    struct open_life *lives;
    struct error err;
    size_t count;

    assert_ok(store_load(store, &state, &lives, &count, &err));
    scene_resume(s, &state, lives, count);
    free(lives);
}

static inline int store_scene_begin(void **state)
{
    struct store_scene *t = calloc(1, sizeof *t);
    void *dir;
    struct uuid host = HOST;
    struct error err;

    if (t == NULL || scratch_begin(&dir) != 0)
        return -1;
    t->dir = dir;
    t->db = scratch_path(&dir, "meter.db");
    t->store = store_opened(t->dir, STORE_WRITE);
    assert_ok(store_set_host(t->store, &host, &err));
    scene_load(&t->s, t->store);
    *state = t;
    return 0;
}

static inline int store_scene_end(void **state)
{
    struct store_scene *t = *state;
    void *dir = t->dir;

    store_close(t->store);
    scene_end(&t->s);
    free(t);
    return scratch_end(&dir);
}

/* The scene's last tick into the store, which derives what it can. */
static inline void store_write(struct store_scene *t)
{
    struct meter *m = &t->s.meter;
    struct error err;

    assert_ok(store_append(t->store, &m->row, m->changes, m->change_count, &err));
    assert_ok(store_derive(t->store, &err));
}

static inline void store_tick(struct store_scene *t, uint64_t seq)
{
    scene_tick(&t->s, seq);
    store_write(t);
}

/* Ticks [first, end), `every` seconds from each to the next. */
static inline void store_ticks(struct store_scene *t, uint64_t first, uint64_t end, uint64_t every)
{
    for (uint64_t seq = first; seq < end; seq += every)
        store_tick(t, seq);
}

/* Closes the store and opens it again, with a meter that knows only what it has. */
static inline void store_reopen(struct store_scene *t)
{
    struct scene next;

    store_close(t->store);
    t->store = store_opened(t->dir, STORE_WRITE);
    scene_load(&next, t->store);
    memcpy(next.samples, t->s.samples, sizeof next.samples);
    next.count = t->s.count;
    scene_end(&t->s);
    t->s = next;
}

/* ---- what is in it ---- */

/* Runs SQL on a connection of its own; the result code, or the first column of the first row. */
static inline int sql_run(const char *db, const char *sql, int64_t *out, char *message, size_t size)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_open(db, &handle), SQLITE_OK);
    int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW && out != NULL)
        *out = sqlite3_column_int64(stmt, 0);
    if (message != NULL)
        (void)snprintf(message, size, "%s", sqlite3_errmsg(handle));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(handle);
    return code;
}

static inline int64_t sql_int(const char *db, const char *sql)
{
    char message[256];
    int64_t value = -1;

    if (sql_run(db, sql, &value, message, sizeof message) != SQLITE_ROW)
        fail_msg("%s: %s", sql, message);
    return value;
}

static inline void sql_do(const char *db, const char *sql)
{
    char message[256];

    if (sql_run(db, sql, NULL, message, sizeof message) != SQLITE_DONE)
        fail_msg("%s: %s", sql, message);
}

/* The schema refuses this. */
static inline void assert_sql_refused(const char *db, const char *sql, const char *said)
{
    char message[256];

    assert_int_equal(sql_run(db, sql, NULL, message, sizeof message), SQLITE_CONSTRAINT);
    assert_text_has(message, said);
}

/* Everything that a store bills, up to its last tick. */
struct bill {
    struct usage_reader reader;
    usage_kib_ns kib_ns;
    int64_t measured_ns;
    int64_t missing_ns;
    int64_t excluded_ns;
    size_t parts;
};

static inline bool bill_add(struct usage_reader *reader, size_t life, const struct usage_part *part,
                            struct error *err)
{
    struct bill *bill = (struct bill *)(void *)reader;

    (void)life;
    bill->measured_ns += part->measured_ns;
    bill->missing_ns += part->missing_ns;
    bill->excluded_ns += part->excluded_ns;
    bill->parts++;
    return usage_add(&bill->kib_ns, part->kib_ns) || error_set(err, ERR_RANGE, "too much");
}

static inline struct bill bill_of(struct store *store)
{
    const struct usage_query all = {.from_hour = 0, .to_hour = INT64_C(5000000), .by_hour = true};
    struct bill bill = {.reader = {.add = bill_add}};
    struct error err;

    assert_ok(store_usage(store, &all, &bill.reader, &err));
    free(bill.reader.lives);
    bill.reader.lives = NULL;
    return bill;
}

static inline void assert_same_bill(const struct bill *is, const struct bill *expected)
{
    assert_usage_equal(is->kib_ns, expected->kib_ns);
    assert_int_equal(is->measured_ns, expected->measured_ns);
    assert_int_equal(is->missing_ns, expected->missing_ns);
    assert_int_equal(is->excluded_ns, expected->excluded_ns);
}

static inline void print_finding(void *self, const char *text)
{
    (void)self;
    print_error("finding: %s\n", text);
}

/* Every query of sql/audit/ finds nothing. */
static inline void assert_audit_clean(struct store *store)
{
    for (const struct sql_file *audit = sql_audits; audit->name != NULL; audit++) {
        int64_t findings = -1;
        struct error err;

        assert_ok(store_audit(store, audit, print_finding, NULL, &findings, &err));
        if (findings != 0)
            fail_msg("%s has %lld findings", audit->name, (long long)findings);
    }
}

#define store_test(test) cmocka_unit_test_setup_teardown(test, store_scene_begin, store_scene_end)

#endif
