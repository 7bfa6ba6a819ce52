#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "xenbus.h"

struct header {
    uint32_t type, request, transaction, length;
};

static int bus = -1;

/* The kernel may hand out an event before the answer to what was asked earlier. */
static bool is_event_skipped;

bool xenbus_open(void)
{
    bus = open("/dev/xen/xenbus", O_RDWR);
    return bus >= 0;
}

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

bool xenbus_receive(struct reply *reply)
{
    struct header h;

    if (!read_all(&h, sizeof h) || h.length > PAYLOAD_MAX || !read_all(reply->text, h.length))
        return false;
    reply->type = h.type;
    reply->length = h.length;
    reply->text[h.length] = '\0';
    return true;
}

bool xenbus_ask(uint32_t type, const char *path, const void *rest, size_t rest_length, struct reply *reply)
{
    char          message[sizeof(struct header) + PAYLOAD_MAX];
    size_t        path_length = strlen(path) + 1;
    struct header h = { .type = type, .request = 1, .length = (uint32_t)(path_length + rest_length) };

    reply->type = 0;
    if (path_length + rest_length > PAYLOAD_MAX)
        return false;
    memcpy(message, &h, sizeof h);
    memcpy(message + sizeof h, path, path_length);
    if (rest_length > 0)
        memcpy(message + sizeof h + path_length, rest, rest_length);
    if (write(bus, message, sizeof h + h.length) < 0)
        return false;
    do {
        if (!xenbus_receive(reply))
            return false;
        is_event_skipped = is_event_skipped || reply->type == XS_WATCH_EVENT;
    } while (reply->type == XS_WATCH_EVENT);
    return reply->type != XS_ERROR;
}

bool xenbus_next(const char *path, const char *old, struct reply *reply)
{
    static const char  token[] = "t";
    static const char *watched;

    if (watched != path && !xenbus_ask(XS_WATCH, path, token, sizeof token, reply))
        return false;
    watched = path;
    for (;;) {
        struct reply event;

        is_event_skipped = false;
        if (xenbus_ask(XS_READ, path, NULL, 0, reply) && *reply->text && strcmp(reply->text, old) != 0)
            return true;
        if (!is_event_skipped && !xenbus_receive(&event))
            return false;
    }
}
