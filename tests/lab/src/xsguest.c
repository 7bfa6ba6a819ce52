/*
 * xsguest - a xenstore client without libraries, for guests whose ramdisk has no libc.
 *
 *   xsguest read PATH | write PATH VALUE | rm PATH | list PATH
 *   xsguest next PATH [OLD]   waits, on a watch, until PATH has a value other than OLD; prints it
 *
 * It speaks xenstore's wire protocol over /dev/xen/xenbus, so it works in dom0 too. Values go through
 * raw, where xenstore-read and xenstore-write interpret backslashes.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* xen/io/xs_wire.h */
enum { XS_DIRECTORY = 1, XS_READ = 2, XS_WATCH = 4, XS_WRITE = 11, XS_RM = 13, XS_WATCH_EVENT = 15, XS_ERROR = 16 };
enum { PAYLOAD_MAX = 4096 };

struct header {
    uint32_t type, request, transaction, length;
};

struct reply {
    uint32_t type, length;
    char     text[PAYLOAD_MAX + 1];     /* always ends with a NUL */
};

static int bus;

static bool read_all(void *to, size_t length)
{
    char *at = to;

    while (length > 0) {
        ssize_t n = read(bus, at, length);

        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

static bool read_message(struct reply *reply)
{
    struct header h;

    if (!read_all(&h, sizeof h) || h.length > PAYLOAD_MAX || !read_all(reply->text, h.length))
        return false;
    reply->type = h.type;
    reply->length = h.length;
    reply->text[h.length] = '\0';
    return true;
}

/* One request and its reply. Watch events that arrive in between are older than the reply: dropped. */
static bool ask(uint32_t type, const char *path, const char *rest, size_t rest_length, struct reply *reply)
{
    char          message[sizeof(struct header) + PAYLOAD_MAX];
    size_t        path_length = strlen(path) + 1;
    struct header h = { .type = type, .request = 1, .length = (uint32_t)(path_length + rest_length) };

    if (path_length + rest_length > PAYLOAD_MAX)
        return false;
    memcpy(message, &h, sizeof h);
    memcpy(message + sizeof h, path, path_length);
    memcpy(message + sizeof h + path_length, rest, rest_length);
    if (write(bus, message, sizeof h + h.length) < 0)
        return false;
    do {
        if (!read_message(reply))
            return false;
    } while (reply->type == XS_WATCH_EVENT);
    return reply->type != XS_ERROR;
}

static bool next_value(const char *path, const char *old, struct reply *reply)
{
    static const char token[] = "t";

    if (!ask(XS_WATCH, path, token, sizeof token, reply))
        return false;
    for (;;) {
        struct reply event;

        if (ask(XS_READ, path, "", 0, reply) && *reply->text && strcmp(reply->text, old) != 0)
            return true;
        if (!read_message(&event))
            return false;
    }
}

static bool list(const char *path, struct reply *reply)
{
    if (!ask(XS_DIRECTORY, path, "", 0, reply))
        return false;
    for (const char *name = reply->text; name < reply->text + reply->length; name += strlen(name) + 1)
        puts(name);
    return true;
}

static bool run(int argc, char **argv, struct reply *reply)
{
    const char *verb = argv[1], *path = argv[2], *value = argc > 3 ? argv[3] : "";

    if (!strcmp(verb, "write"))
        return ask(XS_WRITE, path, value, strlen(value), reply);
    if (!strcmp(verb, "rm"))
        return ask(XS_RM, path, "", 0, reply);
    if (!strcmp(verb, "list"))
        return list(path, reply);
    if (!strcmp(verb, "next") ? !next_value(path, value, reply) : !ask(XS_READ, path, "", 0, reply))
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
    bus = open("/dev/xen/xenbus", O_RDWR);
    if (bus < 0) {
        perror("xsguest: /dev/xen/xenbus");
        return 1;
    }
    if (run(argc, argv, &reply))
        return 0;
    fprintf(stderr, "xsguest: %s: %s\n", argv[2], reply.type == XS_ERROR ? reply.text : "no answer");
    return 1;
}
