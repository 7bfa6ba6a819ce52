/*
 * serve.c - pagemeter serve: a program of its own, pagemeter-serve, so that who does not serve
 * needs no library for it.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

int cmd_serve(int argc, char **argv)
{
    char self[1024] = "", path[1100];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    struct error err;

    (void)argc;
    if (length > 0) { /* beside this one, as both are installed */
        self[length] = '\0';
        (void)snprintf(path, sizeof path, "%s/pagemeter-serve", dirname(self));
        (void)execv(path, argv);
    }
    (void)error_set(&err, ERR_SYSTEM,
                    "can't start pagemeter-serve, which should be beside this program: %s",
                    strerror(errno));
    return cli_fail(&err);
}
