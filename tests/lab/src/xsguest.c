/*
 * xsguest - a xenstore client without libraries, for guests whose ramdisk has no libc.
 *
 *   xsguest read PATH | write PATH VALUE | rm PATH | list PATH
 *   xsguest next PATH [OLD]   waits, on a watch, until PATH has a value other than OLD; prints it
 *
 * It works in dom0 too. Values go through raw, where xenstore-read and xenstore-write interpret backslashes.
 */
#include <stdio.h>
#include <string.h>

#include "xenbus.h"

static bool list(const char *path, struct reply *reply)
{
    if (!xenbus_ask(XS_DIRECTORY, path, NULL, 0, reply))
        return false;
    for (const char *name = reply->text; name < reply->text + reply->length; name += strlen(name) + 1)
        puts(name);
    return true;
}

static bool run(int argc, char **argv, struct reply *reply)
{
    const char *verb = argv[1], *path = argv[2], *value = argc > 3 ? argv[3] : "";

    if (!strcmp(verb, "write"))
        return xenbus_ask(XS_WRITE, path, value, strlen(value), reply);
    if (!strcmp(verb, "rm"))
        return xenbus_ask(XS_RM, path, NULL, 0, reply);
    if (!strcmp(verb, "list"))
        return list(path, reply);
    if (!strcmp(verb, "next") ? !xenbus_next(path, value, reply) : !xenbus_ask(XS_READ, path, NULL, 0, reply))
        return false;
    puts(reply->text);
    return true;
}

int main(int argc, char **argv)
{
    static struct reply reply;

    if (argc < 3) {
        fputs("usage: xsguest read|write|rm|list|next PATH [VALUE]\n", stderr);
        return 2;
    }
    if (!xenbus_open()) {
        perror("xsguest: /dev/xen/xenbus");
        return 1;
    }
    if (run(argc, argv, &reply))
        return 0;
    fprintf(stderr, "xsguest: %s: %s\n", argv[2], reply.type == XS_ERROR ? reply.text : "no answer");
    return 1;
}
