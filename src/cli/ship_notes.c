#include "cli/ship_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "store/ship_cursor.h"

/* ---- places ---- */

static struct ship_place *add_place(struct ship_notes *n, const struct ship_mark *mark,
                                    struct error *err)
{
    struct ship_place *larger = realloc(n->places, (n->count + 1) * sizeof *larger);

    if (larger == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory for another store");
        return NULL;
    }
    n->places = larger;
    n->places[n->count] = (struct ship_place){.mark = *mark};
    return &n->places[n->count++];
}

struct ship_place *ship_notes_place(struct ship_notes *n, const struct ship_origin *o,
                                    struct error *err)
{
    struct ship_mark none = {.store = o->store, .tick = o->begin, .utc_ns = -1, .pruned_to = -1};

    for (size_t i = 0; i < n->count; i++)
        if (uuid_is_equal(&n->places[i].mark.store, &o->store))
            return &n->places[i];
    return add_place(n, &none, err);
}

void ship_place_confirm(struct ship_place *p, int64_t tick, int64_t utc_ns)
{
    p->mark.tick = tick;
    p->mark.utc_ns = utc_ns;
    p->mark.confirmed_ns = clock_utc().ns;
}

/* ---- reading ---- */

static bool take_row(void *self, const struct ship_row *row, struct error *err)
{
    struct ship_notes *n = self;
    struct ship_mark mark = row->mark;

    mark.conflicts = 0; /* those that are new */
    return !row->has_mark || strcmp(row->destination, n->options->to) != 0 ||
           add_place(n, &mark, err) != NULL;
}

bool ship_notes_open(struct ship_notes *n, const struct ship_options *options, struct error *err)
{
    struct ship_rows rows = {take_row, n};
    struct error trouble = {.code = ERR_NONE};

    *n = (struct ship_notes){.options = options};
    if (ship_store_open(&n->store, options->state, STORE_WRITE, &trouble) &&
        !ship_store_read(n->store, &rows, &trouble))
        n->count = 0;
    if (trouble.code != ERR_REFUSED)
        return true;
    *err = trouble;
    return false;
}

void ship_notes_close(struct ship_notes *n)
{
    ship_store_close(n->store);
    free(n->places);
    *n = (struct ship_notes){0};
}

/* ---- writing ---- */

static bool write_store(struct ship_notes *n, const char *error, struct error *err)
{
    struct ship_mark *marks = calloc(n->count + 1, sizeof *marks);
    struct ship_note note = {.destination = n->options->to,
                             .utc_ns = clock_utc().ns,
                             .marks = marks,
                             .error = error};

    if (marks == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to note how far it came");
    for (size_t i = 0; i < n->count; i++)
        if (n->places[i].mark.confirmed_ns != 0)
            marks[note.count++] = n->places[i].mark;
    bool is_ok =
        (n->store != NULL || ship_store_open(&n->store, n->options->state, STORE_WRITE, err)) &&
        ship_store_note(n->store, &note, err);

    free(marks);
    for (size_t i = 0; is_ok && i < n->count; i++)
        n->places[i].mark.conflicts = 0;
    return is_ok;
}

/* The newest first, should there be too many: they are what is pruned last. */
static bool write_cursor(const struct ship_notes *n, struct error *err)
{
    struct ship_cursor *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to note how far it came");
    (void)snprintf(c->to, sizeof c->to, "%s", n->options->to);
    for (size_t i = n->count; i > 0 && c->count < SHIP_CURSOR_STORES; i--) {
        const struct ship_mark *m = &n->places[i - 1].mark;

        if (m->tick >= 0 && m->confirmed_ns != 0)
            c->stores[c->count++] = (struct ship_cursor_store){m->store, m->tick};
    }
    bool is_ok = ship_cursor_write(n->options->state, c, err);

    free(c);
    return is_ok;
}

static void tell_trouble(struct ship_notes *n, const char *text)
{
    if (strcmp(n->trouble, text) == 0)
        return;
    (void)snprintf(n->trouble, sizeof n->trouble, "%s", text);
    if (text[0] != '\0')
        log_event(LOG_LEVEL_WARNING,
                  "%s; shipping goes on, but pagemeterd is not told what it may prune", text);
    else
        log_event(LOG_LEVEL_INFO, "how far it came is noted again");
}

void ship_notes_write(struct ship_notes *n, const char *error)
{
    struct error err = {.text = ""};
    bool is_ok = write_store(n, error, &err) && write_cursor(n, &err);

    n->written_mono_ns = clock_mono().ns;
    tell_trouble(n, is_ok ? "" : err.text);
    if (is_ok)
        return;
    /* what is wrong with the file may be over when it is opened anew */
    ship_store_close(n->store);
    n->store = NULL;
}
