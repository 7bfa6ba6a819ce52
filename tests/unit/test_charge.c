/*
 * From measured usage to postings, where random histories (tests/billing) do not come: raw
 * measurements that are gone or too many, listeners, hours that are not over.
 *
 * A GiB*h costs a penny: a VM of 1 GiB makes one each hour.
 */
#include "books_scene.h"

#include "billing/ledger.h"

enum { MANY = 16 };

struct told {
    struct ledger_entry entries[MANY];
    struct billing_line lines[MANY];
    size_t count;
};

static void tell(void *self, const struct ledger_entry *entry, const struct billing_line *line)
{
    struct told *told = self;

    assert_true(told->count < MANY);
    told->entries[told->count] = *entry;
    told->lines[told->count++] = *line;
}

static struct charge_summary charge(struct books_scene *t, struct told *told)
{
    struct billing_store *b = books_open_store(t, STORE_WRITE);
    struct charge_listener listener = {tell, told};
    struct charge_summary sum;
    struct error err;

    told->count = 0;
    assert_ok(charge_run(t->measured, b, &t->key, AT(0), &listener, &sum, &err));
    billing_close(b);
    return sum;
}

/* acme owns VMs 1 to 3 from the first hour on, at a penny a GiB*h. */
static void everything_is_acme_s(struct books_scene *t)
{
    books_account(t, "acme", "Acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    for (unsigned vm = 1; vm <= 3; vm++)
        books_owner(t, vm, "acme", 0);
}

static bool take_line(void *self, const struct billing_line *line, struct error *err)
{
    struct billing_line *lines = self;

    (void)err;
    while (lines->line != 0)
        lines++;
    *lines = *line;
    return true;
}

/* The lines of a month, in their order; behind them one of zeros. */
static size_t lines_of(struct books_scene *t, int32_t month, struct billing_line lines[MANY])
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct billing_line_sink sink = {take_line, lines};
    struct error err;
    size_t count = 0;

    memset(lines, 0, MANY * sizeof *lines);
    assert_ok(billing_read_lines(b, month, &sink, &err));
    billing_close(b);
    while (lines[count].line != 0)
        count++;
    return count;
}

/* The only line of November. */
static void assert_november(struct books_scene *t, int64_t gib_h, int64_t posted)
{
    struct billing_line lines[MANY];

    assert_int_equal(lines_of(t, NOVEMBER, lines), 1);
    assert_true(lines[0].sums.n == gib_h * PENNY);
    assert_int_equal(lines[0].sums.posted, posted);
}

static void test_charge_without_measurements_does_nothing(void **state)
{
    struct books_scene *t = *state;
    struct billing_line lines[MANY];
    struct told told;
    struct charge_summary sum;

    everything_is_acme_s(t);
    sum = charge(t, &told);
    assert_int_equal(sum.postings + sum.adjustments, 0);
    assert_int_equal(told.count, 0);
    assert_int_equal(lines_of(t, -1, lines), 0);
}

static void test_charge_posts_each_whole_penny_once(void **state)
{
    struct books_scene *t = *state;
    struct told told;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(10));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 9, 9);
    assert_int_equal(charge(t, &told).postings, 0);
    assert_november(t, 9, 9);
    books_measure(t, H(11), H(20));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_int_equal(told.entries[0].pennies, 10);
    assert_november(t, 19, 19);
}

static void test_charge_tells_postings_in_the_order_of_the_ledger(void **state)
{
    struct books_scene *t = *state;
    struct told told;
    struct ledger_end end;
    int64_t broken;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 3, 3 * GIB, H(0), H(99));
    books_vm(t, 1, 1, GIB, H(0), H(99));
    books_vm(t, 2, 2, 2 * GIB, H(0), H(99));
    books_measure(t, H(0), H(5));
    assert_int_equal(charge(t, &told).postings, 3);
    assert_int_equal(told.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(told.entries[i].entry, i + 1);
        assert_int_equal(told.entries[i].pennies, 4 * (i + 1));
        assert_int_equal(told.entries[i].utc_ns, AT(0));
        assert_int_equal(told.entries[i].tick, 6);
        assert_int_equal(told.lines[i].line, told.entries[i].line);
        assert_int_equal(told.lines[i].vm.bytes[0], i + 1);
        assert_int_equal(told.lines[i].sums.posted, 4 * (i + 1));
    }
    struct billing_store *b = books_open_store(t, STORE_READ);

    assert_ok(ledger_verify(b, &t->key, &broken, &end, &err));
    assert_int_equal(broken, 0);
    assert_int_equal(end.entry, 3);
    assert_memory_equal(&end.hash, &told.entries[2].hash, sizeof end.hash);
    billing_close(b);
}

/* A penny is taken when it has come together, and the hour's end does not take it again. */
static void test_charge_of_an_hour_that_is_not_over(void **state)
{
    struct books_scene *t = *state;
    const int64_t quarter = NS_PER_HOUR / 4, start = H(0) * NS_PER_HOUR;
    struct told told;

    everything_is_acme_s(t);
    t->step_ns = quarter;
    books_vm(t, 0, 1, 8 * GIB, H(0), H(99));
    books_measure_ns(t, start, start + 4 * quarter); /* the first quarter is free */
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 6, 6);
    books_measure_ns(t, start + 5 * quarter, start + 6 * quarter);
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 6, 10);
    assert_int_equal(charge(t, &told).postings, 0);
    books_measure_ns(t, start + 7 * quarter, start + 8 * quarter);
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 14, 14);
    assert_int_equal(charge(t, &told).postings, 0);
}

static void test_charge_tells_what_nobody_pays(void **state)
{
    struct books_scene *t = *state;
    struct told told;
    struct charge_summary sum;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_vm(t, 1, 2, 2 * GIB, H(0), H(99));
    books_measure(t, H(0), H(10));
    for (int i = 0; i < 2; i++) { /* as often as it is asked */
        sum = charge(t, &told);
        assert_usage_equal(sum.unpriced, KIB_NS_PER_GIB_H * 9);
        assert_usage_equal(sum.unassigned, KIB_NS_PER_GIB_H * 18);
        assert_int_equal(sum.postings, 0);
    }
    books_measure(t, H(11), H(20));
    sum = charge(t, &told);
    assert_usage_equal(sum.unpriced, KIB_NS_PER_GIB_H * 19);
    assert_usage_equal(sum.unassigned, KIB_NS_PER_GIB_H * 38);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    sum = charge(t, &told);
    assert_usage_equal(sum.unpriced, 0);
    assert_usage_equal(sum.unassigned, KIB_NS_PER_GIB_H * 38);
    assert_int_equal(sum.postings, 1);
    assert_november(t, 19, 19);
}

static void test_charge_that_is_refused_changes_nothing(void **state)
{
    struct books_scene *t = *state;
    struct chain_key right = t->key;
    struct billing_store *b;
    struct charge_summary sum;
    struct told told = {.count = 0};
    struct charge_listener listener = {tell, &told};
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(10));
    (void)charge(t, &told);
    books_measure(t, H(11), H(20));
    t->key.bytes[0] ^= 1;
    told.count = 0;
    b = books_open_store(t, STORE_WRITE);
    assert_fails(charge_run(t->measured, b, &t->key, AT(0), &listener, &sum, &err), ERR_REFUSED,
                 "with this key");
    billing_close(b);
    assert_int_equal(told.count, 0);
    assert_november(t, 9, 9);
    t->key = right;
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 19, 19);
}

/* ---- what is not raw any more ---- */

static void prune(struct books_scene *t, int64_t before_hour)
{
    unsigned pruned = 0;
    struct error err;

    assert_ok(store_prune(t->measured, before_hour, 100000, &pruned, &err));
    assert_true(pruned > 0);
}

static void test_charge_after_what_it_had_read_was_pruned_goes_on(void **state)
{
    struct books_scene *t = *state;
    struct told told;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(10));
    (void)charge(t, &told);
    books_measure(t, H(11), H(20));
    prune(t, H(10)); /* up to where it was charged */
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 19, 19);
}

static void test_charge_of_what_was_pruned_before_it_was_read(void **state)
{
    struct books_scene *t = *state;
    struct told told;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(10));
    (void)charge(t, &told);
    books_measure(t, H(11), H(40));
    prune(t, H(30));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 39, 39);
    assert_int_equal(charge(t, &told).postings, 0);
}

static void test_charge_for_the_first_time_of_a_pruned_store(void **state)
{
    struct books_scene *t = *state;
    struct told told;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(40));
    prune(t, H(30));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 39, 39);
}

/* Late usage of a sealed month that is not raw any more when it is charged. */
static void test_charge_of_late_usage_that_was_pruned(void **state)
{
    struct books_scene *t = *state;
    struct billing_line lines[MANY];
    struct told told;
    struct charge_summary sum;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 10, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 10, NEXT_MONTH + 5);
    books_close_month(t, NOVEMBER, (NEXT_MONTH + 9) * NS_PER_HOUR);
    assert_november(t, 9, 9);
    /* the clock goes back by 18 hours, and is right again later */
    books_vm(t, 0, 1, GIB, H(0), NEXT_MONTH + 99);
    t->behind_ns = 18 * NS_PER_HOUR;
    books_measure(t, NEXT_MONTH - 12, NEXT_MONTH - 8);
    t->behind_ns = 0;
    books_measure(t, NEXT_MONTH + 11, NEXT_MONTH + 30);
    prune(t, NEXT_MONTH + 20);
    sum = charge(t, &told);
    assert_int_equal(sum.adjustments, 5);
    assert_november(t, 9, 9);
    for (int i = 0; i < 2; i++) { /* 6 hours before, 19 afterwards, 5 late */
        assert_int_equal(lines_of(t, DECEMBER, lines), 1);
        assert_true(lines[0].sums.n == 30 * PENNY);
        assert_int_equal(lines[0].sums.posted, 30);
        assert_int_equal(charge(t, &told).adjustments, 0);
    }
}

/* More ticks than are read raw: 51 hours of seconds. */
static void test_charge_of_more_than_is_read_raw(void **state)
{
    struct books_scene *t = *state;
    struct told told;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(0), H(99));
    books_measure(t, H(0), H(5));
    (void)charge(t, &told);
    assert_november(t, 4, 4);
    t->step_ns = NS_PER_S;
    books_measure(t, H(6), H(57));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 56, 56);
    t->step_ns = NS_PER_HOUR;
    books_measure(t, H(58), H(60));
    assert_int_equal(charge(t, &told).postings, 1);
    assert_november(t, 59, 59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_charge_without_measurements_does_nothing),
        books_test(test_charge_posts_each_whole_penny_once),
        books_test(test_charge_tells_postings_in_the_order_of_the_ledger),
        books_test(test_charge_of_an_hour_that_is_not_over),
        books_test(test_charge_tells_what_nobody_pays),
        books_test(test_charge_that_is_refused_changes_nothing),
        books_test(test_charge_after_what_it_had_read_was_pruned_goes_on),
        books_test(test_charge_of_what_was_pruned_before_it_was_read),
        books_test(test_charge_for_the_first_time_of_a_pruned_store),
        books_test(test_charge_of_late_usage_that_was_pruned),
        books_test(test_charge_of_more_than_is_read_raw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
