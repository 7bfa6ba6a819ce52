/*
 * xenbus.h - xenstore's wire protocol over /dev/xen/xenbus, for programs of guests that have no library.
 *
 * One request at a time. Values go through raw, NULs and all. It works in dom0 too.
 */
#ifndef XENBUS_H
#define XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xen/io/xs_wire.h */
enum {
    XS_DIRECTORY = 1,
    XS_READ = 2,
    XS_WATCH = 4,
    XS_WRITE = 11,
    XS_RM = 13,
    XS_SET_PERMS = 14,
    XS_WATCH_EVENT = 15,
    XS_ERROR = 16
};

enum { PAYLOAD_MAX = 4096 };

struct reply {
    uint32_t type, length;
    char     text[PAYLOAD_MAX + 1];     /* always ends with a NUL */
};

bool xenbus_open(void);

/* The next message, whatever it is: a watch event when no request is outstanding. */
bool xenbus_receive(struct reply *reply);

/*
 * One request and its reply; `rest` follows the path and its NUL. Watch events that arrive in between are older
 * than the reply: dropped. False on an error too: then reply->type is XS_ERROR and the text is its name.
 */
bool xenbus_ask(uint32_t type, const char *path, const void *rest, size_t rest_length, struct reply *reply);

/* Waits, on a watch, until `path` has a value other than `old`. The first call for a path sets the watch. */
bool xenbus_next(const char *path, const char *old, struct reply *reply);

#endif
