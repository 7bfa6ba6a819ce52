#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_fail(const struct error *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "pagemeter: %s\n", err->text);
    return error_exit_status(err);
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

void cli_execute_part(const char *name, char *const *argv)
{
    static const char *const places[] = {"", "../libexec/pagemeter/"};
    char path[1024];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);

    for (size_t i = 0; n > 0 && i < sizeof places / sizeof *places; i++) {
        path[n] = '\0';
        char *slash = strrchr(path, '/');

        if (slash == NULL)
            break;
        (void)snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "%s%s", places[i],
                       name);
        (void)execv(path, argv);
    }
}
