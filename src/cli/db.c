/*
 * db.c - pagemeter db: the store itself.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char db_text[] = "db status|rebuild [--db DIR]";

static bool print_status(const char *db, struct error *err)
{
    struct store *store = NULL;
    struct meter_state state;
    struct open_life *lives = NULL;
    struct gap_summary gaps;
    size_t count;
    char text[UUID_TEXT_MAX];

    bool is_ok = store_open(&store, db, STORE_READ, err) &&
                 store_load(store, &state, &lives, &count, err) && store_gaps(store, &gaps, err);

    if (is_ok) {
        (void)printf("store      %s\n", uuid_format(store_id(store), text));
        if (state.has_host)
            (void)printf("host       %s\n", uuid_format(&state.host, text));
        if (state.has_boot) {
            (void)printf("boot       %s\n", uuid_format(&state.boot, text));
            (void)printf("last tick  %" PRId64 "\n", state.tick - state.tick_base);
        }
        (void)printf("domains    %zu\n", count);
        (void)printf("gaps       %" PRId64 ", %" PRId64 " ns together\n", gaps.gaps, gaps.span_ns);
    }
    free(lives);
    store_close(store);
    return is_ok;
}

static bool rebuild(const char *db, struct error *err)
{
    struct store *store = NULL;
    bool is_ok = store_open(&store, db, STORE_WRITE, err) && store_rebuild(store, err);

    if (is_ok)
        (void)puts("usage was derived anew from the segments");
    store_close(store);
    return is_ok;
}

int cmd_db(int argc, char **argv)
{
    static const struct option options[] = {{"db", required_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    const char *db = STORE_DIR_DEFAULT;
    struct error err;
    int option;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", db_text);
        return cli_finish(CLI_FINE);
    }
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'd')
            return cli_usage(db_text);
        db = optarg;
    }
    if (optind + 1 != argc)
        return cli_usage(db_text);
    if (strcmp(argv[optind], "status") == 0)
        return print_status(db, &err) ? cli_finish(CLI_FINE) : cli_fail(&err);
    if (strcmp(argv[optind], "rebuild") == 0)
        return rebuild(db, &err) ? cli_finish(CLI_FINE) : cli_fail(&err);
    return cli_usage(db_text);
}
