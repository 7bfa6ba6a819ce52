/*
 * books_scene.h - a host, its VMs and their customers, in a directory of the test's own: usage
 * comes from a trace with a tick an hour (or as often as the test says), money from charge and
 * close.
 *
 * Use as books_test(test). Hours are UTC hours from the beginning of November 2026 on: H(0) is
 * 2026-11-01T00. A VM that is listed at the ticks of hours a to b is measured in the hours a + 1 to
 * b - 1: its first interval is free, and nothing is known of what is behind its last tick.
 */
#ifndef PAGEMETER_TESTS_BOOKS_SCENE_H
#define PAGEMETER_TESTS_BOOKS_SCENE_H

#include <sqlite3.h>

#include "billing/sealing.h"
#include "meter/replay.h"
#include "scratch.h"

#define NOVEMBER 682
#define DECEMBER 683
#define H(hour) (INT64_C(498192) + (hour))
#define DAY(day) H(((day)-1) * 24) /* of November: its first hour */
#define NEXT_MONTH H(720)
#define GIB INT64_C(1048576)
#define AT(hour) (H(hour) * NS_PER_HOUR + NS_PER_HOUR / 2) /* half past, for those who charge */

/* The numerator of a penny per GiB*h. */
#define PENNY ((numerator)KIB_NS_PER_GIB_H * NANO_PER_PENNY)

enum { BOOKS_VMS = 12 };

struct books_scene {
    char *dir;
    struct store *measured;
    struct chain_key key;
    uint64_t seq;
    int64_t step_ns;   /* from tick to tick */
    int64_t behind_ns; /* the wall clock is so late */
    struct {
        int64_t from_ns, to_ns; /* listed at the ticks of these and between them */
        uint64_t kib;           /* 0: there is none */
        unsigned vm;            /* uuid_of */
    } vms[BOOKS_VMS];
};

/* The caller closes it. */
static inline struct billing_store *books_open_store(struct books_scene *t, enum store_mode mode)
{
    struct billing_store *b = NULL;
    struct error err;

    assert_ok(billing_open(&b, t->dir, mode, &err));
    return b;
}

static inline int books_begin(void **state)
{
    struct books_scene *t = calloc(1, sizeof *t);
    void *dir;
    struct error err;

    if (t == NULL || scratch_begin(&dir) != 0)
        return -1;
    t->dir = dir;
    t->step_ns = NS_PER_HOUR;
    memset(t->key.bytes, 0x5a, sizeof t->key.bytes);
    assert_ok(store_open(&t->measured, t->dir, STORE_WRITE, &err));
    billing_close(books_open_store(t, STORE_WRITE));
    *state = t;
    return 0;
}

static inline int books_end(void **state)
{
    struct books_scene *t = *state;
    void *dir = t->dir;

    store_close(t->measured);
    free(t);
    return scratch_end(&dir);
}

/* ---- the host ---- */

/* A VM on the host, for some ticks; domid is its place. Several with one vm are lives of it. */
static inline void books_vm_at(struct books_scene *t, unsigned place, unsigned vm, uint64_t kib,
                               int64_t from_ns, int64_t to_ns)
{
    t->vms[place].from_ns = from_ns;
    t->vms[place].to_ns = to_ns;
    t->vms[place].kib = kib;
    t->vms[place].vm = vm;
}

/* Listed at the ticks of these hours, both included. */
static inline void books_vm(struct books_scene *t, unsigned place, unsigned vm, uint64_t kib,
                            int64_t from_hour, int64_t to_hour)
{
    books_vm_at(t, place, vm, kib, from_hour * NS_PER_HOUR, to_hour * NS_PER_HOUR);
}

static inline void books_write_tick(struct books_scene *t, FILE *trace, int64_t utc_ns)
{
    int count = 0;
    char lines[BOOKS_VMS * 128] = "", vm[UUID_TEXT_MAX];

    for (int i = 0; i < BOOKS_VMS; i++) {
        struct uuid uuid = uuid_of(t->vms[i].vm);

        if (t->vms[i].kib == 0 || utc_ns < t->vms[i].from_ns || utc_ns > t->vms[i].to_ns)
            continue;
        count++;
        (void)sprintf(lines + strlen(lines), "D %d %s %llu %llu 0 r 1\n", i + 1,
                      uuid_format(&uuid, vm), (unsigned long long)t->vms[i].kib,
                      (unsigned long long)t->vms[i].kib);
    }
    assert_true(fprintf(trace, "T %llu %lld %lld 1000 s 0 0 %d\n%s", (unsigned long long)++t->seq,
                        (long long)(utc_ns + t->behind_ns - H(-800) * NS_PER_HOUR),
                        (long long)utc_ns, count, lines) > 0);
}

/* Ticks from one time to another, both included. */
static inline void books_measure_ns(struct books_scene *t, int64_t from_ns, int64_t to_ns)
{
    char path[SCRATCH_PATH_MAX];
    struct replay_options options = {.rules = {RULES_TEMPORARY_DEFAULT, ""}};
    struct replay_result result;
    struct error err;

    (void)snprintf(path, sizeof path, "%s/trace", t->dir);
    FILE *trace = fopen(path, "w");

    assert_non_null(trace);
    (void)fprintf(trace,
                  "P 1 11111111-1111-1111-1111-111111111111 22222222-2222-2222-2222-222222222222 "
                  "33333333-3333-3333-3333-333333333333 %lld %lld\n",
                  (long long)t->step_ns, (long long)NS_PER_HOUR);
    for (int64_t ns = from_ns; ns <= to_ns; ns += t->step_ns)
        books_write_tick(t, trace, ns);
    assert_int_equal(fclose(trace), 0);
    assert_ok(replay_run(t->measured, path, &options, &result, &err));
}

/* Ticks from the beginning of one hour to that of another, both included. */
static inline void books_measure(struct books_scene *t, int64_t from_hour, int64_t to_hour)
{
    books_measure_ns(t, from_hour * NS_PER_HOUR, to_hour * NS_PER_HOUR);
}

/* ---- what is said ---- */

/* A command: who says something, and what follows from it, is one transaction. */
static inline struct billing_store *books_say(struct books_scene *t, const char *what,
                                              int64_t *change)
{
    struct billing_store *b = books_open_store(t, STORE_WRITE);
    struct error err;

    assert_ok(billing_change(b, H(0) * NS_PER_HOUR, "tests", what, change, &err));
    return b;
}

static inline void books_said(struct billing_store *b)
{
    struct error err;

    assert_ok(billing_commit(b, &err));
    billing_close(b);
}

static inline void books_account(struct books_scene *t, const char *account, const char *name,
                                 int offset_h)
{
    int64_t change;
    struct billing_store *b = books_say(t, "account", &change);
    struct error err;

    assert_ok(billing_add_account(b, account, name, offset_h, change, &err));
    books_said(b);
}

static inline void books_owner(struct books_scene *t, unsigned vm, const char *account,
                               int64_t from_hour)
{
    int64_t change;
    struct billing_store *b = books_say(t, "owner", &change);
    struct uuid uuid = uuid_of(vm);
    struct error err;

    assert_ok(billing_add_owner(b, &uuid, from_hour, account, change, &err));
    assert_ok(billing_mark_stale(b, from_hour, &err));
    books_said(b);
}

static inline void books_name(struct books_scene *t, unsigned vm, const char *name)
{
    int64_t change;
    struct billing_store *b = books_say(t, "name", &change);
    struct uuid uuid = uuid_of(vm);
    struct error err;

    assert_ok(billing_add_name(b, &uuid, name, change, &err));
    books_said(b);
}

/* account "": the default. books_tariff(t, "", "0.0042", "EUR/GiBh", 0) */
static inline void books_tariff(struct books_scene *t, const char *account, const char *amount,
                                const char *unit, int64_t from_hour)
{
    int64_t change;
    struct billing_store *b = books_say(t, "tariff", &change);
    struct price price;
    struct error err;

    assert_ok(price_parse(amount, unit, &price, &err));
    assert_ok(billing_add_tariff(b, account, from_hour, &price, change, &err));
    assert_ok(billing_mark_stale(b, from_hour, &err));
    books_said(b);
}

static inline void books_charge(struct books_scene *t, int64_t utc_ns)
{
    struct billing_store *b = books_open_store(t, STORE_WRITE);
    struct charge_summary sum;
    struct error err;

    assert_ok(charge_run(t->measured, b, &t->key, utc_ns, NULL, &sum, &err));
    billing_close(b);
}

static inline void books_close_month(struct books_scene *t, int32_t month, int64_t utc_ns)
{
    struct sealing sealing = {.month = month, .utc_ns = utc_ns};
    struct billing_store *b = books_say(t, "close", &sealing.change);
    struct sealing_summary sum;
    struct error err;

    assert_ok(sealing_run(t->measured, b, &t->key, &sealing, &sum, &err));
    assert_false(sum.was_sealed);
    billing_close(b);
}

/* ---- what nobody may do ---- */

static inline void books_sql(struct books_scene *t, const char *sql)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db = NULL;
    char *message = NULL;

    (void)snprintf(path, sizeof path, "%s/billing.db", t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    (void)sqlite3_close(db);
}

#define books_test(test) cmocka_unit_test_setup_teardown(test, books_begin, books_end)

#endif
