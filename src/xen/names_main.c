/*
 * names_main.c - pagemeter-names: prints "UUID NAME" for every domain that xenstore knows.
 *
 * A program of its own, because a read from a stopped xenstored never returns: whoever needs names
 * starts this, and kills it when it takes too long. The sampling path never asks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

enum { PATH_MAX_LENGTH = 128 };

static char *read_node(struct xs_handle *xs, const char *domid, const char *node, unsigned *length)
{
    char path[PATH_MAX_LENGTH];

    (void)snprintf(path, sizeof path, "/local/domain/%s/%s", domid, node);
    return xs_read(xs, XBT_NULL, path, length);
}

static void print_name(struct xs_handle *xs, const char *domid)
{
    static const char prefix[] = "/vm/";
    unsigned vm_length = 0;
    unsigned name_length = 0;
    char *vm = read_node(xs, domid, "vm", &vm_length);
    char *name = read_node(xs, domid, "name", &name_length);

    if (vm != NULL && name != NULL && strncmp(vm, prefix, sizeof prefix - 1) == 0 &&
        memchr(name, '\n', name_length) == NULL)
        (void)printf("%s %.*s\n", vm + sizeof prefix - 1, (int)name_length, name);
    free(vm);
    free(name);
}

int main(void)
{
    unsigned count = 0;
    struct xs_handle *xs = xs_open(0);

    if (xs == NULL)
        return 1;
    char **domids = xs_directory(xs, XBT_NULL, "/local/domain", &count);

    for (unsigned i = 0; domids != NULL && i < count; i++)
        print_name(xs, domids[i]);
    free(domids);
    xs_close(xs);
    return fflush(stdout) == 0 ? 0 : 1;
}
