/*
 * The end of a month, computed by hand; random ones are in tests/billing.
 *
 * A GiB*h costs a penny, so that a VM of 1.25 GiB carries a quarter of one in each hour.
 */
#include "books_scene.h"

enum { QUARTER = GIB / 4 };

#define AFTER (NEXT_MONTH + 9) /* when it is closed */

static void everything_is_acme_s(struct books_scene *t)
{
    books_account(t, "acme", "Acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    for (unsigned vm = 1; vm <= 4; vm++)
        books_owner(t, vm, "acme", 0);
}

/* Does not commit what fails. */
static bool try_close(struct books_scene *t, struct sealing sealing, struct sealing_summary *sum,
                      struct error *err)
{
    struct billing_store *b = books_say(t, "close", &sealing.change);
    bool is_ok = sealing_run(t->measured, b, &t->key, &sealing, sum, err);

    billing_close(b);
    return is_ok;
}

static struct sealing november(void)
{
    return (struct sealing){.month = NOVEMBER, .utc_ns = AFTER * NS_PER_HOUR};
}

static void refused(struct books_scene *t, struct sealing sealing, const char *said)
{
    struct sealing_summary sum;
    struct billing_store *b;
    struct error err;
    int32_t sealed;

    assert_fails(try_close(t, sealing, &sum, &err), ERR_REFUSED, said);
    b = books_open_store(t, STORE_READ);
    assert_ok(billing_last_sealed(b, &sealed, &err));
    assert_int_equal(sealed, -1);
    billing_close(b);
}

struct found {
    unsigned vm; /* 0: the pool */
    struct billing_line line;
    bool is_there;
};

static bool look(void *self, const struct billing_line *line, struct error *err)
{
    struct found *f = self;

    (void)err;
    if (line->is_pool ? f->vm == 0 : f->vm != 0 && line->vm.bytes[0] == f->vm) {
        f->line = *line;
        f->is_there = true;
    }
    return true;
}

static struct found line_of(struct books_scene *t, unsigned vm, int32_t month)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct found found = {.vm = vm};
    struct billing_line_sink sink = {look, &found};
    struct error err;

    assert_ok(billing_read_lines(b, month, &sink, &err));
    billing_close(b);
    return found;
}

/* All in quarters of a penny, but for what was posted. */
static void assert_line(struct books_scene *t, unsigned vm, int32_t month, int64_t carry_in,
                        int64_t n, int64_t transfers, int64_t posted)
{
    struct found found = line_of(t, vm, month);

    assert_true(found.is_there);
    assert_true(found.line.sums.carry_in == carry_in * (PENNY / 4));
    assert_true(found.line.sums.n == n * (PENNY / 4));
    assert_true(found.line.sums.transfers == transfers * (PENNY / 4));
    assert_int_equal(found.line.sums.posted, posted);
}

static void test_sealing_hands_on_what_is_less_than_a_penny(void **state)
{
    struct books_scene *t = *state;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, 5 * QUARTER, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 4);
    books_close_month(t, NOVEMBER, AFTER * NS_PER_HOUR);
    assert_line(t, 1, NOVEMBER, 0, 15, 0, 3);
    books_charge(t, AT(0));
    assert_line(t, 1, DECEMBER, 3, 20, 0, 5); /* 23 quarters */
    assert_false(line_of(t, 0, NOVEMBER).is_there);
}

static void test_sealing_whole_pennies_hand_on_nothing(void **state)
{
    struct books_scene *t = *state;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, 4 * QUARTER, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    books_close_month(t, NOVEMBER, AFTER * NS_PER_HOUR);
    assert_line(t, 1, NOVEMBER, 0, 12, 0, 3);
    assert_line(t, 1, DECEMBER, 0, 4, 0, 1);
}

/* Three that are gone leave 3, 2 and 2 quarters: a penny, and three quarters for the next month. */
static void test_sealing_pools_what_vms_that_are_gone_have_left(void **state)
{
    struct books_scene *t = *state;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, 3 * QUARTER, H(0), H(2));
    books_vm(t, 1, 2, 2 * QUARTER, H(0), H(2));
    books_vm(t, 2, 3, 6 * QUARTER, H(0), H(2));
    books_vm(t, 3, 4, 1 * QUARTER, H(0), NEXT_MONTH + 99);
    books_measure(t, H(0), H(4));
    books_measure(t, NEXT_MONTH, NEXT_MONTH + 1);
    books_close_month(t, NOVEMBER, AFTER * NS_PER_HOUR);
    assert_line(t, 1, NOVEMBER, 0, 3, -3, 0);
    assert_line(t, 2, NOVEMBER, 0, 2, -2, 0);
    assert_line(t, 3, NOVEMBER, 0, 6, -2, 1);
    assert_line(t, 4, NOVEMBER, 0, 3, 0, 0);
    assert_line(t, 0, NOVEMBER, 0, 0, 7, 1);
    assert_line(t, 4, DECEMBER, 3, 1, 0, 0);
    books_charge(t, AT(0));
    assert_line(t, 4, DECEMBER, 3, 1, 0, 1);
    assert_line(t, 0, DECEMBER, 3, 0, 0, 0);
    assert_false(line_of(t, 1, DECEMBER).is_there);
}

static void test_sealing_a_month_again_does_nothing(void **state)
{
    struct books_scene *t = *state;
    struct sealing_summary sum;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    assert_ok(try_close(t, november(), &sum, &err));
    assert_false(sum.was_sealed);
    assert_int_equal(sum.lines, 1);
    assert_int_equal(sum.hours, 4); /* the free one, too */
    assert_int_equal(sum.transfers, 0);
    assert_ok(try_close(t, november(), &sum, &err));
    assert_true(sum.was_sealed);
    assert_int_equal(sum.lines + sum.hours + sum.transfers, 0);
}

static void test_sealing_waits_as_long_as_it_is_told(void **state)
{
    struct books_scene *t = *state;
    struct sealing sealing = november();
    struct sealing_summary sum;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    sealing.wait_ns = 7 * NS_PER_HOUR;
    sealing.utc_ns = (NEXT_MONTH + 7) * NS_PER_HOUR - 1;
    refused(t, sealing, "close it later");
    sealing.utc_ns++;
    assert_ok(try_close(t, sealing, &sum, &err));
}

static void test_sealing_ends_with_the_last_account(void **state)
{
    struct books_scene *t = *state;
    struct sealing sealing = november();
    struct billing_store *b;
    struct sealing_summary sum;
    struct error err;
    int64_t end;

    everything_is_acme_s(t);
    books_account(t, "east", "East", 14);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 4);
    b = books_open_store(t, STORE_READ);
    assert_ok(sealing_end_ns(b, NOVEMBER, &end, &err));
    assert_int_equal(end, NEXT_MONTH * NS_PER_HOUR); /* not before UTC's */
    billing_close(b);
    books_account(t, "west", "West", -12);
    b = books_open_store(t, STORE_READ);
    assert_ok(sealing_end_ns(b, NOVEMBER, &end, &err));
    assert_int_equal(end, (NEXT_MONTH + 12) * NS_PER_HOUR);
    billing_close(b);
    refused(t, sealing, "close it later");
    sealing.utc_ns = (NEXT_MONTH + 12) * NS_PER_HOUR;
    refused(t, sealing, "has delivered no tick");
    books_measure(t, NEXT_MONTH + 5, NEXT_MONTH + 12);
    assert_ok(try_close(t, sealing, &sum, &err));
}

/* All is there, but the hours are not derived yet: what is sealed is read from them. */
static void test_sealing_waits_for_usage_by_hour(void **state)
{
    struct books_scene *t = *state;
    char path[SCRATCH_PATH_MAX];
    struct sealing_summary sum;
    sqlite3 *db = NULL;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, 5 * QUARTER, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    (void)snprintf(path, sizeof path, "%s/meter.db", t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM derived; DELETE FROM usage_hour;"
                                  "DELETE FROM usage_day",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
    books_charge(t, AT(0)); /* money does not wait */
    assert_line(t, 1, NOVEMBER, 0, 0, 0, 3);
    refused(t, november(), "has delivered no tick");
    store_close(t->measured);
    assert_ok(store_open(&t->measured, t->dir, STORE_WRITE, &err));
    assert_ok(store_derive(t->measured, &err));
    assert_ok(try_close(t, november(), &sum, &err));
    assert_line(t, 1, NOVEMBER, 0, 15, 0, 3);
}

static void test_sealing_by_force_says_who_was_missing(void **state)
{
    struct books_scene *t = *state;
    struct sealing sealing = november();
    struct sealing_summary sum;
    struct billing_period period;
    struct billing_store *b;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, 5 * QUARTER, NEXT_MONTH - 6, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 6, NEXT_MONTH - 1);
    refused(t, sealing, "has delivered no tick");
    sealing.is_forced = true;
    assert_ok(try_close(t, sealing, &sum, &err));
    b = books_open_store(t, STORE_READ);
    assert_ok(billing_period(b, NOVEMBER, &period, &err));
    assert_string_equal(period.missing_hosts, "11111111-1111-1111-1111-111111111111");
    billing_close(b);
    assert_line(t, 1, NOVEMBER, 0, 20, 0, 5);
    /* what it delivers later is billed in the next month */
    books_measure(t, NEXT_MONTH, NEXT_MONTH + 2);
    books_charge(t, AT(0));
    assert_line(t, 1, NOVEMBER, 0, 20, 0, 5);
    assert_line(t, 1, DECEMBER, 0, 5 + 10, 0, 3);
}

static void test_sealing_without_force_names_nobody(void **state)
{
    struct books_scene *t = *state;
    struct billing_period period;
    struct billing_store *b;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH);
    books_close_month(t, NOVEMBER, AFTER * NS_PER_HOUR);
    b = books_open_store(t, STORE_READ);
    assert_ok(billing_period(b, NOVEMBER, &period, &err));
    assert_true(period.is_sealed);
    assert_string_equal(period.missing_hosts, "");
    assert_int_equal(period.entry, 1);
    assert_int_equal(period.sealed_ns, AFTER * NS_PER_HOUR);
    billing_close(b);
}

static void test_sealing_refuses_what_nobody_pays(void **state)
{
    struct books_scene *t = *state;
    struct sealing_summary sum;
    struct error err;

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_vm(t, 1, 9, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    refused(t, november(), "3.000000000 GiB*h of it have no owner, of VM 09090909");
    books_owner(t, 9, "acme", NEXT_MONTH); /* what is later does not matter, and does not help */
    refused(t, november(), "have no owner");
    books_owner(t, 9, "acme", NEXT_MONTH - 4);
    assert_ok(try_close(t, november(), &sum, &err));
}

static void test_sealing_refuses_what_has_no_tariff(void **state)
{
    struct books_scene *t = *state;
    struct sealing_summary sum;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", NEXT_MONTH - 1);
    books_vm(t, 0, 1, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    refused(t, november(), "2.000000000 GiB*h of it have no tariff");
    books_tariff(t, "", "0", "EUR/GiBh", 0);
    assert_ok(try_close(t, november(), &sum, &err));
    assert_line(t, 1, NOVEMBER, 0, 4, 0, 1); /* two hours for nothing */
}

static void test_sealing_refuses_a_month_before_the_first_is_closed(void **state)
{
    struct books_scene *t = *state;
    struct sealing sealing = november();

    everything_is_acme_s(t);
    books_vm(t, 0, 1, GIB, H(-4), H(5));
    books_vm(t, 1, 2, GIB, NEXT_MONTH - 4, NEXT_MONTH + 99);
    books_measure(t, H(-4), H(-1));
    books_measure(t, NEXT_MONTH - 4, NEXT_MONTH + 1);
    refused(t, sealing, "2026-10 is to be closed first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_sealing_hands_on_what_is_less_than_a_penny),
        books_test(test_sealing_whole_pennies_hand_on_nothing),
        books_test(test_sealing_pools_what_vms_that_are_gone_have_left),
        books_test(test_sealing_a_month_again_does_nothing),
        books_test(test_sealing_waits_as_long_as_it_is_told),
        books_test(test_sealing_ends_with_the_last_account),
        books_test(test_sealing_waits_for_usage_by_hour),
        books_test(test_sealing_by_force_says_who_was_missing),
        books_test(test_sealing_without_force_names_nobody),
        books_test(test_sealing_refuses_what_nobody_pays),
        books_test(test_sealing_refuses_what_has_no_tariff),
        books_test(test_sealing_refuses_a_month_before_the_first_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
