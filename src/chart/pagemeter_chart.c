/*
 * pagemeter_chart.c - what `pagemeter chart` executes: a program of its own, since it needs cairo,
 * and a dom0 can do without (docs/charts.md).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "chart/many.h"
#include "cli/cli.h"
#include "common/calendar.h"
#include "common/clock.h"

static const char usage_text[] =
    "usage: pagemeter chart VM [--from T] [--to T] [--account A] [--format F] -o FILE\n"
    "       pagemeter chart --account A | --all [--from T] [--to T] [--format F] --out DIR\n"
    "       all with [--db DB] [--size WIDTHxHEIGHT] [--light | --dark]; F is svg, png, html or "
    "json\n";

struct parsed {
    struct chart_options options;
    bool is_all, has_format;
};

static bool take_time(const char *text, bool is_end, int64_t *utc_ns, bool *is_given,
                      struct error *err)
{
    *is_given = true;
    return calendar_parse_second(text, is_end, clock_utc().ns, utc_ns, err);
}

static bool take_option(int option, struct parsed *p, struct error *err)
{
    struct chart_options *o = &p->options;

    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'f':
        return take_time(optarg, false, &o->span.from_utc_ns, &o->has_from, err);
    case 't':
        return take_time(optarg, true, &o->span.to_utc_ns, &o->has_to, err);
    case 'A':
        o->account = optarg;
        return true;
    case 'a':
        p->is_all = true;
        return true;
    case 'o':
        o->file = optarg;
        return true;
    case 'O':
        o->dir = optarg;
        return true;
    case 's':
        return picture_parse_size(optarg, &o->size, err);
    case 'L':
        o->is_light = true;
        return true;
    case 'D':
        o->is_dark = true;
        return true;
    case 'F':
        p->has_format = true;
        return chart_parse_format(optarg, &o->format, err);
    default:
        return error_set(err, ERR_USAGE, "see pagemeter chart --help");
    }
}

/* What goes with what. */
static bool check(struct parsed *p, struct error *err)
{
    struct chart_options *o = &p->options;

    if (o->is_light && o->is_dark)
        return error_set(err, ERR_USAGE, "--light and --dark exclude each other");
    if (o->vm != NULL) {
        if (p->is_all || o->dir != NULL || o->file == NULL)
            return error_set(err, ERR_USAGE, "of one VM there is one file: say -o FILE");
        return p->has_format || chart_format_of_file(o->file, &o->format, err);
    }
    if (p->is_all == (o->account != NULL))
        return error_set(err, ERR_USAGE, "say a VM, --account or --all");
    return (o->dir != NULL && o->file == NULL) ||
           error_set(err, ERR_USAGE, "of many VMs there are many files: say --out DIR");
}

static bool parse_options(int argc, char **argv, struct parsed *p, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},     {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},     {"account", required_argument, NULL, 'A'},
        {"all", no_argument, NULL, 'a'},          {"out", required_argument, NULL, 'O'},
        {"size", required_argument, NULL, 's'},   {"light", no_argument, NULL, 'L'},
        {"dark", no_argument, NULL, 'D'},         {"format", required_argument, NULL, 'F'},
        {"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0},
    };
    int option;

    *p = (struct parsed){
        .options = {.db = STORE_DIR_DEFAULT, .size = {PICTURE_WIDTH, PICTURE_HEIGHT}}};
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1)
        if (!take_option(option, p, err))
            return false;
    if (optind + 1 < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind + 1]);
    p->options.vm = optind < argc ? argv[optind] : NULL;
    return check(p, err);
}

int main(int argc, char **argv)
{
    struct parsed p;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage_text, stdout);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &p, &err) || !chart_run(&p.options, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
