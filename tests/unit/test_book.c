/*
 * Who owned a VM and what it cost, at an hour: what was said is written to a store, and read back.
 */
#include "books_scene.h"

#include "billing/book.h"
#include "chance.h"

static struct book *read_book(struct books_scene *t)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct book *book = NULL;
    struct error err;

    assert_ok(book_read(&book, b, &err));
    billing_close(b);
    return book;
}

static struct rate rate_at(const struct book *book, unsigned vm, int64_t hour)
{
    struct uuid uuid = uuid_of(vm);
    struct rate rate;

    book_rate(book, &uuid, hour, &rate);
    return rate;
}

/* account NULL: unassigned; nano_pennies < 0: no price */
static void assert_rate(const struct book *book, int64_t hour, const char *account,
                        int64_t nano_pennies, int64_t until_hour)
{
    struct rate rate = rate_at(book, 1, hour);

    assert_int_equal(rate.until_hour, until_hour);
    assert_int_equal(rate.account != NULL, account != NULL);
    if (account != NULL)
        assert_string_equal(rate.account->id, account);
    assert_int_equal(rate.price != NULL, nano_pennies >= 0);
    if (nano_pennies >= 0)
        assert_int_equal(rate.price->nano_pennies, nano_pennies);
}

enum { CENT = 1000000000 };

static void test_book_without_words_owns_nothing(void **state)
{
    struct book *book = read_book(*state);
    size_t count = 9;

    (void)book_accounts(book, &count);
    assert_int_equal(count, 0);
    assert_null(book_account(book, "acme"));
    assert_rate(book, H(0), NULL, -1, NEXT_MONTH);
    assert_int_equal(rate_at(book, 1, H(0)).month, NOVEMBER);
    assert_int_equal(rate_at(book, 1, H(-1)).month, NOVEMBER - 1);
    book_free(book);
}

static void test_book_free_accepts_nothing(void **state)
{
    (void)state;
    book_free(NULL);
}

static void test_book_finds_accounts_by_id(void **state)
{
    struct books_scene *t = *state;
    const char *ids[] = {"m", "a", "z", "acme", "acme-2", "a.b"};
    size_t count;

    for (size_t i = 0; i < 6; i++)
        books_account(t, ids[i], "Name & Söhne", (int)i - 3);
    struct book *book = read_book(t);
    const struct book_account *all = book_accounts(book, &count);

    assert_int_equal(count, 6);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(all[i - 1].id, all[i].id) < 0);
    for (size_t i = 0; i < 6; i++) {
        const struct book_account *account = book_account(book, ids[i]);

        assert_non_null(account);
        assert_string_equal(account->id, ids[i]);
        assert_string_equal(account->name, "Name & Söhne");
        assert_int_equal(account->offset_h, (int)i - 3);
    }
    assert_null(book_account(book, "acme-"));
    assert_null(book_account(book, ""));
    assert_null(book_account(book, "zz"));
    book_free(book);
}

static void test_book_owner_without_tariff_has_no_price(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", H(10));
    struct book *book = read_book(t);

    assert_rate(book, H(9), NULL, -1, H(10));
    assert_rate(book, H(10), "acme", -1, NEXT_MONTH);
    book_free(book);
}

static void test_book_tariff_without_owner_is_no_price(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    books_owner(t, 2, "acme", 0);
    struct book *book = read_book(t);

    assert_rate(book, H(0), NULL, -1, NEXT_MONTH);
    book_free(book);
}

static void test_book_owner_holds_from_his_hour_to_the_next_one_s(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_account(t, "bolt", "Bolt", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    books_owner(t, 1, "bolt", H(20));
    books_owner(t, 1, "acme", H(10));
    struct book *book = read_book(t);

    assert_rate(book, H(9), NULL, -1, H(10));
    assert_rate(book, H(10), "acme", CENT, H(20));
    assert_rate(book, H(19), "acme", CENT, H(20));
    assert_rate(book, H(20), "bolt", CENT, NEXT_MONTH);
    book_free(book);
}

static void test_book_of_one_hour_the_last_word_holds(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_account(t, "bolt", "Bolt", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    books_tariff(t, "", "0.03", "EUR/GiBh", 0);
    books_tariff(t, "", "0.02", "EUR/GiBh", 0);
    books_owner(t, 1, "bolt", H(5));
    books_owner(t, 1, "acme", H(5));
    struct book *book = read_book(t);

    assert_rate(book, H(5), "acme", 2 * CENT, NEXT_MONTH);
    book_free(book);
}

static void test_book_own_tariff_comes_before_the_default(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", H(2));
    books_tariff(t, "acme", "0.02", "EUR/GiBh", H(10));
    books_tariff(t, "", "0.03", "EUR/GiBh", H(20));
    struct book *book = read_book(t);

    assert_rate(book, H(1), "acme", -1, H(2));
    assert_rate(book, H(2), "acme", CENT, H(10));
    assert_rate(book, H(9), "acme", CENT, H(10));
    assert_rate(book, H(10), "acme", 2 * CENT, NEXT_MONTH);
    assert_rate(book, H(30), "acme", 2 * CENT, NEXT_MONTH);
    book_free(book);
}

static void test_book_another_account_s_tariff_is_not_mine(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_account(t, "bolt", "Bolt", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "bolt", "0.02", "EUR/GiBh", H(3));
    struct book *book = read_book(t);

    assert_rate(book, H(0), "acme", -1, NEXT_MONTH);
    assert_rate(book, H(3), "acme", -1, NEXT_MONTH);
    book_free(book);
}

static void test_book_price_of_nothing_is_a_price(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.01", "EUR/GiBh", 0);
    books_tariff(t, "acme", "0", "EUR/GiBh", 0);
    struct book *book = read_book(t);

    assert_rate(book, H(0), "acme", 0, NEXT_MONTH);
    book_free(book);
}

static void test_book_price_is_all_that_was_said(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "acme", "0.0125", "KWD/GBh", 0);
    struct book *book = read_book(t);
    struct rate rate = rate_at(book, 1, H(0));

    assert_string_equal(rate.price->currency.code, "KWD");
    assert_int_equal(rate.price->currency.decimals, 3);
    assert_int_equal(rate.price->unit, UNIT_GBH);
    assert_true(rate.price->nano_pennies == INT64_C(12500000000));
    book_free(book);
}

static void test_book_month_is_the_owner_s(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "east", "East", 14);
    books_account(t, "west", "West", -12);
    books_owner(t, 1, "east", 0);
    books_owner(t, 2, "west", 0);
    struct book *book = read_book(t);

    assert_int_equal(rate_at(book, 1, H(-15)).month, NOVEMBER - 1);
    assert_int_equal(rate_at(book, 1, H(-15)).until_hour, H(-14));
    assert_int_equal(rate_at(book, 1, H(-14)).month, NOVEMBER);
    assert_int_equal(rate_at(book, 1, H(-14)).until_hour, NEXT_MONTH - 14);
    assert_int_equal(rate_at(book, 2, H(11)).month, NOVEMBER - 1);
    assert_int_equal(rate_at(book, 2, H(11)).until_hour, H(12));
    assert_int_equal(rate_at(book, 2, H(12)).month, NOVEMBER);
    assert_int_equal(rate_at(book, 2, H(12)).until_hour, NEXT_MONTH + 12);
    book_free(book);
}

static void test_book_of_many_vms_finds_each(void **state)
{
    struct books_scene *t = *state;
    char id[16];
    int64_t change;
    struct billing_store *b = books_say(t, "all", &change);
    struct error err;

    for (unsigned i = 0; i < 200; i++) {
        struct uuid vm = uuid_of(i + 1);

        (void)snprintf(id, sizeof id, "a%u", i % 100);
        if (i < 100)
            assert_ok(billing_add_account(b, id, "Some", 0, change, &err));
        assert_ok(billing_add_owner(b, &vm, H((int64_t)i), id, change, &err));
    }
    books_said(b);
    struct book *book = read_book(t);

    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(id, sizeof id, "a%u", i % 100);
        assert_string_equal(rate_at(book, i + 1, H((int64_t)i)).account->id, id);
        assert_null(rate_at(book, i + 1, H((int64_t)i) - 1).account);
    }
    assert_null(rate_at(book, 201, H(500)).account);
    assert_null(rate_at(book, 0, H(500)).account);
    book_free(book);
}

static void test_book_tariff_of_no_account_is_refused(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct book *book = NULL;
    struct error err;

    books_tariff(t, "nobody", "0.01", "EUR/GiBh", 0);
    b = books_open_store(t, STORE_READ);
    assert_fails(book_read(&book, b, &err), ERR_STORE, "a tariff is of nobody");
    assert_null(book);
    billing_close(b);
}

static void test_book_currency_that_is_none_is_refused(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct book *book = NULL;
    struct error err;

    books_sql(t, "INSERT INTO change_log VALUES (1, 0, 'x', 'x');"
                 "INSERT INTO tariff VALUES ('', 0, 1, 1, 'QQQ', 'GiBh')");
    b = books_open_store(t, STORE_READ);
    assert_fails(book_read(&book, b, &err), ERR_STORE, "billing.db");
    assert_null(book);
    billing_close(b);
}

/* ---- until_hour is neither too late nor, but for what changes nothing, too early ---- */

static void say_at_random(struct books_scene *t, struct chance *chance)
{
    static const char *const amounts[] = {"0", "0.01", "0.02", "0.0421"};
    static const char *const accounts[] = {"acme", "bolt"};

    books_account(t, "acme", "Acme", (int)chance_below(chance, 27) - 12);
    books_account(t, "bolt", "Bolt", (int)chance_below(chance, 27) - 12);
    for (uint64_t i = chance_below(chance, 6); i > 0; i--)
        books_owner(t, 1, accounts[chance_below(chance, 2)], H((int64_t)chance_below(chance, 60)));
    for (uint64_t i = chance_below(chance, 6); i > 0; i--)
        books_tariff(t, chance_hits(chance, 2) ? "" : accounts[chance_below(chance, 2)],
                     amounts[chance_below(chance, 4)], "EUR/GiBh",
                     H((int64_t)chance_below(chance, 60)));
}

static void test_book_rate_holds_until_it_says(void **state)
{
    struct chance chance = chance_begin(__func__);

    (void)state;
    for (int round = 0; round < 6; round++) {
        void *scene = NULL;

        assert_int_equal(books_begin(&scene), 0);
        say_at_random(scene, &chance);
        struct book *book = read_book(scene);

        for (int64_t hour = H(-20); hour < H(80);) {
            struct rate first = rate_at(book, 1, hour);

            assert_true(first.until_hour > hour);
            for (; hour < first.until_hour && hour < H(80); hour++) {
                struct rate now = rate_at(book, 1, hour);

                assert_ptr_equal(now.account, first.account);
                assert_ptr_equal(now.price, first.price);
                assert_int_equal(now.month, first.month);
                assert_int_equal(now.until_hour, first.until_hour);
            }
        }
        book_free(book);
        assert_int_equal(books_end(&scene), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_book_without_words_owns_nothing),
        cmocka_unit_test(test_book_free_accepts_nothing),
        books_test(test_book_finds_accounts_by_id),
        books_test(test_book_owner_without_tariff_has_no_price),
        books_test(test_book_tariff_without_owner_is_no_price),
        books_test(test_book_owner_holds_from_his_hour_to_the_next_one_s),
        books_test(test_book_of_one_hour_the_last_word_holds),
        books_test(test_book_own_tariff_comes_before_the_default),
        books_test(test_book_another_account_s_tariff_is_not_mine),
        books_test(test_book_price_of_nothing_is_a_price),
        books_test(test_book_price_is_all_that_was_said),
        books_test(test_book_month_is_the_owner_s),
        books_test(test_book_of_many_vms_finds_each),
        books_test(test_book_tariff_of_no_account_is_refused),
        books_test(test_book_currency_that_is_none_is_refused),
        cmocka_unit_test(test_book_rate_holds_until_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
