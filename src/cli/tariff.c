/*
 * tariff.c - pagemeter tariff: what a GiB*h costs, for whom, from when on.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/books.h"
#include "cli/cli.h"
#include "common/calendar.h"
#include "common/clock.h"

static const char tariff_text[] =
    "tariff set ACCOUNT|default PRICE CURRENCY/GiBh|CURRENCY/GBh --from T [--db DIR]\n"
    "       pagemeter tariff list [--db DIR]";

struct options {
    const char *db;
    bool has_from;
    int64_t from_hour;
};

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {{"db", required_argument, NULL, 'd'},
                                            {"from", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd') {
            o->db = optarg;
        } else if (option == 'f') {
            o->has_from = true;
            if (!calendar_parse_hour(optarg, false, clock_utc().ns, &o->from_hour, err))
                return false;
        } else {
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", tariff_text);
        }
    }
    return true;
}

static bool set(struct books *books, char **words, const struct options *o, struct error *err)
{
    bool is_default = strcmp(words[0], "default") == 0;
    struct price price;
    char hour[HOUR_TEXT_MAX];
    int64_t change;
    bool is_there = is_default;

    if ((!is_default && !books_check_account(words[0], err)) ||
        !price_parse(words[1], words[2], &price, err) ||
        (!is_default && !books_has_account(books, words[0], &is_there, err)))
        return false;
    if (!is_there)
        return error_set(err, ERR_USAGE,
                         "there is no account '%.70s': pagemeter account add makes one", words[0]);
    if (!o->has_from)
        return error_set(err, ERR_USAGE, "from when on? Say --from T, a whole hour");
    return books_check_hour(books, NULL, o->from_hour, err) &&
           books_change(books, &change, err, "tariff set %s %s %s --from %s", words[0], words[1],
                        words[2], calendar_format_hour(o->from_hour, hour)) &&
           billing_add_tariff(books->b, is_default ? "" : words[0], o->from_hour, &price, change,
                              err) &&
           billing_mark_stale(books->b, o->from_hour, err) && billing_commit(books->b, err);
}

static bool print_tariff(void *self, const char *account, int64_t from_hour, int64_t change,
                         const struct price *price, struct error *err)
{
    char hour[HOUR_TEXT_MAX], amount[PRICE_TEXT_MAX];

    (void)self, (void)change, (void)err;
    (void)printf("%-24s %s %14s %s/%s\n", account[0] == '\0' ? "default" : account,
                 calendar_format_hour(from_hour, hour), price_format(price, amount),
                 price->currency.code, unit_name(price->unit));
    return true;
}

static bool pass_account(void *self, const char *account, const char *name, int offset_h,
                         struct error *err)
{
    (void)self, (void)account, (void)name, (void)offset_h, (void)err;
    return true;
}

static bool pass_owner(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                       const char *account, struct error *err)
{
    (void)self, (void)vm, (void)from_hour, (void)change, (void)account, (void)err;
    return true;
}

static bool list(struct books *books, struct error *err)
{
    struct billing_book_sink sink = {pass_account, pass_owner, print_tariff, NULL};

    (void)printf("%-24s %-20s %14s %s\n", "account", "from", "price", "for");
    return billing_read_book(books->b, &sink, err);
}

static bool run(char **words, int count, const struct options *o, struct error *err)
{
    struct books books;
    bool is_list = count == 1 && strcmp(words[0], "list") == 0;

    if (!is_list && (count != 4 || strcmp(words[0], "set") != 0))
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", tariff_text);
    if (!books_open(&books, o->db, is_list ? 0 : BOOKS_WRITE, NULL, err))
        return false;
    bool is_ok = is_list ? list(&books, err) : set(&books, words + 1, o, err);

    books_close(&books);
    return is_ok;
}

int cmd_tariff(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", tariff_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !run(argv + optind, argc - optind, &o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
