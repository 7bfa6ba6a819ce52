#include "agent/xenbus.h"

#include <errno.h>
#include <unistd.h>

void xenbus_init(struct xenbus *b, int (*open)(void *context), void *context)
{
    *b = (struct xenbus){.open = open,
                         .context = context,
                         .fd = -1,
                         .patience_ms = XENBUS_PATIENCE_MS};
}

void xenbus_close(struct xenbus *b)
{
    if (b->fd >= 0)
        (void)close(b->fd);
    b->fd = -1;
    b->is_waiting = false;
    b->wire.have = 0;
}

static void give_up(struct xenbus *b, uint64_t now_ms)
{
    xenbus_close(b);
    b->open_ms = now_ms + XENBUS_PAUSE_MS;
}

static bool is_open(struct xenbus *b, uint64_t now_ms)
{
    if (b->fd < 0 && now_ms >= b->open_ms) {
        b->fd = b->open(b->context);
        b->open_ms = now_ms + XENBUS_PAUSE_MS;
    }
    return b->fd >= 0;
}

static bool ask(struct xenbus *b, uint64_t now_ms, const char *message, size_t length)
{
    ssize_t n;

    do
        n = write(b->fd, message, length);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)length) {
        /* what it has of the message would garble the next one */
        give_up(b, now_ms);
        return false;
    }
    b->is_waiting = true;
    b->asked_ms = now_ms;
    return true;
}

static bool request(struct xenbus *b, uint64_t now_ms, const char *path, const char *value,
                    size_t length)
{
    char message[WIRE_REQUEST_MAX];
    struct wire_header header = {.type = value != NULL ? WIRE_WRITE : WIRE_READ};

    if (b->is_waiting || !is_open(b, now_ms))
        return false;
    header.request = ++b->request;
    size_t size = wire_request(header, path, value, length, message);

    return size > 0 && ask(b, now_ms, message, size);
}

bool xenbus_read(struct xenbus *b, uint64_t now_ms, const char *path)
{
    return request(b, now_ms, path, NULL, 0);
}

bool xenbus_write(struct xenbus *b, uint64_t now_ms, const char *path, const char *value,
                  size_t length)
{
    return request(b, now_ms, path, value, length);
}

/* A whole message has come. What is not the reply that is waited for, nobody waits for. */
static enum xenbus_event meet(struct xenbus *b)
{
    if (!b->is_waiting || b->wire.header.type == WIRE_WATCH_EVENT ||
        b->wire.header.request != b->request)
        return XENBUS_NOTHING;
    b->is_waiting = false;
    b->patience_ms = XENBUS_PATIENCE_MS;
    return b->wire.header.type == WIRE_ERROR ? XENBUS_REFUSED : XENBUS_ANSWER;
}

/*
 * Reads until there is an event or nothing left. Bytes behind an event cannot be kept, since the
 * next message would overwrite it: none are read, since a message is asked for to its end and no
 * further.
 */
static enum xenbus_event receive(struct xenbus *b, bool *is_broken)
{
    for (;;) {
        char bytes[WIRE_KEPT];
        const char *at = bytes;
        ssize_t n = read(b->fd, bytes, wire_wants(&b->wire, sizeof bytes));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            *is_broken = n == 0 || errno != EAGAIN;
            return XENBUS_NOTHING;
        }
        enum wire_result result = wire_take(&b->wire, &at, bytes + n);
        enum xenbus_event event = result == WIRE_WHOLE ? meet(b) : XENBUS_NOTHING;

        *is_broken = result == WIRE_BROKEN;
        if (*is_broken || event != XENBUS_NOTHING)
            return event;
    }
}

static enum xenbus_event lose(struct xenbus *b, uint64_t now_ms)
{
    bool was_waiting = b->is_waiting;

    give_up(b, now_ms);
    return was_waiting ? XENBUS_LOST : XENBUS_NOTHING;
}

enum xenbus_event xenbus_take(struct xenbus *b, uint64_t now_ms)
{
    bool is_broken = false;

    if (b->fd < 0)
        return XENBUS_NOTHING;
    enum xenbus_event event = receive(b, &is_broken);

    if (is_broken)
        return lose(b, now_ms);
    if (event == XENBUS_NOTHING && now_ms >= xenbus_deadline_ms(b)) {
        b->patience_ms = b->patience_ms * 2 < XENBUS_PATIENCE_MOST_MS ? b->patience_ms * 2
                                                                      : XENBUS_PATIENCE_MOST_MS;
        return lose(b, now_ms);
    }
    return event;
}

uint64_t xenbus_deadline_ms(const struct xenbus *b)
{
    return b->is_waiting ? b->asked_ms + b->patience_ms : UINT64_MAX;
}
