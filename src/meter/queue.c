#include "meter/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "meter/rules.h"

struct slot {
    struct tick_row row;
    size_t offset; /* of its changes, which lie together */
    size_t count;
    size_t taken; /* count, and what was left free at the end because they would not fit there */
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t pushed;
    struct slot *slots;
    size_t slot_count;
    size_t first;
    size_t used;
    struct change *changes;
    size_t change_count;
    size_t next;  /* behind the newest tick's changes */
    size_t taken; /* of changes, up to next: the oldest begin at next - taken, around the end */
    bool has_ended;
};

bool queue_open(struct queue **out, size_t ticks, size_t changes_max, struct error *err)
{
    struct queue *q = calloc(1, sizeof *q);

    if (q != NULL) {
        q->slots = calloc(ticks, sizeof *q->slots);
        q->changes = calloc(changes_max, sizeof *q->changes); /* untouched pages cost nothing */
    }
    if (q == NULL || q->slots == NULL || q->changes == NULL) {
        if (q != NULL) {
            free(q->slots);
            free(q->changes);
        }
        free(q);
        return error_set(err, ERR_NOMEM, "not enough memory for a queue of %zu ticks", ticks);
    }
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->pushed, NULL);
    q->slot_count = ticks;
    q->change_count = changes_max;
    *out = q;
    return true;
}

void queue_close(struct queue *q)
{
    if (q == NULL)
        return;
    (void)pthread_cond_destroy(&q->pushed);
    (void)pthread_mutex_destroy(&q->lock);
    free(q->slots);
    free(q->changes);
    free(q);
}

/*
 * Where `count` changes fit in one piece: behind the newest, or at the beginning, which leaves what
 * is behind the newest free. False when there is no such place.
 */
static bool find_place(const struct queue *q, size_t count, size_t *place, size_t *taken)
{
    size_t rest = q->change_count - q->taken;
    size_t oldest = (q->next + rest) % q->change_count;
    bool is_wrapped = q->taken > 0 && q->next <= oldest;
    size_t behind = is_wrapped ? rest : q->change_count - q->next;

    *place = q->next;
    *taken = count;
    if (count <= behind)
        return true;
    *place = 0;
    *taken = behind + count;
    return !is_wrapped && count <= rest - behind;
}

bool queue_has_room(struct queue *q, size_t changes)
{
    size_t place;
    size_t taken;

    (void)pthread_mutex_lock(&q->lock);
    bool has_room = q->used < q->slot_count && find_place(q, changes, &place, &taken);

    (void)pthread_mutex_unlock(&q->lock);
    return has_room;
}

void queue_push(struct queue *q, const struct tick_row *row, const struct change *changes,
                size_t count)
{
    size_t place;
    size_t taken;

    (void)pthread_mutex_lock(&q->lock);
    if (q->used < q->slot_count && find_place(q, count, &place, &taken)) {
        struct slot *slot = &q->slots[(q->first + q->used++) % q->slot_count];

        *slot = (struct slot){*row, place, count, taken};
        if (count > 0)
            memcpy(&q->changes[place], changes, count * sizeof *changes);
        q->next = (place + count) % q->change_count;
        q->taken += taken;
    }
    (void)pthread_cond_signal(&q->pushed);
    (void)pthread_mutex_unlock(&q->lock);
}

static bool look_at(const struct queue *q, size_t place, struct queued_tick *out)
{
    const struct slot *slot = &q->slots[(q->first + place) % q->slot_count];

    if (place >= q->used)
        return false;
    *out = (struct queued_tick){slot->row, &q->changes[slot->offset], slot->count};
    return true;
}

bool queue_peek(struct queue *q, size_t place, struct queued_tick *out)
{
    (void)pthread_mutex_lock(&q->lock);
    bool has_tick = look_at(q, place, out);

    (void)pthread_mutex_unlock(&q->lock);
    return has_tick;
}

bool queue_wait(struct queue *q, struct queued_tick *out)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->used == 0 && !q->has_ended)
        (void)pthread_cond_wait(&q->pushed, &q->lock);
    bool has_tick = look_at(q, 0, out);

    (void)pthread_mutex_unlock(&q->lock);
    return has_tick;
}

void queue_drop(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->taken -= q->slots[q->first].taken;
    if (q->taken == 0)
        q->next = 0;
    q->first = (q->first + 1) % q->slot_count;
    q->used--;
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_end(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->has_ended = true;
    (void)pthread_cond_signal(&q->pushed);
    (void)pthread_mutex_unlock(&q->lock);
}

bool queue_has_ended(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    bool has_ended = q->has_ended;

    (void)pthread_mutex_unlock(&q->lock);
    return has_ended;
}

size_t queue_length(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t length = q->used;

    (void)pthread_mutex_unlock(&q->lock);
    return length;
}
