/*
 * Guests' figures by five minutes: against sums made here, over random figures and clocks that are
 * set back; killed at each step of the database; deleted by age, and read from where they are.
 */
#include "chance.h"
#include "scratch.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/balloon_lines.h"

#define FIVE (INT64_C(300) * NS_PER_S)
#define BEGIN (INT64_C(6000000) * FIVE)

struct scene {
    void *dir;
    struct balloon_store *store;
};

static struct error err;

/* ---- a process that dies at a step of the database ---- */

static int steps_left = -1;

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);

int __wrap_sqlite3_step(sqlite3_stmt *stmt)
{
    if (steps_left >= 0 && steps_left-- == 0)
        _exit(7);
    return __real_sqlite3_step(stmt);
}

static void open_store(struct scene *t)
{
    assert_ok(balloon_store_open(&t->store, t->dir, STORE_WRITE, &err));
}

static int begin(void **state)
{
    static struct scene t;

    t = (struct scene){0};
    if (scratch_begin(&t.dir) != 0)
        return -1;
    open_store(&t);
    *state = &t;
    return 0;
}

static int end(void **state)
{
    struct scene *t = *state;

    balloon_store_close(t->store);
    return scratch_end(&t->dir);
}

/* ---- figures ---- */

static struct balloon_entry figure(unsigned vm, int64_t utc_ns, uint64_t kib)
{
    struct balloon_entry e = {.kind = ENTRY_FIGURE, .utc_ns = utc_ns};

    e.figure = (struct balloon_figure){.vm = uuid_of(vm),
                                       .domid = (uint16_t)vm,
                                       .figures = {.total_kib = 3 * kib,
                                                   .available_kib = 2 * kib,
                                                   .free_kib = kib / 2,
                                                   .cached_kib = kib / 3,
                                                   .swap_total_kib = 1000000,
                                                   .swap_free_kib = 1000000 - kib / 4},
                                       .target_kib = 4 * kib,
                                       .need_kib = kib + 1,
                                       .floor_kib = 100,
                                       .ceiling_kib = 1 << 20};
    return e;
}

static void say(struct scene *t, unsigned vm, int64_t utc_ns, uint64_t kib)
{
    struct balloon_entry e = figure(vm, utc_ns, kib);

    assert_ok(balloon_store_write(t->store, &e, 1, &err));
}

/* As often as there is something to do; how often that was. */
static size_t roll_up(struct scene *t, int64_t up_to)
{
    bool has_more = true;
    size_t count = 0;

    for (;; count++) {
        assert_ok(balloon_store_roll_up(t->store, up_to, &has_more, &err));
        if (!has_more)
            return count;
    }
}

static int64_t ask(struct scene *t, const char *sql)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t value = -1;

    (void)snprintf(path, sizeof path, "%s/balloon.db", (const char *)t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return value;
}

static void test_rollup_has_least_average_and_most(void **state)
{
    struct scene *t = *state;

    say(t, 1, BEGIN, 100);
    say(t, 1, BEGIN + FIVE - 1, 201);
    say(t, 2, BEGIN + 5, 700);
    say(t, 1, BEGIN + FIVE, 1000000);
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled"), 2);
    assert_int_equal(ask(t, "SELECT figures FROM figure_rolled ORDER BY vm"), 2);
    assert_int_equal(ask(t, "SELECT used_least_kib FROM figure_rolled ORDER BY vm"), 100);
    assert_int_equal(ask(t, "SELECT used_kib FROM figure_rolled ORDER BY vm"), 151); /* 150.5 */
    assert_int_equal(ask(t, "SELECT used_most_kib FROM figure_rolled ORDER BY vm"), 201);
    assert_int_equal(ask(t, "SELECT target_most_kib FROM figure_rolled ORDER BY vm"), 804);
    assert_int_equal(ask(t, "SELECT ceiling_kib FROM figure_rolled ORDER BY vm"), 1 << 20);
}

static void test_rollup_waits_for_the_end_of_its_five_minutes(void **state)
{
    struct scene *t = *state;

    say(t, 1, BEGIN, 100);
    assert_int_equal(roll_up(t, BEGIN + FIVE - 1), 0);
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_int_equal(roll_up(t, BEGIN + 100 * FIVE), 0);
}

static void test_rollup_passes_over_time_without_figures(void **state)
{
    struct scene *t = *state;

    say(t, 1, BEGIN, 100);
    say(t, 1, BEGIN + 100000 * FIVE, 100);
    assert_int_equal(roll_up(t, BEGIN + 200000 * FIVE), 2);
}

static void test_rollup_takes_up_what_comes_late(void **state)
{
    struct scene *t = *state;

    say(t, 1, BEGIN, 100);
    say(t, 1, BEGIN + FIVE, 100);
    assert_int_equal(roll_up(t, BEGIN + 2 * FIVE), 2);
    say(t, 1, BEGIN + 7, 300);
    assert_int_equal(roll_up(t, BEGIN + 2 * FIVE), 2);
    assert_int_equal(ask(t, "SELECT used_most_kib FROM figure_rolled ORDER BY utc_ns"), 300);
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled"), 2);
}

static void test_rollup_of_more_figures_than_are_left_stays(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {0, BEGIN + 5, 0};

    say(t, 1, BEGIN, 100);
    say(t, 1, BEGIN + 1, 500);
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    say(t, 1, BEGIN + 7, 300);
    (void)roll_up(t, BEGIN + FIVE);
    assert_int_equal(ask(t, "SELECT used_most_kib FROM figure_rolled"), 500);
}

static void test_rollup_of_figures_without_limits_has_none(void **state)
{
    struct scene *t = *state;
    struct balloon_entry e = figure(1, BEGIN, 100);

    e.figure.floor_kib = e.figure.ceiling_kib = 0;
    assert_ok(balloon_store_write(t->store, &e, 1, &err));
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled WHERE ceiling_kib IS NULL"), 1);
}

static void test_rollup_of_figures_that_can_not_be_fits(void **state)
{
    struct scene *t = *state;
    struct balloon_entry e = figure(1, BEGIN, 100);

    e.figure.need_kib = e.figure.target_kib = UINT64_MAX;
    for (int i = 0; i < 300; i++) {
        e.utc_ns++;
        assert_ok(balloon_store_write(t->store, &e, 1, &err));
    }
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_int_equal(ask(t, "SELECT need_kib FROM figure_rolled"), (int64_t)KIB_MAX);
}

/* ---- random figures ---- */

enum { VMS = 3, SPANS = 40, SAID_MAX = 2000 };

static struct said {
    unsigned vm;
    int64_t utc_ns;
    uint64_t kib;
} said[SAID_MAX];
static size_t said_count;

static void say_random(struct scene *t, struct chance *c)
{
    struct said *s = &said[said_count++];

    *s = (struct said){1 + (unsigned)chance_below(c, VMS),
                       BEGIN + (int64_t)chance_below(c, (uint64_t)(SPANS * FIVE)),
                       1 + chance_below(c, 1 << 18)};
    say(t, s->vm, s->utc_ns, s->kib);
}

struct expected {
    uint64_t figures, sum, least, most;
};

static struct expected expect(unsigned vm, int64_t from)
{
    struct expected e = {.least = UINT64_MAX};

    for (size_t i = 0; i < said_count; i++) {
        if (said[i].vm != vm || said[i].utc_ns < from || said[i].utc_ns >= from + FIVE)
            continue;
        e.figures++;
        e.sum += said[i].kib;
        e.least = said[i].kib < e.least ? said[i].kib : e.least;
        e.most = said[i].kib > e.most ? said[i].kib : e.most;
    }
    return e;
}

struct expecting {
    unsigned vm;
    int64_t next; /* five minutes that must come, or have no figure */
};

static bool compare(void *self, const struct balloon_sample *s, struct error *error)
{
    struct expecting *x = self;

    (void)error;
    for (; x->next < s->utc_ns; x->next += FIVE)
        assert_int_equal(expect(x->vm, x->next).figures, 0);
    struct expected e = expect(x->vm, s->utc_ns);

    assert_int_equal(s->span_ns, FIVE);
    assert_int_equal(s->lines[LINE_USED].kib, (e.sum + e.figures / 2) / e.figures);
    assert_int_equal(s->lines[LINE_USED].least_kib, e.least);
    assert_int_equal(s->lines[LINE_USED].most_kib, e.most);
    assert_int_equal(s->lines[LINE_TARGET].least_kib, 4 * e.least);
    assert_int_equal(s->lines[LINE_TARGET].most_kib, 4 * e.most);
    x->next += FIVE;
    return true;
}

/* By five minutes, since the range is long. */
static void assert_rolled(struct scene *t)
{
    for (unsigned vm = 1; vm <= VMS; vm++) {
        struct expecting x = {vm, BEGIN};
        struct balloon_lines_reader reader = {compare, &x};
        struct uuid uuid = uuid_of(vm);

        assert_ok(
            balloon_store_lines(t->store, &uuid, BEGIN, BEGIN + BALLOON_RAW_NS + 1, &reader, &err));
        for (; x.next < BEGIN + SPANS * FIVE; x.next += FIVE)
            assert_int_equal(expect(vm, x.next).figures, 0);
    }
}

static void test_rollup_of_random_figures_in_any_order_is_their_sum(void **state)
{
    struct chance chance = chance_begin("rollup");
    struct scene *t = *state;

    said_count = 0;
    for (int i = 0; i < 600; i++) {
        say_random(t, &chance);
        if (chance_hits(&chance, 20))
            (void)roll_up(t, BEGIN + (int64_t)chance_below(&chance, SPANS) * FIVE);
    }
    (void)roll_up(t, BEGIN + SPANS * FIVE);
    assert_rolled(t);
}

/* The child dies at a step of the database, each time at a later one. */
static bool dies_at(struct scene *t, int step)
{
    int status = 0;
    pid_t pid;

    balloon_store_close(t->store);
    t->store = NULL;
    pid = fork();
    if (pid == 0) {
        open_store(t);
        steps_left = step;
        (void)roll_up(t, BEGIN + SPANS * FIVE);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0));
    open_store(t);
    return WEXITSTATUS(status) == 7;
}

static void test_rollup_killed_at_any_step_goes_on(void **state)
{
    struct chance chance = chance_begin("rollup killed");
    struct scene *t = *state;
    int step = 0;

    said_count = 0;
    for (int i = 0; i < 100; i++)
        say_random(t, &chance);
    while (dies_at(t, step)) {
        /* what is there is whole: no five minutes without all of their figures */
        int64_t five = ask(t, "SELECT coalesce(max(five_min), 0) FROM rolled");

        assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled WHERE utc_ns / 300000000000 >= "
                                "(SELECT coalesce(max(five_min), 0) FROM rolled)"),
                         0);
        for (unsigned vm = 1; vm <= VMS; vm++)
            for (int64_t at = BEGIN; at < five * FIVE; at += FIVE) {
                char sql[256];
                char text[UUID_TEXT_MAX];
                struct uuid uuid = uuid_of(vm);
                struct expected e = expect(vm, at);

                (void)snprintf(sql, sizeof sql,
                               "SELECT coalesce(max(figures), 0) FROM figure_rolled"
                               " WHERE vm = '%s' AND utc_ns = %" PRId64,
                               uuid_format(&uuid, text), at);
                assert_int_equal(ask(t, sql), (int64_t)e.figures);
            }
        step += 1 + step / 3;
    }
    assert_in_range(step, 10, 100000);
    assert_rolled(t);
}

/* ---- by age ---- */

static void test_rollup_figures_go_when_they_are_old_and_rolled_up(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {0, BEGIN + FIVE, 0};

    say(t, 1, BEGIN + FIVE - 1, 1);
    say(t, 1, BEGIN + FIVE, 2);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure"), 2);
    assert_int_equal(roll_up(t, BEGIN + FIVE), 1);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure"), 1);
    assert_int_equal(ask(t, "SELECT min(utc_ns) FROM figure"), BEGIN + FIVE);
    ages.figures_before_ns = INT64_MAX;
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure"), 1);
}

static void test_rollup_rows_go_when_they_are_old(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {0, INT64_MAX, BEGIN + FIVE};

    say(t, 1, BEGIN, 1);
    say(t, 2, BEGIN + FIVE, 2);
    assert_int_equal(roll_up(t, BEGIN + 2 * FIVE), 2);
    ages.rolled_up_before_ns = BEGIN + FIVE - 1;
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled"), 2);
    ages.rolled_up_before_ns = BEGIN + FIVE;
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled"), 1);
    assert_int_equal(ask(t, "SELECT min(utc_ns) FROM figure_rolled"), BEGIN + FIVE);
    assert_int_equal(ask(t, "SELECT count(*) FROM rolled_vm"), 1);
    ages.rolled_up_before_ns = INT64_MIN;
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    assert_int_equal(ask(t, "SELECT count(*) FROM figure_rolled"), 1);
}

/* ---- reading ---- */

struct counted {
    size_t raw, rolled;
    int64_t first, last;
};

static bool count(void *self, const struct balloon_sample *s, struct error *error)
{
    struct counted *c = self;

    (void)error;
    assert_true(c->raw + c->rolled == 0 || s->utc_ns > c->last);
    if (c->raw + c->rolled == 0)
        c->first = s->utc_ns;
    c->last = s->utc_ns;
    c->raw += s->span_ns == 0;
    c->rolled += s->span_ns != 0;
    return true;
}

static struct counted read_lines(struct scene *t, int64_t from, int64_t to)
{
    struct uuid vm = uuid_of(1);
    struct counted c = {0};
    struct balloon_lines_reader reader = {count, &c};

    assert_ok(balloon_store_lines(t->store, &vm, from, to, &reader, &err));
    return c;
}

static void test_lines_of_48_hours_come_as_they_are_and_of_more_by_five_minutes(void **state)
{
    struct scene *t = *state;

    for (int i = 0; i < 20; i++)
        say(t, 1, BEGIN + i * 100 * NS_PER_S, 100);
    (void)roll_up(t, BEGIN + 3 * FIVE);
    struct counted c = read_lines(t, BEGIN, BEGIN + BALLOON_RAW_NS);

    assert_int_equal(c.raw, 20);
    assert_int_equal(c.rolled, 0);
    c = read_lines(t, BEGIN, BEGIN + BALLOON_RAW_NS + 1);
    assert_int_equal(c.rolled, 3);
    assert_int_equal(c.raw, 11); /* what is not rolled up yet */
}

static void test_lines_before_the_oldest_figure_come_by_five_minutes(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {0, BEGIN + FIVE + 150 * NS_PER_S, 0};

    for (int i = 0; i < 20; i++)
        say(t, 1, BEGIN + i * 100 * NS_PER_S, 100);
    (void)roll_up(t, BEGIN + 6 * FIVE);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    struct counted c = read_lines(t, BEGIN, BEGIN + NS_PER_HOUR);

    assert_int_equal(c.rolled, 2); /* some figures of the second five minutes are gone */
    assert_int_equal(c.raw, 14);
    assert_int_equal(c.first, BEGIN);
    c = read_lines(t, BEGIN + FIVE + 1, BEGIN + 2 * FIVE + 1);
    assert_int_equal(c.rolled, 1);
    assert_int_equal(c.first, BEGIN + FIVE);
    assert_int_equal(c.raw, 1);
}

static void test_lines_of_a_vm_s_first_five_minutes_come_as_they_are(void **state)
{
    struct scene *t = *state;
    struct balloon_ages ages = {0, BEGIN + 100 * NS_PER_S, 0};

    for (int i = 1; i < 5; i++)
        say(t, 1, BEGIN + i * 100 * NS_PER_S, 100);
    (void)roll_up(t, BEGIN + 6 * FIVE);
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    struct counted c = read_lines(t, BEGIN, BEGIN + NS_PER_HOUR);

    assert_int_equal(c.rolled, 0);
    assert_int_equal(c.raw, 4);
    ages.figures_before_ns++; /* the first one goes */
    assert_ok(balloon_store_prune(t->store, &ages, &err));
    c = read_lines(t, BEGIN, BEGIN + NS_PER_HOUR);
    assert_int_equal(c.rolled, 1);
    assert_int_equal(c.raw, 2);
}

static void test_lines_of_a_range_are_those_in_it(void **state)
{
    struct scene *t = *state;

    say(t, 1, BEGIN - 1, 100);
    say(t, 1, BEGIN, 100);
    say(t, 1, BEGIN + 9, 100);
    say(t, 1, BEGIN + 10, 100);
    say(t, 2, BEGIN + 5, 100);
    struct counted c = read_lines(t, BEGIN, BEGIN + 10);

    assert_int_equal(c.raw, 2);
    assert_int_equal(c.last, BEGIN + 9);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_rollup_has_least_average_and_most),
        test(test_rollup_waits_for_the_end_of_its_five_minutes),
        test(test_rollup_passes_over_time_without_figures),
        test(test_rollup_takes_up_what_comes_late),
        test(test_rollup_of_more_figures_than_are_left_stays),
        test(test_rollup_of_figures_without_limits_has_none),
        test(test_rollup_of_figures_that_can_not_be_fits),
        test(test_rollup_of_random_figures_in_any_order_is_their_sum),
        test(test_rollup_killed_at_any_step_goes_on),
        test(test_rollup_figures_go_when_they_are_old_and_rolled_up),
        test(test_rollup_rows_go_when_they_are_old),
        test(test_lines_of_48_hours_come_as_they_are_and_of_more_by_five_minutes),
        test(test_lines_before_the_oldest_figure_come_by_five_minutes),
        test(test_lines_of_a_vm_s_first_five_minutes_come_as_they_are),
        test(test_lines_of_a_range_are_those_in_it),
    };

    return cmocka_run_group_tests_name("balloon_rollup", tests, NULL, NULL);
}
