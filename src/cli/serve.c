/*
 * serve.c - pagemeter serve: a program of its own, pagemeter-serve, so that who does not serve
 * needs no library for it.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

int cmd_serve(int argc, char **argv)
{
    struct error err;

    (void)argc;
    cli_execute_part("pagemeter-serve", argv);
    (void)error_set(&err, ERR_SYSTEM,
                    "can't start pagemeter-serve, which should be beside this program: %s",
                    strerror(errno));
    return cli_fail(&err);
}
