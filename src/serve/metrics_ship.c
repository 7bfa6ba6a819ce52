/*
 * metrics_ship.c - how shipping goes: on a host, from pagemeter ship's own notes; in PostgreSQL,
 * what has arrived of each store.
 */
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"
#include "common/uri.h"
#include "serve/metrics_impl.h"
#include "serve/server.h"
#include "store/central.h"
#include "store/ship_read.h"
#include "store/ship_store.h"

/* ---- what a host has shipped ---- */

enum { BEHIND_TICKS, BEHIND, CONFIRMED, CONFLICTS, PRUNED, SHIP_FAMILIES };

static const struct exposition_family ship_families[SHIP_FAMILIES] = {
    [BEHIND_TICKS] = {"pagemeter_ship_behind_ticks", "", "Readings that are not there yet.",
                      FORM_NUMBER, false},
    [BEHIND] = {"pagemeter_ship_behind_seconds", "seconds",
                "From the last reading that is there, or the first that is not, to the last that "
                "was taken.",
                FORM_SECONDS, false},
    [CONFIRMED] = {"pagemeter_ship_confirmed_timestamp_seconds", "seconds",
                   "When PostgreSQL last said what it has.", FORM_SECONDS, false},
    [CONFLICTS] = {"pagemeter_ship_conflicts", "", "Rows that were there otherwise than here.",
                   FORM_NUMBER, true},
    [PRUNED] = {"pagemeter_ship_pruned_unshipped", "",
                "1: something was deleted here before it was there.", FORM_NUMBER, false},
};

enum { FAILING, FAILED, FAILURE_FAMILIES };

static const struct exposition_family failure_families[FAILURE_FAMILIES] = {
    [FAILING] = {"pagemeter_ship_failing", "", "1: it does not work at present.", FORM_NUMBER,
                 false},
    [FAILED] = {"pagemeter_ship_failure_timestamp_seconds", "seconds", "When it last failed.",
                FORM_SECONDS, false},
};

struct shipping {
    struct ship_reader *reader;
    struct exposition_rows marks, destinations;
    char last[LABEL_BYTES_MAX]; /* the destination whose failure is among them */
};

static bool add_mark(struct shipping *s, const struct ship_row *row, struct error *err)
{
    const struct ship_mark *mark = &row->mark;
    struct labels labels = {.length = 0};
    char store[UUID_TEXT_MAX];
    struct ship_lag lag;

    if (!ship_reader_lag(s->reader, mark, &lag, err))
        return false;
    if (lag.ticks < 0)
        return true; /* of a store that is not here */
    labels_add(&labels, "destination", row->destination);
    labels_add(&labels, "store", uuid_format(&mark->store, store));
    struct exposition_row *out = exposition_add(&s->marks, &labels, err);

    if (out == NULL)
        return false;
    out->values[BEHIND_TICKS] = lag.ticks;
    if (lag.ns >= 0)
        out->values[BEHIND] = lag.ns;
    if (mark->confirmed_ns > 0)
        out->values[CONFIRMED] = mark->confirmed_ns;
    out->values[CONFLICTS] = mark->conflicts;
    out->values[PRUNED] = mark->pruned_to >= 0;
    return true;
}

/* Rows come by destination. */
static bool add_destination(struct shipping *s, const struct ship_row *row, struct error *err)
{
    struct labels labels = {.length = 0};

    if (strncmp(s->last, row->destination, sizeof s->last - 1) == 0)
        return true;
    (void)snprintf(s->last, sizeof s->last, "%s", row->destination);
    labels_add(&labels, "destination", row->destination);
    struct exposition_row *out = exposition_add(&s->destinations, &labels, err);

    if (out == NULL)
        return false;
    out->values[FAILING] = row->error != NULL && row->ended_ns == 0;
    if (row->error != NULL)
        out->values[FAILED] = row->last_ns;
    return true;
}

static bool take_row(void *self, const struct ship_row *row, struct error *err)
{
    struct shipping *s = self;

    return (!row->has_mark || add_mark(s, row, err)) && add_destination(s, row, err);
}

static bool read_notes(struct shipping *s, const struct server_options *o, struct error *err)
{
    static const struct ship_limits limits = {SHIP_TICKS_MAX, SHIP_SEGMENTS_MAX};
    const struct ship_rows rows = {take_row, s};
    struct ship_store *store = NULL;
    bool is_ok = ship_store_open(&store, o->ship, STORE_READ, err) &&
                 ship_reader_open(&s->reader, o->db, &limits, err) &&
                 ship_store_read(store, &rows, err);

    ship_reader_close(s->reader);
    ship_store_close(store);
    return is_ok;
}

static bool has_notes(const struct server_options *o)
{
    char path[1100];

    (void)snprintf(path, sizeof path, "%s/ship.db", o->ship);
    return access(path, F_OK) == 0;
}

static void put_shipped(struct metrics *m)
{
    static const struct exposition_family readable = {
        "pagemeter_ship_readable", "",
        "1: the notes of pagemeter ship can be read. The metrics of it are missing otherwise.",
        FORM_NUMBER, false};
    struct shipping s = {.reader = NULL};
    struct error why;

    if (!has_notes(m->a->options))
        return;
    bool is_ok = read_notes(&s, m->a->options, &why);

    if (!is_ok)
        log_event(LOG_LEVEL_WARNING, "how shipping goes is not told: %s", why.text);
    exposition_begin(m->a->out, &readable);
    (void)fprintf(m->a->out, "%s %d\n", readable.name, is_ok);
    if (is_ok) {
        exposition_put(m->a->out, ship_families, SHIP_FAMILIES, &s.marks);
        exposition_put(m->a->out, failure_families, FAILURE_FAMILIES, &s.destinations);
    }
    exposition_clear(&s.marks);
    exposition_clear(&s.destinations);
}

/* ---- what has arrived ---- */

enum { WHOLE, LAG, HOLES, AWAITED, CENTRAL_DERIVED, CENTRAL_CONFLICTS, CENTRAL_FAMILIES };

static const struct exposition_family central_families[CENTRAL_FAMILIES] = {
    [WHOLE] = {"pagemeter_central_whole_timestamp_seconds", "seconds",
               "The reading up to which nothing is missing, by the clock of its host.",
               FORM_SECONDS, false},
    [LAG] = {"pagemeter_central_lag_seconds", "seconds",
             "From that reading to now, by the clock here.", FORM_SECONDS, false},
    [HOLES] = {"pagemeter_central_holes", "", "1: something has arrived behind what is missing.",
               FORM_NUMBER, false},
    [AWAITED] = {"pagemeter_central_awaited", "",
                 "1: months wait for the host, and nothing whole has come of it, or of its newest "
                 "store.",
                 FORM_NUMBER, false},
    [CENTRAL_DERIVED] = {"pagemeter_central_derived_timestamp_seconds", "seconds",
                         "Up to when usage is derived by the hour.", FORM_SECONDS, false},
    [CENTRAL_CONFLICTS] = {"pagemeter_central_conflicts", "",
                           "Rows in ship_conflict: they contradict what was delivered before.",
                           FORM_NUMBER, false},
};

struct arrival {
    struct exposition_rows rows;
    int64_t now_ns;
};

static bool take_store(void *self, const struct central_row *row, struct error *err)
{
    struct arrival *a = self;
    struct labels labels = {.length = 0};
    char text[UUID_TEXT_MAX];

    if (strcmp(row->state, "retired") == 0)
        return true;
    labels_add(&labels, "host", uuid_format(&row->host, text));
    if (row->store_no > 0)
        labels_add(&labels, "store", uuid_format(&row->store, text));
    struct exposition_row *out = exposition_add(&a->rows, &labels, err);

    if (out == NULL)
        return false;
    if (row->utc_ns > 0) {
        out->values[WHOLE] = row->utc_ns;
        out->values[LAG] = a->now_ns - row->utc_ns;
    }
    out->values[HOLES] = strcmp(row->state, "holes") == 0;
    out->values[AWAITED] = row->is_awaited;
    if (row->derived_ns > 0)
        out->values[CENTRAL_DERIVED] = row->derived_ns;
    out->values[CENTRAL_CONFLICTS] = row->conflicts;
    return true;
}

static bool put_arrived(struct metrics *m, struct error *err)
{
    struct arrival a = {.now_ns = m->a->request->now_utc_ns};
    const struct central_sink sink = {take_store, &a};
    bool is_ok = central_status(m->a->options->db, &sink, err);

    if (is_ok)
        exposition_put(m->a->out, central_families, CENTRAL_FAMILIES, &a.rows);
    exposition_clear(&a.rows);
    return is_ok;
}

bool metrics_put_ship(struct metrics *m, struct error *err)
{
    if (uri_is_postgres(m->a->options->db))
        return put_arrived(m, err);
    put_shipped(m);
    return true;
}
