/*
 * stream.h - the sample stream on a Unix socket: every tick to every subscriber, as text.
 *
 * Publishing never waits: the text goes into a ring, and a thread of the stream sends it on. A
 * subscriber that falls behind by the whole ring, or that sends anything, is dropped.
 */
#ifndef PAGEMETER_STREAM_H
#define PAGEMETER_STREAM_H

#include "meter/record.h"

struct stream;

enum { STREAM_SUBSCRIBERS_MAX = 32 };

/*
 * Listens at `path` (its directory is made when absent); a socket that nobody listens at is
 * replaced. `head` goes first to every subscriber.
 */
MUST_CHECK bool stream_open(struct stream **out, const char *path, const struct head *head,
                            struct error *err);
/* Sends nothing more, removes the socket. Accepts NULL. */
void stream_close(struct stream *stream);

/* To all that are there now. Called by one thread. */
void stream_publish(struct stream *stream, const struct record *record);

size_t stream_subscribers(struct stream *stream);

/* Subscribers dropped because they lagged, since the beginning. */
uint64_t stream_dropped(struct stream *stream);

/* The other end: a connected socket, -1 on failure. */
int stream_connect(const char *path, struct error *err);

#endif
