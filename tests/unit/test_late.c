/*
 * What sealed months should have billed, against what they did.
 */
#include <stdlib.h>

#include "billing/late.h"
#include "chance.h"
#include "check.h"

static struct book_account acme = {.id = "acme"}, bolt = {.id = "bolt"};

static const struct price CHEAP = {100, {"EUR", 2}, UNIT_GIBH};
static const struct price DEAR = {200, {"EUR", 2}, UNIT_GIBH};
static const struct price DOLLARS = {100, {"USD", 2}, UNIT_GIBH};
static const struct price DECIMAL = {100, {"EUR", 2}, UNIT_GBH};

enum { SEEN_MOST = 64 };

struct comparison {
    struct late_list due, billed;
    struct late_item seen[SEEN_MOST];
    enum adjustment_cause causes[SEEN_MOST];
    size_t count;
    size_t fail_at;                   /* 1: the first; 0: never */
    const struct book_account *owner; /* of all; NULL: acme */
};

static bool see(void *self, const struct late_item *delta, enum adjustment_cause cause,
                struct error *err)
{
    struct comparison *c = self;

    assert_true(c->count < SEEN_MOST);
    c->seen[c->count] = *delta;
    c->causes[c->count++] = cause;
    return c->count != c->fail_at || error_set(err, ERR_RETRY, "no more");
}

static const struct book_account *owner(void *self, const struct uuid *vm, int64_t hour)
{
    const struct comparison *c = self;

    (void)vm, (void)hour;
    return c->owner != NULL ? c->owner : &acme;
}

static struct late_item item(unsigned vm, int64_t hour, const struct book_account *account,
                             struct price price, numerator usage)
{
    return (struct late_item){uuid_of(vm), hour, account, price, usage};
}

static void add(struct late_list *list, struct late_item one)
{
    struct error err;

    assert_ok(late_add(list, &one, &err));
}

static bool compare(struct comparison *c, struct error *err)
{
    struct late_sink sink = {see, owner, c};
    bool is_ok = late_compare(&c->due, &c->billed, &sink, err);

    late_clear(&c->due);
    late_clear(&c->billed);
    return is_ok;
}

static void compared(struct comparison *c, size_t count)
{
    struct error err;

    assert_ok(compare(c, &err));
    assert_int_equal(c->count, count);
}

static void assert_delta(const struct comparison *c, size_t at, struct late_item expected,
                         enum adjustment_cause cause)
{
    const struct late_item *is = &c->seen[at];

    assert_true(at < c->count);
    assert_uuid_equal(&is->vm, &expected.vm);
    assert_int_equal(is->hour, expected.hour);
    assert_string_equal(is->account->id, expected.account->id);
    assert_int_equal(is->price.nano_pennies, expected.price.nano_pennies);
    assert_string_equal(is->price.currency.code, expected.price.currency.code);
    assert_int_equal(is->price.unit, expected.price.unit);
    assert_true(is->usage_kib_ns == expected.usage_kib_ns);
    assert_int_equal(c->causes[at], cause);
}

static void test_late_nothing_is_nothing(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    compared(&c, 0);
}

static void test_late_what_was_billed_rightly_is_nothing(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 500));
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    compared(&c, 0);
}

static void test_late_parts_of_one_name_add_up(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 300));
    add(&c.due, item(1, 11, &acme, CHEAP, 7));
    add(&c.due, item(1, 10, &acme, CHEAP, 200));
    add(&c.billed, item(1, 10, &acme, CHEAP, 600));
    add(&c.billed, item(1, 11, &acme, CHEAP, 7));
    add(&c.billed, item(1, 10, &acme, CHEAP, -100));
    compared(&c, 0);
}

static void test_late_more_usage_is_billed(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 501));
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, 1), CAUSE_LATE);
}

static void test_late_less_usage_is_taken_back(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 499));
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -1), CAUSE_LATE);
}

static void test_late_an_hour_that_was_not_billed_is(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 500));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, 500), CAUSE_LATE);
}

static void test_late_an_hour_that_is_not_due_is_taken_back(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -500), CAUSE_LATE);
}

/* By the other's clock it is of a month that is open. */
static void test_late_an_hour_that_is_another_s_now_is_the_owner_s(void **state)
{
    struct comparison c = {.owner = &bolt};

    (void)state;
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    add(&c.billed, item(1, 11, &bolt, CHEAP, 500));
    compared(&c, 2);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -500), CAUSE_OWNER);
    assert_delta(&c, 1, item(1, 11, &bolt, CHEAP, -500), CAUSE_LATE);
}

static void test_late_usage_of_nothing_is_nothing(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, 0));
    add(&c.billed, item(2, 10, &acme, CHEAP, 0));
    compared(&c, 0);
}

static void test_late_another_price_takes_back_and_bills(void **state)
{
    const struct price others[] = {DEAR, DOLLARS, DECIMAL};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct comparison c = {.count = 0};

        add(&c.billed, item(1, 10, &acme, CHEAP, 500));
        add(&c.due, item(1, 10, &acme, others[i], 500));
        compared(&c, 2);
        assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -500), CAUSE_TARIFF);
        assert_delta(&c, 1, item(1, 10, &acme, others[i], 500), CAUSE_TARIFF);
    }
}

static void test_late_another_owner_takes_back_and_bills(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.billed, item(1, 10, &bolt, CHEAP, 500));
    add(&c.due, item(1, 10, &acme, CHEAP, 510));
    compared(&c, 2);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, 510), CAUSE_OWNER);
    assert_delta(&c, 1, item(1, 10, &bolt, CHEAP, -500), CAUSE_OWNER);
}

static void test_late_another_owner_at_another_price_is_the_owner_s(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    add(&c.due, item(1, 10, &bolt, DEAR, 500));
    compared(&c, 2);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -500), CAUSE_OWNER);
    assert_delta(&c, 1, item(1, 10, &bolt, DEAR, 500), CAUSE_OWNER);
}

static void test_late_what_was_taken_back_before_is_no_cause(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.billed, item(1, 10, &acme, CHEAP, 500));
    add(&c.billed, item(1, 10, &acme, CHEAP, -500));
    add(&c.billed, item(1, 10, &acme, DEAR, 70));
    add(&c.billed, item(1, 10, &acme, DEAR, -70));
    add(&c.due, item(1, 10, &bolt, CHEAP, 500));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &bolt, CHEAP, 500), CAUSE_LATE);
}

static void test_late_neighbours_are_no_cause(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    add(&c.billed, item(1, 9, &bolt, DEAR, 500));
    add(&c.billed, item(1, 11, &bolt, DEAR, 500));
    add(&c.billed, item(2, 10, &bolt, DEAR, 500));
    add(&c.due, item(1, 9, &bolt, DEAR, 500));
    add(&c.due, item(1, 11, &bolt, DEAR, 500));
    add(&c.due, item(2, 10, &bolt, DEAR, 500));
    add(&c.due, item(1, 10, &acme, CHEAP, 3));
    compared(&c, 1);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, 3), CAUSE_LATE);
}

static void test_late_all_of_an_hour_is_looked_at_for_the_cause(void **state)
{
    struct comparison c = {.count = 0};

    (void)state;
    /* what was billed of the hour lies before and behind what is due now */
    add(&c.billed, item(1, 10, &acme, CHEAP, 5));
    add(&c.billed, item(1, 10, &bolt, CHEAP, 6));
    add(&c.due, item(1, 10, &acme, DEAR, 11));
    compared(&c, 3);
    assert_delta(&c, 0, item(1, 10, &acme, CHEAP, -5), CAUSE_TARIFF);
    assert_delta(&c, 1, item(1, 10, &acme, DEAR, 11), CAUSE_OWNER);
    assert_delta(&c, 2, item(1, 10, &bolt, CHEAP, -6), CAUSE_OWNER);
}

static void test_late_comes_by_vm_hour_account_and_price(void **state)
{
    const struct late_item ordered[] = {
        item(1, 10, &acme, CHEAP, 1),   item(1, 10, &acme, DEAR, 1),
        item(1, 10, &acme, DECIMAL, 1), item(1, 10, &acme, DOLLARS, 1),
        item(1, 10, &bolt, CHEAP, 1),   item(1, 11, &acme, CHEAP, 1),
        item(2, 9, &acme, CHEAP, 1),    item(0x90, 9, &acme, CHEAP, 1),
    };
    enum { COUNT = sizeof ordered / sizeof *ordered };
    struct comparison c = {.count = 0};

    (void)state;
    for (size_t i = COUNT; i > 0; i--)
        add(i % 2 == 0 ? &c.due : &c.billed, ordered[i - 1]);
    compared(&c, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct late_item expected = ordered[i];

        expected.usage_kib_ns = i % 2 == 1 ? 1 : -1;
        assert_delta(&c, i, expected, c.causes[i]);
    }
}

static void test_late_what_cannot_be_written_ends_it(void **state)
{
    struct comparison c = {.fail_at = 2};
    struct error err;

    (void)state;
    for (int hour = 0; hour < 4; hour++)
        add(&c.due, item(1, hour, &acme, CHEAP, 1));
    assert_fails(compare(&c, &err), ERR_RETRY, "no more");
    assert_int_equal(c.count, 2);
}

static void test_late_usage_beyond_127_bits_is_refused(void **state)
{
    struct comparison c = {.count = 0};
    numerator half = (numerator)1 << 126;
    struct error err;

    (void)state;
    add(&c.due, item(1, 10, &acme, CHEAP, half));
    add(&c.due, item(1, 10, &acme, CHEAP, half));
    assert_fails(compare(&c, &err), ERR_RANGE, "");
    assert_int_equal(c.count, 0);
}

static bool is_same_price(const struct price *a, const struct price *b)
{
    return a->nano_pennies == b->nano_pennies && a->unit == b->unit &&
           strcmp(a->currency.code, b->currency.code) == 0;
}

/* Billed and deltas together are what is due, whatever the two lists are. */
static void test_late_makes_billed_what_is_due(void **state)
{
    struct chance chance = chance_begin(__func__);
    const struct book_account *accounts[] = {&acme, &bolt};
    const struct price prices[] = {CHEAP, DEAR, DOLLARS, DECIMAL};

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct comparison c = {.count = 0};
        numerator left[2][2][2][4] = {0}; /* vm, hour, account, price */
        uint64_t items = chance_below(&chance, 20);

        for (uint64_t i = 0; i < items; i++) {
            uint64_t vm = chance_below(&chance, 2), hour = chance_below(&chance, 2);
            uint64_t account = chance_below(&chance, 2), price = chance_below(&chance, 4);
            numerator usage = (numerator)chance_below(&chance, 7) - 2;
            bool is_due = chance_hits(&chance, 2);

            add(is_due ? &c.due : &c.billed,
                item((unsigned)vm, (int64_t)hour, accounts[account], prices[price], usage));
            left[vm][hour][account][price] += is_due ? usage : -usage;
        }
        struct error err;

        assert_ok(compare(&c, &err));
        for (size_t i = 0; i < c.count; i++) {
            size_t price = 0;

            assert_true(c.seen[i].usage_kib_ns != 0);
            while (!is_same_price(&c.seen[i].price, &prices[price]))
                price++;
            left[c.seen[i].vm.bytes[0]][c.seen[i].hour][c.seen[i].account == &bolt][price] -=
                c.seen[i].usage_kib_ns;
        }
        const numerator *all = &left[0][0][0][0];

        for (size_t i = 0; i < sizeof left / sizeof *all; i++)
            assert_true(all[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_nothing_is_nothing),
        cmocka_unit_test(test_late_what_was_billed_rightly_is_nothing),
        cmocka_unit_test(test_late_parts_of_one_name_add_up),
        cmocka_unit_test(test_late_more_usage_is_billed),
        cmocka_unit_test(test_late_less_usage_is_taken_back),
        cmocka_unit_test(test_late_an_hour_that_was_not_billed_is),
        cmocka_unit_test(test_late_an_hour_that_is_not_due_is_taken_back),
        cmocka_unit_test(test_late_an_hour_that_is_another_s_now_is_the_owner_s),
        cmocka_unit_test(test_late_usage_of_nothing_is_nothing),
        cmocka_unit_test(test_late_another_price_takes_back_and_bills),
        cmocka_unit_test(test_late_another_owner_takes_back_and_bills),
        cmocka_unit_test(test_late_another_owner_at_another_price_is_the_owner_s),
        cmocka_unit_test(test_late_what_was_taken_back_before_is_no_cause),
        cmocka_unit_test(test_late_neighbours_are_no_cause),
        cmocka_unit_test(test_late_all_of_an_hour_is_looked_at_for_the_cause),
        cmocka_unit_test(test_late_comes_by_vm_hour_account_and_price),
        cmocka_unit_test(test_late_what_cannot_be_written_ends_it),
        cmocka_unit_test(test_late_usage_beyond_127_bits_is_refused),
        cmocka_unit_test(test_late_makes_billed_what_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
