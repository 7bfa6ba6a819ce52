/*
 * replay.c - pagemeter replay: a trace through the same code as the daemon's, as fast as it goes.
 */
#include "meter/replay.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/replay_central.h"
#include "common/uri.h"

static const char replay_text[] = "replay TRACE --db DB [-c CONF] [--new-boot]";

struct options {
    const char *trace;
    const char *db;
    const char *config;
    bool allows_new_boot;
};

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},
        {"new-boot", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){0};
    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option == 'c')
            o->config = optarg;
        else if (option == 'n')
            o->allows_new_boot = true;
        else
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", replay_text);
    }
    if (optind + 1 != argc || o->db == NULL)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", replay_text);
    o->trace = argv[optind];
    return true;
}

static void print_result(const struct replay_result *r)
{
    (void)printf("%" PRIu64 " ticks, %" PRIu64 " samples\n", r->ticks, r->samples);
    if (r->skipped > 0)
        (void)printf("%" PRIu64 " readings took longer than max_gap and made no tick\n",
                     r->skipped);
    if (r->is_cut_off)
        (void)puts("the trace is cut off inside its last tick, which was dropped");
}

static bool replay_file(const char *dir, const char *trace, const struct replay_options *options,
                        struct replay_result *result, struct error *err)
{
    struct store *store = NULL;
    /* a trace that is none must not leave an empty store behind */
    bool is_ok = replay_check_file(trace, err) && store_open(&store, dir, STORE_WRITE, err) &&
                 replay_run(store, trace, options, result, err);

    store_close(store);
    return is_ok;
}

int cmd_replay(int argc, char **argv)
{
    struct options o;
    struct config config;
    struct replay_result result;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", replay_text);
        return cli_finish(CLI_FINE);
    }
    config_init(&config);
    if (!parse_options(argc, argv, &o, &err) ||
        (o.config != NULL && !config_read(&config, o.config, &err)))
        return cli_fail(&err);
    struct replay_options options = {
        .rules = {.temporary = config.temporary_handles, .service = config.service_domains},
        .allows_new_boot = o.allows_new_boot,
    };

    bool is_ok = uri_is_postgres(o.db) ? replay_central(o.db, o.trace, &options, &result, &err)
                                       : replay_file(o.db, o.trace, &options, &result, &err);

    if (!is_ok)
        return cli_fail(&err);
    print_result(&result);
    return cli_finish(CLI_FINE);
}
