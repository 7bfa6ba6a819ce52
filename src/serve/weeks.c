#include "serve/weeks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"

struct week {
    struct uuid vm;
    int64_t hour;
    struct usage_part usage;    /* what the pieces add up to */
    struct store_piece *pieces; /* NULL: a free place */
    size_t count;
    uint64_t asked; /* when, in questions */
};

struct weeks {
    pthread_mutex_t mutex;
    struct week list[WEEKS_MAX];
    uint64_t questions;
    int64_t bytes;
};

bool weeks_open(struct weeks **out, struct error *err)
{
    struct weeks *w = calloc(1, sizeof *w);

    if (w == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to begin");
    (void)pthread_mutex_init(&w->mutex, NULL);
    *out = w;
    return true;
}

void weeks_close(struct weeks *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < WEEKS_MAX; i++)
        free(w->list[i].pieces);
    free(w);
}

static int64_t size_of(size_t count)
{
    return (int64_t)((count + 1) * sizeof(struct store_piece));
}

static void forget(struct weeks *w, struct week *week)
{
    w->bytes -= size_of(week->count);
    free(week->pieces);
    *week = (struct week){.pieces = NULL};
}

static struct week *find(struct weeks *w, const struct uuid *vm, int64_t hour)
{
    for (size_t i = 0; i < WEEKS_MAX; i++)
        if (w->list[i].hour == hour && w->list[i].pieces != NULL &&
            uuid_is_equal(&w->list[i].vm, vm))
            return &w->list[i];
    return NULL;
}

/* The hour is not compared: it is the week's. */
static bool is_same(const struct usage_part *a, const struct usage_part *b)
{
    return a->kib_ns == b->kib_ns && a->measured_ns == b->measured_ns &&
           a->missing_ns == b->missing_ns && a->excluded_ns == b->excluded_ns;
}

static struct store_piece *copy_of(const struct store_piece *pieces, size_t count)
{
    struct store_piece *copy = malloc((count + 1) * sizeof *copy);

    if (copy != NULL && count > 0)
        memcpy(copy, pieces, count * sizeof *copy);
    return copy;
}

bool weeks_take(struct weeks *w, const struct uuid *vm, int64_t hour,
                const struct usage_part *usage, struct store_piece **pieces, size_t *count)
{
    struct store_piece *copy = NULL;

    (void)pthread_mutex_lock(&w->mutex);
    struct week *week = find(w, vm, hour);

    if (week != NULL && !is_same(&week->usage, usage) && safety_is_on(SAFETY_SERVE_KEPT)) {
        forget(w, week);
        week = NULL;
    }
    if (week != NULL) {
        week->asked = ++w->questions;
        copy = copy_of(week->pieces, week->count);
        *count = week->count;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    if (copy != NULL)
        *pieces = copy;
    return copy != NULL;
}

/* False: it does not fit 128 bits. */
static bool add_up(const struct store_piece *pieces, size_t count, struct usage_part *out)
{
    bool is_ok = true;

    *out = (struct usage_part){.hour = 0};
    for (size_t i = 0; is_ok && i < count; i++) {
        const struct store_piece *p = &pieces[i];

        out->measured_ns += p->kind == PIECE_BILLED ? p->ns : 0;
        out->missing_ns += p->kind == PIECE_MISSING ? p->ns : 0;
        out->excluded_ns += p->kind == PIECE_EXCLUDED ? p->ns : 0;
        if (p->kind == PIECE_BILLED)
            is_ok = usage_add_product(&out->kib_ns, p->kib, (uint64_t)p->ns);
    }
    return is_ok;
}

/* A free place, after that of those that were not asked for the longest; NULL: it is too large. */
static struct week *make_room(struct weeks *w, int64_t size)
{
    if (size > WEEKS_BYTES_MAX / 4)
        return NULL;
    for (;;) {
        struct week *free_place = NULL, *oldest = NULL;

        for (size_t i = 0; i < WEEKS_MAX; i++)
            if (w->list[i].pieces == NULL)
                free_place = &w->list[i];
            else if (oldest == NULL || w->list[i].asked < oldest->asked)
                oldest = &w->list[i];
        if (free_place != NULL && w->bytes + size <= WEEKS_BYTES_MAX)
            return free_place;
        forget(w, oldest);
    }
}

void weeks_keep(struct weeks *w, const struct uuid *vm, int64_t hour,
                const struct store_piece *pieces, size_t count)
{
    struct week kept = {.vm = *vm, .hour = hour, .count = count};

    if (!add_up(pieces, count, &kept.usage) || (kept.pieces = copy_of(pieces, count)) == NULL)
        return;
    (void)pthread_mutex_lock(&w->mutex);
    struct week *place = find(w, vm, hour);

    if (place != NULL)
        forget(w, place);
    place = make_room(w, size_of(count));
    if (place != NULL) {
        kept.asked = ++w->questions;
        *place = kept;
        w->bytes += size_of(count);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    if (place == NULL)
        free(kept.pieces);
}
