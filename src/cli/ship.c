/*
 * ship.c - pagemeter ship: carries a host's measurements to PostgreSQL.
 */
#include "cli/ship.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/uri.h"

static const char ship_text[] =
    "ship --to URI [--db DIR] [--state DIR] [--interval D] [--once] [-c CONF]\n"
    "       pagemeter ship --status [--db DIR] [--state DIR] [--format table|csv|json] [-c CONF]";

static const struct option long_options[] = {
    {"to", required_argument, NULL, 't'},
    {"db", required_argument, NULL, 'd'},
    {"state", required_argument, NULL, 's'},
    {"interval", required_argument, NULL, 'i'},
    {"config", required_argument, NULL, 'c'},
    {"once", no_argument, NULL, 'o'},
    {"status", no_argument, NULL, 'S'},
    {"format", required_argument, NULL, 'f'},
    {NULL, 0, NULL, 0},
};

/* Options that are a key of the configuration. */
static const struct {
    int option;
    const char *section, *key;
} overrides[] = {{'t', "ship", "to"},
                 {'d', "store", "db"},
                 {'s', "ship", "state"},
                 {'i', "ship", "interval"}};
enum { DB = 1, STATE = 2, OVERRIDES = sizeof overrides / sizeof *overrides };

struct command_line {
    const char *config;
    const char *values[OVERRIDES];
    bool is_once, is_status, has_format;
    enum cli_format format;
};

static bool take_option(int option, struct command_line *line, struct error *err)
{
    for (size_t i = 0; i < OVERRIDES; i++) {
        if (overrides[i].option == option) {
            line->values[i] = optarg;
            return true;
        }
    }
    switch (option) {
    case 'c':
        line->config = optarg;
        return true;
    case 'o':
        line->is_once = true;
        return true;
    case 'S':
        line->is_status = true;
        return true;
    case 'f':
        line->has_format = true;
        return cli_parse_format(optarg, &line->format, err);
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", ship_text);
    }
}

static bool parse_line(int argc, char **argv, struct command_line *line, struct error *err)
{
    int option;

    *line = (struct command_line){.format = FORMAT_TABLE};
    while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1)
        if (!take_option(option, line, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    if (line->is_status ? line->is_once : line->has_format)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", ship_text);
    return true;
}

/* What is told by the name of an option, when that is where it was said. */
static bool override(struct config *config, const struct command_line *line, struct error *err)
{
    for (size_t i = 0; i < OVERRIDES; i++)
        if (line->values[i] != NULL &&
            !config_set(config, overrides[i].section, overrides[i].key, line->values[i], err))
            return error_context(err, "--%s", long_options[i].name);
    return true;
}

/* What is noted of a directory that was named is beside its databases, unless something else is
 * said. */
static void choose_state(struct config *config, const struct command_line *line)
{
    if (line->values[DB] != NULL && line->values[STATE] == NULL && line->config == NULL)
        (void)snprintf(config->ship_state, sizeof config->ship_state, "%s", line->values[DB]);
}

static bool make_config(const struct command_line *line, struct config *config, struct error *err)
{
    config_init(config);
    if ((line->config != NULL && !config_read(config, line->config, err)) ||
        !override(config, line, err))
        return false;
    choose_state(config, line);
    if (config->ship_to[0] != '\0' || line->is_status)
        return true;
    return error_set(err, ERR_USAGE,
                     "where to? Name PostgreSQL with --to postgresql://[user@]host/database, or in "
                     "the configuration: [ship] to");
}

int cmd_ship(int argc, char **argv)
{
    struct command_line line;
    struct config config;
    struct error err;
    int64_t conflicts = 0;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", ship_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_line(argc, argv, &line, &err) || !make_config(&line, &config, &err))
        return cli_fail(&err);
    struct ship_options options = {.to = config.ship_to,
                                   .db = config.db,
                                   .state = config.ship_state,
                                   .interval_ns = config.ship_interval_ns,
                                   .is_once = line.is_once};

    if (line.is_status)
        return ship_print_status(&options, line.format, &err) ? cli_finish(CLI_FINE)
                                                              : cli_fail(&err);
    if (!ship_run(&options, &conflicts, &err))
        return cli_fail(&err);
    return cli_finish(line.is_once && conflicts > 0 ? CLI_FINDINGS : CLI_FINE);
}
