/*
 * ship_store.h - ship.db: how far pagemeter ship came at each destination, for people.
 *
 * A file in a directory of ship's own (schema/sqlite/ship/), written by one process, which holds
 * ship.lock; any number read. Nothing depends on it: PostgreSQL is asked what it has.
 */
#ifndef PAGEMETER_SHIP_STORE_H
#define PAGEMETER_SHIP_STORE_H

#include "common/config.h"
#include "store/store.h"

struct ship_store;

/* `dir`: of [ship] state; made when absent. ERR_REFUSED: another process ships from there. */
MUST_CHECK bool ship_store_open(struct ship_store **out, const char *dir, enum store_mode mode,
                                struct error *err);
/* Accepts NULL. */
void ship_store_close(struct ship_store *store);

/* Times are UTC. */
struct ship_mark {
    struct uuid store;
    int64_t tick;         /* nothing up to it is missing there; -1 */
    int64_t utc_ns;       /* of that tick; -1: not known */
    int64_t confirmed_ns; /* when that was said */
    int64_t conflicts;    /* those that are new; as it is read: all */
    int64_t pruned_to;    /* what is before was pruned before it was shipped; -1: nothing was */
};

/* All of it or nothing. */
struct ship_note {
    const char *destination;
    int64_t utc_ns; /* now */
    const struct ship_mark *marks;
    size_t count;
    const char *error; /* why it does not work; NULL: it does */
};
MUST_CHECK bool ship_store_note(struct ship_store *store, const struct ship_note *note,
                                struct error *err);

/* A mark, or a destination without any; and the last failure there. Texts are valid in `row`. */
struct ship_row {
    const char *destination;
    bool has_mark;
    struct ship_mark mark;
    const char *error; /* NULL: there was none */
    int64_t since_ns, last_ns;
    int64_t ended_ns; /* 0: it goes on */
};
struct ship_rows {
    bool (*row)(void *self, const struct ship_row *row, struct error *err);
    void *self;
};
MUST_CHECK bool ship_store_read(struct ship_store *store, const struct ship_rows *rows,
                                struct error *err);

#endif
