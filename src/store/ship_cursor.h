/*
 * ship_cursor.h - how far a host's measurements were shipped, as pagemeter ship tells pagemeterd,
 * which prunes nothing else: a small text file in ship's own directory.
 *
 *     pagemeter-ship 1 <URI>
 *     <store> <tick>           for each store of meter.db: PostgreSQL has all of it up to this tick
 *
 * pagemeterd is root, and who writes the file is not. So it is no database, it is read whole, and
 * one that is too large, no plain file, or written otherwise in any byte says nothing. All that it
 * can do is to let rows go that are older than the retention.
 */
#ifndef PAGEMETER_SHIP_CURSOR_H
#define PAGEMETER_SHIP_CURSOR_H

#include "common/config.h"
#include "store/store.h"

enum { SHIP_CURSOR_STORES = 1024, SHIP_CURSOR_BYTES = 65536 };

struct ship_cursor {
    char to[CONFIG_TEXT_MAX];
    size_t count;
    struct ship_cursor_store {
        struct uuid store;
        int64_t tick;
    } stores[SHIP_CURSOR_STORES];
};

/* False: it is not in that form. *out is then of no use. */
MUST_CHECK bool ship_cursor_parse(const char *text, size_t length, struct ship_cursor *out);

/* `dir`: of [ship] state. ERR_SYSTEM: there is none, or it can't be read; ERR_INPUT. */
MUST_CHECK bool ship_cursor_read(const char *dir, struct ship_cursor *out, struct error *err);

/* Whole, or as it was. */
MUST_CHECK bool ship_cursor_write(const char *dir, const struct ship_cursor *cursor,
                                  struct error *err);

/*
 * The tick up to which PostgreSQL has everything of the store, and of those that it was restored
 * from, whose rows it has; -1: of nothing. A claim of more than there is is not believed.
 */
MUST_CHECK bool store_shipped(struct store *store, const struct ship_cursor *cursor, int64_t *tick,
                              struct error *err);

#endif
