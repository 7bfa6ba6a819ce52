#include "serve/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

struct entry {
    char key[CACHE_KEY_MAX]; /* "": free */
    struct body *body;       /* NULL: somebody makes it */
    int64_t made_ns;
};

struct cache {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t bytes;
    struct entry entries[CACHE_ENTRIES];
};

/* ---- bodies ---- */

static size_t all_bytes; /* of all bodies; atomic */

bool body_has_room(size_t length)
{
    return __atomic_load_n(&all_bytes, __ATOMIC_RELAXED) + length <= BODIES_BYTES_MAX;
}

struct body *body_make(unsigned status, const char *type, const char *bytes, size_t length)
{
    struct body *body = malloc(sizeof *body + length);

    if (body == NULL)
        return NULL;
    *body = (struct body){.users = 1, .status = status, .type = type, .length = length};
    memcpy(body->bytes, bytes, length);
    (void)__atomic_add_fetch(&all_bytes, length, __ATOMIC_RELAXED);
    return body;
}

void body_take(struct body *body)
{
    (void)__atomic_add_fetch(&body->users, 1, __ATOMIC_RELAXED);
}

void body_give(struct body *body)
{
    if (body == NULL || __atomic_sub_fetch(&body->users, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    (void)__atomic_sub_fetch(&all_bytes, body->length, __ATOMIC_RELAXED);
    free(body);
}

/* ---- the cache ---- */

bool cache_open(struct cache **out, struct error *err)
{
    struct cache *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to begin");
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    *out = c;
    return true;
}

static void drop(struct cache *c, struct entry *e)
{
    c->bytes -= e->body != NULL ? e->body->length : 0;
    body_give(e->body);
    *e = (struct entry){.made_ns = 0};
}

void cache_close(struct cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        drop(c, &c->entries[i]);
    free(c);
}

static struct entry *find(struct cache *c, const char *key)
{
    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        if (c->entries[i].key[0] != '\0' && strcmp(c->entries[i].key, key) == 0)
            return &c->entries[i];
    return NULL;
}

/* The oldest that nobody makes; NULL: there is none. */
static struct entry *find_oldest(struct cache *c)
{
    struct entry *oldest = NULL;

    for (size_t i = 0; i < CACHE_ENTRIES; i++) {
        struct entry *e = &c->entries[i];

        if (e->body != NULL && (oldest == NULL || e->made_ns < oldest->made_ns))
            oldest = e;
    }
    return oldest;
}

/* A free one, or the oldest; NULL: all are being made. */
static struct entry *find_room(struct cache *c)
{
    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        if (c->entries[i].key[0] == '\0')
            return &c->entries[i];
    struct entry *oldest = find_oldest(c);

    if (oldest != NULL)
        drop(c, oldest);
    return oldest;
}

/* Whoever asked for much leaves room for others: the oldest answers go. */
static void make_room(struct cache *c, size_t length)
{
    struct entry *oldest;

    while (c->bytes + length > CACHE_BYTES_MAX && (oldest = find_oldest(c)) != NULL)
        drop(c, oldest);
}

/* With the lock held: one that is fresh, after waiting for who makes it; or NULL. */
static struct body *take_fresh(struct cache *c, const char *key)
{
    struct entry *e;

    while ((e = find(c, key)) != NULL && e->body == NULL)
        (void)pthread_cond_wait(&c->changed, &c->mutex);
    if (e == NULL)
        return NULL;
    if (clock_mono().ns - e->made_ns > CACHE_NS) {
        drop(c, e);
        return NULL;
    }
    body_take(e->body);
    return e->body;
}

static void keep(struct cache *c, struct entry *e, struct body *body)
{
    if (body == NULL || body->status != 200 || body->length > CACHE_BYTES_MAX) {
        drop(c, e);
    } else {
        make_room(c, body->length);
        body_take(body);
        e->body = body;
        e->made_ns = clock_mono().ns;
        c->bytes += body->length;
    }
    (void)pthread_cond_broadcast(&c->changed);
}

struct body *cache_get(struct cache *c, const char *key, cache_make *make, void *context)
{
    struct entry *e = NULL;

    (void)pthread_mutex_lock(&c->mutex);
    struct body *body = take_fresh(c, key);

    if (body == NULL && strlen(key) < CACHE_KEY_MAX && (e = find_room(c)) != NULL)
        (void)strcpy(e->key, key);
    (void)pthread_mutex_unlock(&c->mutex);
    if (body != NULL)
        return body;
    body = make(context);
    if (e != NULL) {
        (void)pthread_mutex_lock(&c->mutex);
        keep(c, e, body);
        (void)pthread_mutex_unlock(&c->mutex);
    }
    return body;
}
