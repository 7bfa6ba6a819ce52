/*
 * fake_xenstored.h - the other end of the agent's device, for tests: takes requests, answers as it
 * is told to.
 */
#ifndef PAGEMETER_TESTS_FAKE_XENSTORED_H
#define PAGEMETER_TESTS_FAKE_XENSTORED_H

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#include "agent/wire.h"

struct fake {
    int fd;     /* ours; -1: closed */
    int opened; /* how often it was */
    bool is_absent;
    struct wire_header asked; /* the last request */
    char payload[WIRE_REQUEST_MAX];
};

/* An `open` of a struct xenbus; the context is a struct fake. */
static inline int fake_open(void *context)
{
    struct fake *fake = context;
    int ends[2];

    fake->opened++;
    if (fake->is_absent)
        return -1;
    if (fake->fd >= 0)
        (void)close(fake->fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    fake->fd = ends[0];
    return ends[1];
}

static inline void fake_close(struct fake *fake)
{
    if (fake->fd >= 0)
        (void)close(fake->fd);
    fake->fd = -1;
}

/* Is there a request? Then it is in asked and payload. */
static inline bool fake_take(struct fake *fake)
{
    ssize_t n = fake->fd < 0 ? -1 : read(fake->fd, &fake->asked, sizeof fake->asked);

    if (n <= 0)
        return false;
    assert_int_equal(n, sizeof fake->asked);
    assert_true(fake->asked.length < sizeof fake->payload);
    assert_int_equal(read(fake->fd, fake->payload, fake->asked.length), fake->asked.length);
    fake->payload[fake->asked.length] = '\0';
    return true;
}

static inline void fake_put(struct fake *fake, const void *bytes, size_t length)
{
    assert_int_equal(write(fake->fd, bytes, length), length);
}

static inline void fake_say(struct fake *fake, uint32_t type, uint32_t request, const char *payload,
                            size_t length)
{
    struct wire_header header = {.type = type, .request = request, .length = (uint32_t)length};

    fake_put(fake, &header, sizeof header);
    if (length > 0)
        fake_put(fake, payload, length);
}

/* To the request that was taken last. */
static inline void fake_answer(struct fake *fake, const char *value)
{
    fake_say(fake, fake->asked.type, fake->asked.request, value, strlen(value));
}

static inline void fake_refuse(struct fake *fake, const char *error)
{
    fake_say(fake, WIRE_ERROR, fake->asked.request, error, strlen(error) + 1);
}

#endif
