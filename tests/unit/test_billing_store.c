/*
 * billing.db: what goes in comes back, what was said stays, and the limits of the schema.
 */
#include "books_scene.h"

static const struct price EUROS = {1, {"EUR", 2}, UNIT_GIBH};

/* ---- a transaction ---- */

static void test_billing_store_what_is_not_committed_has_not_happened(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct billing_store *b = books_say(t, "nothing", &change);
    struct error err;

    assert_ok(billing_add_account(b, "acme", "Acme", 0, change, &err));
    billing_close(b);
    b = books_say(t, "again", &change);
    assert_int_equal(change, 1);
    assert_ok(billing_add_account(b, "acme", "Acme", 0, change, &err));
    books_said(b);
    b = books_say(t, "once more", &change);
    assert_int_equal(change, 2);
    assert_fails(billing_add_account(b, "acme", "Acme", 0, change, &err), ERR_STORE, "an account");
    billing_close(b);
}

static void test_billing_store_is_not_written_behind_a_commit(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct billing_store *b = books_say(t, "first", &change);
    struct error err;
    struct charged charged = {.tick = 5, .host = uuid_of(0x11), .store = uuid_of(0x22)}, read;

    assert_ok(billing_commit(b, &err));
    assert_fails(billing_change(b, 0, "x", "x", &change, &err), ERR_STORE, "write a change");
    assert_fails(billing_add_account(b, "acme", "Acme", 0, 1, &err), ERR_STORE, "an account");
    assert_fails(billing_set_charged(b, &charged, &err), ERR_STORE, "how far");
    assert_ok(billing_charged(b, &charged.store, &read, &err));
    assert_false(read.is_known);
    billing_close(b);
}

static void test_billing_store_reader_sees_what_was_there(void **state)
{
    struct books_scene *t = *state;
    int64_t change, entry;
    struct billing_store *writer = books_say(t, "write", &change), *reader;
    struct chain_hash hash;
    struct error err;
    int32_t month;

    assert_ok(billing_seal(writer, NOVEMBER, 0, 0, change, "", &err));
    reader = books_open_store(t, STORE_READ);
    assert_ok(billing_last_sealed(reader, &month, &err));
    assert_int_equal(month, -1);
    books_said(writer);
    assert_ok(billing_last_sealed(reader, &month, &err)); /* as of one moment */
    assert_int_equal(month, -1);
    assert_ok(billing_head(reader, &entry, &hash, &err));
    billing_close(reader);
    reader = books_open_store(t, STORE_READ);
    assert_ok(billing_last_sealed(reader, &month, &err));
    assert_int_equal(month, NOVEMBER);
    billing_close(reader);
}

static void test_billing_store_that_is_not_there_is_told(void **state)
{
    struct books_scene *t = *state;
    struct billing_store *b = NULL;
    char path[SCRATCH_PATH_MAX];
    struct error err;

    (void)snprintf(path, sizeof path, "%s/none", t->dir);
    assert_fails(billing_open(&b, path, STORE_READ, &err), ERR_SYSTEM, "pagemeter account");
    assert_null(b);
    billing_close(NULL);
}

static int64_t sql_int(struct books_scene *t, const char *sql)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    (void)snprintf(path, sizeof path, "%s/billing.db", t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);

    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return value;
}

/* ---- limits of the schema, on both sides ---- */

static void assert_sql(struct books_scene *t, const char *sql, bool is_allowed)
{
    char path[SCRATCH_PATH_MAX], text[1024];
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/billing.db", t->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)snprintf(text, sizeof text, "PRAGMA foreign_keys = ON; BEGIN; %s", sql);
    int code = sqlite3_exec(db, text, NULL, NULL, NULL);

    if ((code == SQLITE_OK) != is_allowed)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (!is_allowed)
        assert_int_equal(code, SQLITE_CONSTRAINT);
    (void)sqlite3_close(db); /* rolled back */
}

static void allowed(struct books_scene *t, const char *sql)
{
    assert_sql(t, sql, true);
}

static void refused(struct books_scene *t, const char *sql)
{
    assert_sql(t, sql, false);
}

#define VM1 "'01010101-0101-0101-0101-010101010101'"
#define NUMERATORS "0, 0, 0, 0, 0, 0, 0"

/* One change, acme, line 1 of VM 1 in November, entry 1. */
static void something(struct books_scene *t)
{
    books_sql(t, "INSERT INTO change_log VALUES (1, 0, 'tests', 'all');"
                 "INSERT INTO account VALUES ('acme', 'Acme', 0, 1);"
                 "INSERT INTO vm_owner VALUES (" VM1 ", 0, 1, 'acme');"
                 "INSERT INTO vm_name VALUES (" VM1 ", 1, 'web');"
                 "INSERT INTO tariff VALUES ('', 0, 1, 1, 'EUR', 'GiBh');"
                 "INSERT INTO line VALUES (1, 'acme', " VM1 ", 'EUR', 'GiBh', 682, " NUMERATORS ");"
                 "INSERT INTO adjustment VALUES (1, 1, 5, 1, -7, 999999999, 'late', 0);"
                 "INSERT INTO rated VALUES (1, 5, 1, 7, 0, 1, 2, 3);"
                 "INSERT INTO ledger VALUES (1, 0, 'posting', 1, 5, 0, 0, 0, '', 1,"
                 " '0000000000000000000000000000000000000000000000000000000000000001')");
}

static void test_billing_store_limits_of_accounts(void **state)
{
    struct books_scene *t = *state;

    something(t);
    allowed(t, "INSERT INTO account VALUES ('west', 'x', -12, 1)");
    refused(t, "INSERT INTO account VALUES ('west', 'x', -13, 1)");
    allowed(t, "INSERT INTO account VALUES ('east', 'x', 14, 1)");
    refused(t, "INSERT INTO account VALUES ('east', 'x', 15, 1)");
    refused(t, "INSERT INTO account VALUES ('', 'x', 0, 1)");
    allowed(t, "INSERT INTO account VALUES (printf('%064d', 0), 'x', 0, 1)");
    refused(t, "INSERT INTO account VALUES (printf('%065d', 0), 'x', 0, 1)");
    refused(t, "INSERT INTO account VALUES ('acme', 'again', 0, 1)");
    refused(t, "INSERT INTO account VALUES ('bolt', 'x', 0, 2)"); /* there is no such change */
    refused(t, "INSERT INTO vm_owner VALUES (" VM1 ", 1, 1, 'nobody')");
    refused(t, "INSERT INTO vm_owner VALUES (" VM1 ", -1, 1, 'acme')");
    refused(t, "INSERT INTO vm_owner VALUES ('short', 1, 1, 'acme')");
}

static void test_billing_store_limits_of_tariffs(void **state)
{
    struct books_scene *t = *state;

    something(t);
    allowed(t, "INSERT INTO tariff VALUES ('', 1, 1, 0, 'EUR', 'GiBh')");
    refused(t, "INSERT INTO tariff VALUES ('', 1, 1, -1, 'EUR', 'GiBh')");
    allowed(t, "INSERT INTO tariff VALUES ('', 1, 1, 100000000000, 'EUR', 'GBh')");
    refused(t, "INSERT INTO tariff VALUES ('', 1, 1, 100000000001, 'EUR', 'GBh')");
    refused(t, "INSERT INTO tariff VALUES ('', 1, 1, 1, 'EURO', 'GBh')");
    refused(t, "INSERT INTO tariff VALUES ('', 1, 1, 1, 'EUR', 'GB')");
    refused(t, "INSERT INTO tariff VALUES ('', -1, 1, 1, 'EUR', 'GBh')");
}

static void test_billing_store_limits_of_lines(void **state)
{
    struct books_scene *t = *state;

    something(t);
    allowed(t, "INSERT INTO line VALUES (2, 'acme', '', 'EUR', 'GiBh', 682, " NUMERATORS ")");
    refused(t, "INSERT INTO line VALUES (2, 'acme', " VM1 ", 'EUR', 'GiBh', 682, " NUMERATORS ")");
    refused(t, "INSERT INTO line VALUES (2, 'acme', 'x', 'EUR', 'GiBh', 682, " NUMERATORS ")");
    refused(t, "INSERT INTO line VALUES (2, 'none', '', 'EUR', 'GiBh', 682, " NUMERATORS ")");
    allowed(t, "UPDATE line SET n_high = -1, n_middle = 999999999999, n_low = 999999999999");
    refused(t, "UPDATE line SET n_middle = 1000000000000");
    refused(t, "UPDATE line SET n_low = 1000000000000");
    refused(t, "UPDATE line SET n_low = -1");
    refused(t, "UPDATE line SET carry_in_middle = -1");
    refused(t, "UPDATE line SET carry_in_low = 1000000000000");
    refused(t, "UPDATE line SET account = 'acme', month = 683"); /* a line's name stays */
    refused(t, "DELETE FROM line");
}

static void test_billing_store_limits_of_usage(void **state)
{
    struct books_scene *t = *state;

    something(t);
    refused(t, "INSERT INTO rated VALUES (1, 6, 1, -1, 0, 0, 0, 0)");
    allowed(t, "INSERT INTO rated VALUES (1, 6, 1, 0, 999999999, 0, 0, 0)");
    refused(t, "INSERT INTO rated VALUES (1, 6, 1, 0, 1000000000, 0, 0, 0)");
    refused(t, "INSERT INTO rated VALUES (1, 6, 1, 0, 0, -1, 0, 0)");
    refused(t, "INSERT INTO rated VALUES (2, 6, 1, 0, 0, 0, 0, 0)");
    allowed(t, "INSERT INTO adjustment VALUES (2, 1, 5, 1, -7, 0, 'owner', 0)");
    refused(t, "INSERT INTO adjustment VALUES (2, 1, 5, 1, 7, -1, 'owner', 0)");
    refused(t, "INSERT INTO adjustment VALUES (2, 1, 5, 1, 7, 0, 'whim', 0)");
}

static void test_billing_store_limits_of_entries(void **state)
{
    struct books_scene *t = *state;
    static const char hash[] = "'0000000000000000000000000000000000000000000000000000000000000002'";
    static const struct {
        const char *values;
        bool is_allowed;
    } entries[] = {
        {"2, 0, 'posting', 1, 5, 0, 0, 0, '', 1", true},
        {"2, 0, 'posting', 1, -5, 0, 0, 0, '', 1", true},
        {"2, 0, 'posting', 1, 0, 0, 0, 0, '', 1", false},
        {"2, 0, 'transfer', 1, 0, -1, 999999999999, 0, '', 1", true},
        {"2, 0, 'transfer', 1, 0, 0, 1000000000000, 0, '', 1", false},
        {"2, 0, 'transfer', 1, 1, 0, 0, 1, '', 1", false},
        {"2, 0, 'gift', 1, 0, 0, 0, 0, '', 1", false},
        {"3, 0, 'posting', 1, 5, 0, 0, 0, '', 1", false}, /* entry 2 comes first */
        {"1, 0, 'posting', 1, 5, 0, 0, 0, '', 1", false},
        {"2, 0, 'posting', 9, 5, 0, 0, 0, '', 1", false},
    };
    char sql[256];

    something(t);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO ledger VALUES (%s, %s)", entries[i].values,
                       hash);
        assert_sql(t, sql, entries[i].is_allowed);
    }
    refused(t, "INSERT INTO ledger VALUES (2, 0, 'posting', 1, 5, 0, 0, 0, '', 1, 'short')");
}

static void test_billing_store_what_was_said_stays(void **state)
{
    struct books_scene *t = *state;
    static const char *const kept[] = {"change_log SET who = 'me'",   "account SET name = 'x'",
                                       "vm_owner SET from_hour = 1",  "vm_name SET name = 'x'",
                                       "tariff SET nano_pennies = 2", "adjustment SET kib_s = 0",
                                       "rated SET nano_pennies = 2",  "ledger SET pennies = 6"};
    static const char *const tables[] = {"change_log", "account", "vm_owner",
                                         "vm_name",    "tariff",  "line",
                                         "adjustment", "rated",   "ledger"};
    char sql[128];

    something(t);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE %s", kept[i]);
        refused(t, sql);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        (void)snprintf(sql, sizeof sql, "DELETE FROM %s", tables[i]);
        refused(t, sql);
    }
}

static void test_billing_store_sealed_month_stays(void **state)
{
    struct books_scene *t = *state;
    static const char *const touched[] = {
        "UPDATE line SET posted = 6",
        "UPDATE line SET n_low = 1",
        "UPDATE line SET carry_in_low = 1",
        "INSERT INTO line VALUES (2, 'acme', '', 'EUR', 'GiBh', 682, " NUMERATORS ")",
        "INSERT INTO adjustment VALUES (2, 1, 5, 1, 7, 0, 'late', 0)",
        "INSERT INTO rated VALUES (1, 6, 1, 0, 0, 0, 0, 0)",
        "UPDATE rated SET kib_s = 8",
        "INSERT INTO ledger VALUES (2, 0, 'posting', 1, 5, 0, 0, 0, '', 1,"
        " '0000000000000000000000000000000000000000000000000000000000000002')",
    };

    something(t);
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++)
        allowed(t, touched[i]);
    books_sql(t, "INSERT INTO period VALUES (682, 0, 1, 1, '')");
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++)
        refused(t, touched[i]);
    refused(t, "UPDATE period SET entry = 2");
    refused(t, "DELETE FROM period");
    refused(t, "INSERT INTO period VALUES (682, 0, 1, 1, '')");
    allowed(t, "INSERT INTO line VALUES (2, 'acme', '', 'EUR', 'GiBh', 683, " NUMERATORS ")");
}

/* ---- lines ---- */

struct lines {
    struct billing_line list[8];
    size_t count;
};

static bool take_line(void *self, const struct billing_line *line, struct error *err)
{
    struct lines *lines = self;

    (void)err;
    assert_true(lines->count < 8);
    lines->list[lines->count++] = *line;
    return true;
}

static struct lines lines_of(struct billing_store *b, int32_t month)
{
    struct lines lines = {.count = 0};
    struct billing_line_sink sink = {take_line, &lines};
    struct error err;

    assert_ok(billing_read_lines(b, month, &sink, &err));
    return lines;
}

static struct billing_line a_line(unsigned vm, int32_t month)
{
    return (struct billing_line){.account = "acme",
                                 .is_pool = vm == 0,
                                 .vm = uuid_of(vm),
                                 .currency = EUROS.currency,
                                 .unit = UNIT_GIBH,
                                 .month = month};
}

static void test_billing_store_line_comes_back_as_it_was(void **state)
{
    struct books_scene *t = *state;
    numerator most = (numerator)(~(unsigned __int128)0 >> 1);
    numerator values[] = {0, 1, -1, most, -most - 1, (numerator)1 << 64, -((numerator)1 << 64)};
    int64_t pennies[] = {0, 1, -1, INT64_MAX, INT64_MIN, 5, 6};
    struct billing_line line = a_line(1, NOVEMBER);
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    line.unit = UNIT_GBH;
    for (int i = 0; i < 7; i++) {
        line.sums = (struct charge_line_sums){values[i], values[6 - i], 0, pennies[i]};
        assert_ok(billing_put_line(b, &line, &err));
        assert_int_equal(line.line, 1); /* numbered once */
        struct lines is = lines_of(b, -1);

        assert_int_equal(is.count, 1);
        assert_int_equal(is.list[0].line, 1);
        assert_string_equal(is.list[0].account, "acme");
        assert_false(is.list[0].is_pool);
        assert_uuid_equal(&is.list[0].vm, &line.vm);
        assert_string_equal(is.list[0].currency.code, "EUR");
        assert_int_equal(is.list[0].unit, UNIT_GBH);
        assert_int_equal(is.list[0].month, NOVEMBER);
        assert_true(is.list[0].sums.carry_in == values[i] && is.list[0].sums.n == values[6 - i]);
        assert_true(is.list[0].sums.posted == pennies[i] && is.list[0].sums.transfers == 0);
    }
    billing_close(b);
}

static void test_billing_store_lines_of_open_months_or_of_one(void **state)
{
    struct books_scene *t = *state;
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    for (int32_t month = NOVEMBER; month <= NOVEMBER + 2; month++)
        for (unsigned vm = 2; vm-- > 0;) {
            struct billing_line line = a_line(vm, month);

            assert_ok(billing_put_line(b, &line, &err));
        }
    assert_int_equal(lines_of(b, -1).count, 6);
    assert_ok(billing_seal(b, NOVEMBER, 0, 0, change, "", &err));
    struct lines open = lines_of(b, -1), sealed = lines_of(b, NOVEMBER);

    assert_int_equal(open.count, 4);
    assert_int_equal(open.list[0].month, DECEMBER);
    assert_true(open.list[0].is_pool); /* in order: the pool is first */
    assert_false(open.list[1].is_pool);
    assert_int_equal(open.list[3].month, DECEMBER + 1);
    assert_int_equal(sealed.count, 2);
    assert_int_equal(sealed.list[0].month, NOVEMBER);
    assert_int_equal(lines_of(b, NOVEMBER - 1).count, 0);
    billing_close(b);
}

static void test_billing_store_transfers_are_the_ledger_s(void **state)
{
    struct books_scene *t = *state;
    struct billing_line line = a_line(1, NOVEMBER);
    numerator amounts[] = {-((numerator)1 << 110), -1, (numerator)1 << 100, 999999999999};
    struct ledger_entry entry = {.kind = ENTRY_TRANSFER};
    numerator sum = 0;
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    assert_ok(billing_put_line(b, &line, &err));
    entry.line = line.line;
    for (int i = 0; i < 4; i++) {
        entry.entry = i + 1;
        entry.transfer = amounts[i];
        entry.hash.bytes[0] = (uint8_t)i;
        assert_ok(billing_append(b, &entry, &err));
        sum += amounts[i];
        assert_true(lines_of(b, NOVEMBER).list[0].sums.transfers == sum);
    }
    billing_close(b);
}

/* ---- how far ---- */

static void test_billing_store_charged_comes_back(void **state)
{
    struct books_scene *t = *state;
    struct uuid store = uuid_of(0x22), other = uuid_of(0x23);
    struct charged is, was = {.tick = 77,
                              .host = uuid_of(0x11),
                              .store = uuid_of(0x22),
                              .unassigned = ((usage_kib_ns)INT64_MAX * 1000000000) + 999999999,
                              .unpriced = 1};
    struct billing_store *b = books_open_store(t, STORE_WRITE);
    struct error err;

    assert_ok(billing_charged(b, &store, &is, &err));
    assert_false(is.is_known || is.is_stale);
    assert_ok(billing_set_charged(b, &was, &err));
    assert_ok(billing_charged(b, &store, &is, &err));
    assert_true(is.is_known);
    assert_false(is.is_stale);
    assert_int_equal(is.tick, 77);
    assert_uuid_equal(&is.store, &was.store);
    assert_uuid_equal(&is.host, &was.host);
    assert_usage_equal(is.unassigned, was.unassigned);
    assert_usage_equal(is.unpriced, 1);
    assert_ok(billing_charged(b, &other, &is, &err));
    assert_false(is.is_known);
    was.unassigned++;
    assert_fails(billing_set_charged(b, &was, &err), ERR_RANGE, "does not fit");
    billing_close(b);
}

static void test_billing_store_stale_is_the_earliest_hour(void **state)
{
    struct books_scene *t = *state;
    struct uuid store = uuid_of(0x22);
    struct charged is;
    int64_t hours[][2] = {{50, 50}, {60, 50}, {40, 40}, {0, 0}, {1, 0}};
    struct billing_store *b = books_open_store(t, STORE_WRITE);
    struct error err;

    assert_ok(billing_mark_stale(b, 5, &err)); /* nothing was charged: nothing is stale */
    assert_ok(billing_charged(b, &store, &is, &err));
    assert_false(is.is_stale);
    is.host = uuid_of(0x11);
    assert_ok(billing_set_charged(b, &is, &err));
    for (int i = 0; i < 5; i++) {
        assert_ok(billing_mark_stale(b, hours[i][0], &err));
        assert_ok(billing_charged(b, &store, &is, &err));
        assert_true(is.is_stale);
        assert_int_equal(is.stale_from, hours[i][1]);
    }
    assert_ok(billing_set_charged(b, &is, &err));
    assert_ok(billing_charged(b, &store, &is, &err));
    assert_false(is.is_stale);
    billing_close(b);
}

/* ---- adjustments and what was billed ---- */

struct sums {
    struct adjustment list[8];
    size_t count;
};

static bool take_sum(void *self, const struct adjustment *sum, struct error *err)
{
    struct sums *sums = self;

    (void)err;
    assert_true(sums->count < 8);
    sums->list[sums->count++] = *sum;
    return true;
}

static struct sums adjustments_of(struct billing_store *b)
{
    struct sums sums = {.count = 0};
    struct adjustment_sink sink = {take_sum, &sums};
    struct error err;

    assert_ok(billing_read_adjustments(b, &sink, &err));
    return sums;
}

static void adjust(struct billing_store *b, int64_t line, int64_t hour, int64_t nano_pennies,
                   numerator usage)
{
    struct adjustment a = {line, hour, nano_pennies, usage, CAUSE_OWNER, 9};
    struct error err;

    assert_ok(billing_add_adjustment(b, &a, &err));
}

static void test_billing_store_adjustments_add_up_by_line_and_price(void **state)
{
    struct books_scene *t = *state;
    struct billing_line first = a_line(1, NOVEMBER), second = a_line(2, DECEMBER);
    numerator most = (numerator)INT64_MAX * 1000000000 + 999999999;
    numerator least = (numerator)INT64_MIN * 1000000000;
    struct adjustment too_much = {.line = 1, .nano_pennies = 1};
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    assert_ok(billing_put_line(b, &first, &err));
    assert_ok(billing_put_line(b, &second, &err));
    adjust(b, first.line, 1, 1, -1);
    adjust(b, second.line, 1, 7, 5000000000);
    adjust(b, second.line, 2, 7, -5000000001);
    adjust(b, second.line, 2, 8, least);
    adjust(b, second.line, 2, 9, most);
    struct sums is = adjustments_of(b);

    assert_int_equal(is.count, 4);
    assert_true(is.list[0].line == first.line && is.list[0].usage_kib_ns == -1);
    assert_true(is.list[1].line == second.line && is.list[1].nano_pennies == 7);
    assert_true(is.list[1].usage_kib_ns == -1);
    assert_true(is.list[2].nano_pennies == 8 && is.list[2].usage_kib_ns == least);
    assert_true(is.list[3].nano_pennies == 9 && is.list[3].usage_kib_ns == most);
    too_much.usage_kib_ns = most + 1;
    assert_fails(billing_add_adjustment(b, &too_much, &err), ERR_RANGE, "does not fit");
    too_much.usage_kib_ns = least - 1;
    assert_fails(billing_add_adjustment(b, &too_much, &err), ERR_RANGE, "does not fit");
    assert_ok(billing_seal(b, NOVEMBER, 0, 0, change, "", &err));
    assert_int_equal(adjustments_of(b).count, 3); /* of open months only */
    billing_close(b);
}

struct all_billed {
    struct billed list[8];
    size_t count;
};

static bool take_billed(void *self, const struct billed *billed, struct error *err)
{
    struct all_billed *all = self;

    (void)err;
    assert_true(all->count < 8);
    all->list[all->count++] = *billed;
    return true;
}

static struct all_billed billed_from(struct billing_store *b, int64_t hour)
{
    struct all_billed all = {.count = 0};
    struct billed_sink sink = {take_billed, &all};
    struct error err;

    assert_ok(billing_read_billed(b, hour, &sink, &err));
    return all;
}

static void rate(struct billing_store *b, int64_t line, int64_t hour, int64_t nano_pennies,
                 usage_kib_ns usage)
{
    struct rated r = {
        line,
        hour,
        nano_pennies,
        {.hour = hour, .kib_ns = usage, .measured_ns = 3, .missing_ns = 4, .excluded_ns = 5}};
    struct error err;

    assert_ok(billing_add_rated(b, &r, &err));
}

static void test_billing_store_billed_is_rated_and_adjusted(void **state)
{
    struct books_scene *t = *state;
    struct billing_line first = a_line(1, NOVEMBER), second = a_line(1, DECEMBER);
    int64_t change;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    assert_ok(billing_put_line(b, &first, &err));
    assert_ok(billing_put_line(b, &second, &err));
    rate(b, first.line, 9, 7, 1);
    rate(b, first.line, 10, 7, 1999999999);
    rate(b, first.line, 10, 7, 1); /* another life of the hour */
    adjust(b, second.line, 10, 7, -500);
    adjust(b, second.line, 10, 8, 3);
    adjust(b, second.line, 11, 8, 4);
    struct all_billed is = billed_from(b, 10);

    assert_int_equal(is.count, 3);
    assert_true(is.list[0].hour == 10 && is.list[0].price.nano_pennies == 7);
    assert_true(is.list[0].usage_kib_ns == 2000000000 - 500);
    assert_uuid_equal(&is.list[0].vm, &first.vm);
    assert_string_equal(is.list[0].account, "acme");
    assert_string_equal(is.list[0].price.currency.code, "EUR");
    assert_true(is.list[1].hour == 10 && is.list[1].price.nano_pennies == 8);
    assert_true(is.list[1].usage_kib_ns == 3);
    assert_true(is.list[2].hour == 11 && is.list[2].usage_kib_ns == 4);
    assert_int_equal(billed_from(b, 9).count, 4);
    assert_int_equal(billed_from(b, 12).count, 0);
    books_said(b);
    assert_int_equal(
        sql_int(t, "SELECT measured_ns * 10000 + missing_ns * 100 + excluded_ns FROM rated"
                   " WHERE hour = 10"),
        60810);
}

/* ---- the ledger ---- */

static void test_billing_store_head_is_the_last_entry(void **state)
{
    struct books_scene *t = *state;
    struct billing_line line = a_line(1, NOVEMBER);
    struct ledger_entry entry = {.kind = ENTRY_POSTING, .pennies = 5};
    struct chain_hash hash, zeros = {{0}};
    int64_t change, last = 9;
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    assert_ok(billing_head(b, &last, &hash, &err));
    assert_int_equal(last, 0);
    assert_memory_equal(&hash, &zeros, sizeof hash);
    assert_ok(billing_put_line(b, &line, &err));
    entry.line = line.line;
    for (int i = 1; i <= 12; i++) {
        entry.entry = i;
        entry.hash.bytes[5] = (uint8_t)i;
        assert_ok(billing_append(b, &entry, &err));
        assert_ok(billing_head(b, &last, &hash, &err));
        assert_int_equal(last, i);
        assert_memory_equal(&hash, &entry.hash, sizeof hash);
    }
    billing_close(b);
}

static bool stop_at_second(void *self, const struct ledger_entry *entry,
                           const struct billing_line *line, struct error *err)
{
    (void)line;
    *(int64_t *)self = entry->entry;
    return entry->entry < 2 || error_set(err, ERR_RETRY, "enough");
}

static void test_billing_store_a_reader_may_stop(void **state)
{
    struct books_scene *t = *state;
    struct billing_line line = a_line(1, NOVEMBER);
    struct ledger_entry entry = {.kind = ENTRY_POSTING, .pennies = 5};
    int64_t change, seen = 0;
    struct ledger_sink sink = {stop_at_second, &seen};
    struct error err;

    books_account(t, "acme", "Acme", 0);
    struct billing_store *b = books_say(t, "line", &change);

    assert_ok(billing_put_line(b, &line, &err));
    entry.line = line.line;
    for (int i = 1; i <= 3; i++) {
        entry.entry = i;
        entry.hash.bytes[5] = (uint8_t)i;
        assert_ok(billing_append(b, &entry, &err));
    }
    assert_fails(billing_read_ledger(b, 1, &sink, &err), ERR_RETRY, "enough");
    assert_int_equal(seen, 2);
    assert_ok(billing_read_ledger(b, 4, &sink, &err));
    billing_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_billing_store_what_is_not_committed_has_not_happened),
        books_test(test_billing_store_is_not_written_behind_a_commit),
        books_test(test_billing_store_reader_sees_what_was_there),
        books_test(test_billing_store_that_is_not_there_is_told),
        books_test(test_billing_store_limits_of_accounts),
        books_test(test_billing_store_limits_of_tariffs),
        books_test(test_billing_store_limits_of_lines),
        books_test(test_billing_store_limits_of_usage),
        books_test(test_billing_store_limits_of_entries),
        books_test(test_billing_store_what_was_said_stays),
        books_test(test_billing_store_sealed_month_stays),
        books_test(test_billing_store_line_comes_back_as_it_was),
        books_test(test_billing_store_lines_of_open_months_or_of_one),
        books_test(test_billing_store_transfers_are_the_ledger_s),
        books_test(test_billing_store_charged_comes_back),
        books_test(test_billing_store_stale_is_the_earliest_hour),
        books_test(test_billing_store_adjustments_add_up_by_line_and_price),
        books_test(test_billing_store_billed_is_rated_and_adjusted),
        books_test(test_billing_store_head_is_the_last_entry),
        books_test(test_billing_store_a_reader_may_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
