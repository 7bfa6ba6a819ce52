/*
 * subscription.h - the sample stream as a subscriber reads it: whole records, until told to end.
 *
 * SIGINT and SIGTERM end it in order, between two records.
 */
#ifndef PAGEMETER_SUBSCRIPTION_H
#define PAGEMETER_SUBSCRIPTION_H

#include "meter/record.h"

#define STREAM_SOCKET_DEFAULT "/run/pagemeter/stream.sock"

struct subscription;

MUST_CHECK bool subscription_open(struct subscription **out, const char *socket, struct error *err);
/* Accepts NULL. */
void subscription_close(struct subscription *sub);

enum subscription_result {
    SUBSCRIPTION_RECORD,
    SUBSCRIPTION_LOST,    /* the other end is gone */
    SUBSCRIPTION_STOPPED, /* we were told to end */
    SUBSCRIPTION_FAILED   /* *err */
};

/* The next record; a tick's samples are valid until the next call. */
enum subscription_result subscription_next(struct subscription *sub, struct record *out,
                                           struct error *err);

/* Tries for so long to connect again: SUBSCRIPTION_RECORD when connected. */
enum subscription_result subscription_reconnect(struct subscription *sub, const char *socket,
                                                uint64_t wait_ns);

#endif
