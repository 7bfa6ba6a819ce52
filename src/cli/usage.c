/*
 * usage.c - pagemeter usage: who held how much memory for how long.
 */
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/books.h"
#include "cli/cli.h"
#include "cli/usage_table.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "store/central.h"
#include "store/query.h"

static const char usage_text[] =
    "usage [--db DIR] [--from T] [--to T] [--by vm,account,host,life,hour]\n"
    "                       [--vm UUID] [--all] [--format table|csv|json]";

struct options {
    const char *db;
    struct usage_query query;
    struct uuid vm;
    enum cli_format format;
    struct usage_table table;
};

static bool parse_vm(const char *text, struct options *o, struct error *err)
{
    o->query.vm = &o->vm;
    return books_parse_uuid(text, "VM", &o->vm, err);
}

static bool take_option(int option, struct options *o, struct error *err)
{
    int64_t now = clock_utc().ns;

    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'f':
        return calendar_parse_hour(optarg, false, now, &o->query.from_hour, err);
    case 't':
        return calendar_parse_hour(optarg, true, now, &o->query.to_hour, err);
    case 'b':
        return usage_parse_keys(optarg, o->table.has, err);
    case 'v':
        return parse_vm(optarg, o, err);
    case 'a':
        o->table.with_unbilled = true;
        return true;
    case 'F':
        return cli_parse_format(optarg, &o->format, err);
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", usage_text);
    }
}

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},
        {"by", required_argument, NULL, 'b'},
        {"vm", required_argument, NULL, 'v'},
        {"all", no_argument, NULL, 'a'},
        {"format", required_argument, NULL, 'F'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT,
                          .query = {.from_hour = 0, .to_hour = INT64_MAX / NS_PER_HOUR + 1}};
    o->table.has[KEY_VM] = true;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    if (o->query.from_hour >= o->query.to_hour)
        return error_set(err, ERR_USAGE, "the range is empty: it begins at its end or later");
    return true;
}

/* ---- csv ---- */

static void print_csv(const struct usage_table *t)
{
    char text[USAGE_TEXT_MAX];

    for (int key = 0; key < KEY_COUNT; key++)
        if (t->has[key])
            (void)printf("%s,", usage_key_name((enum usage_key)key));
    (void)puts("kib_ns,gib_h,measured_ns,missing_ns,excluded_ns");
    for (size_t i = 0; i < t->count; i++) {
        const struct usage_row *row = &t->rows[i];
        char name[KEY_TEXT_MAX];

        for (int key = 0; key < KEY_COUNT; key++)
            if (t->has[key])
                (void)printf("%s,", usage_row_key(row, (enum usage_key)key, name));
        (void)printf("%s,", usage_format(row->sum.kib_ns, text));
        (void)printf("%s,", usage_format_gib_h(row->sum.kib_ns, text));
        (void)printf("%s,", usage_format(row->sum.measured_ns, text));
        (void)printf("%s,", usage_format(row->sum.missing_ns, text));
        (void)puts(usage_format(row->sum.excluded_ns, text));
    }
}

/* ---- json: figures are strings, since readers of JSON lose digits beyond 2^53 ---- */

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

static void add_number(struct json_object *object, const char *name, usage_kib_ns value)
{
    char text[USAGE_TEXT_MAX];

    add_text(object, name, usage_format(value, text));
}

static void print_json(const struct usage_table *t)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < t->count; i++) {
        const struct usage_row *row = &t->rows[i];
        struct json_object *object = json_object_new_object();
        char name[KEY_TEXT_MAX];
        char text[USAGE_TEXT_MAX];

        for (int key = 0; key < KEY_COUNT; key++)
            if (t->has[key])
                add_text(object, usage_key_name((enum usage_key)key),
                         usage_row_key(row, (enum usage_key)key, name));
        add_number(object, "kib_ns", row->sum.kib_ns);
        add_text(object, "gib_h", usage_format_gib_h(row->sum.kib_ns, text));
        add_number(object, "measured_ns", row->sum.measured_ns);
        add_number(object, "missing_ns", row->sum.missing_ns);
        add_number(object, "excluded_ns", row->sum.excluded_ns);
        json_object_array_add(list, object);
    }
    (void)puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(list);
}

/* ---- table, for people ---- */

static const int key_widths[KEY_COUNT] = {
    [KEY_VM] = 36, [KEY_ACCOUNT] = 12, [KEY_HOST] = 36, [KEY_LIFE] = 20, [KEY_HOUR] = 20};

/* Only accounts have names that may be longer. */
static int key_width(const struct usage_table *t, enum usage_key key)
{
    int width = key_widths[key];

    for (size_t i = 0; key == KEY_ACCOUNT && i < t->count; i++) {
        const struct book_account *account = t->rows[i].account;
        int length = account != NULL ? (int)strlen(account->id) : 0;

        width = length > width ? length : width;
    }
    return width;
}

static const char *format_span(sum_ns ns, char out[32])
{
    /* for reading: cut, not rounded, so that parts never exceed a whole */
    int64_t ms = (int64_t)(ns / 1000000);

    if (ns == 0)
        (void)snprintf(out, 32, "-");
    else
        (void)snprintf(out, 32, "%" PRId64 ":%02d:%02d.%03d", ms / 3600000, (int)(ms / 60000 % 60),
                       (int)(ms / 1000 % 60), (int)(ms % 1000));
    return out;
}

static void print_sums(const struct usage_sum *sum)
{
    char gib_h[USAGE_TEXT_MAX];
    char span[3][32];

    (void)printf("%16s %14s %12s %12s\n", usage_format_gib_h(sum->kib_ns, gib_h),
                 format_span(sum->measured_ns, span[0]), format_span(sum->missing_ns, span[1]),
                 format_span(sum->excluded_ns, span[2]));
}

static bool print_table(const struct usage_table *t, struct error *err)
{
    struct usage_sum total = {0};
    int widths[KEY_COUNT];
    int width = 0;
    char name[KEY_TEXT_MAX];

    for (int key = 0; key < KEY_COUNT; key++) {
        widths[key] = key_width(t, (enum usage_key)key);
        if (!t->has[key])
            continue;
        (void)printf("%-*s ", widths[key], usage_key_name((enum usage_key)key));
        width += widths[key] + 1;
    }
    (void)printf("%16s %14s %12s %12s\n", "GiB*h", "measured", "missing", "excluded");
    for (size_t i = 0; i < t->count; i++) {
        const struct usage_row *row = &t->rows[i];

        for (int key = 0; key < KEY_COUNT; key++)
            if (t->has[key])
                (void)printf("%-*s ", widths[key], usage_row_key(row, (enum usage_key)key, name));
        print_sums(&row->sum);
        if (!usage_sum_add(&total, &row->sum, err))
            return false;
    }
    (void)printf("%-*s", width, "total");
    print_sums(&total);
    (void)puts("\nGiB*h: 1 GiB (1,048,576 KiB) held for one hour. Times are h:mm:ss. Missing: not "
               "measured, not\nbilled. Excluded: under construction, shut down, or the free "
               "interval of a new life.");
    return true;
}

/* Who owns what is in billing.db, where there is one. */
static bool read_book(const char *dir, struct book **book, struct error *err)
{
    struct billing_store *b = NULL;

    if (!query_has_books(dir))
        return true;
    bool is_ok = billing_open(&b, dir, STORE_READ, err) && book_read(book, b, err);

    billing_close(b);
    return is_ok;
}

static int print_usage(struct options *o)
{
    struct error err;
    struct store *store = NULL;
    struct book *book = NULL;
    int status = CLI_FINE;
    bool is_ok = !o->table.has[KEY_ACCOUNT] || read_book(o->db, &book, &err);

    o->table.book = book;
    if (!is_ok || !store_open_named(&store, o->db, &err) ||
        !usage_table_read(&o->table, store, &o->query, &err))
        status = cli_fail(&err);
    else if (o->format == FORMAT_CSV)
        print_csv(&o->table);
    else if (o->format == FORMAT_JSON)
        print_json(&o->table);
    else if (!print_table(&o->table, &err))
        status = cli_fail(&err);
    store_close(store);
    usage_table_clear(&o->table);
    book_free(book);
    return cli_finish(status);
}

int cmd_usage(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", usage_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err))
        return cli_fail(&err);
    return print_usage(&o);
}
