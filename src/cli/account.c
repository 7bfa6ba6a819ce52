/*
 * account.c - pagemeter account: who the customers are, and which VM is whose from when on.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "billing/month.h"
#include "cli/books.h"
#include "cli/cli.h"
#include "common/calendar.h"
#include "common/cell.h"
#include "common/clock.h"
#include "common/number.h"

static const char account_text[] =
    "account add ACCOUNT --name NAME [--offset HOURS] [--db DIR]\n"
    "       pagemeter account assign VM ACCOUNT --from T [--name NAME] [--exact] [--db DIR]\n"
    "       pagemeter account list [--db DIR] [--format table|csv|json]";

struct options {
    const char *db, *name;
    int offset_h;
    bool has_from, is_exact;
    int64_t from_hour;
    enum cli_format format;
};

static bool parse_offset(const char *text, int *out, struct error *err)
{
    bool is_negative = text[0] == '-';
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    uint64_t hours;

    if (!number_parse(digits, strlen(digits), MONTH_OFFSET_MOST, &hours) ||
        (is_negative && (int)hours > -MONTH_OFFSET_LEAST))
        return error_set(err, ERR_USAGE, "--offset is whole hours from %d to +%d, not '%.20s'",
                         MONTH_OFFSET_LEAST, MONTH_OFFSET_MOST, text);
    *out = is_negative ? -(int)hours : (int)hours;
    return true;
}

static bool take_option(int option, struct options *o, struct error *err)
{
    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'n':
        o->name = optarg;
        return books_check_name(optarg, err);
    case 'o':
        return parse_offset(optarg, &o->offset_h, err);
    case 'f':
        o->has_from = true;
        return calendar_parse_hour(optarg, false, clock_utc().ns, &o->from_hour, err);
    case 'x':
        o->is_exact = true;
        return true;
    case 'F':
        return cli_parse_format(optarg, &o->format, err);
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", account_text);
    }
}

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"name", required_argument, NULL, 'n'},
        {"offset", required_argument, NULL, 'o'},
        {"from", required_argument, NULL, 'f'},
        {"exact", no_argument, NULL, 'x'},
        {"format", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    return true;
}

/* ---- add ---- */

static bool add(struct books *books, const char *account, const struct options *o,
                struct error *err)
{
    int64_t change;
    bool is_there;

    if (!books_check_account(account, err))
        return false;
    if (o->name == NULL)
        return error_set(err, ERR_USAGE, "whose account is it? Say --name NAME");
    if (!books_has_account(books, account, &is_there, err))
        return false;
    if (is_there)
        return error_set(err, ERR_REFUSED,
                         "there is an account '%s' already, and an account never changes", account);
    return books_change(books, &change, err, "account add %s --name %s --offset %d", account,
                        o->name, o->offset_h) &&
           billing_add_account(books->b, account, o->name, o->offset_h, change, err) &&
           billing_commit(books->b, err);
}

/* ---- assign ---- */

struct looked_for {
    const struct uuid *vm;
    bool has_owner;
};

static bool pass_account(void *self, const char *account, const char *name, int offset_h,
                         struct error *err)
{
    (void)self, (void)account, (void)name, (void)offset_h, (void)err;
    return true;
}

static bool see_owner(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                      const char *account, struct error *err)
{
    struct looked_for *l = self;

    (void)from_hour, (void)change, (void)account, (void)err;
    l->has_owner = l->has_owner || uuid_is_equal(vm, l->vm);
    return true;
}

static bool see_tariff(void *self, const char *account, int64_t from_hour, int64_t change,
                       const struct price *price, struct error *err)
{
    (void)self, (void)account, (void)from_hour, (void)change, (void)price, (void)err;
    return true;
}

/*
 * The first owner of a VM has it from its first sample on, so that no hour is nobody's. That is a
 * row of its own: one who is said later of hours before --from has those, and none behind it.
 */
static bool assign(struct books *books, const char *vm_text, const char *account,
                   const struct options *o, struct error *err)
{
    struct uuid vm;
    struct looked_for l = {.vm = &vm};
    struct billing_book_sink sink = {pass_account, see_owner, see_tariff, &l};
    char hour[HOUR_TEXT_MAX];
    int64_t change, gone;
    bool is_there;

    if (!books_parse_uuid(vm_text, "VM", &vm, err) || !billing_read_book(books->b, &sink, err) ||
        !books_has_account(books, account, &is_there, err))
        return false;
    if (!o->has_from)
        return error_set(err, ERR_USAGE, "from when on? Say --from T, a whole hour");
    if (!is_there)
        return error_set(err, ERR_USAGE,
                         "there is no account '%.70s': pagemeter account add makes one", account);
    int64_t from = l.has_owner || o->is_exact ? o->from_hour : 0;

    /* of hours that are gone it stays nobody's */
    if (!books_check_hour(books, &vm, o->from_hour, err) ||
        !billing_hours_gone(books->b, &vm, &gone, err))
        return false;
    from = from < gone && gone <= o->from_hour ? gone : from;
    if (!books_change(books, &change, err, "account assign %s %s --from %s%s", vm_text, account,
                      calendar_format_hour(o->from_hour, hour), o->is_exact ? " --exact" : "") ||
        !billing_add_owner(books->b, &vm, o->from_hour, account, change, err) ||
        (from != o->from_hour && !billing_add_owner(books->b, &vm, from, account, change, err)) ||
        (o->name != NULL && !billing_add_name(books->b, &vm, o->name, change, err)) ||
        !billing_mark_stale(books->b, from, err) || !billing_commit(books->b, err))
        return false;
    if (from != o->from_hour)
        (void)printf("It had no owner before: it is %s's from its first %s on (--exact keeps "
                     "to --from).\n",
                     account, from == 0 ? "sample" : "hour that is not gone");
    return true;
}

/* ---- list ---- */

struct listing {
    enum cli_format format;
    struct json_object *json;
};

static bool print_account(void *self, const char *account, const char *name, int offset_h,
                          struct error *err)
{
    struct listing *l = self;

    (void)err;
    if (l->format == FORMAT_TABLE)
        (void)printf("%-24s %+6d  %s\n", account, offset_h, name);
    else if (l->format == FORMAT_CSV) {
        (void)printf("%s,%d,", account, offset_h);
        cell_field(stdout, name);
        (void)putchar('\n');
    } else {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "account", json_object_new_string(account));
        json_object_object_add(object, "offset_h", json_object_new_int(offset_h));
        json_object_object_add(object, "name", json_object_new_string(name));
        json_object_array_add(l->json, object);
    }
    return true;
}

static bool pass_owner(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                       const char *account, struct error *err)
{
    (void)self, (void)vm, (void)from_hour, (void)change, (void)account, (void)err;
    return true;
}

static bool list(struct books *books, const struct options *o, struct error *err)
{
    struct listing l = {.format = o->format};
    struct billing_book_sink sink = {print_account, pass_owner, see_tariff, &l};

    if (o->format == FORMAT_TABLE)
        (void)printf("%-24s %6s  %s\n", "account", "offset", "name");
    else if (o->format == FORMAT_CSV)
        (void)puts("account,offset_h,name");
    else
        l.json = json_object_new_array();
    bool is_ok = billing_read_book(books->b, &sink, err);

    if (is_ok && l.json != NULL)
        (void)puts(json_object_to_json_string_ext(l.json, JSON_C_TO_STRING_PRETTY |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(l.json);
    return is_ok;
}

/* ---- the command ---- */

static bool run(char **words, int count, const struct options *o, struct error *err)
{
    struct books books;
    bool is_list = count == 1 && strcmp(words[0], "list") == 0;
    bool is_add = count == 2 && strcmp(words[0], "add") == 0;
    bool is_assign = count == 3 && strcmp(words[0], "assign") == 0;

    if (!is_list && !is_add && !is_assign)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", account_text);
    if (!books_open(&books, o->db, is_list ? 0 : BOOKS_WRITE, NULL, err))
        return false;
    bool is_ok = is_list  ? list(&books, o, err)
                 : is_add ? add(&books, words[1], o, err)
                          : assign(&books, words[1], words[2], o, err);

    books_close(&books);
    return is_ok;
}

int cmd_account(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", account_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !run(argv + optind, argc - optind, &o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
