/*
 * xenstore.h - one connection to xenstored, and since when it has not answered.
 *
 * Any call but xenstore_waiting_ns may block for as long as xenstored is stopped: only one thread
 * makes them. What is read is cut to the caller's length.
 */
#ifndef PAGEMETER_XENSTORE_H
#define PAGEMETER_XENSTORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Unanswered for longer, xenstore is hung. */
#define XENSTORE_HUNG_NS (2 * INT64_C(1000000000))

struct xs_handle;

enum xenstore_result {
    XENSTORE_OK,
    XENSTORE_NO,  /* not there, not allowed, or something else is there now */
    XENSTORE_LOST /* no connection any more: close, and open again */
};

struct xenstore {
    struct xs_handle *xs;      /* NULL: not connected */
    _Atomic int64_t since_ns;  /* CLOCK_BOOTTIME; 0: nothing is outstanding */
    atomic_bool was_hung;      /* some answer took too long; the caller resets it */
    unsigned long transaction; /* 0: none */
};

/* Connects. XENSTORE_NO when nobody is there: time counts as waited. */
enum xenstore_result xenstore_open(struct xenstore *x);
void xenstore_close(struct xenstore *x);

/* How long something has been outstanding, or the connection lost; any thread. */
int64_t xenstore_waiting_ns(struct xenstore *x, int64_t now_ns);

/* text[0..*length), at most `most` bytes of the value. */
MUST_CHECK enum xenstore_result xenstore_read(struct xenstore *x, const char *path, char *text,
                                              size_t most, size_t *length);
MUST_CHECK enum xenstore_result xenstore_write(struct xenstore *x, const char *path,
                                               const char *value);
MUST_CHECK enum xenstore_result xenstore_mkdir(struct xenstore *x, const char *path);
/* n0,rDOMID: dom0 owns it, that domain may read it, nobody else may anything */
MUST_CHECK enum xenstore_result xenstore_show_to(struct xenstore *x, const char *path,
                                                 uint16_t domid);

/* What follows happens as a whole when it is committed, or not at all. */
MUST_CHECK enum xenstore_result xenstore_begin(struct xenstore *x);
/* XENSTORE_NO: not committed, because is_wanted is false or because others wrote there too. */
MUST_CHECK enum xenstore_result xenstore_end(struct xenstore *x, bool is_wanted);

MUST_CHECK enum xenstore_result xenstore_watch(struct xenstore *x, const char *path,
                                               const char *token, bool is_wanted);
/* The next watch event's token, cut to size. False: none now. */
bool xenstore_next_watch(struct xenstore *x, char *token, size_t size);
/* Readable when a watch may have fired; not when the connection is lost. */
int xenstore_fd(struct xenstore *x);

#endif
