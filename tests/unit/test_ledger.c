/*
 * The ledger: entries that hold each other, and what shows that one was touched.
 */
#include "books_scene.h"

#include "billing/ledger.h"

/* A scene with acme's line of VM 1 and its pool in November. */
struct lines {
    struct billing_line vm, pool;
};

static struct lines begin(struct books_scene *t, struct billing_store **b)
{
    struct lines lines;
    struct price euros;
    int64_t change;
    struct error err;

    assert_ok(price_parse("0.01", "EUR/GiBh", &euros, &err));
    books_account(t, "acme", "Acme", 0);
    *b = books_say(t, "lines", &change);
    lines.vm = (struct billing_line){.account = "acme",
                                     .vm = uuid_of(1),
                                     .currency = euros.currency,
                                     .month = NOVEMBER};
    lines.pool = lines.vm;
    lines.pool.is_pool = true;
    assert_ok(billing_put_line(*b, &lines.vm, &err));
    assert_ok(billing_put_line(*b, &lines.pool, &err));
    return lines;
}

static struct ledger_entry posting(int64_t pennies)
{
    return (struct ledger_entry){.utc_ns = 1000,
                                 .kind = ENTRY_POSTING,
                                 .pennies = pennies,
                                 .host = uuid_of(0x11),
                                 .tick = 77};
}

static struct ledger_end opened(struct books_scene *t, struct billing_store *b)
{
    struct ledger_end end;
    struct error err;

    assert_ok(ledger_open(&end, b, &t->key, &err));
    return end;
}

static void append(struct books_scene *t, struct billing_store *b, struct ledger_end *end,
                   struct ledger_entry entry, const struct billing_line *line)
{
    struct error err;

    assert_ok(ledger_append(end, b, &t->key, &entry, line, &err));
}

/* Five entries: 1, 2 and -3 pennies, and a transfer to the pool of two entries. */
static void five_entries(struct books_scene *t)
{
    struct billing_store *b;
    struct lines lines = begin(t, &b);
    struct ledger_end end = opened(t, b);
    struct ledger_entry transfer = posting(0);

    append(t, b, &end, posting(1), &lines.vm);
    append(t, b, &end, posting(2), &lines.vm);
    append(t, b, &end, posting(-3), &lines.vm);
    transfer.kind = ENTRY_TRANSFER;
    transfer.transfer = -(((numerator)5 << 100) + 7);
    append(t, b, &end, transfer, &lines.vm);
    transfer.transfer = -transfer.transfer;
    append(t, b, &end, transfer, &lines.pool);
    books_said(b);
}

static int64_t broken_at(struct books_scene *t, const struct chain_key *key, struct ledger_end *end)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    int64_t broken = -1;
    struct error err;

    assert_ok(ledger_verify(b, key, &broken, end, &err));
    billing_close(b);
    return broken;
}

static void assert_broken_at(struct books_scene *t, int64_t expected)
{
    struct ledger_end end;

    assert_int_equal(broken_at(t, &t->key, &end), expected);
}

static void test_ledger_of_nothing_begins_with_zeros(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct ledger_end end = opened(t, b), verified;
    struct chain_hash zeros = {{0}};

    billing_close(b);
    assert_int_equal(end.entry, 0);
    assert_memory_equal(&end.hash, &zeros, sizeof zeros);
    assert_int_equal(broken_at(t, &t->key, &verified), 0);
    assert_int_equal(verified.entry, 0);
    assert_memory_equal(&verified.hash, &zeros, sizeof zeros);
}

static void test_ledger_append_numbers_and_names_the_line(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct lines lines = begin(t, &b);
    struct ledger_end end = opened(t, b);
    struct ledger_entry entry = posting(5);
    struct error err;

    assert_ok(ledger_append(&end, b, &t->key, &entry, &lines.pool, &err));
    assert_int_equal(entry.entry, 1);
    assert_int_equal(entry.line, lines.pool.line);
    assert_int_equal(end.entry, 1);
    assert_memory_equal(&end.hash, &entry.hash, sizeof end.hash);
    assert_ok(ledger_append(&end, b, &t->key, &entry, &lines.vm, &err));
    assert_int_equal(entry.entry, 2);
    assert_int_equal(entry.line, lines.vm.line);
    billing_close(b);
}

/* What is hashed, written down once more: the fields as text, each behind its length. */
static void test_ledger_hash_is_of_all_that_an_entry_says(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct lines lines = begin(t, &b);
    struct ledger_end end = opened(t, b);
    struct ledger_entry entry = posting(-5);
    struct chain_hash expected = {{0}};
    struct error err;
    static const char *const texts[] = {
        "1",    "1000",    "posting", "acme", "01010101-0101-0101-0101-010101010101", "EUR",
        "GiBh", "2026-11", "-5",      "0",    "11111111-1111-1111-1111-111111111111", "77"};
    enum { COUNT = sizeof texts / sizeof *texts };
    struct chain_field fields[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        fields[i] = (struct chain_field){texts[i], strlen(texts[i])};
    assert_ok(ledger_append(&end, b, &t->key, &entry, &lines.vm, &err));
    chain_next(&t->key, &expected, fields, COUNT, &expected);
    assert_memory_equal(&entry.hash, &expected, sizeof expected);
    billing_close(b);
}

static void test_ledger_append_that_fails_leaves_the_end(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct lines lines = begin(t, &b);
    struct ledger_end end = opened(t, b);
    struct ledger_entry nothing = posting(0);
    struct error err;

    assert_fails(ledger_append(&end, b, &t->key, &nothing, &lines.vm, &err), ERR_STORE,
                 "write the ledger");
    assert_int_equal(end.entry, 0);
    append(t, b, &end, posting(1), &lines.vm);
    assert_int_equal(end.entry, 1);
    billing_close(b);
}

static void test_ledger_that_nobody_touched_is_whole(void **state)
{
    struct books_scene *t = *state;
    struct ledger_end verified;

    five_entries(t);
    assert_int_equal(broken_at(t, &t->key, &verified), 0);
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct ledger_end end = opened(t, b);

    billing_close(b);
    assert_int_equal(end.entry, 5);
    assert_int_equal(verified.entry, 5);
    assert_memory_equal(&end.hash, &verified.hash, sizeof end.hash);
}

static void test_ledger_open_goes_on_where_it_ended(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct lines lines = begin(t, &b);

    for (int i = 1; i <= 3; i++) {
        struct ledger_end end = opened(t, b);

        assert_int_equal(end.entry, i - 1);
        append(t, b, &end, posting(i), &lines.vm);
    }
    books_said(b);
    assert_broken_at(t, 0);
}

static void test_ledger_open_with_another_key_is_refused(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b;
    struct lines lines = begin(t, &b);
    struct ledger_end end = opened(t, b), untouched = {42, {{1}}};
    struct chain_key other = t->key;
    struct error err;

    other.bytes[31] ^= 1;
    for (int i = 1; i <= 3; i++) {
        append(t, b, &end, posting(i), &lines.vm);
        assert_fails(ledger_open(&untouched, b, &other, &err), ERR_REFUSED, "with this key");
        assert_int_equal(untouched.entry, 42);
        assert_int_equal(opened(t, b).entry, i);
    }
    billing_close(b);
}

static void test_ledger_with_another_key_is_broken_from_the_first_on(void **state)
{
    struct books_scene *t = *state;
    struct ledger_end end;
    struct chain_key other = t->key;

    five_entries(t);
    other.bytes[0] ^= 0x80;
    assert_int_equal(broken_at(t, &other, &end), 1);
    assert_int_equal(end.entry, 5);
}

/* ---- somebody with the right to write ---- */

static void test_ledger_shows_each_field_that_is_changed(void **state)
{
    struct books_scene *t = *state;
    static const char *const changes[][2] = {
        {"utc_ns = utc_ns + 1", "utc_ns = utc_ns - 1"},
        {"pennies = 3", "pennies = 2"},
        {"pennies = -pennies", "pennies = -pennies"},
        {"kind = 'transfer', pennies = 0", "kind = 'posting', pennies = 2"},
        {"high = 1", "high = 0"},
        {"middle = 1", "middle = 0"},
        {"low = 1", "low = 0"},
        {"line = 2", "line = 1"},
        {"host = ''", "host = '11111111-1111-1111-1111-111111111111'"},
        {"tick = tick - 1", "tick = tick + 1"},
        {"hash = replace(hash, '0', '1')", NULL},
    };
    char sql[256];

    five_entries(t);
    books_sql(t, "DROP TRIGGER ledger_kept");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE ledger SET %s WHERE entry = 2", changes[i][0]);
        books_sql(t, sql);
        assert_broken_at(t, 2);
        if (changes[i][1] == NULL)
            continue;
        (void)snprintf(sql, sizeof sql, "UPDATE ledger SET %s WHERE entry = 2", changes[i][1]);
        books_sql(t, sql);
        assert_broken_at(t, 0);
    }
}

static void test_ledger_shows_a_line_that_was_renamed(void **state)
{
    struct books_scene *t = *state;
    static const char *const changes[] = {"account = 'bolt'",
                                          "vm = '02020202-0202-0202-0202-020202020202'",
                                          "currency = 'USD'", "unit = 'GBh'", "month = month + 1"};
    char sql[256];

    five_entries(t);
    books_account(t, "bolt", "Bolt", 0);
    books_sql(t, "DROP TRIGGER line_kept");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        (void)snprintf(sql, sizeof sql,
                       "CREATE TABLE kept AS SELECT * FROM line;"
                       "UPDATE line SET %s WHERE line = 1",
                       changes[i]);
        books_sql(t, sql);
        assert_broken_at(t, 1);
        books_sql(t, "UPDATE line SET (account, vm, currency, unit, month) ="
                     " (SELECT account, vm, currency, unit, month FROM kept WHERE kept.line = "
                     "line.line); DROP TABLE kept");
        assert_broken_at(t, 0);
    }
}

static void test_ledger_shows_an_entry_that_is_gone(void **state)
{
    struct books_scene *t = *state;

    five_entries(t);
    books_sql(t, "DROP TRIGGER ledger_not_deleted; DELETE FROM ledger WHERE entry = 3");
    assert_broken_at(t, 4);
}

static void test_ledger_shows_entries_that_changed_places(void **state)
{
    struct books_scene *t = *state;

    five_entries(t);
    books_sql(t, "DROP TRIGGER ledger_kept;"
                 "UPDATE ledger SET entry = 100 WHERE entry = 2;"
                 "UPDATE ledger SET entry = 2 WHERE entry = 3;"
                 "UPDATE ledger SET entry = 3 WHERE entry = 100");
    assert_broken_at(t, 2);
}

static void test_ledger_without_its_tail_shows_by_its_end(void **state)
{
    struct books_scene *t = *state;
    struct ledger_end whole, cut;

    five_entries(t);
    assert_int_equal(broken_at(t, &t->key, &whole), 0);
    books_sql(t, "DROP TRIGGER ledger_not_deleted; DELETE FROM ledger WHERE entry > 3");
    assert_int_equal(broken_at(t, &t->key, &cut), 0);
    assert_int_equal(cut.entry, 3);
    assert_memory_not_equal(&cut.hash, &whole.hash, sizeof cut.hash);
}

static void test_ledger_verify_tells_the_first_of_several(void **state)
{
    struct books_scene *t = *state;

    five_entries(t);
    books_sql(t, "DROP TRIGGER ledger_kept; UPDATE ledger SET tick = 1 WHERE entry IN (2, 4)");
    assert_broken_at(t, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_ledger_of_nothing_begins_with_zeros),
        books_test(test_ledger_append_numbers_and_names_the_line),
        books_test(test_ledger_hash_is_of_all_that_an_entry_says),
        books_test(test_ledger_append_that_fails_leaves_the_end),
        books_test(test_ledger_that_nobody_touched_is_whole),
        books_test(test_ledger_open_goes_on_where_it_ended),
        books_test(test_ledger_open_with_another_key_is_refused),
        books_test(test_ledger_with_another_key_is_broken_from_the_first_on),
        books_test(test_ledger_shows_each_field_that_is_changed),
        books_test(test_ledger_shows_a_line_that_was_renamed),
        books_test(test_ledger_shows_an_entry_that_is_gone),
        books_test(test_ledger_shows_entries_that_changed_places),
        books_test(test_ledger_without_its_tail_shows_by_its_end),
        books_test(test_ledger_verify_tells_the_first_of_several),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
