/*
 * queue.h - the bounded queue between sampling and committing.
 *
 * One thread pushes, one takes; neither waits for the other's work. Whole ticks with their changes,
 * in order. The memory is taken once.
 */
#ifndef PAGEMETER_QUEUE_H
#define PAGEMETER_QUEUE_H

#include <stddef.h>

#include "meter/change.h"

struct queue;

/* Room for `ticks` ticks, and changes_max changes in all of them together. */
MUST_CHECK bool queue_open(struct queue **out, size_t ticks, size_t changes_max, struct error *err);
/* Accepts NULL. */
void queue_close(struct queue *queue);

/* Is there room for a tick with so many changes? What is true stays true until the next push. */
bool queue_has_room(struct queue *queue, size_t changes);

/* Copies a tick in; queue_has_room has said that there is room. */
void queue_push(struct queue *queue, const struct tick_row *row, const struct change *changes,
                size_t count);

struct queued_tick {
    struct tick_row row;
    const struct change *changes; /* in the queue, until queue_drop */
    size_t count;
};

/*
 * The oldest tick, which stays in the queue. Waits for one, or until queue_end was called and none
 * is left: then false.
 */
bool queue_wait(struct queue *queue, struct queued_tick *out);

/* The tick behind the oldest by `place`, without waiting; false when there are not so many. */
bool queue_peek(struct queue *queue, size_t place, struct queued_tick *out);

/* Takes the oldest tick out. */
void queue_drop(struct queue *queue);

/* No more will be pushed. */
void queue_end(struct queue *queue);
bool queue_has_ended(struct queue *queue);

size_t queue_length(struct queue *queue);

#endif
