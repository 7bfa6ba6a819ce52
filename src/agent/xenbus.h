/*
 * xenbus.h - a guest's line to xenstore: one request at a time, and nothing that waits.
 *
 * The device takes a request at once and hands out the reply whenever it comes, so that a xenstored
 * that hangs stops nobody here. While a request has no reply there is no other. When the reply
 * stays away for long, or the device fails, the device is closed and opened anew with the next
 * request: what was asked may or may not have happened, and what still comes for it is not ours any
 * more.
 *
 * Time in ms of a clock that goes on in suspend. Nothing is allocated.
 */
#ifndef PAGEMETER_XENBUS_H
#define PAGEMETER_XENBUS_H

#include "agent/wire.h"
#include "common/error.h"

enum {
    /*
     * Until the device is opened anew; doubled each time in a row. Long, since a request that is
     * given up stays in the kernel until xenstored answers: one a minute is the most that may pile
     * up.
     */
    XENBUS_PATIENCE_MS = 10000,
    XENBUS_PATIENCE_MOST_MS = 60000,
    XENBUS_PAUSE_MS = 1000 /* between two tries to open it */
};

struct xenbus {
    int (*open)(void *context); /* a non-blocking file, or -1 */
    void *context;
    int fd; /* -1: closed. For poll(2): readable is a reason to call xenbus_take */
    struct wire wire;
    uint32_t request;
    bool is_waiting; /* for the reply to `request` */
    uint64_t asked_ms;
    uint64_t patience_ms;
    uint64_t open_ms; /* not to be opened before */
};

enum xenbus_event {
    XENBUS_NOTHING,
    XENBUS_ANSWER,  /* b->wire has it */
    XENBUS_REFUSED, /* b->wire has the error */
    XENBUS_LOST,    /* there will be no reply */
    XENBUS_EVENTS
};

/* Opens nothing yet. */
void xenbus_init(struct xenbus *b, int (*open)(void *context), void *context);
void xenbus_close(struct xenbus *b);

/*
 * Asks to read a path, or to write a value there. False when that is not possible now: a reply is
 * still to come, or the device cannot be opened or written to, and is left alone for
 * XENBUS_PAUSE_MS.
 */
MUST_CHECK bool xenbus_read(struct xenbus *b, uint64_t now_ms, const char *path);
MUST_CHECK bool xenbus_write(struct xenbus *b, uint64_t now_ms, const char *path, const char *value,
                             size_t length);

/* Takes what has come, and gives up what has not come in time. At most one event per request. */
enum xenbus_event xenbus_take(struct xenbus *b, uint64_t now_ms);

/* When xenbus_take has to be called though nothing comes; UINT64_MAX: never. */
uint64_t xenbus_deadline_ms(const struct xenbus *b);

#endif
