/*
 * pageballoond.c - the command line of memory on demand.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "balloon/balloond.h"
#include "common/log.h"
#include "version.h"

static const char usage_text[] =
    "usage: pageballoond [-c CONF] [--mode on|dry-run] [--db DIR] [--stream SOCKET|none]\n"
    "                    [--socket SOCKET] [-n]\n"
    "\n"
    "Gives each VM of this Xen host the memory that it needs, within what its owner pays for.\n"
    "  -c, --config CONF   read this configuration (none by default); options replace what it "
    "says\n"
    "  --mode              on, or dry-run (the default): decide and log, change nothing\n"
    "  --stream            pagemeterd's socket\n"
    "  --socket            where `pagemeter balloon` asks\n"
    "  -n                  check the configuration, print its normal form and exit\n"
    "  -h, --help, -V, --version\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"mode", required_argument, NULL, 'm'},
    {"db", required_argument, NULL, 'd'},     {"stream", required_argument, NULL, 'S'},
    {"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
};

/* Options that are a key of the configuration. */
static const struct {
    int option;
    const char *section;
    const char *key;
} overrides[] = {
    {'m', "balloon", "mode"},
    {'d', "store", "db"},
    {'S', "stream", "socket"},
    {'s', "balloon", "socket"},
};

enum { OVERRIDES = sizeof overrides / sizeof *overrides };

struct command_line {
    const char *config;
    const char *values[OVERRIDES];
    bool only_checks;
};

static bool take_option(int option, struct command_line *line, struct error *err)
{
    for (size_t i = 0; i < OVERRIDES; i++) {
        if (overrides[i].option == option) {
            line->values[i] = optarg;
            return true;
        }
    }
    if (option == 'c')
        line->config = optarg;
    else if (option == 'n')
        line->only_checks = true;
    else
        return error_set(err, ERR_USAGE, "see pageballoond --help");
    return true;
}

static bool parse_line(int argc, char **argv, struct command_line *line, struct error *err)
{
    int option;

    *line = (struct command_line){0};
    while ((option = getopt_long(argc, argv, "c:nhV", long_options, NULL)) != -1)
        if (!take_option(option, line, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many; see pageballoond --help",
                         argv[optind]);
    return true;
}

static bool make_config(const struct command_line *line, struct config *config, struct error *err)
{
    config_init(config);
    if (line->config != NULL && !config_read(config, line->config, err))
        return false;
    for (size_t i = 0; i < OVERRIDES; i++)
        if (line->values[i] != NULL &&
            !config_set(config, overrides[i].section, overrides[i].key, line->values[i], err))
            return false;
    return config_check(config, err);
}

static int fail(const struct error *err)
{
    log_event(LOG_LEVEL_ERROR, "%s", err->text);
    log_flush();
    return error_exit_status(err);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct config config;
    struct error err;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(usage_text, stdout);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        (void)printf("pageballoond %s\n", PAGEMETER_VERSION);
        return 0;
    }
    if (!parse_line(argc, argv, &line, &err) || !make_config(&line, &config, &err))
        return fail(&err);
    if (line.only_checks) {
        config_print(&config, stdout);
        return fflush(stdout) == 0 ? 0 : 3;
    }
    return balloond_run(&config, &err) ? 0 : fail(&err);
}
