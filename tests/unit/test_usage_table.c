/*
 * Usage added up by the keys that a reader wants.
 */
#include "store_scene.h"

#include "cli/usage_table.h"

#define SUM_MAX (~(usage_kib_ns)0)

static void assert_keys(const char *text, bool vm, bool account, bool host, bool life, bool hour)
{
    bool has[KEY_COUNT];
    struct error err;

    assert_ok(usage_parse_keys(text, has, &err));
    assert_int_equal(has[KEY_VM], vm);
    assert_int_equal(has[KEY_ACCOUNT], account);
    assert_int_equal(has[KEY_HOST], host);
    assert_int_equal(has[KEY_LIFE], life);
    assert_int_equal(has[KEY_HOUR], hour);
}

static struct usage_table read_owned(struct store_scene *t, const char *keys, bool with_unbilled,
                                     const struct book *book)
{
    struct usage_query query = {.from_hour = 0, .to_hour = INT64_C(5000000)};
    struct usage_table table = {.with_unbilled = with_unbilled, .book = book};
    struct error err;

    assert_ok(usage_parse_keys(keys, table.has, &err));
    assert_ok(usage_table_read(&table, t->store, &query, &err));
    return table;
}

static struct usage_table read_table(struct store_scene *t, const char *keys, bool with_unbilled)
{
    return read_owned(t, keys, with_unbilled, NULL);
}

/* VM 5 is of "beta", and from the second hour on of "acme"; nobody owns VM 9. */
static struct book *owners(struct store_scene *t)
{
    struct billing_store *b = NULL;
    struct uuid vm = uuid_of(5);
    struct book *book = NULL;
    struct error err;
    int64_t change;

    assert_ok(billing_open(&b, t->dir, STORE_WRITE, &err));
    assert_ok(billing_change(b, 1, "a test", "all of it", &change, &err));
    assert_ok(billing_add_account(b, "acme", "Acme", 0, change, &err));
    assert_ok(billing_add_account(b, "beta", "Beta", 0, change, &err));
    assert_ok(billing_add_owner(b, &vm, 0, "beta", change, &err));
    assert_ok(billing_add_owner(b, &vm, START_HOUR + 1, "acme", change, &err));
    assert_ok(book_read(&book, b, &err));
    billing_close(b);
    return book;
}

/* dom0, VM 9 over two hours, VM 5 with two lives. */
static void live(struct store_scene *t)
{
    scene_put(&t->s, running(0, 4096));
    scene_put(&t->s, running(9, 1000));
    scene_put(&t->s, running(5, 500));
    store_ticks(t, 3590, 3600, 1);
    scene_remove(&t->s, 5);
    store_tick(t, 3600);
    scene_put(&t->s, running(5, 500));
    store_ticks(t, 3601, 3611, 1);
}

static void assert_row(const struct usage_table *table, size_t row, enum usage_key key,
                       const char *expected)
{
    char text[KEY_TEXT_MAX];

    assert_string_equal(usage_row_key(&table->rows[row], key, text), expected);
}

static void test_keys_each_one_alone(void **state)
{
    (void)state;
    assert_keys("vm", true, false, false, false, false);
    assert_keys("account", false, true, false, false, false);
    assert_keys("host", false, false, true, false, false);
    assert_keys("life", false, false, false, true, false);
    assert_keys("hour", false, false, false, false, true);
}

static void test_keys_in_any_order_even_twice(void **state)
{
    (void)state;
    assert_keys("hour,vm", true, false, false, false, true);
    assert_keys("vm,vm", true, false, false, false, false);
    assert_keys("hour,life,host,account,vm", true, true, true, true, true);
}

static void test_keys_other_words_refused_and_result_untouched(void **state)
{
    static const char *const texts[] = {"",    ",",  "vm,",     ",vm", "vm,,hour",
                                        "vms", "VM", "vm hour", "v"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool has[KEY_COUNT] = {[KEY_HOST] = true};

        assert_fails(usage_parse_keys(texts[i], has, &err), ERR_USAGE, "is not a list of keys");
        assert_true(has[KEY_HOST]);
        assert_false(has[KEY_VM]);
    }
}

static void test_sum_of_times_beyond_64_bits_is_exact(void **state)
{
    struct usage_sum sum = {.measured_ns = (sum_ns)INT64_MAX,
                            .missing_ns = (sum_ns)INT64_MAX,
                            .excluded_ns = (sum_ns)INT64_MAX};
    const struct usage_sum more = sum;
    struct error err;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_ok(usage_sum_add(&sum, &more, &err));
    assert_usage_equal(sum.measured_ns, (sum_ns)INT64_MAX * 4);
    assert_usage_equal(sum.missing_ns, (sum_ns)INT64_MAX * 4);
    assert_usage_equal(sum.excluded_ns, (sum_ns)INT64_MAX * 4);
}

static void test_sum_beyond_128_bits_refused_and_untouched(void **state)
{
    const struct usage_sum one = {.kib_ns = 1, .measured_ns = 1};
    struct usage_sum sum = {.kib_ns = 5, .measured_ns = SUM_MAX};
    struct error err;

    (void)state;
    assert_fails(usage_sum_add(&sum, &one, &err), ERR_RANGE, "128 bits");
    assert_usage_equal(sum.kib_ns, 5);
    sum = (struct usage_sum){.kib_ns = SUM_MAX};
    assert_fails(usage_sum_add(&sum, &one, &err), ERR_RANGE, "128 bits");
    assert_usage_equal(sum.measured_ns, 0);
}

static void test_table_of_an_empty_store_has_no_rows(void **state)
{
    struct usage_table table = read_table(*state, "vm", true);

    assert_int_equal(table.count, 0);
    usage_table_clear(&table);
}

static void test_table_by_vm_adds_its_lives_and_leaves_dom0_out(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "vm", false);

    assert_int_equal(table.count, 2);
    assert_row(&table, 0, KEY_VM, "05050505-0505-0505-0505-050505050505");
    assert_row(&table, 1, KEY_VM, "09090909-0909-0909-0909-090909090909");
    /* VM 5: 10 samples each time, 8 rectangles the first time, 8 so far the second */
    assert_usage_equal(table.rows[0].sum.kib_ns, (usage_kib_ns)500 * 16 * 1000000000);
    assert_usage_equal(table.rows[0].sum.measured_ns, 16 * (sum_ns)NS_PER_S);
    assert_usage_equal(table.rows[0].sum.excluded_ns, 2 * (sum_ns)NS_PER_S);
    assert_usage_equal(table.rows[1].sum.kib_ns, (usage_kib_ns)1000 * 19 * 1000000000);
    usage_table_clear(&table);
}

static void test_table_with_unbilled_shows_dom0(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "vm", true);

    assert_int_equal(table.count, 3);
    assert_row(&table, 0, KEY_VM, "00000000-0000-0000-0000-000000000000");
    usage_table_clear(&table);
}

static void test_table_by_life_tells_lives_apart(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "life", false);

    assert_int_equal(table.count, 3);
    assert_row(&table, 0, KEY_LIFE, "33333333/5/3590");
    assert_row(&table, 1, KEY_LIFE, "33333333/5/3601");
    assert_row(&table, 2, KEY_LIFE, "33333333/9/3590");
    usage_table_clear(&table);
}

static void test_table_by_hour_is_sorted_by_hour(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "hour", false);

    assert_int_equal(table.count, 2);
    assert_int_equal(table.rows[0].sum.hour, START_HOUR);
    assert_int_equal(table.rows[1].sum.hour, START_HOUR + 1);
    usage_table_clear(&table);
}

static void test_table_by_vm_and_hour_sorts_by_vm_first(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "hour,vm", false);

    assert_int_equal(table.count, 4);
    assert_row(&table, 1, KEY_VM, "05050505-0505-0505-0505-050505050505");
    assert_int_equal(table.rows[1].sum.hour, START_HOUR + 1);
    assert_row(&table, 2, KEY_VM, "09090909-0909-0909-0909-090909090909");
    assert_int_equal(table.rows[2].sum.hour, START_HOUR);
    usage_table_clear(&table);
}

static void test_table_by_host_or_account_is_one_row(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct usage_table table = read_table(t, "host,account", false);

    assert_int_equal(table.count, 1);
    assert_row(&table, 0, KEY_HOST, "11111111-1111-1111-1111-111111111111");
    assert_row(&table, 0, KEY_ACCOUNT, "unassigned");
    usage_table_clear(&table);
}

static void test_table_by_account_goes_by_the_owner_of_each_hour(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct book *book = owners(t);
    struct usage_table table = read_owned(t, "account", false, book);

    assert_int_equal(table.count, 3);
    assert_row(&table, 0, KEY_ACCOUNT, "acme");
    assert_row(&table, 1, KEY_ACCOUNT, "beta");
    assert_row(&table, 2, KEY_ACCOUNT, "unassigned");
    /* VM 5: 8 rectangles in each of the hours, and an interval more that is not billed */
    assert_usage_equal(table.rows[0].sum.kib_ns, (usage_kib_ns)500 * 8 * 1000000000);
    assert_usage_equal(table.rows[1].sum.kib_ns, (usage_kib_ns)500 * 8 * 1000000000);
    assert_usage_equal(table.rows[2].sum.kib_ns, (usage_kib_ns)1000 * 19 * 1000000000);
    usage_table_clear(&table);
    book_free(book);
}

static void test_table_by_vm_and_account_has_a_row_for_each_owner(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct book *book = owners(t);
    struct usage_table table = read_owned(t, "vm,account", true, book);

    assert_int_equal(table.count, 4);
    assert_row(&table, 0, KEY_VM, "00000000-0000-0000-0000-000000000000");
    assert_row(&table, 0, KEY_ACCOUNT, "unassigned");
    assert_row(&table, 1, KEY_VM, "05050505-0505-0505-0505-050505050505");
    assert_row(&table, 1, KEY_ACCOUNT, "acme");
    assert_row(&table, 2, KEY_ACCOUNT, "beta");
    assert_row(&table, 3, KEY_ACCOUNT, "unassigned");
    usage_table_clear(&table);
    book_free(book);
}

static void test_table_not_by_account_is_the_same_with_owners(void **state)
{
    struct store_scene *t = *state;

    live(t);
    struct book *book = owners(t);
    struct usage_table table = read_owned(t, "vm", false, book);

    assert_int_equal(table.count, 2);
    assert_usage_equal(table.rows[0].sum.kib_ns, (usage_kib_ns)500 * 16 * 1000000000);
    usage_table_clear(&table);
    book_free(book);
}

static void test_table_every_grouping_adds_up_to_the_same(void **state)
{
    static const char *const groupings[] = {
        "vm", "hour", "life", "host", "account", "vm,hour", "vm,account,host,life,hour"};
    struct store_scene *t = *state;

    live(t);
    struct bill bill = bill_of(t->store);
    struct book *book = owners(t);

    for (size_t i = 0; i < 2 * sizeof groupings / sizeof *groupings; i++) {
        struct usage_table table = read_owned(t, groupings[i / 2], true, i % 2 == 0 ? NULL : book);
        struct usage_sum sum = {.hour = 0};
        struct error err;

        for (size_t row = 0; row < table.count; row++)
            assert_ok(usage_sum_add(&sum, &table.rows[row].sum, &err));
        assert_usage_equal(sum.kib_ns, bill.kib_ns);
        assert_usage_equal(sum.measured_ns, (sum_ns)bill.measured_ns);
        assert_usage_equal(sum.excluded_ns, (sum_ns)bill.excluded_ns);
        usage_table_clear(&table);
    }
    book_free(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_each_one_alone),
        cmocka_unit_test(test_keys_in_any_order_even_twice),
        cmocka_unit_test(test_keys_other_words_refused_and_result_untouched),
        cmocka_unit_test(test_sum_of_times_beyond_64_bits_is_exact),
        cmocka_unit_test(test_sum_beyond_128_bits_refused_and_untouched),
        store_test(test_table_of_an_empty_store_has_no_rows),
        store_test(test_table_by_vm_adds_its_lives_and_leaves_dom0_out),
        store_test(test_table_with_unbilled_shows_dom0),
        store_test(test_table_by_life_tells_lives_apart),
        store_test(test_table_by_hour_is_sorted_by_hour),
        store_test(test_table_by_vm_and_hour_sorts_by_vm_first),
        store_test(test_table_by_host_or_account_is_one_row),
        store_test(test_table_by_account_goes_by_the_owner_of_each_hour),
        store_test(test_table_by_vm_and_account_has_a_row_for_each_owner),
        store_test(test_table_not_by_account_is_the_same_with_owners),
        store_test(test_table_every_grouping_adds_up_to_the_same),
    };

    return cmocka_run_group_tests_name("usage_table", tests, NULL, NULL);
}
