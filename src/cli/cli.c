#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cli_fail(const struct error *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "pagemeter: %s\n", err->text);
    return error_exit_status(err);
}

int cli_usage(const char *usage)
{
    (void)fprintf(stderr, "usage: pagemeter %s\n", usage);
    return CLI_USAGE;
}

int cli_finish(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    (void)fprintf(stderr, "pagemeter: the output could not be written: %s\n", strerror(errno));
    return CLI_FAILURE;
}

bool cli_parse_format(const char *text, enum cli_format *out, struct error *err)
{
    static const char *const names[] = {
        [FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum cli_format)i;
            return true;
        }
    }
    return error_set(err, ERR_USAGE, "'%.40s' is not a format: write table, csv or json", text);
}
