/*
 * ship_status.c - pagemeter ship --status: how far it came, at each destination, with each store.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ship.h"
#include "common/calendar.h"
#include "common/csv.h"
#include "common/json.h"
#include "store/ship_read.h"
#include "store/ship_store.h"

/* One line of the answer. What is not known is -1, or "". */
struct line {
    const struct ship_row *row;
    char store[UUID_TEXT_MAX];
    char utc[HOUR_TEXT_MAX], confirmed[HOUR_TEXT_MAX];
    char since[HOUR_TEXT_MAX], last[HOUR_TEXT_MAX], ended[HOUR_TEXT_MAX];
    int64_t behind_ticks, behind_s;
};

struct status {
    enum cli_format format;
    struct ship_reader *reader; /* NULL: meter.db can't be read */
    struct json json;
    bool is_behind_first;
};

/* ---- what is said ---- */

static void format_time(int64_t utc_ns, char out[HOUR_TEXT_MAX])
{
    out[0] = '\0';
    if (utc_ns > 0)
        (void)calendar_format_second(utc_ns, out);
}

/* Of a store that meter.db has. */
static bool measure(const struct status *s, struct line *line, struct error *err)
{
    struct ship_lag lag = {-1, -1};

    if (line->row->has_mark && s->reader != NULL &&
        !ship_reader_lag(s->reader, &line->row->mark, &lag, err))
        return false;
    line->behind_ticks = lag.ticks;
    line->behind_s = lag.ns >= 0 ? lag.ns / NS_PER_S : -1;
    return true;
}

static bool make_line(const struct status *s, const struct ship_row *row, struct line *line,
                      struct error *err)
{
    *line = (struct line){.row = row};
    if (row->has_mark) {
        (void)uuid_format(&row->mark.store, line->store);
        format_time(row->mark.utc_ns, line->utc);
        format_time(row->mark.confirmed_ns, line->confirmed);
    }
    if (row->error != NULL) {
        format_time(row->since_ns, line->since);
        format_time(row->last_ns, line->last);
        format_time(row->ended_ns, line->ended);
    }
    return measure(s, line, err);
}

/* ---- how ---- */

static void print_failure(const struct line *l)
{
    const char *error = l->row->error;

    if (error == NULL)
        return;
    if (l->ended[0] == '\0')
        (void)printf("FAILS        since %s, last %s: %s\n", l->since, l->last, error);
    else
        (void)printf("failed       from %s to %s: %s\n", l->since, l->ended, error);
}

static void print_block(struct status *s, const struct line *l)
{
    const struct ship_mark *m = &l->row->mark;

    (void)printf("%sdestination  %s\n", s->is_behind_first ? "\n" : "", l->row->destination);
    s->is_behind_first = true;
    if (l->row->has_mark) {
        (void)printf("store        %s\n", l->store);
        if (m->tick >= 0)
            (void)printf("shipped      up to tick %" PRId64 "%s%s, confirmed %s\n", m->tick,
                         l->utc[0] != '\0' ? " of " : "", l->utc, l->confirmed);
        else
            (void)printf("shipped      nothing yet\n");
        if (l->behind_s >= 0)
            (void)printf("behind       %" PRId64 " ticks, %" PRId64 " s\n", l->behind_ticks,
                         l->behind_s);
        else if (l->behind_ticks >= 0)
            (void)printf("behind       %" PRId64 " ticks\n", l->behind_ticks);
        if (m->pruned_to >= 0)
            (void)printf("PRUNED       what is before tick %" PRId64
                         " was pruned here before it was shipped\n",
                         m->pruned_to);
        if (m->conflicts > 0)
            (void)printf("CONFLICTS    %" PRId64
                         " rows are there otherwise than here: see ship_conflict there\n",
                         m->conflicts);
    }
    print_failure(l);
}

static void print_number(int64_t number)
{
    if (number >= 0)
        (void)printf("%" PRId64, number);
    (void)putchar(',');
}

static void print_text(const char *text, char end)
{
    csv_field(stdout, text != NULL ? text : "", ',');
    (void)putchar(end);
}

static void print_csv(const struct line *l)
{
    const struct ship_mark *m = &l->row->mark;

    print_text(l->row->destination, ',');
    print_text(l->store, ',');
    print_number(l->row->has_mark ? m->tick : -1);
    print_text(l->utc, ',');
    print_text(l->confirmed, ',');
    print_number(l->behind_ticks);
    print_number(l->behind_s);
    print_number(m->conflicts);
    print_number(m->pruned_to);
    print_text(l->since, ',');
    print_text(l->last, ',');
    print_text(l->ended, ',');
    print_text(l->row->error, '\n');
}

static void add_number(struct json *json, const char *name, int64_t number)
{
    if (number >= 0)
        json_int(json, name, number);
    else
        json_null(json, name);
}

static void add_text(struct json *json, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_text(json, name, text);
    else
        json_null(json, name);
}

static void print_json(struct json *json, const struct line *l)
{
    const struct ship_mark *m = &l->row->mark;

    json_open_object(json, NULL);
    json_text(json, "destination", l->row->destination);
    add_text(json, "store", l->store);
    add_number(json, "tick", l->row->has_mark ? m->tick : -1);
    add_text(json, "utc", l->utc);
    add_text(json, "confirmed", l->confirmed);
    add_number(json, "behind_ticks", l->behind_ticks);
    add_number(json, "behind_s", l->behind_s);
    json_int(json, "conflicts", m->conflicts);
    add_number(json, "pruned_to", m->pruned_to);
    add_text(json, "error_since", l->since);
    add_text(json, "error_last", l->last);
    add_text(json, "error_ended", l->ended);
    add_text(json, "error", l->row->error);
    json_close(json);
}

static bool print_row(void *self, const struct ship_row *row, struct error *err)
{
    struct status *s = self;
    struct line line;

    if (!make_line(s, row, &line, err))
        return false;
    if (s->format == FORMAT_TABLE)
        print_block(s, &line);
    else if (s->format == FORMAT_CSV)
        print_csv(&line);
    else
        print_json(&s->json, &line);
    return true;
}

static void begin_answer(struct status *s)
{
    if (s->format == FORMAT_CSV)
        (void)puts("destination,store,tick,utc,confirmed,behind_ticks,behind_s,conflicts,pruned_to,"
                   "error_since,error_last,error_ended,error");
    if (s->format == FORMAT_JSON) {
        json_begin(&s->json, stdout);
        json_open_list(&s->json, "shipped");
    }
}

static void end_answer(struct status *s)
{
    if (s->format != FORMAT_JSON)
        return;
    json_close(&s->json);
    json_end(&s->json);
}

/* Without meter.db the lag is not known, and all else is. */
static void open_meter(struct status *s, const char *db)
{
    static const struct ship_limits limits = {SHIP_TICKS_MAX, SHIP_SEGMENTS_MAX};
    const struct ship_origin *origins;
    size_t count;
    struct error err;

    if (ship_reader_open(&s->reader, db, &limits, &err) &&
        ship_reader_origins(s->reader, &origins, &count, &err))
        return;
    (void)fprintf(stderr, "pagemeter: how far it is behind is not known: %s\n", err.text);
    ship_reader_close(s->reader);
    s->reader = NULL;
}

bool ship_print_status(const struct ship_options *o, enum cli_format format, struct error *err)
{
    struct status s = {.format = format};
    struct ship_rows rows = {print_row, &s};
    struct ship_store *store = NULL;
    bool is_ok = ship_store_open(&store, o->state, STORE_READ, err);

    if (is_ok) {
        open_meter(&s, o->db);
        begin_answer(&s);
        is_ok = ship_store_read(store, &rows, err);
        end_answer(&s);
    }
    ship_reader_close(s.reader);
    ship_store_close(store);
    return is_ok;
}
