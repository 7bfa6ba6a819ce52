/*
 * The charge lines of open months in memory.
 */
#include "books_scene.h"

#include "billing/sheet.h"
#include "chance.h"

static const struct price EUROS = {1, {"EUR", 2}, UNIT_GIBH};
static const struct price DOLLARS = {1, {"USD", 2}, UNIT_GIBH};
static const struct price DECIMAL = {1, {"EUR", 2}, UNIT_GBH};

static const struct book_account acme = {.id = "acme"}, bolt = {.id = "bolt"};

static struct sheet *read_sheet(struct books_scene *t)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct sheet *sheet = NULL;
    struct error err;

    assert_ok(sheet_read(&sheet, b, -1, &err));
    billing_close(b);
    return sheet;
}

/* vm 0: the pool */
static struct sheet_line *line_of(struct sheet *sheet, const struct book_account *account,
                                  unsigned vm, const struct price *price, int32_t month)
{
    struct uuid uuid = uuid_of(vm);
    struct error err;
    struct sheet_line *line =
        sheet_line(sheet, account, vm == 0 ? NULL : &uuid, price, month, &err);

    assert_non_null(line);
    return line;
}

static size_t count_of(struct sheet *sheet)
{
    size_t count;

    (void)sheet_sorted(sheet, &count);
    return count;
}

static void test_sheet_of_nothing_is_empty(void **state)
{
    struct sheet *sheet = read_sheet(*state);

    assert_int_equal(count_of(sheet), 0);
    assert_null(sheet_number(sheet, 1));
    sheet_free(sheet);
    sheet_free(NULL);
}

static void test_sheet_line_is_made_once(void **state)
{
    struct sheet *sheet = read_sheet(*state);
    struct sheet_line *line = line_of(sheet, &acme, 1, &EUROS, NOVEMBER);

    assert_string_equal(line->stored.account, "acme");
    assert_false(line->stored.is_pool);
    assert_string_equal(line->stored.currency.code, "EUR");
    assert_int_equal(line->stored.month, NOVEMBER);
    assert_int_equal(line->stored.line, 0);
    assert_true(line->stored.sums.n == 0 && line->open_n == 0 && line->stored.sums.posted == 0);
    line->open_n = 77;
    assert_true(line_of(sheet, &acme, 1, &EUROS, NOVEMBER)->open_n == 77);
    assert_int_equal(count_of(sheet), 1);
    sheet_free(sheet);
}

static void test_sheet_line_s_name_has_five_parts(void **state)
{
    struct sheet *sheet = read_sheet(*state);

    line_of(sheet, &acme, 1, &EUROS, NOVEMBER)->open_n = 1;
    line_of(sheet, &bolt, 1, &EUROS, NOVEMBER)->open_n = 2;
    line_of(sheet, &acme, 2, &EUROS, NOVEMBER)->open_n = 3;
    line_of(sheet, &acme, 0, &EUROS, NOVEMBER)->open_n = 4;
    line_of(sheet, &acme, 1, &DOLLARS, NOVEMBER)->open_n = 5;
    line_of(sheet, &acme, 1, &DECIMAL, NOVEMBER)->open_n = 6;
    line_of(sheet, &acme, 1, &EUROS, DECEMBER)->open_n = 7;
    assert_int_equal(count_of(sheet), 7);
    assert_true(line_of(sheet, &acme, 1, &EUROS, NOVEMBER)->open_n == 1);
    assert_true(line_of(sheet, &bolt, 1, &EUROS, NOVEMBER)->open_n == 2);
    assert_true(line_of(sheet, &acme, 2, &EUROS, NOVEMBER)->open_n == 3);
    assert_true(line_of(sheet, &acme, 0, &EUROS, NOVEMBER)->open_n == 4);
    assert_true(line_of(sheet, &acme, 1, &DOLLARS, NOVEMBER)->open_n == 5);
    assert_true(line_of(sheet, &acme, 1, &DECIMAL, NOVEMBER)->open_n == 6);
    assert_true(line_of(sheet, &acme, 1, &EUROS, DECEMBER)->open_n == 7);
    assert_int_equal(count_of(sheet), 7);
    sheet_free(sheet);
}

static void test_sheet_price_is_no_part_of_the_name(void **state)
{
    struct sheet *sheet = read_sheet(*state);
    struct price dear = EUROS;

    dear.nano_pennies = PRICE_NANO_MAX;
    line_of(sheet, &acme, 1, &EUROS, NOVEMBER)->open_n = 1;
    assert_true(line_of(sheet, &acme, 1, &dear, NOVEMBER)->open_n == 1);
    sheet_free(sheet);
}

static void test_sheet_pool_is_not_the_vm_of_zeros(void **state)
{
    struct sheet *sheet = read_sheet(*state);
    struct uuid zeros = {{0}};
    struct error err;

    line_of(sheet, &acme, 0, &EUROS, NOVEMBER)->open_n = 1;
    struct sheet_line *line = sheet_line(sheet, &acme, &zeros, &EUROS, NOVEMBER, &err);

    assert_non_null(line);
    assert_true(line->open_n == 0);
    assert_false(line->stored.is_pool);
    sheet_free(sheet);
}

static int order_of(const struct billing_line *a, const struct billing_line *b)
{
    if (a->month != b->month)
        return a->month < b->month ? -1 : 1;
    int order = strcmp(a->account, b->account);

    if (order != 0)
        return order;
    if (a->is_pool != b->is_pool)
        return a->is_pool ? -1 : 1;
    order = memcmp(a->vm.bytes, b->vm.bytes, sizeof a->vm.bytes);
    order = order != 0 ? order : strcmp(a->currency.code, b->currency.code);
    return order != 0 ? order : (int)a->unit - (int)b->unit;
}

/* Many, so that tables grow; each is found again, before and after it is sorted. */
static void test_sheet_of_many_lines_finds_each_and_sorts_them(void **state)
{
    enum { MANY = 5000 };
    struct chance chance = chance_begin(__func__);
    struct sheet *sheet = read_sheet(*state);
    const struct price *prices[] = {&EUROS, &DOLLARS, &DECIMAL};
    uint64_t seeds[MANY];

    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < MANY; i++) {
            if (pass == 0)
                seeds[i] = chance_next(&chance);
            uint64_t s = seeds[i];
            struct sheet_line *line =
                line_of(sheet, s % 2 == 0 ? &acme : &bolt, (unsigned)(s >> 8) % 256,
                        prices[(s >> 16) % 3], NOVEMBER + (int32_t)((s >> 32) % 6));

            if (pass == 0 && line->open_n == 0)
                line->open_n = i + 1;
            assert_true(line->open_n > 0 && line->open_n <= i + 1);
        }
        size_t count;
        const struct sheet_line *lines = sheet_sorted(sheet, &count);

        for (size_t i = 1; i < count; i++)
            assert_true(order_of(&lines[i - 1].stored, &lines[i].stored) < 0);
    }
    sheet_free(sheet);
}

/* ---- what is stored ---- */

static int64_t put_line(struct billing_store *b, const char *account, unsigned vm, int32_t month,
                        int64_t posted)
{
    struct billing_line line = {.is_pool = vm == 0,
                                .vm = uuid_of(vm),
                                .currency = EUROS.currency,
                                .unit = UNIT_GIBH,
                                .month = month,
                                .sums = {.carry_in = 11, .n = -12, .posted = posted}};
    struct error err;

    (void)snprintf(line.account, sizeof line.account, "%s", account);
    assert_ok(billing_put_line(b, &line, &err));
    return line.line;
}

static void test_sheet_reads_open_months_only(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "close", &change);

    (void)put_line(b, "acme", 1, NOVEMBER, 1);
    (void)put_line(b, "acme", 1, DECEMBER, 2);
    (void)put_line(b, "acme", 0, DECEMBER + 5, 3);
    assert_ok(billing_seal(b, NOVEMBER, 0, 0, change, "", &err));
    books_said(b);
    struct sheet *sheet = read_sheet(t);
    size_t count;
    const struct sheet_line *lines = sheet_sorted(sheet, &count);

    assert_int_equal(count, 2);
    assert_int_equal(lines[0].stored.month, DECEMBER);
    assert_int_equal(lines[0].stored.sums.posted, 2);
    assert_true(lines[0].stored.sums.carry_in == 11 && lines[0].stored.sums.n == -12);
    assert_false(lines[0].is_changed);
    assert_true(lines[0].open_n == 0);
    assert_true(lines[1].stored.is_pool);
    assert_int_equal(line_of(sheet, &acme, 1, &EUROS, DECEMBER)->stored.sums.posted, 2);
    sheet_free(sheet);
}

static void test_sheet_number_finds_what_is_stored(void **state)
{
    struct books_scene *t = *state;
    int64_t change, numbers[20];

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "lines", &change);

    for (unsigned i = 0; i < 20; i++)
        numbers[i] = put_line(b, "acme", 40 - i, NOVEMBER, (int64_t)i);
    books_said(b);
    struct sheet *sheet = read_sheet(t);

    (void)line_of(sheet, &acme, 200, &EUROS, NOVEMBER); /* not stored */
    for (int i = 0; i < 20; i++)
        assert_int_equal(sheet_number(sheet, numbers[i])->stored.sums.posted, i);
    (void)count_of(sheet); /* they move */
    for (int i = 0; i < 20; i++)
        assert_int_equal(sheet_number(sheet, numbers[i])->stored.sums.posted, i);
    assert_null(sheet_number(sheet, numbers[19] + 1));
    assert_null(sheet_number(sheet, numbers[0] - 1));
    assert_null(sheet_number(sheet, 0));
    sheet_free(sheet);
}

static void test_sheet_number_finds_what_is_stored_meanwhile(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "lines", &change);
    int64_t first = put_line(b, "acme", 9, NOVEMBER, 0);
    struct sheet *sheet = NULL;

    assert_ok(sheet_read(&sheet, b, -1, &err));
    struct sheet_line *line = line_of(sheet, &acme, 1, &EUROS, NOVEMBER);

    assert_non_null(sheet_number(sheet, first));
    assert_ok(billing_put_line(b, &line->stored, &err));
    assert_int_equal(sheet_number(sheet, first)->stored.line, first);
    assert_int_equal(sheet_number(sheet, line->stored.line)->stored.vm.bytes[0], 1);
    sheet_free(sheet);
    billing_close(b);
}

static void test_sheet_reads_one_month_sealed_or_not(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "close", &change);

    (void)put_line(b, "acme", 1, NOVEMBER, 1);
    (void)put_line(b, "acme", 1, DECEMBER, 2);
    assert_ok(billing_seal(b, NOVEMBER, 0, 0, change, "", &err));
    struct sheet *sheet = NULL;

    assert_ok(sheet_read(&sheet, b, NOVEMBER, &err));
    assert_int_equal(count_of(sheet), 1);
    assert_int_equal(line_of(sheet, &acme, 1, &EUROS, NOVEMBER)->stored.sums.posted, 1);
    sheet_free(sheet);
    billing_close(b);
}

static void test_sheet_places_are_in_the_order_of_making(void **state)
{
    struct sheet *sheet = read_sheet(*state);
    size_t count;

    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(sheet_place(sheet,
                                     line_of(sheet, &acme, i % 256, &EUROS, (int32_t)(i / 256))),
                         i);
    const struct sheet_line *lines = sheet_lines(sheet, &count);

    assert_int_equal(count, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(lines[i].stored.month, i / 256);
    assert_int_equal(sheet_place(sheet, line_of(sheet, &acme, 5, &EUROS, 1)), 256 + 5);
    sheet_free(sheet);
}

/* ---- sums ---- */

static void test_sheet_sums_count_the_open_hours(void **state)
{
    struct sheet_line line = {.stored = {.sums = {1, 20, 300, 4}}, .open_n = 5000};
    struct charge_line_sums sums;
    struct error err;

    (void)state;
    assert_ok(sheet_sums(&line, &sums, &err));
    assert_true(sums.carry_in == 1 && sums.n == 5020 && sums.transfers == 300);
    assert_int_equal(sums.posted, 4);
    assert_true(line.stored.sums.n == 20);
}

static void test_sheet_sums_beyond_127_bits_are_refused(void **state)
{
    numerator most = (numerator)(~(unsigned __int128)0 >> 1);
    struct sheet_line line = {.stored = {.sums = {.n = most - 1}}, .open_n = 1};
    struct charge_line_sums sums;
    struct error err;

    (void)state;
    assert_ok(sheet_sums(&line, &sums, &err));
    assert_true(sums.n == most);
    line.open_n = 2;
    assert_fails(sheet_sums(&line, &sums, &err), ERR_RANGE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_sheet_of_nothing_is_empty),
        books_test(test_sheet_line_is_made_once),
        books_test(test_sheet_line_s_name_has_five_parts),
        books_test(test_sheet_price_is_no_part_of_the_name),
        books_test(test_sheet_pool_is_not_the_vm_of_zeros),
        books_test(test_sheet_of_many_lines_finds_each_and_sorts_them),
        books_test(test_sheet_reads_open_months_only),
        books_test(test_sheet_reads_one_month_sealed_or_not),
        books_test(test_sheet_places_are_in_the_order_of_making),
        books_test(test_sheet_number_finds_what_is_stored),
        books_test(test_sheet_number_finds_what_is_stored_meanwhile),
        cmocka_unit_test(test_sheet_sums_count_the_open_hours),
        cmocka_unit_test(test_sheet_sums_beyond_127_bits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
