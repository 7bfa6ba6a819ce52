/*
 * store_usage.c - what `usage` reads: derived hours (or days), and the hours still open.
 *
 * All of it in one read transaction, so that the two fit together however the writer goes on.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/safety.h"
#include "store/store_impl.h"

static bool add_life(struct db_stmt *stmt, struct life_info *life, struct error *err)
{
    *life = (struct life_info){
        .life = db_int(stmt, 0),
        .domid = (uint16_t)db_int(stmt, 1),
        .is_billed = db_int(stmt, 3) != 0,
        .first_seq = (uint64_t)db_int(stmt, 4),
    };
    return db_uuid(stmt, 2, &life->vm, err) && db_uuid(stmt, 5, &life->boot, err) &&
           db_uuid(stmt, 6, &life->host, err);
}

static bool read_lives(struct store *s, const struct usage_query *q, struct usage_reader *reader,
                       struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    size_t capacity = 0;

    reader->count = 0;
    if (!db_prepare(&s->db, q->vm != NULL ? SQL_SELECT_LIVES_OF_VM : SQL_SELECT_LIVES, &stmt, err))
        return false;
    if (q->vm != NULL)
        db_bind_uuid(stmt, 1, q->vm);
    while ((row = db_step(stmt, "read its lives", err)) == DB_ROW) {
        if (reader->count == capacity) {
            capacity = capacity == 0 ? 1024 : capacity * 2;
            struct life_info *larger = realloc(reader->lives, capacity * sizeof *larger);

            if (larger == NULL) {
                (void)error_set(err, ERR_NOMEM, "not enough memory for the lives of this store");
                break;
            }
            reader->lives = larger;
        }
        if (!add_life(stmt, &reader->lives[reader->count], err))
            break;
        reader->count++;
    }
    db_finalize(stmt);
    return row == DB_DONE;
}

/* The index of a life, or count. */
static size_t find_life(const struct usage_reader *reader, int64_t life)
{
    size_t low = 0;
    size_t high = reader->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (reader->lives[middle].life < life)
            low = middle + 1;
        else
            high = middle;
    }
    return low < reader->count && reader->lives[low].life == life ? low : reader->count;
}

/* One row: life, [hour,] kib_s, kib_s_frac, measured, missing, excluded. */
static bool add_row(struct usage_reader *reader, struct db_stmt *stmt, bool has_hour,
                    struct error *err)
{
    size_t life = find_life(reader, db_int(stmt, 0));
    int c = has_hour ? 2 : 1;
    struct usage_part part = {
        .hour = has_hour ? db_int(stmt, 1) : 0,
        .kib_ns = usage_from_limbs((uint64_t)db_int(stmt, c), (uint64_t)db_int(stmt, c + 1)),
        .measured_ns = db_int(stmt, c + 2),
        .missing_ns = db_int(stmt, c + 3),
        .excluded_ns = db_int(stmt, c + 4),
    };

    return life == reader->count || reader->add(reader, life, &part, err);
}

static const char *rows_sql(const struct store *s, bool has_hour, bool is_of_life)
{
    if (has_hour)
        return is_of_life ? STORE_SQL(s, SELECT_USAGE_HOURS_OF_LIFE)
                          : STORE_SQL(s, SELECT_USAGE_HOURS);
    return is_of_life ? STORE_SQL(s, SELECT_USAGE_DAYS_OF_LIFE) : STORE_SQL(s, SELECT_USAGE_DAYS);
}

/* Hours, or days, which have no hour. life: of this one only, or -1. */
static bool read_rows(struct store *s, bool has_hour, int64_t from, int64_t to, int64_t life,
                      struct usage_reader *reader, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;

    if (from >= to)
        return true;
    if (!db_prepare(&s->db, rows_sql(s, has_hour, life >= 0), &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){from, to, life}, life < 0 ? 2 : 3);
    while ((row = db_step(stmt, "read its usage", err)) == DB_ROW) {
        if (!add_row(reader, stmt, has_hour, err)) {
            row = DB_FAILED;
            break;
        }
    }
    db_finalize(stmt);
    return row == DB_DONE;
}

/* Whole days from usage_day, the hours before and after them from usage_hour. */
static bool read_derived(struct store *s, const struct usage_query *q, int64_t life,
                         struct usage_reader *reader, struct error *err)
{
    int64_t first_day = q->from_hour / HOURS_PER_DAY + (q->from_hour % HOURS_PER_DAY != 0);
    int64_t end_day = q->to_hour / HOURS_PER_DAY;

    if (q->by_hour || first_day >= end_day)
        return read_rows(s, true, q->from_hour, q->to_hour, life, reader, err);
    return read_rows(s, true, q->from_hour, first_day * HOURS_PER_DAY, life, reader, err) &&
           read_rows(s, false, first_day, end_day, life, reader, err) &&
           read_rows(s, true, end_day * HOURS_PER_DAY, q->to_hour, life, reader, err);
}

struct open_hours {
    const struct usage_query *query;
    struct usage_reader *reader;
};

static bool add_open(void *self, int64_t life_number, const struct usage_part *part,
                     struct error *err)
{
    struct open_hours *o = self;
    size_t life = find_life(o->reader, life_number);

    if (life == o->reader->count || part->hour < o->query->from_hour ||
        part->hour >= o->query->to_hour)
        return true;
    return o->reader->add(o->reader, life, part, err);
}

/* What is not derived yet, of each store that has such of these hours. */
static bool read_open(struct store *s, const struct usage_query *q, struct usage_reader *reader,
                      struct error *err)
{
    struct open_hours open = {q, reader};
    struct range_sink sink = {add_open, &open};
    struct store_marks *marks;
    size_t count;
    bool is_ok = store_marks(s, &marks, &count, err);

    for (size_t i = 0; is_ok && i < count; i++)
        is_ok = marks[i].open_hour >= q->to_hour ||
                store_integrate_range(s, marks[i].derived, marks[i].last_tick, &sink, err);
    free(marks);
    return is_ok;
}

/* ---- hours that are gone ---- */

bool store_hours_gone(struct store *s, int64_t *hour, bool *has_rest, struct error *err)
{
    int64_t rest = 0;
    bool is_null;

    *hour = 0;
    *has_rest = false;
    if (!s->db.is_postgres)
        return true;
    if (!db_get_int(&s->db, SQL_PG_SELECT_HOURS_GONE, hour, &is_null, err) ||
        (*hour > 0 && !db_get_int(&s->db, SQL_PG_SELECT_HAS_REST, &rest, &is_null, err)))
        return false;
    *has_rest = rest != 0;
    return true;
}

static bool refuse_gone(int64_t gone, struct error *err)
{
    char text[HOUR_TEXT_MAX];

    return error_set(err, ERR_REFUSED,
                     "usage by the hour before %s is gone (pagemeter db keep --hours): ask from "
                     "then on, or for whole UTC days without hours and accounts",
                     calendar_format_hour(gone, text));
}

static bool read_gone(struct store *s, int64_t *gone, struct error *err)
{
    bool is_null;

    *gone = 0;
    return !s->db.is_postgres || !safety_is_on(SAFETY_KEEP_READ) ||
           db_get_int(&s->db, SQL_PG_SELECT_HOURS_GONE, gone, &is_null, err);
}

bool store_need_hours(struct store *s, int64_t from_hour, struct error *err)
{
    int64_t gone;

    return read_gone(s, &gone, err) && (from_hour >= gone || refuse_gone(gone, err));
}

/* Whole days are there, whatever is gone. */
static bool check_gone(struct store *s, const struct usage_query *q, struct error *err)
{
    int64_t gone;

    if (q->leaves_gone)
        return true;
    if (!read_gone(s, &gone, err))
        return false;
    bool is_cut = q->by_hour || q->from_hour % HOURS_PER_DAY != 0 ||
                  (q->to_hour < gone && q->to_hour % HOURS_PER_DAY != 0);

    return q->from_hour >= gone || !is_cut || refuse_gone(gone, err);
}

static bool read_all(struct store *s, const struct usage_query *q, struct usage_reader *reader,
                     struct error *err)
{
    if (!check_gone(s, q, err) || (reader->lives == NULL && !read_lives(s, q, reader, err)))
        return false;
    if (q->vm == NULL) {
        if (!read_derived(s, q, -1, reader, err))
            return false;
    } else {
        for (size_t i = 0; i < reader->count; i++)
            if (!read_derived(s, q, reader->lives[i].life, reader, err))
                return false;
    }
    return q->is_derived_only || read_open(s, q, reader, err);
}

bool store_usage(struct store *s, const struct usage_query *q, struct usage_reader *reader,
                 struct error *err)
{
    bool is_own = !s->is_in_snapshot;

    if (is_own && !store_snapshot_begin(s, err))
        return false;
    bool is_ok = read_all(s, q, reader, err);

    if (is_own)
        store_snapshot_end(s);
    return is_ok;
}

bool store_usage_between(struct store *s, int64_t from, int64_t to, struct usage_reader *reader,
                         struct error *err)
{
    struct usage_query all = {.to_hour = INT64_MAX, .by_hour = true};
    struct open_hours open = {&all, reader};
    struct range_sink sink = {add_open, &open};

    if (reader->lives == NULL && !read_lives(s, &all, reader, err))
        return false;
    return from >= to || store_integrate_range(s, from, to, &sink, err);
}

/* ---- where it stands ---- */

bool store_snapshot_begin(struct store *s, struct error *err)
{
    s->is_in_snapshot = db_begin(&s->db, DB_SNAPSHOT, "read it", err);
    if (s->is_in_snapshot && s->db.is_postgres &&
        !db_exec(&s->db, SQL_PG_LOCK_HOURS, "read it", err))
        store_snapshot_end(s);
    return s->is_in_snapshot;
}

void store_snapshot_end(struct store *s)
{
    db_rollback(&s->db);
    s->is_in_snapshot = false;
}

static bool take_marks(struct db_stmt *stmt, struct store_marks *out, struct error *err)
{
    *out = (struct store_marks){
        .base = db_int(stmt, 2),
        .first_tick = db_int(stmt, 3),
        .derived = db_int(stmt, 4),
        .last_tick = db_int(stmt, 5),
        .pruned_to = db_int(stmt, 6),
        .synchronised_utc_ns = db_int(stmt, 7),
        .derived_utc_ns = db_int(stmt, 8),
        .open_hour = db_int(stmt, 9),
        .is_retired = !db_is_null(stmt, 10),
        .last_utc_ns = db_int(stmt, 11),
    };
    return db_uuid(stmt, 0, &out->host, err) && db_uuid(stmt, 1, &out->store, err);
}

bool store_marks(struct store *s, struct store_marks **list, size_t *count, struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    size_t room = 0;
    bool is_ok = db_prepare(&s->db, STORE_SQL(s, SELECT_MARKS), &stmt, err);

    *list = NULL;
    *count = 0;
    while (is_ok && (row = db_step(stmt, "read where it stands", err)) == DB_ROW) {
        if (*count == room) {
            struct store_marks *larger = realloc(*list, (room = room * 2 + 1) * sizeof *larger);

            if (larger == NULL) {
                is_ok = error_set(err, ERR_NOMEM, "not enough memory for %zu stores", room);
                break;
            }
            *list = larger;
        }
        is_ok = take_marks(stmt, &(*list)[(*count)++], err);
    }
    db_finalize(stmt);
    if (is_ok && row == DB_DONE)
        return true;
    free(*list);
    *list = NULL;
    *count = 0;
    return false;
}

bool store_silent_hosts(struct store *s, struct silent_host **list, size_t *count,
                        struct error *err)
{
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    size_t room = 0;
    bool is_ok = db_prepare(&s->db, STORE_SQL(s, SELECT_SILENT_HOSTS), &stmt, err);

    *list = NULL;
    *count = 0;
    while (is_ok && (row = db_step(stmt, "look for silent hosts", err)) == DB_ROW) {
        if (*count == room) {
            struct silent_host *larger = realloc(*list, (room = room * 2 + 1) * sizeof *larger);

            if (larger == NULL) {
                is_ok = error_set(err, ERR_NOMEM, "not enough memory for %zu hosts", room);
                break;
            }
            *list = larger;
        }
        (*list)[*count].since_ns = db_int(stmt, 1);
        is_ok = db_uuid(stmt, 0, &(*list)[(*count)++].host, err);
    }
    db_finalize(stmt);
    if (is_ok && row == DB_DONE)
        return true;
    free(*list);
    *list = NULL;
    *count = 0;
    return false;
}

const struct store_marks *store_marks_of(const struct store_marks *list, size_t count,
                                         int64_t number)
{
    size_t low = 0;
    size_t high = count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (list[middle].base <= number)
            low = middle;
        else
            high = middle;
    }
    return &list[low];
}

bool store_has_open_life(struct store *s, const struct uuid *vm, bool *out, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_SELECT_HAS_OPEN_LIFE, &stmt, err);

    if (is_ok) {
        db_bind_uuid(stmt, 1, vm);
        is_ok = db_step(stmt, "read its lives", err) == DB_ROW;
        *out = is_ok && db_int(stmt, 0) != 0;
    }
    db_finalize(stmt);
    return is_ok;
}

bool store_gaps(struct store *s, struct gap_summary *out, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, SQL_SELECT_GAPS, &stmt, err) &&
                 db_step(stmt, "read its gaps", err) == DB_ROW;

    if (is_ok) {
        out->gaps = db_int(stmt, 0);
        out->span_ns = db_int(stmt, 1);
    }
    db_finalize(stmt);
    return is_ok;
}
