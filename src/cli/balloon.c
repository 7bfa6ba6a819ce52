/*
 * balloon.c - pagemeter balloon: memory on demand, by its operator.
 */
#include "cli/balloon.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "balloon/control.h"

static const struct verb {
    const char *name;
    bool (*run)(const struct balloon_options *o, struct error *err);
    int least, most; /* words behind it */
    const char *usage;
} verbs[] = {
    {"list", balloon_list, 0, 0, "list [--format table|csv|json]"},
    {"host", balloon_host, 0, 0, "host [--format table|csv|json]"},
    {"set", balloon_set, 2, REQUEST_PAIRS_MAX + 1, "set VM KEY=VALUE... [--force]"},
    {"stop", balloon_stop, 0, 1, "stop [VM]"},
    {"start", balloon_start, 0, 1, "start [VM]"},
    {"drain", balloon_drain, 0, 0, "drain"},
    {"reserve", balloon_reserve, 1, 1, "reserve SIZE --for VM --ttl T"},
    {"unreserve", balloon_unreserve, 1, 1, "unreserve VM"},
    {"simulate", balloon_simulate, 1, 1,
     "simulate TRACE --policy FILE [--db DIR] [--format table|csv]"},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

static void print_usage(FILE *out)
{
    for (size_t i = 0; i < VERBS; i++)
        (void)fprintf(out, "%s pagemeter balloon %s\n", i == 0 ? "usage:" : "      ",
                      verbs[i].usage);
    (void)fprintf(out, "       all but the last with [--socket PATH]\n");
}

static bool take_option(int option, struct balloon_options *o, struct error *err)
{
    switch (option) {
    case 's':
        o->socket = optarg;
        return true;
    case 'v':
        o->vm = optarg;
        return true;
    case 't':
        o->ttl = optarg;
        return true;
    case 'p':
        o->policy = optarg;
        return true;
    case 'd':
        o->db = optarg;
        return true;
    case 'f':
        o->is_forced = true;
        return true;
    case 'F':
        return cli_parse_format(optarg, &o->format, err);
    default:
        return error_set(err, ERR_USAGE, "see pagemeter balloon --help");
    }
}

static bool parse_options(int argc, char **argv, struct balloon_options *o, struct error *err)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'}, {"for", required_argument, NULL, 'v'},
        {"ttl", required_argument, NULL, 't'},    {"policy", required_argument, NULL, 'p'},
        {"db", required_argument, NULL, 'd'},     {"force", no_argument, NULL, 'f'},
        {"format", required_argument, NULL, 'F'}, {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct balloon_options){.socket = CONTROL_SOCKET_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    o->count = argc - optind;
    o->words = argv + optind;
    return true;
}

static bool run(struct balloon_options *o, struct error *err)
{
    for (size_t i = 0; o->count > 0 && i < VERBS; i++) {
        const struct verb *verb = &verbs[i];

        if (strcmp(o->words[0], verb->name) != 0)
            continue;
        o->count--;
        o->words++;
        if (o->count < verb->least || o->count > verb->most)
            return error_set(err, ERR_USAGE, "usage: pagemeter balloon %s", verb->usage);
        return verb->run(o, err);
    }
    return error_set(err, ERR_USAGE, "%s%.40s%s: see pagemeter balloon --help",
                     o->count > 0 ? "there is no '" : "what is to be done",
                     o->count > 0 ? o->words[0] : "", o->count > 0 ? "' here" : "");
}

int cmd_balloon(int argc, char **argv)
{
    struct balloon_options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !run(&o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
