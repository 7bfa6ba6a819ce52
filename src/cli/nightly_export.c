/*
 * nightly_export.c - which exports are owed, by what billing.db notes of those that were made.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/books.h"
#include "cli/nightly.h"
#include "common/calendar.h"

/* However long nothing was exported: no more days than this are made up for. */
enum { DAYS_MOST = 400 };

/* What billing.db notes of the first night. */
#define BEGINNING "nightly begins"

/* And of a day: that it was not all there when it was exported, and later that it is. */
#define LATE "nightly: %.10s waits for a host"
#define WHOLE "nightly: %.10s is all there"

enum { NOTE_MAX = 64 };

struct made {
    int64_t utc_ns, from_hour, to_hour;
};

/* A month or a day, as people write it. */
struct period {
    char text[HOUR_TEXT_MAX];
};

/* Of one format: what was made, and what is owed. */
struct owed {
    struct made *made;
    size_t made_count, made_room;
    struct period *periods;
    size_t count, room;
    int64_t now_ns, begun_ns; /* begun: the first night of all */
    int least_offset_h;       /* whose clock is behind all others */
};

static void owed_clear(struct owed *o)
{
    free(o->made);
    free(o->periods);
    *o = (struct owed){0};
}

static bool add_made(void *self, int64_t utc_ns, int64_t from_hour, int64_t to_hour,
                     struct error *err)
{
    struct owed *o = self;

    if (o->made_count == o->made_room) {
        size_t room = o->made_room == 0 ? 256 : o->made_room * 2;
        struct made *larger = realloc(o->made, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for %zu exports", room);
        o->made = larger;
        o->made_room = room;
    }
    o->made[o->made_count++] = (struct made){utc_ns, from_hour, to_hour};
    return true;
}

static bool add_period(struct owed *o, const char *text, struct error *err)
{
    if (o->count == o->room) {
        size_t room = o->room == 0 ? 16 : o->room * 2;
        struct period *larger = realloc(o->periods, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for %zu exports", room);
        o->periods = larger;
        o->room = room;
    }
    (void)snprintf(o->periods[o->count++].text, HOUR_TEXT_MAX, "%s", text);
    return true;
}

/* Made when it was final, not while it could still change. */
static bool is_made(const struct owed *o, int64_t from_hour, int64_t to_hour, int64_t final_ns)
{
    for (size_t i = 0; i < o->made_count; i++)
        if (o->made[i].from_hour == from_hour && o->made[i].to_hour == to_hour &&
            o->made[i].utc_ns >= final_ns)
            return true;
    return false;
}

/* ---- days ---- */

/* From then on it is over by everybody's clock. */
static int64_t day_end_ns(const struct owed *o, int64_t day)
{
    return ((day + 1) * HOURS_PER_DAY - o->least_offset_h) * NS_PER_HOUR;
}

/* The last day that is over at this time. */
static int64_t last_day(const struct owed *o, int64_t utc_ns)
{
    int64_t day = utc_ns / NS_PER_HOUR / HOURS_PER_DAY;

    while (day > 0 && day_end_ns(o, day) > utc_ns)
        day--;
    return day;
}

/* From the last one that was over when the nights began. */
static int64_t first_day(const struct owed *o)
{
    int64_t last = last_day(o, o->now_ns), first = last_day(o, o->begun_ns);

    return first > last - DAYS_MOST ? first : last - DAYS_MOST + 1;
}

static const char *day_format(int64_t day, char out[HOUR_TEXT_MAX])
{
    (void)calendar_format_hour(day * HOURS_PER_DAY, out);
    *strchr(out, 'T') = '\0';
    return out;
}

/* From then on it was all there: since its end, or since a host that was late has delivered. */
static bool find_final(const struct owed *o, struct billing_store *b, int64_t day,
                       int64_t *final_ns, struct error *err)
{
    char text[HOUR_TEXT_MAX], note[NOTE_MAX];
    int64_t whole_ns;

    (void)snprintf(note, sizeof note, WHOLE, day_format(day, text));
    *final_ns = day_end_ns(o, day);
    if (!billing_first_change(b, note, &whole_ns, err))
        return false;
    *final_ns = whole_ns > *final_ns ? whole_ns : *final_ns;
    return true;
}

static bool find_days(struct owed *o, struct billing_store *b, struct error *err)
{
    for (int64_t day = first_day(o); day <= last_day(o, o->now_ns); day++) {
        char text[HOUR_TEXT_MAX];
        int64_t final_ns;

        if (!find_final(o, b, day, &final_ns, err))
            return false;
        if (!is_made(o, day * HOURS_PER_DAY, (day + 1) * HOURS_PER_DAY, final_ns) &&
            !add_period(o, day_format(day, text), err))
            return false;
    }
    return true;
}

/* ---- months ---- */

/* From the last one that is sealed back to the first: there is no hole. */
static bool find_months(struct owed *o, struct billing_store *b, struct error *err)
{
    struct billing_period period;
    int32_t month;

    if (!billing_last_sealed(b, &month, err))
        return false;
    for (; month >= 0; month--) {
        char text[MONTH_TEXT_MAX];

        if (!billing_period(b, month, &period, err))
            return false;
        if (!period.is_sealed)
            break;
        if (!is_made(o, month_first_hour(month, 0), month_first_hour(month + 1, 0),
                     period.sealed_ns) &&
            !add_period(o, month_format(month, text), err))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool find_least_offset(struct owed *o, struct billing_store *b, struct error *err)
{
    struct book *book = NULL;
    size_t count;

    if (!book_read(&book, b, err))
        return false;
    const struct book_account *accounts = book_accounts(book, &count);

    for (size_t i = 0; i < count; i++)
        if (accounts[i].offset_h < o->least_offset_h)
            o->least_offset_h = accounts[i].offset_h;
    book_free(book);
    return true;
}

static bool find_owed(const struct night *night, const char *format, struct owed *o,
                      struct error *err)
{
    struct billing_export_sink sink = {add_made, o};
    struct books books;

    if (!books_open(&books, night->db, 0, NULL, err))
        return false;
    o->now_ns = books.now_ns;
    bool is_ok = billing_first_change(books.b, BEGINNING, &o->begun_ns, err) &&
                 billing_read_exports(books.b, format, &sink, err) &&
                 find_least_offset(o, books.b, err) && find_months(o, books.b, err) &&
                 (!night->is_charged || find_days(o, books.b, err));

    books_close(&books);
    return is_ok;
}

static bool export_all(const struct night *night, const char *format, size_t *count,
                       struct error *err)
{
    struct owed owed = {0};
    struct export_order order = night->order;
    bool is_ok = find_owed(night, format, &owed, err);

    for (size_t i = 0; is_ok && i < owed.count; i++) {
        order.period = owed.periods[i].text;
        is_ok =
            export_it(format, &order, err) || error_context(err, "%s of %s", format, order.period);
        *count += is_ok;
    }
    owed_clear(&owed);
    return is_ok;
}

/* ---- what is noted first ---- */

static bool has_note(struct books *books, const char *note, bool *out, struct error *err)
{
    int64_t since_ns;

    if (!billing_first_change(books->b, note, &since_ns, err))
        return false;
    *out = since_ns >= 0;
    return true;
}

/* Up to when all hosts have delivered that are not retired, or were not there yet. */
static bool find_delivered(struct books *books, int64_t *out, struct error *err)
{
    struct store_marks *marks = NULL;
    struct silent_host *silent = NULL;
    size_t stores = 0, silents = 0;

    if (!store_snapshot_begin(books->measured, err))
        return false;
    bool is_ok = store_marks(books->measured, &marks, &stores, err) &&
                 store_silent_hosts(books->measured, &silent, &silents, err);

    store_snapshot_end(books->measured);
    *out = INT64_MAX;
    for (size_t i = 0; is_ok && i < stores; i++)
        if (!marks[i].is_retired && marks[i].last_utc_ns < *out)
            *out = marks[i].last_utc_ns;
    for (size_t i = 0; is_ok && i < silents; i++)
        if (silent[i].since_ns < *out)
            *out = silent[i].since_ns;
    free(silent);
    free(marks);
    return is_ok;
}

/* What is not all there is exported as it is now, and once more when it is. */
static bool note_day(struct books *books, int64_t day, bool is_whole, struct error *err)
{
    char text[HOUR_TEXT_MAX], late[NOTE_MAX], whole[NOTE_MAX];
    bool was_late, is_noted;
    int64_t change;

    (void)snprintf(late, sizeof late, LATE, day_format(day, text));
    (void)snprintf(whole, sizeof whole, WHOLE, text);
    if (!has_note(books, late, &was_late, err) || !has_note(books, whole, &is_noted, err))
        return false;
    if (is_whole ? !was_late || is_noted : was_late)
        return true;
    return books_change(books, &change, err, "%s", is_whole ? whole : late);
}

/* Days are owed from the first night on: so the first one is noted. */
static bool note_beginning(struct books *books, int64_t *begun_ns, struct error *err)
{
    int64_t change;

    if (!billing_first_change(books->b, BEGINNING, begun_ns, err))
        return false;
    if (*begun_ns >= 0)
        return true;
    *begun_ns = books->now_ns;
    return books_change(books, &change, err, BEGINNING);
}

/* *late: days that are not all there. */
static bool note_days(struct books *books, size_t *late, struct error *err)
{
    struct owed o = {.now_ns = books->now_ns};
    int64_t delivered_ns;

    *late = 0;
    if (!note_beginning(books, &o.begun_ns, err) || !find_least_offset(&o, books->b, err) ||
        !find_delivered(books, &delivered_ns, err))
        return false;
    for (int64_t day = first_day(&o); day <= last_day(&o, o.now_ns); day++) {
        bool is_whole = delivered_ns >= day_end_ns(&o, day);

        *late += !is_whole;
        if (!note_day(books, day, is_whole, err))
            return false;
    }
    return billing_commit(books->b, err);
}

static bool note(const struct night *night, size_t *late, struct error *err)
{
    struct books books;

    if (!books_open(&books, night->db, BOOKS_WRITE | BOOKS_MEASURED, NULL, err))
        return false;
    bool is_ok = note_days(&books, late, err);

    books_close(&books);
    return is_ok;
}

void night_export(struct night *night)
{
    static const char *const formats[] = {"accountant", "focus", "journal", "json"};
    bool has_provider = night->order.files.provider[0] != '\0';
    size_t count = 0, late = 0;
    struct error err;

    if (night->is_charged && !note(night, &late, &err)) {
        night_failed(night, "export", &err);
        return;
    }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i], "focus") == 0 && !has_provider)
            continue;
        if (!export_all(night, formats[i], &count, &err))
            night_failed(night, "export", &err);
    }
    (void)printf("%-9s %zu made%s%s\n", "export", count,
                 has_provider ? "" : "; focus is left out, which names who bills: --provider NAME",
                 night->is_charged ? "" : "; days wait until all is charged");
    if (late > 0)
        (void)
            printf("%-9s %zu days are not all there, and are made again when they are: a host has "
                   "not delivered\n",
                   "export", late);
}
