/*
 * backup.c - pagemeter backup and restore: a copy of a store in use, and the way back.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char backup_text[] = "backup [--db DIR] FILE";
static const char restore_text[] = "restore FILE --db DIR";

/* --db and one file. */
static bool parse_options(int argc, char **argv, const char *text, const char **db,
                          const char **file, struct error *err)
{
    static const struct option options[] = {{"db", required_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'd')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", text);
        *db = optarg;
    }
    if (optind + 1 != argc || *db == NULL)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", text);
    *file = argv[optind];
    return true;
}

static bool is_help(int argc, char **argv, const char *text)
{
    if (argc != 2 || strcmp(argv[1], "--help") != 0)
        return false;
    (void)printf("usage: pagemeter %s\n", text);
    return true;
}

int cmd_backup(int argc, char **argv)
{
    const char *db = STORE_DIR_DEFAULT;
    const char *file = NULL;
    struct store *store = NULL;
    struct error err;
    int status = CLI_FINE;

    if (is_help(argc, argv, backup_text))
        return cli_finish(CLI_FINE);
    if (!parse_options(argc, argv, backup_text, &db, &file, &err) ||
        !store_open(&store, db, STORE_READ, &err) || !store_backup(store, file, &err))
        status = cli_fail(&err);
    else
        (void)printf("%s: a copy of the store in %s\n", file, db);
    store_close(store);
    return cli_finish(status);
}

int cmd_restore(int argc, char **argv)
{
    const char *db = NULL;
    const char *file = NULL;
    struct error err;

    if (is_help(argc, argv, restore_text))
        return cli_finish(CLI_FINE);
    if (!parse_options(argc, argv, restore_text, &db, &file, &err) ||
        !store_restore(file, db, &err))
        return cli_fail(&err);
    (void)printf("%s: restored from %s, as a new store; what was metered after the backup is "
                 "not in it\n",
                 db, file);
    return cli_finish(CLI_FINE);
}
