/*
 * wire.h - messages of xenstore's protocol: requests made, replies put together. Pure: no device.
 *
 * Replies come in pieces of any size. Of a payload the first WIRE_KEPT bytes are kept, the rest is
 * counted and stepped over, so that nothing the other side says takes memory.
 */
#ifndef PAGEMETER_WIRE_H
#define PAGEMETER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of messages, from the protocol's definition. */
enum { WIRE_READ = 2, WIRE_WRITE = 11, WIRE_WATCH_EVENT = 15, WIRE_ERROR = 16 };

enum {
    WIRE_PAYLOAD_MAX = 4096, /* the protocol's */
    WIRE_KEPT = 64,
    WIRE_REQUEST_MAX = 512 /* ours: a path and a record */
};

/* As it is on the wire: in the machine's byte order. */
struct wire_header {
    uint32_t type, request, transaction, length;
};

/*
 * A request: path, its NUL, value without one. value is NULL for what has none. Returns its length,
 * or 0 when it has no room in out.
 */
size_t wire_request(struct wire_header header, const char *path, const char *value, size_t length,
                    char out[WIRE_REQUEST_MAX]);

/* A reply on its way. All zero is the beginning. */
struct wire {
    struct wire_header header;
    size_t have; /* bytes of header and payload so far */
    char text[WIRE_KEPT];
};

enum wire_result {
    WIRE_MORE,  /* all bytes are taken, the message is not whole yet */
    WIRE_WHOLE, /* w has a message until the next call; bytes may be left */
    WIRE_BROKEN /* that is no message: nothing behind it can be understood */
};

/* Takes bytes from *at up to end, at most to the end of a message; moves *at. */
enum wire_result wire_take(struct wire *w, const char **at, const char *end);

/* How many bytes, at most `most`, belong to this message for sure: to the end of its header or of
 * itself. */
size_t wire_wants(const struct wire *w, size_t most);

/* How much of a whole message's payload is in w->text. */
size_t wire_kept(const struct wire *w);

#endif
