/*
 * What is counted of memory on demand: in the engine, in the table between it and the store, and in
 * balloon.db, where no total ever goes back.
 */
#include "balloon_fake.h"
#include "scratch.h"

#include <sqlite3.h>

#include "balloon/tally.h"
#include "store/balloon_tally.h"
#include "store/sql_files.h"

static struct error err;

/* ---- the table ---- */

struct taken {
    uint64_t total, of_host;
    size_t calls, most;
};

static bool take(void *context, const struct tally_count *count)
{
    struct taken *t = context;

    if (t->calls == t->most)
        return false;
    t->calls++;
    t->total += count->total;
    t->of_host += count->is_host ? count->total : 0;
    return true;
}

static struct tally table; /* large */

static int empty(void **state)
{
    (void)state;
    table = (struct tally){.count = 0};
    return 0;
}

static void add(unsigned vm, enum tally_what what, enum reason reason)
{
    struct uuid uuid = uuid_of(vm & 255);

    uuid.bytes[0] = (uint8_t)(vm >> 8);
    tally_add(&table, &uuid, what, reason);
}

static void test_tally_counts_alike_together(void **state)
{
    struct taken t = {.most = 9};

    (void)state;
    add(1, TALLY_HOSTILE, REASON_NONE);
    add(1, TALLY_HOSTILE, REASON_NONE);
    add(2, TALLY_HOSTILE, REASON_NONE);
    add(1, TALLY_REFUSAL, REASON_SPENT);
    add(1, TALLY_REFUSAL, REASON_CLAIM);
    tally_add(&table, NULL, TALLY_ALERT, REASON_NO_SURPLUS);
    tally_hand_on(&table, take, &t);
    assert_int_equal(t.calls, 5);
    assert_int_equal(t.total, 6);
    assert_int_equal(t.of_host, 1);
}

static void test_tally_handed_on_begins_anew(void **state)
{
    struct taken t = {.most = 9};

    (void)state;
    add(1, TALLY_HOSTILE, REASON_NONE);
    tally_hand_on(&table, take, &t);
    tally_hand_on(&table, take, &t);
    assert_int_equal(t.total, 1);
}

static void test_tally_not_taken_comes_with_the_next(void **state)
{
    struct taken none = {.most = 0}, one = {.most = 1}, all = {.most = 9};

    (void)state;
    tally_add(&table, NULL, TALLY_ALERT, REASON_NO_SURPLUS);
    add(1, TALLY_HOSTILE, REASON_NONE);
    add(2, TALLY_HOSTILE, REASON_NONE);
    tally_hand_on(&table, take, &none);
    tally_hand_on(&table, take, &one);
    add(2, TALLY_HOSTILE, REASON_NONE);
    tally_hand_on(&table, take, &all);
    assert_int_equal(one.of_host, 1);
    assert_int_equal(all.calls, 2);
    assert_int_equal(all.total, 3);
}

static void test_tally_full_counts_for_the_host(void **state)
{
    struct taken t = {.most = TALLY_MAX + 1};

    (void)state;
    for (unsigned vm = 1; vm <= TALLY_MAX; vm++)
        add(vm, TALLY_HOSTILE, REASON_NONE);
    add(TALLY_MAX + 1, TALLY_HOSTILE, REASON_NONE);
    add(1, TALLY_HOSTILE, REASON_NONE);
    tally_hand_on(&table, take, &t);
    assert_int_equal(t.total, TALLY_MAX + 2);
    assert_int_equal(t.of_host, 1);
}

/* ---- the engine ---- */

static size_t hostile, refusals;
static enum reason refused;

static void note(void *context, const struct vm *vm, enum tally_what what, enum reason reason)
{
    (void)context, (void)vm;
    hostile += what == TALLY_HOSTILE;
    refusals += what == TALLY_REFUSAL;
    if (what == TALLY_REFUSAL)
        refused = reason;
}

static struct fake host;

static int begin_host(void **state)
{
    (void)state;
    hostile = refusals = 0;
    refused = REASON_NONE;
    fake_begin(&host);
    host.engine.sink.counted = note;
    return 0;
}

static int end_host(void **state)
{
    (void)state;
    fake_end(&host);
    return 0;
}

static void test_engine_bad_record_is_counted(void **state)
{
    (void)state;
    (void)fake_add(&host, 5, GIB);
    engine_record(&host.engine, 5, "nonsense", 8, host.now_ns);
    engine_record(&host.engine, 6, "nobody", 6, host.now_ns);
    assert_int_equal(hostile, 1);
}

static void test_engine_refusal_is_counted_when_it_begins(void **state)
{
    (void)state;
    (void)fake_add(&host, 5, GIB);
    host.free_kib = 0;
    for (int i = 0; i < 3; i++) {
        fake_say(&host, 5, 1024, host.now_ns);
        fake_run(&host, host.now_ns + NS_PER_S);
    }
    assert_int_equal(refusals, 1);
    assert_int_equal(refused, REASON_NO_SURPLUS);
}

/* ---- the store ---- */

struct scene {
    void *dir;
    struct balloon_store *store;
};

static int begin_store(void **state)
{
    static struct scene t;

    t = (struct scene){0};
    if (scratch_begin(&t.dir) != 0)
        return -1;
    assert_ok(balloon_store_open(&t.store, t.dir, STORE_WRITE, &err));
    *state = &t;
    return 0;
}

static int end_store(void **state)
{
    struct scene *t = *state;

    balloon_store_close(t->store);
    return scratch_end(&t->dir);
}

static struct balloon_entry decision(unsigned vm, int64_t utc_ns, enum reason failure)
{
    struct balloon_entry e = {.kind = ENTRY_DECISION, .utc_ns = utc_ns};

    e.decision = (struct decision){.action = {.kind = ACTION_GROW, .reason = REASON_SHORT},
                                   .failure = failure,
                                   .uuid = uuid_of(vm)};
    return e;
}

static struct balloon_entry alert(unsigned vm, int64_t utc_ns)
{
    struct balloon_entry e = {.kind = ENTRY_ALERT, .utc_ns = utc_ns};

    e.alert.vm = uuid_of(vm);
    e.alert.reason = REASON_STALE;
    return e;
}

static struct balloon_entry counted(unsigned vm, int64_t utc_ns, uint64_t total)
{
    struct balloon_entry e = {.kind = ENTRY_TALLY, .utc_ns = utc_ns};

    e.tally = (struct tally_count){.is_host = vm == 0,
                                   .vm = uuid_of(vm),
                                   .what = TALLY_REFUSAL,
                                   .reason = REASON_SPENT,
                                   .total = total};
    return e;
}

static void write_one(struct scene *t, struct balloon_entry entry)
{
    assert_ok(balloon_store_write(t->store, &entry, 1, &err));
}

struct wanted {
    const char *what, *failure;
    bool is_host;
    int64_t total;
    size_t rows;
};

static bool add_wanted(void *self, const struct balloon_total *total, struct error *e)
{
    struct wanted *w = self;

    (void)e;
    if (strcmp(total->what, w->what) != 0 || strcmp(total->failure, w->failure) != 0 ||
        total->is_host != w->is_host)
        return true;
    w->total += total->total;
    w->rows++;
    return true;
}

static int64_t total_of(struct scene *t, const char *what, const char *failure, bool of_vms)
{
    struct wanted w = {.what = what, .failure = failure, .is_host = !of_vms};
    struct balloon_totals_reader reader = {add_wanted, &w};

    assert_ok(balloon_store_totals(t->store, of_vms ? BALLOON_TOTALS_OF_VMS : BALLOON_TOTALS_OF_ALL,
                                   &reader, &err));
    return w.total;
}

static void test_totals_count_each_entry_once(void **state)
{
    struct scene *t = *state;
    struct balloon_entry lost = {.kind = ENTRY_LOST, .utc_ns = 1};

    lost.lost = 7;
    write_one(t, decision(1, 1, REASON_NONE));
    write_one(t, decision(1, 2, REASON_NONE));
    write_one(t, decision(2, 3, REASON_DRY_RUN));
    write_one(t, alert(1, 4));
    write_one(t, counted(1, 5, 3));
    write_one(t, counted(1, 6, 4));
    write_one(t, lost);
    assert_int_equal(total_of(t, "decision", "-", true), 2);
    assert_int_equal(total_of(t, "decision", "dry-run", true), 1);
    assert_int_equal(total_of(t, "alert", "-", true), 1);
    assert_int_equal(total_of(t, "refusal", "-", true), 7);
    assert_int_equal(total_of(t, "lost", "-", false), 7);
}

static void test_totals_stay_when_their_rows_are_deleted(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {.before_utc_ns = 100, .rolled_up_before_ns = INT64_MIN};

    write_one(t, decision(1, 1, REASON_NONE));
    write_one(t, alert(1, 4));
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    write_one(t, decision(1, 200, REASON_NONE));
    assert_int_equal(total_of(t, "decision", "-", true), 2);
    assert_int_equal(total_of(t, "alert", "-", false), 1);
}

static void test_totals_of_a_gone_vm_become_the_hosts(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {.before_utc_ns = INT64_MIN, .rolled_up_before_ns = 100};

    write_one(t, decision(1, 1, REASON_NONE));
    write_one(t, decision(2, 2, REASON_NONE));
    write_one(t, counted(2, 100, 5));
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(total_of(t, "decision", "-", true), 1);
    assert_int_equal(total_of(t, "decision", "-", false), 2);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    ages.rolled_up_before_ns = 101;
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(total_of(t, "decision", "-", true), 0);
    assert_int_equal(total_of(t, "decision", "-", false), 2);
    assert_int_equal(total_of(t, "refusal", "-", false), 5);
}

struct reacted {
    struct balloon_reaction list[4];
    size_t count;
};

static bool take_reacted(void *self, const struct balloon_reaction *reaction, struct error *e)
{
    struct reacted *r = self;

    (void)e;
    assert_true(r->count < 4);
    r->list[r->count++] = *reaction;
    return true;
}

static bool write_counted(void *context, const struct tally_count *count)
{
    struct balloon_entry e = {.kind = ENTRY_TALLY, .utc_ns = 1, .tally = *count};

    write_one(context, e);
    return true;
}

/* Through the table and into the store, twice. */
static void test_reactions_are_added_up_by_bound(void **state)
{
    struct scene *t = *state;
    struct reacted r = {.count = 0};
    const struct balloon_reaction_reader reader = {take_reacted, &r};

    (void)empty(NULL);
    for (int i = 0; i < 2; i++) {
        tally_add_reaction(&table, 58 * MS);
        tally_add_reaction(&table, 100 * MS);
        tally_add_reaction(&table, 40 * SECOND);
        tally_add_reaction(&table, -1);
        tally_hand_on(&table, write_counted, t);
        tally_hand_on(&table, write_counted, t); /* nothing is left */
    }
    assert_ok(balloon_store_reactions(t->store, &reader, &err));
    assert_int_equal(r.count, 3);
    assert_int_equal(r.list[0].up_to_ms, 50);
    assert_int_equal(r.list[0].total, 2);
    assert_int_equal(r.list[0].ns, 0);
    assert_int_equal(r.list[1].up_to_ms, 100);
    assert_int_equal(r.list[1].total, 4);
    assert_int_equal(r.list[1].ns, 316 * MS);
    assert_int_equal(r.list[2].up_to_ms, 0);
    assert_int_equal(r.list[2].ns, 80 * SECOND);
}

/* A file that was made before reactions and reversals were counted. */
static void make_version_3(const char *dir)
{
    char path[256];
    sqlite3 *db;

    (void)snprintf(path, sizeof path, "%s/balloon.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sqlite3_exec(db, sql_balloon_migrations[i].text, NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "PRAGMA user_version = 3; PRAGMA application_id = 0x50674d74;"
                     "INSERT INTO tally VALUES ('', 'refusal', '-', 'spent', '-', 5, 1);"
                     "INSERT INTO lost (utc_ns, entries) VALUES (1, 7)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_totals_of_version_3_go_on(void **state)
{
    struct scene t = {0};
    struct balloon_entry lost = {.kind = ENTRY_LOST, .utc_ns = 2};
    struct balloon_entry turned = counted(1, 3, 4);

    (void)state;
    assert_int_equal(scratch_begin(&t.dir), 0);
    make_version_3(t.dir);
    assert_ok(balloon_store_open(&t.store, t.dir, STORE_WRITE, &err));
    lost.lost = 2;
    turned.tally.what = TALLY_REVERSAL;
    turned.tally.reason = REASON_NONE;
    write_one(&t, lost);
    write_one(&t, decision(1, 1, REASON_NONE));
    write_one(&t, alert(1, 4));
    write_one(&t, turned);
    assert_int_equal(total_of(&t, "refusal", "-", false), 5);
    assert_int_equal(total_of(&t, "lost", "-", false), 9);
    assert_int_equal(total_of(&t, "decision", "-", true), 1);
    assert_int_equal(total_of(&t, "alert", "-", true), 1);
    assert_int_equal(total_of(&t, "reversal", "-", true), 4);
    balloon_store_close(t.store);
    assert_int_equal(scratch_end(&t.dir), 0);
}

struct latest {
    size_t count;
    struct balloon_latest last;
};

static bool take_latest(void *self, const struct balloon_latest *latest, struct error *e)
{
    struct latest *l = self;

    (void)e;
    l->count++;
    l->last = *latest;
    return true;
}

static void write_figure(struct scene *t, unsigned vm, int64_t utc_ns, uint64_t kib)
{
    struct balloon_entry e = {.kind = ENTRY_FIGURE, .utc_ns = utc_ns};

    e.figure = (struct balloon_figure){.vm = uuid_of(vm),
                                       .target_kib = kib,
                                       .need_kib = kib / 2,
                                       .ceiling_kib = 1};
    write_one(t, e);
}

static void test_latest_is_the_newest_of_each_vm(void **state)
{
    struct scene *t = *state;
    struct latest l = {0};
    struct balloon_latest_reader reader = {take_latest, &l};
    struct uuid one = uuid_of(1);

    write_figure(t, 1, 50, 100);
    write_figure(t, 1, 70, 300);
    write_figure(t, 1, 60, 200);
    write_figure(t, 2, 49, 900);
    assert_ok(balloon_store_latest(t->store, 50, &reader, &err));
    assert_int_equal(l.count, 1);
    assert_uuid_equal(&l.last.vm, &one);
    assert_int_equal(l.last.target_kib, 300);
    assert_int_equal(l.last.need_kib, 150);
}

int main(void)
{
#define of_table(name) cmocka_unit_test_setup(name, empty)
#define of_host(name) cmocka_unit_test_setup_teardown(name, begin_host, end_host)
#define of_store(name) cmocka_unit_test_setup_teardown(name, begin_store, end_store)
    static const struct CMUnitTest tests[] = {
        of_table(test_tally_counts_alike_together),
        of_table(test_tally_handed_on_begins_anew),
        of_table(test_tally_not_taken_comes_with_the_next),
        of_table(test_tally_full_counts_for_the_host),
        of_host(test_engine_bad_record_is_counted),
        of_host(test_engine_refusal_is_counted_when_it_begins),
        of_store(test_totals_count_each_entry_once),
        of_store(test_totals_stay_when_their_rows_are_deleted),
        of_store(test_totals_of_a_gone_vm_become_the_hosts),
        of_store(test_reactions_are_added_up_by_bound),
        of_table(test_totals_of_version_3_go_on),
        of_store(test_latest_is_the_newest_of_each_vm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
