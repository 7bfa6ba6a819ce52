/*
 * Statements as files: every figure by hand, names that want to be more than names, and files that
 * are the same again or not there at all.
 */
#include <dirent.h>
#include <locale.h>

#include "books_scene.h"

#include "billing/export.h"

/*
 * acme: VM 1, 1 GiB at 0.42 pennies a GiB*h, measured in 47 hours; VM 2, 3 GiB at 0.42 pennies, and
 * from the 2nd on 0.5, measured in 9 hours of the 1st and 2 of the 2nd. 19.74 and 14.34 pennies.
 */
static void set_scene(struct books_scene *t)
{
    books_account(t, "acme", "Acme, Inc.", 0);
    books_owner(t, 1, "acme", 0);
    books_owner(t, 2, "acme", 0);
    books_name(t, 1, "web");
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(0), H(48));
    books_vm(t, 2, 2, 3 * GIB, H(14), H(26));
    books_measure(t, H(0), H(50));
    books_charge(t, AT(50));
}

static void close_november(struct books_scene *t)
{
    books_measure(t, H(51), H(722));
    books_close_month(t, NOVEMBER, AT(722));
}

/* The caller frees it. */
static struct statement read_month(struct books_scene *t, int32_t month)
{
    struct billing_store *b = books_open_store(t, STORE_READ);
    struct statement_span span = {month, month_first_hour(month, 0),
                                  month_first_hour(month + 1, 0)};
    struct statement s;
    struct error err;

    assert_ok(statement_read(t->measured, b, &span, &s, &err));
    billing_close(b);
    return s;
}

static struct export_options options_of(const char *locale)
{
    struct export_options o = {.provider = "Hoster"};
    struct error err;

    assert_ok(export_find_locale(locale, &o.locale, &err));
    return o;
}

/* The caller frees it. */
static char *written(export_writer *write, const struct statement *s, const char *locale)
{
    struct export_options o = options_of(locale);
    struct export_counts counts;
    struct error err;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_ok(write(out, s, &o, &counts, &err));
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *written_now(struct books_scene *t, export_writer *write, const char *locale)
{
    struct statement s = read_month(t, NOVEMBER);
    char *text = written(write, &s, locale);

    statement_free(&s);
    return text;
}

/* ---- the accountant's files ---- */

#define HEADER                                                                                     \
    "period,status,invoice,account,account_name,vm,vm_name,from_utc,to_utc,running_h,gib_h,"       \
    "average_gib,"                                                                                 \
    "peak_gib,measured_percent,missing_h,excluded_h,quantity,unit,unit_price,currency,"            \
    "carry_in_pennies,usage_pennies,adjustments_pennies,transfers_pennies,amount_net_of_tax,"      \
    "carry_out_pennies,kib_ns\r\n"

static void test_export_accountant_of_an_open_month(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_tariff(t, "", "0.005", "EUR/GiBh", H(24));
    char *text = written_now(t, export_accountant, "plain");

    /* VM 1: 23 h at 0.42 and 24 h at 0.5; VM 2: 9 h and 2 h of 3 GiB. Charged before that was said
     */
    assert_string_equal(
        text,
        HEADER "2026-11,open,,acme,\"Acme, Inc.\",01010101-0101-0101-0101-010101010101,\"web\","
               "2026-11-01T01:00:00Z,2026-11-03T00:00:00Z,47.000000000,47.000000000,1.000000000,"
               "1.000000000,100.000,0.000000000,1.000000000,47.000000000,GiBh,0.0042 / 0.005,EUR,"
               "0.000000000,21.660000000,0.000000000,0.000000000,0.19,2.660000000,"
               "177419059200000000000\r\n"
               "2026-11,open,,acme,\"Acme, Inc.\",02020202-0202-0202-0202-020202020202,,"
               "2026-11-01T15:00:00Z,2026-11-02T02:00:00Z,11.000000000,33.000000000,3.000000000,"
               "3.000000000,100.000,0.000000000,1.000000000,33.000000000,GiBh,0.0042 / 0.005,EUR,"
               "0.000000000,14.340000000,0.000000000,0.000000000,0.13,1.340000000,"
               "124570828800000000000\r\n");
    free(text);
}

/* In German: semicolons, decimal commas, and a mark that says UTF-8. */
static void test_export_accountant_in_german_of_a_sealed_month(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);
    char *text = written_now(t, export_accountant, "de");
    char header[] = "\xef\xbb\xbf" HEADER;

    for (char *p = header; (p = strchr(p, ',')) != NULL;)
        *p = ';';
    assert_memory_equal(text, header, sizeof header - 1);
    assert_string_equal(
        text + sizeof header - 1,
        "2026-11;sealed;acme-2026-11-EUR;acme;\"Acme, "
        "Inc.\";pool;;;;0,000000000;0,000000000;;;;0,000000000;"
        "0,000000000;0,000000000;GiBh;;EUR;0,000000000;0,000000000;0,000000000;1,600000000;0,01;"
        "0,600000000;0\r\n"
        "2026-11;sealed;acme-2026-11-EUR;acme;\"Acme, "
        "Inc.\";01010101-0101-0101-0101-010101010101;\"web\";"
        "2026-11-01T01:00:00Z;2026-11-03T00:00:00Z;47,000000000;47,000000000;1,000000000;"
        "1,000000000;100,000;0,000000000;1,000000000;47,000000000;GiBh;0,0042;EUR;0,000000000;"
        "19,740000000;0,000000000;-0,740000000;0,19;0,000000000;177419059200000000000\r\n"
        "2026-11;sealed;acme-2026-11-EUR;acme;\"Acme, Inc.\";02020202-0202-0202-0202-020202020202;;"
        "2026-11-01T15:00:00Z;2026-11-02T02:00:00Z;11,000000000;33,000000000;3,000000000;"
        "3,000000000;100,000;0,000000000;1,000000000;33,000000000;GiBh;0,0042;EUR;0,000000000;"
        "13,860000000;0,000000000;-0,860000000;0,13;0,000000000;124570828800000000000\r\n");
    free(text);
}

static void test_export_totals_are_those_of_the_columns(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);
    struct statement s = read_month(t, NOVEMBER);
    char hash[CHAIN_TEXT_MAX], expected[4096],
        *text = written(export_accountant_totals, &s, "plain");

    (void)snprintf(expected, sizeof expected,
                   "total,account,currency,unit,value\r\n"
                   "period,,,,2026-11\r\n"
                   "from_utc,,,,2026-11-01T00:00:00Z\r\n"
                   "to_utc,,,,2026-12-01T00:00:00Z\r\n"
                   "status,,,,sealed\r\n"
                   "missing_hosts,,,,\r\n"
                   "tax,,,,amounts are net of tax\r\n"
                   "watermark,,,,\"sealed, change 6, entry 7\"\r\n"
                   "ledger_entry,,,,7\r\n"
                   "ledger_hash,,,,%s\r\n"
                   "rows,,,,3\r\n"
                   "running_h,,,,58.000000000\r\n"
                   "gib_h,,,,80.000000000\r\n"
                   "missing_h,,,,0.000000000\r\n"
                   "excluded_h,,,,2.000000000\r\n"
                   "kib_ns,,,,301989888000000000000\r\n"
                   "unassigned_gib_h,,,,0.000000000\r\n"
                   "unpriced_gib_h,,,,0.000000000\r\n"
                   "amount_net_of_tax,,EUR,,0.33\r\n"
                   "ledger_postings,,EUR,,3\r\n"
                   "ledger_amount,,EUR,,0.33\r\n"
                   "quantity,,EUR,GiBh,80.000000000\r\n"
                   "carry_in_pennies,,EUR,GiBh,0.000000000\r\n"
                   "usage_pennies,,EUR,GiBh,33.600000000\r\n"
                   "adjustments_pennies,,EUR,GiBh,0.000000000\r\n"
                   "transfers_pennies,,EUR,GiBh,0.000000000\r\n"
                   "carry_out_pennies,,EUR,GiBh,0.600000000\r\n"
                   "carry_in_exact,,EUR,GiBh,0\r\n"
                   "usage_exact,,EUR,GiBh,126835752960000000000000000000\r\n"
                   "adjustments_exact,,EUR,GiBh,0\r\n"
                   "transfers_exact,,EUR,GiBh,0\r\n"
                   "carry_out_exact,,EUR,GiBh,2264924160000000000000000000\r\n"
                   "rows,acme,,,3\r\n"
                   "running_h,acme,,,58.000000000\r\n"
                   "gib_h,acme,,,80.000000000\r\n"
                   "missing_h,acme,,,0.000000000\r\n"
                   "excluded_h,acme,,,2.000000000\r\n"
                   "kib_ns,acme,,,301989888000000000000\r\n"
                   "amount_net_of_tax,acme,EUR,,0.33\r\n"
                   "quantity,acme,EUR,GiBh,80.000000000\r\n"
                   "carry_in_pennies,acme,EUR,GiBh,0.000000000\r\n"
                   "usage_pennies,acme,EUR,GiBh,33.600000000\r\n"
                   "adjustments_pennies,acme,EUR,GiBh,0.000000000\r\n"
                   "transfers_pennies,acme,EUR,GiBh,0.000000000\r\n"
                   "carry_out_pennies,acme,EUR,GiBh,0.600000000\r\n",
                   chain_format(&s.hash, hash));
    assert_string_equal(text, expected);
    free(text);
    statement_free(&s);
}

static void test_export_totals_have_an_amount_for_each_currency_whatever_the_unit(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_account(t, "tokyo", "Tokyo", 9);
    books_owner(t, 3, "tokyo", 0);
    books_vm(t, 3, 3, 2 * GIB, H(60), H(90));
    books_tariff(t, "tokyo", "0.5", "JPY/GiBh", 0);
    books_tariff(t, "", "0.0042", "EUR/GBh", H(24));
    books_measure(t, H(51), H(100));
    books_charge(t, AT(100));
    char *text = written_now(t, export_accountant_totals, "plain");

    /* 29 h of 2 GiB are 29 yen; GBh lines are 24 and 6 GiB*h */
    assert_text_has(text, "amount_net_of_tax,,JPY,,29\r\n");
    assert_text_has(text, "ledger_amount,,JPY,,29\r\n");
    assert_text_has(text, "amount_net_of_tax,tokyo,JPY,,29\r\n");
    assert_text_has(text, "quantity,,EUR,GBh,32.212254720\r\n");
    assert_text_has(text, "quantity,,EUR,GiBh,50.000000000\r\n");
    assert_text_has(text, "quantity,tokyo,JPY,GiBh,58.000000000\r\n");
    char *amount = strstr(text, "amount_net_of_tax,,EUR");

    assert_non_null(amount);
    assert_null(strstr(amount + 1, "amount_net_of_tax,,EUR"));
    free(text);
}

/* A line that is there with nothing in it has no average, and no percent of nothing. */
static void test_export_accountant_leaves_out_what_there_is_not(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    close_november(t);
    struct statement s = read_month(t, DECEMBER);
    char *text = written(export_accountant, &s, "plain");

    assert_string_equal(text,
                        HEADER "2026-12,open,,acme,\"Acme, Inc.\",pool,,,,0.000000000,0.000000000,"
                               ",,,0.000000000,0.000000000,0.000000000,GiBh,,EUR,0.600000000,"
                               "0.000000000,0.000000000,0.000000000,0.00,0.600000000,0\r\n");
    free(text);
    statement_free(&s);
}

static void test_export_accountant_says_that_there_were_more_prices(void **state)
{
    struct books_scene *t = *state;
    char amount[] = "0.005";

    set_scene(t);
    for (int hour = 30; hour < 35; hour++, amount[4]++)
        books_tariff(t, "", amount, "EUR/GiBh", H(hour));
    char *text = written_now(t, export_accountant, "fr");

    assert_text_has(text, ";0,0042 / 0,005 / 0,006 / 0,007 / more;EUR;");
    free(text);
}

static void test_export_accountant_shows_what_was_not_measured(void **state)
{
    struct books_scene *t = *state;

    books_account(t, "acme", "Acme", 0);
    books_owner(t, 1, "acme", 0);
    books_tariff(t, "", "0.0042", "EUR/GiBh", 0);
    books_vm(t, 1, 1, GIB, H(0), H(48));
    books_measure(t, H(0), H(10));
    books_measure(t, H(13), H(20)); /* 3 of 19 hours missing */
    char *text = written_now(t, export_accountant, "plain");

    assert_text_has(text, ",19.000000000,16.000000000,1.000000000,1.000000000,84.210,3.000000000,"
                          "1.000000000,16.000000000,GiBh,");
    free(text);
}

/* ---- names ---- */

static void assert_name(struct books_scene *t, const char *name, const char *field)
{
    char *text, expected[1024];

    books_name(t, 1, name);
    text = written_now(t, export_accountant, "plain");
    (void)snprintf(expected, sizeof expected, ",01010101-0101-0101-0101-010101010101,%s,2026-11-",
                   field);
    assert_text_has(text, expected);
    free(text);
}

static void test_export_names_are_never_formulas(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    assert_name(t, "=cmd|'/c calc'!A0", "\"'=cmd|'/c calc'!A0\"");
    assert_name(t, "-1+1", "\"'-1+1\"");
    assert_name(t, "\"=1", "\"'\"\"=1\"");
    assert_name(t, "a;=1", "\"a;'=1\"");
    assert_name(t, "two\nlines, \"quoted\" 🦊", "\"two\nlines, \"\"quoted\"\" 🦊\"");
}

static void test_export_of_a_name_of_64_kib_is_whole(void **state)
{
    struct books_scene *t = *state;
    enum { LENGTH = 65536 };
    char *name = malloc(LENGTH + 1);

    set_scene(t);
    assert_non_null(name);
    memset(name, 'n', LENGTH);
    name[LENGTH] = '\0';
    books_name(t, 1, name);
    char *csv = written_now(t, export_accountant, "plain");
    char *json = written_now(t, export_json, "plain");

    assert_text_has(csv, name);
    assert_text_has(json, name);
    free(csv);
    free(json);
    free(name);
}

/* Nobody can type a NUL, but a database can hold one: the name ends there. */
static void test_export_of_a_name_with_nul_ends_there(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_sql(t, "INSERT INTO change_log VALUES (99, 0, 'x', 'x');"
                 "INSERT INTO vm_name VALUES ('01010101-0101-0101-0101-010101010101', 99,"
                 "                            'short' || char(0) || ',=1')");
    char *text = written_now(t, export_accountant, "plain");

    assert_text_has(text, ",\"short\",2026-11-");
    free(text);
}

static void test_export_json_has_names_as_they_are(void **state)
{
    struct books_scene *t = *state;

    set_scene(t);
    books_name(t, 1, "=1+1\t\"x\" \xff");
    char *text = written_now(t, export_json, "plain");

    assert_text_has(text, "\"vm_name\": \"=1+1\\u0009\\\"x\\\" \xef\xbf\xbd\"");
    free(text);
}

/* ---- whatever the process's locale ---- */

/* One with a decimal comma, made when none is installed; false: it can't be. */
static bool set_german(struct books_scene *t)
{
    char command[SCRATCH_PATH_MAX * 2];

    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL)
        return true;
    (void)snprintf(command, sizeof command,
                   "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null", t->dir);
    return system(command) == 0 && setenv("LOCPATH", t->dir, 1) == 0 &&
           setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void test_export_does_not_heed_the_locale_of_the_process(void **state)
{
    struct books_scene *t = *state;
    export_writer *const writers[] = {export_accountant, export_accountant_totals, export_focus,
                                      export_journal, export_json};
    char *texts[2][5], half[8];

    set_scene(t);
    for (size_t w = 0; w < 5; w++)
        texts[0][w] = written_now(t, writers[w], "plain");
    if (!set_german(t))
        print_message("no locale with a decimal comma can be made: the C one was tried only\n");
    else {
        (void)snprintf(half, sizeof half, "%.1f", 0.5);
        assert_string_equal(half, "0,5");
    }
    for (size_t w = 0; w < 5; w++)
        texts[1][w] = written_now(t, writers[w], "plain");
    (void)setlocale(LC_ALL, "C");
    for (size_t w = 0; w < 5; w++) {
        assert_string_equal(texts[0][w], texts[1][w]);
        free(texts[0][w]);
        free(texts[1][w]);
    }
}

static void test_export_locales(void **state)
{
    struct export_locale l;
    struct error err;

    (void)state;
    assert_ok(export_find_locale("plain", &l, &err));
    assert_true(l.separator == ',' && l.decimal == '.' && !l.has_bom);
    assert_ok(export_find_locale("en", &l, &err));
    assert_true(l.separator == ',' && l.decimal == '.' && l.has_bom);
    assert_ok(export_find_locale("uk", &l, &err));
    assert_true(l.separator == ';' && l.decimal == ',' && l.has_bom);
    assert_ok(export_find_locale("de-ch", &l, &err));
    assert_true(l.separator == ';' && l.decimal == '.' && l.has_bom);
    assert_fails(export_find_locale("", &l, &err), ERR_USAGE, "is no locale");
    assert_fails(export_find_locale("d", &l, &err), ERR_USAGE, "is no locale");
    assert_fails(export_find_locale("de fr", &l, &err), ERR_USAGE, "is no locale");
    assert_fails(export_find_locale("de-", &l, &err), ERR_USAGE, "is no locale");
    assert_fails(export_find_locale("DE", &l, &err), ERR_USAGE, "is no locale");
}

static void test_export_formats(void **state)
{
    static const char *const names[] = {"accountant", "focus", "journal", "json"};
    const struct export_format *format;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_ok(export_find(names[i], &format, &err));
        assert_string_equal(format->name, names[i]);
    }
    assert_fails(export_find("xls", &format, &err), ERR_USAGE,
                 "'xls' is no format: there are accountant, focus, journal, json");
    assert_fails(export_find("", &format, &err), ERR_USAGE, "is no format");
}

/* ---- runs ---- */

struct noted {
    char sha256[CHAIN_TEXT_MAX];
    bool fails;
};

static bool note(void *self, const char *manifest_sha256, struct error *err)
{
    struct noted *noted = self;

    memcpy(noted->sha256, manifest_sha256, sizeof noted->sha256);
    return !noted->fails || error_set(err, ERR_RETRY, "no place to note it");
}

static bool run(const struct statement *s, const char *format, const char *dir, struct noted *noted,
                struct error *err)
{
    struct export_options o = options_of("plain");
    struct export_job job = {NULL, &o, dir, note, noted};

    return export_find(format, &job.format, err) && export_run(&job, s, err);
}

/* Each file's name and what is in it, as one text; the caller frees it. */
static char *content_of(const char *dir)
{
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    char *text = NULL, path[SCRATCH_PATH_MAX * 2];
    size_t size;
    FILE *all = open_memstream(&text, &size);

    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        FILE *file = entries[i]->d_name[0] == '.' && strlen(entries[i]->d_name) < 3
                         ? NULL
                         : fopen(path, "r");

        if (file != NULL) {
            (void)fprintf(all, "== %s\n", entries[i]->d_name);
            for (int c; (c = getc(file)) != EOF;)
                (void)putc(c, all);
            (void)fclose(file);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    assert_int_equal(fclose(all), 0);
    return text;
}

static struct scratch_path out_of(struct books_scene *t)
{
    void *dir = t->dir;

    return scratch_path(&dir, "out");
}

static void test_export_run_writes_its_files_and_a_manifest_that_names_them(void **state)
{
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = false};
    struct error err;

    set_scene(t);
    struct statement s = read_month(t, NOVEMBER);

    assert_ok(run(&s, "accountant", out.text, &noted, &err));
    char *text = content_of(out.text);

    assert_text_has(text, "== accountant-2026-11.csv\n" HEADER);
    assert_text_has(text, "== accountant-2026-11-totals.csv\ntotal,");
    assert_text_has(text, "== manifest-accountant-2026-11.json\n{");
    assert_text_has(text, "\"name\": \"accountant-2026-11.csv\",\n      \"rows\": 2,");
    assert_text_has(text, "\"name\": \"accountant-2026-11-totals.csv\",\n      \"rows\": 44,");
    assert_text_has(text, "\"watermark\": \"tick 51, change 5, adjustment 0, entry 2\"");
    assert_text_has(text, "\"tax\": \"amounts are net of tax\"");
    free(text);
    statement_free(&s);
}

static void test_export_run_of_a_day_has_the_day_in_its_names(void **state)
{
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = false};
    struct billing_store *b;
    struct statement_span span = {NOVEMBER, DAY(2), DAY(3)};
    struct statement s;
    struct error err;

    set_scene(t);
    b = books_open_store(t, STORE_READ);
    assert_ok(statement_read(t->measured, b, &span, &s, &err));
    billing_close(b);
    assert_ok(run(&s, "json", out.text, &noted, &err));
    char *text = content_of(out.text);

    assert_text_has(text, "== bill-2026-11-02.json\n");
    assert_text_has(text, "== manifest-json-2026-11-02.json\n");
    assert_text_has(text,
                    "\"from\": \"2026-11-02T00:00:00Z\",\n  \"to\": \"2026-11-03T00:00:00Z\"");
    free(text);
    statement_free(&s);
}

static void test_export_run_again_gives_the_same_bytes(void **state)
{
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted[2] = {{.fails = false}};
    struct error err;
    char *texts[2];

    set_scene(t);
    for (int i = 0; i < 2; i++) {
        struct statement s = read_month(t, NOVEMBER);

        assert_ok(run(&s, "accountant", out.text, &noted[i], &err));
        assert_ok(run(&s, "json", out.text, &noted[i], &err));
        texts[i] = content_of(out.text);
        statement_free(&s);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_equal(noted[0].sha256, noted[1].sha256);
    free(texts[0]);
    free(texts[1]);
}

/* Whatever is said, measured and charged later. */
static void test_export_of_a_sealed_month_is_the_same_for_ever(void **state)
{
    static const char *const formats[] = {"accountant", "focus", "journal", "json"};
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = false};
    struct error err;
    char *texts[2];

    set_scene(t);
    close_november(t);
    for (int i = 0; i < 2; i++) {
        struct statement s = read_month(t, NOVEMBER);

        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
            assert_ok(run(&s, formats[f], out.text, &noted, &err));
        texts[i] = content_of(out.text);
        statement_free(&s);
        if (i == 1)
            break;
        books_name(t, 1, "renamed");
        books_name(t, 2, "named at last");
        books_account(t, "other", "Other", -3);
        books_owner(t, 2, "other", H(16));
        books_tariff(t, "", "0.9", "USD/GBh", H(0));
        books_vm(t, 4, 1, GIB, H(730), H(900));
        books_measure(t, H(723), H(800));
        books_charge(t, AT(800));
        books_measure(t, H(801), H(1470));
        books_close_month(t, DECEMBER, AT(1480));
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

static void assert_unchanged(const char *dir, char *before)
{
    char *after = content_of(dir);

    assert_string_equal(after, before);
    free(after);
    free(before);
}

static void test_export_run_that_is_not_noted_is_taken_back(void **state)
{
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = true};
    struct error err;

    set_scene(t);
    struct statement s = read_month(t, NOVEMBER);

    assert_fails(run(&s, "accountant", out.text, &noted, &err), ERR_RETRY, "no place to note it");
    assert_false(is_there(out.text));
    noted.fails = false;
    assert_ok(run(&s, "accountant", out.text, &noted, &err));
    statement_free(&s);

    char *before = content_of(out.text);

    books_name(t, 1, "another");
    s = read_month(t, NOVEMBER);
    noted.fails = true;
    assert_fails(run(&s, "accountant", out.text, &noted, &err), ERR_RETRY, "no place to note it");
    assert_unchanged(out.text, before);
    statement_free(&s);
}

/* Amounts that the ledger does not have are not written, nor is anything beside them. */
static void test_export_run_refuses_what_the_ledger_contradicts(void **state)
{
    static const char *const formats[] = {"accountant", "json", "focus", "journal"};
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = false};
    struct error err;

    set_scene(t);
    struct statement s = read_month(t, NOVEMBER);

    s.rows[0].posted++;
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        assert_fails(run(&s, formats[f], out.text, &noted, &err), ERR_STORE,
                     "EUR are not what the ledger has: run pagemeter audit");
        assert_false(is_there(out.text));
    }
    statement_free(&s);
}

static void test_export_run_of_amounts_that_do_not_fit_fails(void **state)
{
    struct books_scene *t = *state;
    struct scratch_path out = out_of(t);
    struct noted noted = {.fails = false};
    struct error err;

    set_scene(t);
    struct statement s = read_month(t, NOVEMBER);

    s.rows[0].posted = s.rows[1].posted = INT64_MAX;
    assert_fails(run(&s, "accountant", out.text, &noted, &err), ERR_RANGE, "EUR do not fit");
    assert_false(is_there(out.text));
    statement_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        books_test(test_export_accountant_of_an_open_month),
        books_test(test_export_accountant_in_german_of_a_sealed_month),
        books_test(test_export_totals_are_those_of_the_columns),
        books_test(test_export_totals_have_an_amount_for_each_currency_whatever_the_unit),
        books_test(test_export_accountant_leaves_out_what_there_is_not),
        books_test(test_export_accountant_says_that_there_were_more_prices),
        books_test(test_export_accountant_shows_what_was_not_measured),
        books_test(test_export_names_are_never_formulas),
        books_test(test_export_of_a_name_of_64_kib_is_whole),
        books_test(test_export_of_a_name_with_nul_ends_there),
        books_test(test_export_json_has_names_as_they_are),
        books_test(test_export_does_not_heed_the_locale_of_the_process),
        cmocka_unit_test(test_export_locales),
        cmocka_unit_test(test_export_formats),
        books_test(test_export_run_writes_its_files_and_a_manifest_that_names_them),
        books_test(test_export_run_of_a_day_has_the_day_in_its_names),
        books_test(test_export_run_again_gives_the_same_bytes),
        books_test(test_export_of_a_sealed_month_is_the_same_for_ever),
        books_test(test_export_run_that_is_not_noted_is_taken_back),
        books_test(test_export_run_refuses_what_the_ledger_contradicts),
        books_test(test_export_run_of_amounts_that_do_not_fit_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
