/*
 * cache.h - answers that are good for a moment: who asks for the same within it gets the same, and
 * of many who ask at once one computes it, and the others wait for that.
 */
#ifndef PAGEMETER_SERVE_CACHE_H
#define PAGEMETER_SERVE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum {
    CACHE_ENTRIES = 64,
    CACHE_BYTES_MAX = 32 * 1024 * 1024, /* of all answers that are kept */
    CACHE_KEY_MAX = 1024,
    BODIES_BYTES_MAX = 256 * 1024 * 1024, /* of all that there are: kept, or not read to the end */
};
#define CACHE_NS (INT64_C(3) * 1000000000)

/* An answer; shared, never changed, gone with the last who has it. */
struct body {
    int users;
    unsigned status;
    const char *type;
    size_t length;
    char bytes[];
};

/* With one user, the caller; NULL: no memory. */
struct body *body_make(unsigned status, const char *type, const char *bytes, size_t length);
/* Would another of this length be too much? Who reads slowly has his answers as long. */
bool body_has_room(size_t length);
void body_take(struct body *body);
void body_give(struct body *body); /* accepts NULL */

/* Computes it. Never NULL but without memory. */
typedef struct body *cache_make(void *context);

struct cache;
MUST_CHECK bool cache_open(struct cache **out, struct error *err);
void cache_close(struct cache *cache);

/*
 * The answer for this key, made now unless it was made a moment ago. Only status 200 is kept. NULL:
 * no memory.
 */
struct body *cache_get(struct cache *cache, const char *key, cache_make *make, void *context);

#endif
