/*
 * close.c - pagemeter close: seals a month.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing/sealing.h"
#include "cli/books.h"
#include "cli/cli.h"
#include "common/number.h"

static const char close_text[] =
    "close YYYY-MM|last-month [--wait D] [--force] [--db DIR] [--key FILE]";

#define WAIT_DEFAULT_NS NS_PER_HOUR

struct options {
    const char *db, *key;
    uint64_t wait_ns;
    bool is_forced;
};

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"key", required_argument, NULL, 'k'},
        {"wait", required_argument, NULL, 'w'},
        {"force", no_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT, .wait_ns = WAIT_DEFAULT_NS};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option == 'k')
            o->key = optarg;
        else if (option == 'f')
            o->is_forced = true;
        else if (option != 'w')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", close_text);
        else if (!number_parse_duration(optarg, &o->wait_ns, err))
            return false;
    }
    return optind + 1 == argc || error_set(err, ERR_USAGE, "usage: pagemeter %s", close_text);
}

static bool run(const char *period, const struct options *o, struct error *err)
{
    struct books books;
    struct sealing sealing = {.wait_ns = (int64_t)o->wait_ns, .is_forced = o->is_forced};
    struct sealing_summary sum;
    char month[MONTH_TEXT_MAX];

    if (!books_open(&books, o->db, BOOKS_WRITE | BOOKS_KEY | BOOKS_MEASURED, o->key, err))
        return false;
    sealing.utc_ns = books.now_ns;
    bool is_ok = month_parse(period, books.now_ns, &sealing.month, err) &&
                 books_change(&books, &sealing.change, err, "close %s%s",
                              month_format(sealing.month, month), o->is_forced ? " --force" : "") &&
                 (sealing_run(books.measured, books.b, &books.key, &sealing, &sum, err) ||
                  error_context(err, "%s is not closed", month));

    books_close(&books);
    if (!is_ok)
        return false;
    if (sum.was_sealed)
        (void)printf("%s is sealed already\n", month);
    else
        (void)printf("%s is sealed: %" PRId64 " lines, %" PRId64 " hours, %" PRId64 " transfers\n",
                     month, sum.lines, sum.hours, sum.transfers);
    return true;
}

int cmd_close(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", close_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !run(argv[optind], &o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
