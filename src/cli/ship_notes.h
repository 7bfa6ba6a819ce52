/*
 * ship_notes.h - where PostgreSQL stands with each store, as far as this process was told, and what
 * is noted of that: ship.db for people, the cursor for pagemeterd.
 *
 * Notes that can't be written are told once, and cost nothing else: they are tried again, and
 * shipping does not depend on them.
 */
#ifndef PAGEMETER_CLI_SHIP_NOTES_H
#define PAGEMETER_CLI_SHIP_NOTES_H

#include "cli/ship.h"
#include "store/ship_read.h"
#include "store/ship_store.h"

/* Where PostgreSQL stands with one store. */
struct ship_place {
    struct ship_mark mark; /* its conflicts: those that are not noted yet */
    bool is_asked;         /* by this connection */
    bool is_compared;      /* its last hour was sent again, by this process */
};

struct ship_notes {
    const struct ship_options *options;
    struct ship_place *places;
    size_t count;
    struct ship_store *store;     /* NULL: it can't be opened */
    char trouble[ERROR_TEXT_MAX]; /* that was told; "": all is noted */
    int64_t written_mono_ns;
};

/*
 * Reads what was noted before. ERR_REFUSED: another process ships from there. That they can't be
 * written is no failure.
 */
MUST_CHECK bool ship_notes_open(struct ship_notes *notes, const struct ship_options *options,
                                struct error *err);
void ship_notes_close(struct ship_notes *notes);

/* Made when it is not there. Valid until the next call; NULL: *err, no memory. */
struct ship_place *ship_notes_place(struct ship_notes *notes, const struct ship_origin *origin,
                                    struct error *err);

/* PostgreSQL said now that nothing is missing up to this tick. */
void ship_place_confirm(struct ship_place *place, int64_t tick, int64_t utc_ns);

/* error: why it does not work; NULL: it does. */
void ship_notes_write(struct ship_notes *notes, const char *error);

#endif
