/*
 * chart.c - pagemeter chart: executes pagemeter-chart, which draws. That is a program of its own,
 * so that pagemeter itself needs no drawing library.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

int cmd_chart(int argc, char **argv)
{
    struct error err;

    (void)argc;
    cli_execute_part("pagemeter-chart", argv);
    (void)error_set(&err, ERR_SYSTEM,
                    "pagemeter-chart can't be executed: %s; it is a part that may be left out, "
                    "since it needs libcairo2 and a font",
                    strerror(errno));
    return cli_fail(&err);
}
