/*
 * pagemeterd.c - the daemon's command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "meter/daemon.h"
#include "version.h"

static const char usage_text[] =
    "usage: pagemeterd [-c CONF] [--source xen|replay:FILE|sim:FILE] [--db DIR]\n"
    "                  [--interval D] [--max-gap D] [--stream SOCKET|none] [--speed N|max] [-n]\n"
    "\n"
    "Meters the memory of every domain of this Xen host. D is a duration like 1s or 250ms.\n"
    "  -c, --config CONF   read this configuration (none by default); options replace what it "
    "says\n"
    "  -n                  check the configuration, print its normal form and exit\n"
    "  -h, --help, -V, --version\n"
    "  --speed             of a replay or a simulation: 1 is real time, max as fast as it goes\n";

static const char speed_max[] = "max";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},  {"source", required_argument, NULL, 's'},
    {"db", required_argument, NULL, 'd'},      {"interval", required_argument, NULL, 'i'},
    {"max-gap", required_argument, NULL, 'g'}, {"stream", required_argument, NULL, 'S'},
    {"speed", required_argument, NULL, 'x'},   {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
};

/* Options that are a key of the configuration. */
static const struct {
    int option;
    const char *section;
    const char *key;
} overrides[] = {
    {'s', "meter", "source"}, {'i', "meter", "interval"}, {'g', "meter", "max_gap"},
    {'d', "store", "db"},     {'S', "stream", "socket"},
};

struct command_line {
    const char *config;
    const char *values[sizeof overrides / sizeof *overrides];
    double speed;
    bool only_checks;
};

static bool parse_speed(const char *text, double *speed, struct error *err)
{
    char *end;

    if (strcmp(text, speed_max) == 0) {
        *speed = 0;
        return true;
    }
    *speed = strtod(text, &end);
    if (*end == '\0' && *speed > 0 && *speed <= 1e6)
        return true;
    return error_set(err, ERR_USAGE, "--speed: write max, or a number above 0 like 1 or 60");
}

static bool take_option(int option, struct command_line *line, struct error *err)
{
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        if (overrides[i].option == option) {
            line->values[i] = optarg;
            return true;
        }
    }
    if (option == 'x')
        return parse_speed(optarg, &line->speed, err);
    if (option == 'c')
        line->config = optarg;
    else if (option == 'n')
        line->only_checks = true;
    else
        return error_set(err, ERR_USAGE, "see pagemeterd --help");
    return true;
}

static bool parse_line(int argc, char **argv, struct command_line *line, struct error *err)
{
    int option;

    *line = (struct command_line){.speed = 1};
    while ((option = getopt_long(argc, argv, "c:nhV", long_options, NULL)) != -1)
        if (!take_option(option, line, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many; see pagemeterd --help",
                         argv[optind]);
    return true;
}

static bool make_config(const struct command_line *line, struct config *config, struct error *err)
{
    config_init(config);
    if (line->config != NULL && !config_read(config, line->config, err))
        return false;
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++)
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
    struct daemon_options options;
    struct error err;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(usage_text, stdout);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        (void)printf("pagemeterd %s\n", PAGEMETER_VERSION);
        return 0;
    }
    if (!parse_line(argc, argv, &line, &err) || !make_config(&line, &options.config, &err))
        return fail(&err);
    if (line.only_checks) {
        config_print(&options.config, stdout);
        return fflush(stdout) == 0 ? 0 : 3;
    }
    options.speed = line.speed;
    return daemon_run(&options, &err) ? 0 : fail(&err);
}
