/*
 * ticks.h - pagemeterd's sample stream as a beat: when a tick has come, and which.
 *
 * Decisions never rest on the stream's figures, which are history: the host is read anew. When
 * pagemeterd is away, is_there is false and the timer goes on alone.
 */
#ifndef PAGEMETER_TICKS_H
#define PAGEMETER_TICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TICKS_BUFFER = 16384 };

struct ticks {
    const char *path; /* the caller's */
    int fd;           /* -1: not connected */
    int64_t next_try_ns;
    size_t used;
    bool is_skipping; /* within a line that is longer than the buffer */
    char buffer[TICKS_BUFFER];
};

/* Nothing is connected before ticks_connect. path "none": never. */
void ticks_init(struct ticks *ticks, const char *path);
void ticks_clear(struct ticks *ticks);

/* Tries once a second. Never waits. */
void ticks_connect(struct ticks *ticks, int64_t now_ns);

/* Takes what is there. True: at least one tick's head came, *seq is the last one's. */
bool ticks_read(struct ticks *ticks, uint64_t *seq);

#endif
