/*
 * chart.c - pagemeter chart: executes pagemeter-chart, which draws. That is a program of its own,
 * so that pagemeter itself needs no drawing library.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Beside this program, as it is built, or where `make install` puts it, whatever the prefix. */
static void execute(char **argv)
{
    static const char *const places[] = {"pagemeter-chart", "../libexec/pagemeter/pagemeter-chart"};
    char path[1024];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);

    for (size_t i = 0; n > 0 && i < sizeof places / sizeof *places; i++) {
        path[n] = '\0';
        char *slash = strrchr(path, '/');

        if (slash == NULL)
            break;
        (void)strcpy(slash + 1, places[i]);
        (void)execv(path, argv);
    }
}

int cmd_chart(int argc, char **argv)
{
    struct error err;

    (void)argc;
    execute(argv);
    (void)error_set(&err, ERR_SYSTEM,
                    "pagemeter-chart can't be executed: %s; it is a part that may be left out, "
                    "since it needs libcairo2 and a font",
                    strerror(errno));
    return cli_fail(&err);
}
