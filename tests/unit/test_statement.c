/*
 * What was charged in a month or on a day, computed by hand from who ran what and when.
 */
#include "books_scene.h"

#include "billing/figure.h"
#include "billing/statement.h"
#include "chance.h"

static struct statement_span whole_month(int32_t month)
{
    return (struct statement_span){month, month_first_hour(month, 0),
                                   month_first_hour(month + 1, 0)};
}

static struct statement_span day(int64_t number)
{
    return (struct statement_span){NOVEMBER, DAY(number), DAY(number + 1)};
}

static bool try_span(struct books_scene *t, struct store *measured, struct statement_span span,
                     struct statement *s, struct error *err)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    bool is_ok = statement_read(measured, b, &span, s, err);

    billing_close(b);
    return is_ok;
}

/* The caller frees it. */
static struct statement read_span(struct books_scene *t, struct statement_span span)
{
    struct statement s;
    struct error err;

    assert_ok(try_span(t, t->measured, span, &s, &err));
    return s;
}

static struct statement november(struct books_scene *t)
{
    return read_span(t, whole_month(NOVEMBER));
}

/* vm 0: the pool */
static const struct statement_row *row_of(const struct statement *s, const char *account,
                                          unsigned vm)
{
    struct uuid uuid = uuid_of(vm);

    for (size_t i = 0; i < s->count; i++) {
        const struct billing_line *line = &s->rows[i].line;

        if (strcmp(line->account, account) == 0 &&
            (vm == 0 ? line->is_pool : !line->is_pool && uuid_is_equal(&line->vm, &uuid)))
            return &s->rows[i];
    }
    fail_msg("there is no row of %s and VM %u", account, vm);
    return NULL;
}

/* Pennies with 9 decimals: exact for all prices of these tests. */
static void assert_pennies(numerator exact, const char *expected)
{
    char text[FIGURE_TEXT_MAX];

    assert_string_equal(figure_format(figure_pennies(exact, UNIT_GIBH), 9, text), expected);
    assert_true(exact % (numerator)KIB_NS_PER_GIB_H == 0);
}

static void assert_gib_h(usage_kib_ns usage, uint64_t gib_h)
{
    assert_usage_equal(usage, KIB_NS_PER_GIB_H * gib_h);
}

/*
 * acme: VM 1, 1 GiB at 0.42 pennies a GiB*h, measured in 47 hours: 23 on the 1st of November, 24 on
 * the 2nd. 19.74 pennies. Charged at half past midnight on the 2nd and the 3rd.
 */
static void set_scene(struct books_scene *t)
{
    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(0), H(48));
    books_measure(t, H(0), H(24));
    books_charge(t, AT(24));
    books_measure(t, H(25), H(48));
    books_charge(t, AT(48));
    books_measure(t, H(49), H(49));
}

static void close_november(struct books_scene *t)
{
    books_measure(t, H(50), H(722));
    books_close_month(t, NOVEMBER, AT(722));
}

/* ---- spans ---- */

#define NOW (H(300) * NS_PER_HOUR) /* 2026-11-13T12 */

static void assert_span(const char *text, int32_t month, int64_t from, int64_t to)
{
    struct statement_span span;
    struct error err;

    assert_ok(statement_parse_span(text, NOW, &span, &err));
    assert_int_equal(span.month, month);
    assert_int_equal(span.from_hour, from);
    assert_int_equal(span.to_hour, to);
}

static void test_span_of_words_and_dates(void **state)
{
    (void)state;
    assert_span("2026-11", NOVEMBER, H(0), NEXT_MONTH);
    assert_span("this-month", NOVEMBER, H(0), NEXT_MONTH);
    assert_span("last-month", NOVEMBER - 1, H(-744), H(0));
    assert_span("2026-11-22", NOVEMBER, DAY(22), DAY(23));
    assert_span("2026-11-30", NOVEMBER, DAY(30), NEXT_MONTH);
    assert_span("2026-12-01", DECEMBER, NEXT_MONTH, H(744));
    assert_span("today", NOVEMBER, DAY(13), DAY(14));
    assert_span("yesterday", NOVEMBER, DAY(12), DAY(13));
    assert_span("1970-01", 0, 0, 744);
    assert_span("1970-01-01", 0, 0, 24);
}

static void test_span_of_anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-13",
                                        "2026-11-31",
                                        "2026-11-22T13",
                                        "2026-11-22T00",
                                        "2026-11-22T00:00:00Z",
                                        "1969-12",
                                        "1969-12-31",
                                        "2026-W47",
                                        "now",
                                        "2026-11-22 ",
                                        "-1"};
    struct statement_span span;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(statement_parse_span(wrong[i], NOW, &span, &err), ERR_USAGE, "no period");
}

static void assert_span_refused(struct books_scene *t, int32_t month, int64_t from, int64_t to)
{
    struct statement_span span = {month, from, to};
    struct statement s;
    struct error err;

    assert_fails(try_span(t, t->measured, span, &s, &err), ERR_USAGE, "of a month or of one day");
    statement_free(&s);
}

static void test_statement_of_an_odd_span_is_refused(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    assert_span_refused(t, NOVEMBER, H(0), H(1));
    assert_span_refused(t, NOVEMBER, H(1), H(25));
    assert_span_refused(t, NOVEMBER, H(0), H(48));
    assert_span_refused(t, NOVEMBER, H(0), H(23));
    assert_span_refused(t, NOVEMBER, H(0), H(719));
    assert_span_refused(t, NOVEMBER, H(0), H(0));
    assert_span_refused(t, NOVEMBER, H(24), H(0));
    assert_span_refused(t, NOVEMBER, H(0), H(744));
    assert_span_refused(t, NOVEMBER, H(-24), H(0));
    assert_span_refused(t, NOVEMBER, NEXT_MONTH, H(744));
}

/* ---- a month ---- */

static void test_statement_of_an_open_month(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    struct statement s = november(t);
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(s.count, 1);
    assert_false(s.is_sealed);
    assert_true(s.is_whole);
    assert_string_equal(row->account_name, "Acme");
    assert_string_equal(row->vm_name, "");
    assert_gib_h(row->usage.kib_ns, 47);
    assert_int_equal(row->usage.hour, H(1));
    assert_int_equal(row->last_hour, H(47));
    assert_int_equal(row->usage.measured_ns, 47 * NS_PER_HOUR);
    assert_int_equal(row->usage.missing_ns, 0);
    assert_int_equal(row->usage.excluded_ns, NS_PER_HOUR);
    assert_int_equal(row->peak_kib, GIB);
    assert_int_equal(row->price_count, 1);
    assert_int_equal(row->prices[0].nano_pennies, 420000000);
    assert_pennies(row->carry_in, "0.000000000");
    assert_pennies(row->n, "19.740000000");
    assert_pennies(row->adjustments, "0.000000000");
    assert_int_equal(row->posted, 19);
    assert_pennies(row->carry_out, "0.740000000");
    assert_int_equal(s.ledger_count, 1);
    assert_int_equal(s.ledger[0].postings, 2);
    assert_true(s.ledger[0].pennies == 19);
    statement_free(&s);
}

static void test_statement_of_usage_that_was_not_charged_yet(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(0), H(48));
    books_measure(t, H(0), H(11));
    struct statement s = november(t);
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(row->line.line, 0);
    assert_pennies(row->n, "4.200000000");
    assert_int_equal(row->posted, 0);
    assert_pennies(row->carry_out, "4.200000000");
    assert_int_equal(s.ledger_count, 0);
    statement_free(&s);
}

static void test_statement_of_an_open_month_needs_the_measurements(void **state)
{
    struct books_scene *t = *state;
    struct statement_span span = whole_month(NOVEMBER);
    struct statement s;
    struct error err;

    set_scene(t);
    assert_fails(try_span(t, NULL, span, &s, &err), ERR_USAGE, "needs the measurements");
    statement_free(&s);
}

static void test_statement_of_nothing_has_no_rows(void **state)
{
    struct books_scene *t = *state;
    struct statement s = november(t);

    assert_int_equal(s.count, 0);
    assert_int_equal(s.tick, 0);
    assert_int_equal(s.entry, 0);
    statement_free(&s);
}

/* The VM is gone: what is left of a penny is its account's. */
static void test_statement_of_a_sealed_month(void **state)
{
    struct books_scene *t = *state;
    struct statement_span span = whole_month(NOVEMBER);
    struct statement s;
    struct error err;

    set_scene(t);
    close_november(t);
    assert_ok(try_span(t, NULL, span, &s, &err));
    assert_true(s.is_sealed);
    assert_int_equal(s.count, 2);
    assert_true(s.rows[0].line.is_pool);

    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_gib_h(row->usage.kib_ns, 47);
    assert_pennies(row->n, "19.740000000");
    assert_int_equal(row->posted, 19);
    assert_pennies(row->transfers, "-0.740000000");
    assert_pennies(row->carry_out, "0.000000000");

    const struct statement_row *pool = row_of(&s, "acme", 0);

    assert_string_equal(pool->vm_name, "");
    assert_usage_equal(pool->usage.kib_ns, 0);
    assert_pennies(pool->transfers, "0.740000000");
    assert_pennies(pool->carry_out, "0.740000000");
    statement_free(&s);

    /* and it begins the next month with that */
    s = read_span(t, whole_month(DECEMBER));
    assert_int_equal(s.count, 1);
    assert_pennies(s.rows[0].carry_in, "0.740000000");
    statement_free(&s);
}

static void test_statement_prices_come_once_and_in_order(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_tariff(t, "", "0.005", "EUR/GiBh", H(10));
    books_tariff(t, "", "0.0042", "EUR/GiBh", H(20));
    books_tariff(t, "", "0.001", "EUR/GiBh", H(30));
    struct statement s = november(t);
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(row->price_count, 3);
    assert_int_equal(row->prices[0].nano_pennies, 420000000);
    assert_int_equal(row->prices[1].nano_pennies, 500000000);
    assert_int_equal(row->prices[2].nano_pennies, 100000000);
    /* 9 h and 10 h at 0.42, 10 h at 0.5, 18 h at 0.1 */
    assert_gib_h((usage_kib_ns)row->prices[0].kib_ns, 19);
    assert_gib_h((usage_kib_ns)row->prices[1].kib_ns, 10);
    assert_gib_h((usage_kib_ns)row->prices[2].kib_ns, 18);
    assert_pennies(row->prices[1].n, "5.000000000");
    assert_pennies(row->n, "14.780000000");
    statement_free(&s);
}

/* A price for each hour, as of a market: 47 of them, and that of the first hour again at the end.
 */
static void test_statement_has_as_many_prices_as_there_were(void **state)
{
    struct books_scene *t = *state;
    numerator n = 0;

    set_scene(t);
    for (int hour = 2; hour < 47; hour++) {
        char price[16];

        (void)snprintf(price, sizeof price, "0.01%02d", hour);
        books_tariff(t, "", price, "EUR/GiBh", H(hour));
    }
    books_tariff(t, "", "0.0042", "EUR/GiBh", H(47));
    struct statement s = november(t);
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(row->price_count, 46);
    assert_int_equal(row->prices[0].nano_pennies, 420000000);
    assert_gib_h((usage_kib_ns)row->prices[0].kib_ns, 2);
    assert_pennies(row->prices[0].n, "0.840000000");
    for (size_t i = 1; i < row->price_count; i++) {
        assert_int_equal(row->prices[i].nano_pennies, 1010000000 + (int)i * 10000000);
        assert_gib_h((usage_kib_ns)row->prices[i].kib_ns, 1);
        n += row->prices[i].n;
    }
    assert_true(row->n == n + row->prices[0].n);
    statement_free(&s);
}

static void test_statement_of_another_unit_is_another_row(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_tariff(t, "", "0.0042", "EUR/GBh", H(24));
    struct statement s = november(t);

    assert_int_equal(s.count, 2);
    assert_int_equal(s.rows[0].line.unit, UNIT_GIBH);
    assert_gib_h(s.rows[0].usage.kib_ns, 23);
    assert_int_equal(s.rows[1].line.unit, UNIT_GBH);
    assert_gib_h(s.rows[1].usage.kib_ns, 24);
    assert_int_equal(s.rows[1].usage.hour, H(24));
    statement_free(&s);
}

static void test_statement_has_no_row_for_hours_of_nothing(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_owner(t, 2, "acme", 0);
    books_vm(t, 2, 2, GIB, H(50), H(51)); /* only its free interval */
    books_measure(t, H(50), H(60));
    books_charge(t, AT(60));
    struct statement s = november(t);

    assert_int_equal(s.count, 1);
    statement_free(&s);
}

/* ---- the same before and after the seal ---- */

static void assert_same_prices(const struct statement_row *x, const struct statement_row *y)
{
    assert_int_equal(x->price_count, y->price_count);
    for (size_t i = 0; i < x->price_count; i++) {
        assert_int_equal(x->prices[i].nano_pennies, y->prices[i].nano_pennies);
        assert_true(x->prices[i].kib_ns == y->prices[i].kib_ns);
        assert_true(x->prices[i].n == y->prices[i].n);
    }
}

static void assert_same_service(const struct statement *a, const struct statement *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct statement_row *x = &a->rows[i], *y = &b->rows[i + b->count - a->count];

        assert_memory_equal(&x->line.vm, &y->line.vm, sizeof x->line.vm);
        assert_usage_equal(x->usage.kib_ns, y->usage.kib_ns);
        assert_int_equal(x->usage.hour, y->usage.hour);
        assert_int_equal(x->usage.measured_ns, y->usage.measured_ns);
        assert_int_equal(x->usage.missing_ns, y->usage.missing_ns);
        assert_int_equal(x->usage.excluded_ns, y->usage.excluded_ns);
        assert_int_equal(x->last_hour, y->last_hour);
        assert_int_equal(x->peak_kib, y->peak_kib);
        assert_same_prices(x, y);
        assert_true(x->n == y->n);
        assert_true(x->carry_in == y->carry_in);
    }
}

/*
 * Two lives of VM 1 in one hour, at ticks of ten minutes: 1 GiB for 20 minutes, later 3 GiB for 10
 * minutes. The hour's average is (20 + 30) / 30 GiB, whatever each life had.
 */
static void test_statement_peak_is_of_an_hour_not_of_a_life(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    t->step_ns = NS_PER_HOUR / 6;
    books_vm_at(t, 1, 1, GIB, H(5) * NS_PER_HOUR, H(5) * NS_PER_HOUR + 3 * t->step_ns);
    books_vm_at(t, 2, 1, 3 * GIB, H(5) * NS_PER_HOUR + 4 * t->step_ns, H(6) * NS_PER_HOUR);
    books_measure(t, H(4), H(6));
    struct statement open = november(t);
    const struct statement_row *row = row_of(&open, "acme", 1);

    assert_int_equal(open.count, 1);
    assert_int_equal(row->usage.measured_ns, NS_PER_HOUR / 2);
    assert_usage_equal(row->usage.kib_ns, KIB_NS_PER_GIB_H * 50 / 60);
    assert_int_equal(row->peak_kib, GIB * 50 / 30);

    t->step_ns = NS_PER_HOUR;
    books_measure(t, H(7), H(722));
    books_close_month(t, NOVEMBER, AT(722));
    struct statement sealed = november(t);

    assert_same_service(&open, &sealed);
    statement_free(&open);
    statement_free(&sealed);
}

/*
 * Ticks at 5, 20, 35 and 50 past. Up to 5:05, where the hours before were derived, VM 1 had 3 GiB
 * for 5 minutes of that hour; its next life has 1 GiB for 15 of those that are not derived yet.
 */
static void test_statement_peak_is_of_what_is_derived_and_what_is_not(void **state)
{
    struct books_scene *t = *state;
    const int64_t minute = NS_PER_HOUR / 60, five = H(5) * NS_PER_HOUR;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", H(5));
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    t->step_ns = 15 * minute;
    books_vm_at(t, 1, 1, 3 * GIB, five - 25 * minute, five + 5 * minute);
    books_vm_at(t, 2, 1, GIB, five + 20 * minute, five + 50 * minute);
    books_measure_ns(t, five - 55 * minute, five + 50 * minute);
    struct statement s = november(t);
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(row->usage.measured_ns, 20 * minute);
    assert_usage_equal(row->usage.kib_ns, KIB_NS_PER_GIB_H / 2);
    assert_int_equal(row->peak_kib, GIB * 3 / 2);
    statement_free(&s);
}

static void test_statement_of_a_month_is_the_same_when_sealed(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_account(t, "east", "East", 9);
    books_owner(t, 2, "east", 0);
    books_owner(t, 3, "acme", 0);
    books_tariff(t, "east", "0.0042", "EUR/GiBh", 0);
    books_tariff(t, "east", "0.0043", "EUR/GiBh", H(100));
    books_vm(t, 2, 2, 3 * GIB, H(50), H(300));
    books_vm(t, 3, 3, 2 * GIB, H(60), H(60) + 1000);
    books_vm(t, 4, 3, GIB, H(70), H(80));
    books_measure(t, H(50), H(722));
    struct statement open = november(t);

    books_close_month(t, NOVEMBER, AT(722));
    struct statement sealed = november(t);

    assert_int_equal(open.count, 3);
    assert_int_equal(sealed.count, 5); /* and two pools */
    for (size_t i = 0, j = 0; i < sealed.count; i++)
        if (!sealed.rows[i].line.is_pool)
            sealed.rows[j++] = sealed.rows[i];
    sealed.count = 3;
    assert_same_service(&open, &sealed);
    statement_free(&open);
    statement_free(&sealed);
}

/* ---- days ---- */

static void test_statement_of_days_by_when_money_was_posted(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);

    struct statement s = read_span(t, day(1));
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_false(s.is_whole);
    assert_gib_h(row->usage.kib_ns, 23);
    assert_int_equal(row->usage.excluded_ns, NS_PER_HOUR);
    assert_pennies(row->carry_in, "0.000000000");
    assert_pennies(row->n, "9.660000000");
    assert_int_equal(row->posted, 0); /* charged after midnight */
    assert_pennies(row->carry_out, "9.660000000");
    assert_int_equal(s.ledger_count, 0);
    statement_free(&s);

    s = read_span(t, day(2));
    row = row_of(&s, "acme", 1);
    assert_gib_h(row->usage.kib_ns, 24);
    assert_int_equal(row->usage.hour, H(24));
    assert_int_equal(row->last_hour, H(47));
    assert_pennies(row->carry_in, "9.660000000");
    assert_pennies(row->n, "10.080000000");
    assert_int_equal(row->posted, 9);
    assert_pennies(row->carry_out, "10.740000000");
    assert_true(s.ledger[0].pennies == 9);
    statement_free(&s);

    s = read_span(t, day(3));
    row = row_of(&s, "acme", 1);
    assert_usage_equal(row->usage.kib_ns, 0);
    assert_int_equal(row->usage.hour, 0);
    assert_int_equal(row->price_count, 0);
    assert_int_equal(row->posted, 10);
    assert_pennies(row->carry_out, "0.740000000");
    statement_free(&s);

    s = read_span(t, day(29));
    row = row_of(&s, "acme", 1);
    assert_pennies(row->carry_in, "0.740000000");
    assert_pennies(row->carry_out, "0.740000000");
    statement_free(&s);

    /* the month was closed on the 1st of December: that is of its last day */
    s = read_span(t, day(30));
    row = row_of(&s, "acme", 1);
    assert_pennies(row->carry_in, "0.740000000");
    assert_pennies(row->transfers, "-0.740000000");
    assert_pennies(row->carry_out, "0.000000000");
    statement_free(&s);
}

/* Days begin and end by the account's own clock, for usage and for money. */
static void test_statement_of_days_of_an_account_with_an_offset(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "east", "East", 2);
    books_owner(t, 1, "east", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(-10), H(100));
    books_measure(t, H(-10), H(0));
    books_measure(t, H(1), H(48));
    books_charge(t, H(21) * NS_PER_HOUR + NS_PER_HOUR - 1); /* the last moment of its 1st */
    struct statement s = read_span(t, day(1));
    const struct statement_row *row = row_of(&s, "east", 1);

    /* from 22:00 UTC on the last of October to 22:00 on the 1st */
    assert_gib_h(row->usage.kib_ns, 24);
    assert_int_equal(row->usage.hour, H(-2));
    assert_int_equal(row->last_hour, H(21));
    assert_int_equal(row->posted, 50); /* of 50 hours that were measured */
    assert_pennies(row->carry_out, "-26.000000000");
    statement_free(&s);

    s = read_span(t, day(2));
    row = row_of(&s, "east", 1);
    assert_gib_h(row->usage.kib_ns, 24);
    assert_int_equal(row->usage.hour, H(22));
    assert_int_equal(row->posted, 0);
    statement_free(&s);
}

static void test_statement_of_a_day_has_what_is_not_charged_of_that_day(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 2, "acme", 0);
    books_vm(t, 1, 1, GIB, H(0), H(100));     /* nobody's */
    books_vm(t, 2, 2, 2 * GIB, H(0), H(100)); /* acme's, but there is no tariff */
    books_measure(t, H(0), H(60));
    struct statement s = read_span(t, day(1));

    assert_int_equal(s.count, 0);
    assert_gib_h(s.unassigned, 23);
    assert_gib_h(s.unpriced, 46);
    statement_free(&s);
    s = read_span(t, day(2));
    assert_gib_h(s.unassigned, 24);
    assert_gib_h(s.unpriced, 48);
    statement_free(&s);
    s = read_span(t, day(4));
    assert_gib_h(s.unassigned, 0);
    statement_free(&s);
    s = november(t);
    assert_gib_h(s.unassigned, 59);
    assert_gib_h(s.unpriced, 118);
    statement_free(&s);
}

/* ---- what comes later ---- */

static void test_statement_of_a_sealed_month_stays_what_it_was(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_name(t, 1, "one");
    close_november(t);
    struct statement before = november(t);

    books_name(t, 1, "two");
    books_account(t, "other", "Other", 0);
    books_owner(t, 1, "other", H(30));
    books_tariff(t, "", "0.0052", "EUR/GiBh", DAY(2));
    books_measure(t, H(723), H(730));
    books_charge(t, AT(730));
    struct statement after = november(t);
    char a[WATERMARK_TEXT_MAX], b[WATERMARK_TEXT_MAX];

    assert_string_equal(row_of(&after, "acme", 1)->vm_name, "one");
    assert_string_equal(statement_watermark(&after, a), statement_watermark(&before, b));
    assert_memory_equal(&after.hash, &before.hash, sizeof after.hash);
    assert_int_equal(after.count, before.count);
    assert_same_service(&before, &after);
    for (size_t i = 0; i < after.count; i++) {
        assert_int_equal(after.rows[i].posted, before.rows[i].posted);
        assert_true(after.rows[i].carry_out == before.rows[i].carry_out);
        assert_true(after.rows[i].adjustments == 0);
    }
    statement_free(&before);
    statement_free(&after);
}

static void assert_correction(const struct statement_correction *c, enum adjustment_cause cause,
                              int64_t nano_pennies, int64_t gib_h)
{
    assert_int_equal(c->cause, cause);
    assert_int_equal(c->priced.nano_pennies, nano_pennies);
    assert_true(c->priced.kib_ns == (numerator)KIB_NS_PER_GIB_H * gib_h);
    assert_true(c->priced.n == c->priced.kib_ns * nano_pennies);
}

/* 24 GiB*h of the 2nd cost 0.1 pennies more each: found in December, and billed there. */
static void test_statement_has_adjustments_when_they_were_written(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);
    books_tariff(t, "", "0.0052", "EUR/GiBh", DAY(2));
    books_measure(t, H(723), H(800));
    books_charge(t, AT(800)); /* the 4th of December */

    struct statement s = read_span(t, whole_month(DECEMBER));
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_usage_equal(row->usage.kib_ns, 0);
    assert_int_equal(row->price_count, 0);
    assert_pennies(row->n, "0.000000000");
    assert_pennies(row->adjustments, "2.400000000");
    assert_int_equal(row->posted, 2);
    assert_pennies(row->carry_out, "0.400000000");
    assert_int_equal(row->correction_count, 2);
    assert_correction(&row->corrections[0], CAUSE_TARIFF, 420000000, -24);
    assert_correction(&row->corrections[1], CAUSE_TARIFF, 520000000, 24);
    assert_int_equal(row->corrections[0].month, NOVEMBER);
    assert_int_equal(row->corrections[0].first_hour, H(24));
    assert_int_equal(row->corrections[0].last_hour, H(47));
    statement_free(&s);

    s = read_span(t, (struct statement_span){DECEMBER, H(792), H(816)});
    assert_int_equal(row_of(&s, "acme", 1)->correction_count, 2);
    assert_pennies(row_of(&s, "acme", 1)->adjustments, "2.400000000");
    assert_int_equal(row_of(&s, "acme", 1)->posted, 2);
    statement_free(&s);
    s = read_span(t, (struct statement_span){DECEMBER, H(816), H(840)});
    assert_pennies(row_of(&s, "acme", 1)->adjustments, "0.000000000");
    assert_int_equal(row_of(&s, "acme", 1)->correction_count, 0);
    assert_pennies(row_of(&s, "acme", 1)->carry_in, "0.400000000");
    statement_free(&s);
}

/*
 * Half of the last of October and four hours of the 1st were another's, at his price, and two hours
 * of the 1st had another price. By the clock of that other, which is nine hours ahead, the evening
 * of the last of October is of November.
 */
static void test_statement_has_corrections_by_month_cause_and_price(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "east", "East", 9);
    books_tariff(t, "east", "0.0100", "EUR/GiBh", 0);
    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(-24), H(24));
    books_measure(t, H(-24), H(722));
    books_close_month(t, NOVEMBER - 1, AT(722));
    books_close_month(t, NOVEMBER, AT(722));
    books_owner(t, 1, "east", H(-12));
    books_owner(t, 1, "acme", H(4));
    books_tariff(t, "", "0.0052", "EUR/GiBh", H(20));
    books_tariff(t, "", "0.0042", "EUR/GiBh", H(22));
    books_charge(t, AT(722));
    struct statement s = read_span(t, whole_month(DECEMBER));
    const struct statement_row *row = row_of(&s, "acme", 1);

    assert_int_equal(row->correction_count, 4);
    assert_correction(&row->corrections[0], CAUSE_OWNER, 420000000, -12);
    assert_int_equal(row->corrections[0].month, NOVEMBER - 1);
    assert_int_equal(row->corrections[0].first_hour, H(-12));
    assert_int_equal(row->corrections[0].last_hour, H(-1));
    assert_correction(&row->corrections[1], CAUSE_OWNER, 420000000, -4);
    assert_int_equal(row->corrections[1].month, NOVEMBER);
    assert_correction(&row->corrections[2], CAUSE_TARIFF, 420000000, -2);
    assert_correction(&row->corrections[3], CAUSE_TARIFF, 520000000, 2);

    row = row_of(&s, "east", 1);
    assert_int_equal(row->correction_count, 2);
    assert_correction(&row->corrections[0], CAUSE_OWNER, 1000000000, 3);
    assert_int_equal(row->corrections[0].month, NOVEMBER - 1);
    assert_int_equal(row->corrections[0].first_hour, H(-12));
    assert_int_equal(row->corrections[0].last_hour, H(-10));
    assert_correction(&row->corrections[1], CAUSE_OWNER, 1000000000, 13);
    assert_int_equal(row->corrections[1].month, NOVEMBER);
    assert_int_equal(row->corrections[1].first_hour, H(-9));
    assert_int_equal(row->corrections[1].last_hour, H(3));
    statement_free(&s);
}

static void test_statement_of_an_open_month_has_the_last_name(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_name(t, 1, "one");
    books_name(t, 2, "other");
    books_name(t, 1, "two");
    struct statement s = november(t);

    assert_string_equal(row_of(&s, "acme", 1)->vm_name, "two");
    statement_free(&s);
}

/* ---- the watermark ---- */

static void assert_watermark(struct books_scene *t, const char *expected)
{
    struct statement s = november(t);
    char text[WATERMARK_TEXT_MAX];

    assert_string_equal(statement_watermark(&s, text), expected);
    statement_free(&s);
}

/* Whatever can change an open month moves it: a tick, a word, an adjustment, a posting. */
static void test_statement_watermark_moves_with_all_that_it_was_read_from(void **state)
{
    struct books_scene *t = *state;

    assert_watermark(t, "tick 0, change 0, adjustment 0, entry 0");
    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    assert_watermark(t, "tick 0, change 3, adjustment 0, entry 0");
    books_vm(t, 1, 1, GIB, H(0), H(48));
    books_measure(t, H(0), H(48));
    assert_watermark(t, "tick 49, change 3, adjustment 0, entry 0");
    books_charge(t, AT(48));
    assert_watermark(t, "tick 49, change 3, adjustment 0, entry 1");
    books_measure(t, H(49), H(722));
    books_close_month(t, NOVEMBER, AT(722));
    assert_watermark(t, "sealed, change 4, entry 3");
    books_tariff(t, "", "0.0043", "EUR/GiBh", DAY(2));
    books_charge(t, AT(722));
    assert_watermark(t, "sealed, change 4, entry 3");

    struct statement s = read_span(t, whole_month(DECEMBER));
    char text[WATERMARK_TEXT_MAX];

    assert_string_equal(statement_watermark(&s, text),
                        "tick 723, change 5, adjustment 48, entry 3");
    statement_free(&s);
}

/* ---- books that contradict themselves ---- */

static void assert_contradiction(struct books_scene *t, const char *said)
{
    struct statement_span span = whole_month(NOVEMBER);
    struct statement s;
    struct error err;

    assert_fails(try_span(t, t->measured, span, &s, &err), ERR_STORE, said);
    assert_text_has(err.text, "pagemeter audit");
    statement_free(&s);
}

static void test_statement_refuses_a_line_that_the_ledger_contradicts(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_sql(t, "DROP TRIGGER line_kept; UPDATE line SET posted = posted + 1");
    assert_contradiction(t, "account acme");
}

static void test_statement_refuses_a_sealed_line_that_rated_contradicts(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);
    books_sql(t, "DROP TRIGGER rated_kept; UPDATE rated SET kib_s = kib_s + 1 WHERE hour = 498200");
    assert_contradiction(t, "what its usage costs");
}

static void test_statement_refuses_entries_without_a_line(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_sql(t, "DROP TRIGGER line_kept; PRAGMA foreign_keys = OFF;"
                 "UPDATE line SET month = month + 1");
    /* no row of November is left, nor an entry */
    struct statement s = read_span(t, whole_month(DECEMBER));

    assert_int_equal(s.count, 1);
    statement_free(&s);
}

/* ---- days and months, at random ---- */

enum { PRICES_MOST = 8, CORRECTIONS_MOST = 64 };

struct sums {
    usage_kib_ns kib_ns;
    int64_t measured_ns, missing_ns, excluded_ns;
    numerator n, adjustments, transfers, posted;
    numerator by_price[PRICES_MOST], by_correction[CORRECTIONS_MOST];
};

/* In the order of the month's row. */
static void add_lists(struct sums *sums, const struct statement_row *row,
                      const struct statement_row *month)
{
    assert_true(month->price_count <= PRICES_MOST && month->correction_count <= CORRECTIONS_MOST);
    for (size_t i = 0; i < row->price_count; i++) {
        size_t at = 0;

        while (month->prices[at].nano_pennies != row->prices[i].nano_pennies)
            assert_true(++at < month->price_count);
        sums->by_price[at] += row->prices[i].kib_ns;
        assert_true(row->prices[i].n == row->prices[i].kib_ns * row->prices[i].nano_pennies);
    }
    for (size_t i = 0; i < row->correction_count; i++) {
        const struct statement_correction *c = &row->corrections[i], *other = month->corrections;
        size_t at = 0;

        while (other[at].priced.nano_pennies != c->priced.nano_pennies ||
               other[at].cause != c->cause || other[at].month != c->month)
            assert_true(++at < month->correction_count);
        sums->by_correction[at] += c->priced.kib_ns;
        assert_true(c->priced.n == c->priced.kib_ns * c->priced.nano_pennies);
        assert_true(c->first_hour >= other[at].first_hour && c->last_hour <= other[at].last_hour);
    }
}

static void add_row(struct sums *sums, const struct statement_row *row,
                    const struct statement_row *month)
{
    add_lists(sums, row, month);
    sums->kib_ns += row->usage.kib_ns;
    sums->measured_ns += row->usage.measured_ns;
    sums->missing_ns += row->usage.missing_ns;
    sums->excluded_ns += row->usage.excluded_ns;
    sums->n += row->n;
    sums->adjustments += row->adjustments;
    sums->transfers += row->transfers;
    sums->posted += row->posted;
}

static const struct statement_row *find_row(const struct statement *s,
                                            const struct billing_line *line)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->rows[i].line.line == line->line && uuid_is_equal(&s->rows[i].line.vm, &line->vm) &&
            strcmp(s->rows[i].line.account, line->account) == 0 &&
            s->rows[i].line.unit == line->unit)
            return &s->rows[i];
    return NULL;
}

/* Each line of the month: its days add up to it, and each begins where the one before ended. */
static void assert_days_are_the_month(struct books_scene *t, int32_t month)
{
    struct statement whole = read_span(t, whole_month(month));
    int64_t first = month_first_hour(month, 0), end = month_first_hour(month + 1, 0);
    struct sums *sums = calloc(whole.count + 1, sizeof *sums);
    numerator *carries = calloc(whole.count + 1, sizeof *carries);
    usage_kib_ns unassigned = 0;
    numerator ledger = 0;

    for (size_t i = 0; i < whole.count; i++)
        carries[i] = whole.rows[i].carry_in;
    for (int64_t hour = first; hour < end; hour += HOURS_PER_DAY) {
        struct statement s =
            read_span(t, (struct statement_span){month, hour, hour + HOURS_PER_DAY});

        assert_int_equal(s.count, whole.count);
        unassigned += s.unassigned;
        for (size_t i = 0; i < s.ledger_count; i++)
            ledger += s.ledger[i].pennies;
        for (size_t i = 0; i < whole.count; i++) {
            const struct statement_row *row = find_row(&s, &whole.rows[i].line);

            assert_non_null(row);
            assert_true(row->carry_in == carries[i]);
            carries[i] = row->carry_out;
            add_row(&sums[i], row, &whole.rows[i]);
        }
        statement_free(&s);
    }
    for (size_t i = 0; i < whole.count; i++) {
        struct sums expected = {0};

        add_row(&expected, &whole.rows[i], &whole.rows[i]);
        assert_memory_equal(&sums[i], &expected, sizeof expected);
        assert_true(carries[i] == whole.rows[i].carry_out);
        ledger -= whole.rows[i].posted;
    }
    assert_true(ledger == 0);
    assert_usage_equal(unassigned, whole.unassigned);
    free(sums);
    free(carries);
    statement_free(&whole);
}

static void random_vms(struct books_scene *t, struct chance *c)
{
    for (unsigned place = 1; place < BOOKS_VMS; place++) {
        int64_t from = H((int64_t)chance_below(c, 760) - 20);
        uint64_t kib = chance_below(c, 4000000) + 1;

        books_vm(t, place, place % 7 + 1, kib, from, from + (int64_t)chance_below(c, 400));
    }
}

static void random_words(struct books_scene *t, struct chance *c)
{
    static const char *const accounts[] = {"acme", "east", "west"};
    static const char *const prices[] = {"0.0042", "0.31", "0.00000000001", "0.9"};

    if (chance_hits(c, 2))
        books_owner(t, (unsigned)chance_below(c, 7) + 1, accounts[chance_below(c, 3)],
                    H((int64_t)chance_below(c, 700)));
    else
        books_tariff(t, chance_hits(c, 2) ? "" : accounts[chance_below(c, 3)],
                     prices[chance_below(c, 4)], chance_hits(c, 3) ? "EUR/GBh" : "EUR/GiBh",
                     H((int64_t)chance_below(c, 700)));
}

/* The first month that is sealed is one with usage: chance may have left this one without. */
static void close_if_used(struct books_scene *t, int32_t month, int64_t utc_ns)
{
    struct sealing sealing = {.month = month, .utc_ns = utc_ns};
    struct billing_store *b = books_say(t, "close", &sealing.change);
    struct sealing_summary sum;
    struct error err;

    if (!sealing_run(t->measured, b, &t->key, &sealing, &sum, &err)) {
        assert_int_equal(err.code, ERR_REFUSED);
        assert_non_null(strstr(err.text, "nothing was used in it"));
    }
    billing_close(b);
}

static void test_statement_days_add_up_to_the_month(void **state)
{
    struct books_scene *t = *state;
    struct chance c = chance_begin("test_statement_days_add_up_to_the_month");

    books_account(t, "acme", "Acme", 0);
    books_account(t, "east", "East", 14);
    books_account(t, "west", "West", -12);
    for (unsigned vm = 1; vm <= 7; vm++)
        books_owner(t, vm, vm % 3 == 0 ? "acme" : vm % 3 == 1 ? "east" : "west", 0);
    books_tariff(t, "", "0.0421", "EUR/GiBh", 0);
    random_vms(t, &c);
    books_measure(t, H(-20), H(-20));
    for (int64_t hour = -19; hour < 760;) {
        int64_t until = hour + (int64_t)chance_below(&c, 90);

        books_measure(t, H(hour), H(until));
        if (chance_hits(&c, 4))
            random_words(t, &c);
        if (!chance_hits(&c, 4))
            books_charge(t, H(until) * NS_PER_HOUR + (int64_t)chance_below(&c, NS_PER_HOUR));
        hour = until + 1 + (int64_t)chance_below(&c, 2) * 3; /* a gap now and then */
    }
    books_measure(t, H(900), H(901));
    assert_days_are_the_month(t, NOVEMBER);
    books_charge(t, AT(901));
    assert_days_are_the_month(t, NOVEMBER);
    close_if_used(t, NOVEMBER - 1, AT(901));
    books_close_month(t, NOVEMBER, AT(902));
    assert_days_are_the_month(t, NOVEMBER);
    random_words(t, &c);
    books_measure(t, H(902), H(910));
    books_charge(t, AT(910));
    assert_days_are_the_month(t, DECEMBER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span_of_words_and_dates),
        cmocka_unit_test(test_span_of_anything_else_is_refused),
        books_test(test_statement_of_an_odd_span_is_refused),
        books_test(test_statement_of_an_open_month),
        books_test(test_statement_of_usage_that_was_not_charged_yet),
        books_test(test_statement_of_an_open_month_needs_the_measurements),
        books_test(test_statement_of_nothing_has_no_rows),
        books_test(test_statement_of_a_sealed_month),
        books_test(test_statement_prices_come_once_and_in_order),
        books_test(test_statement_has_as_many_prices_as_there_were),
        books_test(test_statement_of_another_unit_is_another_row),
        books_test(test_statement_has_no_row_for_hours_of_nothing),
        books_test(test_statement_peak_is_of_an_hour_not_of_a_life),
        books_test(test_statement_peak_is_of_what_is_derived_and_what_is_not),
        books_test(test_statement_of_a_month_is_the_same_when_sealed),
        books_test(test_statement_of_days_by_when_money_was_posted),
        books_test(test_statement_of_days_of_an_account_with_an_offset),
        books_test(test_statement_of_a_day_has_what_is_not_charged_of_that_day),
        books_test(test_statement_of_a_sealed_month_stays_what_it_was),
        books_test(test_statement_has_adjustments_when_they_were_written),
        books_test(test_statement_has_corrections_by_month_cause_and_price),
        books_test(test_statement_of_an_open_month_has_the_last_name),
        books_test(test_statement_watermark_moves_with_all_that_it_was_read_from),
        books_test(test_statement_refuses_a_line_that_the_ledger_contradicts),
        books_test(test_statement_refuses_a_sealed_line_that_rated_contradicts),
        books_test(test_statement_refuses_entries_without_a_line),
        books_test(test_statement_days_add_up_to_the_month),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
