/*
 * statement_usage.c - the service that a statement tells: usage of the span's hours, by line and
 * price.
 *
 * What was rated comes line by line, an hour once. What was measured comes life by life, and a VM
 * may have had several in an hour: which hour was its highest is only known when all of them have
 * come. So it is read a day at a time, and what is in memory is a day's hours and not a month's.
 */
#include <stdlib.h>

#include "billing/hours.h"
#include "billing/statement_impl.h"

/* ---- into a row ---- */

/* Those of a price, made when there is none yet. Hours of one price follow each other. */
static struct statement_priced *price_of(struct statement_row *row, int64_t nano_pennies,
                                         struct error *err)
{
    for (size_t i = row->price_count; i > 0; i--)
        if (row->prices[i - 1].nano_pennies == nano_pennies)
            return &row->prices[i - 1];
    struct statement_priced *prices =
        statement_grow(row->prices, row->price_count, sizeof *prices, err);

    if (prices == NULL)
        return NULL;
    row->prices = prices;
    prices[row->price_count] = (struct statement_priced){.nano_pennies = nano_pennies};
    return &prices[row->price_count++];
}

static bool add_usage(struct statement_row *row, usage_kib_ns usage, int64_t nano_pennies,
                      struct error *err)
{
    struct statement_priced *price = price_of(row, nano_pennies, err);

    if (price == NULL || !statement_priced_add(price, (numerator)usage, err))
        return false;
    return (usage_add(&row->usage.kib_ns, usage) ||
            error_set(err, ERR_RANGE, "a month's usage does not fit")) &&
           numerator_add(&row->n, (numerator)usage, nano_pennies, err);
}

/* All that one hour of the span has. Hours come ascending. */
static bool add_hour(struct statement_row *row, const struct usage_part *part, int64_t nano_pennies,
                     struct error *err)
{
    struct usage_part *sum = &row->usage;

    sum->measured_ns += part->measured_ns;
    sum->missing_ns += part->missing_ns;
    sum->excluded_ns += part->excluded_ns;
    if (part->measured_ns > 0) {
        uint64_t average = (uint64_t)(part->kib_ns / (uint64_t)part->measured_ns);

        row->peak_kib = average > row->peak_kib ? average : row->peak_kib;
    }
    if (part->kib_ns == 0)
        return true;
    sum->hour = sum->kib_ns == 0 ? part->hour : sum->hour;
    row->last_hour = part->hour;
    return add_usage(row, part->kib_ns, nano_pennies, err);
}

/* ---- what was rated ---- */

static bool take_rated(void *self, const struct rated *rated, struct error *err)
{
    struct statement_reading *r = self;
    int offset_h;
    struct statement_entry *e = statement_entry_of(r, rated->line, &offset_h, err);

    if (e == NULL)
        return false;
    int place = statement_place_in_time(r, offset_h, rated->part.hour);

    return place > 0 || (place < 0 ? numerator_add(&e->n_before, (numerator)rated->part.kib_ns,
                                                   rated->nano_pennies, err)
                                   : add_hour(&e->row, &rated->part, rated->nano_pennies, err));
}

bool statement_read_rated(struct statement_reading *r, struct billing_store *b, struct error *err)
{
    struct rated_sink sink = {take_rated, r};

    return billing_read_rated(b, r->span->month, &sink, err);
}

/* ---- what was measured ---- */

struct feed {
    struct usage_reader reader; /* first: the reader is the feed */
    struct statement_reading *r;
    struct hours hours;     /* of the span, on one day; line: the place of the entry */
    struct hours underived; /* of the span, in what is not derived yet */
};

static bool add_uncharged(const struct statement_reading *r, const struct rate *rate,
                          const struct usage_part *part, struct error *err)
{
    int offset_h = rate->account != NULL ? rate->account->offset_h : 0;
    usage_kib_ns *sum = rate->account != NULL ? &r->s->unpriced : &r->s->unassigned;

    return statement_place_in_time(r, offset_h, part->hour) != 0 || usage_add(sum, part->kib_ns) ||
           error_set(err, ERR_RANGE, "usage that is not charged does not fit");
}

static bool add_charged(struct feed *feed, const struct uuid *vm, const struct rate *rate,
                        const struct usage_part *part, struct error *err)
{
    struct statement_reading *r = feed->r;
    struct sheet_line *line =
        sheet_line(r->sheet, rate->account, vm, rate->price, rate->month, err);

    if (line == NULL)
        return false;
    struct line_hour hour = {sheet_place(r->sheet, line), rate->price->nano_pennies, *part};
    struct statement_entry *e = statement_entry_at(r, hour.line, err);

    if (e == NULL)
        return false;
    int place = statement_place_in_time(r, rate->account->offset_h, part->hour);

    e->has_usage = e->has_usage || part->kib_ns != 0;
    return place > 0 ||
           (place < 0 ? numerator_add(&e->n_before, (numerator)part->kib_ns, hour.nano_pennies, err)
                      : hours_add(&feed->hours, &hour, err));
}

static bool take_measured(struct usage_reader *reader, size_t life, const struct usage_part *part,
                          struct error *err)
{
    struct feed *feed = (struct feed *)(void *)reader;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    if (!info->is_billed)
        return true;
    book_rate(feed->r->s->book, &info->vm, part->hour, &rate);
    if (rate.month != feed->r->span->month)
        return true;
    return rate.price == NULL ? add_uncharged(feed->r, &rate, part, err)
                              : add_charged(feed, &info->vm, &rate, part, err);
}

/* The hours of one day are together: each is added up, and then of its row. */
static bool add_hours(struct feed *feed, struct error *err)
{
    if (!hours_merge(&feed->hours, err))
        return false;
    for (size_t i = 0; i < feed->hours.count; i++) {
        const struct line_hour *hour = &feed->hours.list[i];

        if (!add_hour(&feed->r->entries[hour->line].row, &hour->part, hour->nano_pennies, err))
            return false;
    }
    feed->hours.count = 0;
    return true;
}

/* Of what is not derived yet, that of the day. */
static bool add_underived(struct feed *feed, const struct usage_query *day, struct error *err)
{
    for (size_t i = 0; i < feed->underived.count; i++) {
        const struct line_hour *hour = &feed->underived.list[i];

        if (hour->part.hour >= day->from_hour && hour->part.hour < day->to_hour &&
            !hours_add(&feed->hours, hour, err))
            return false;
    }
    return true;
}

/* Whatever offset an account has, its month lies in these hours. */
static bool read_days(struct feed *feed, struct store *measured, struct error *err)
{
    struct usage_query day = {.by_hour = true, .is_derived_only = true, .leaves_gone = true};
    int32_t month = feed->r->span->month;
    int64_t end = month_first_hour(month + 1, MONTH_OFFSET_LEAST);

    /* hours before it in UTC are of who keeps books ahead of it: they go when those have closed it */
    if (!store_need_hours(measured, month_first_hour(month, 0), err))
        return false;
    for (int64_t hour = month_first_hour(month, MONTH_OFFSET_MOST); hour < end;
         hour += HOURS_PER_DAY) {
        day.from_hour = hour;
        day.to_hour = hour + HOURS_PER_DAY < end ? hour + HOURS_PER_DAY : end;
        if (!add_underived(feed, &day, err) || !store_usage(measured, &day, &feed->reader, err) ||
            !add_hours(feed, err))
            return false;
    }
    return true;
}

/* What is not derived yet is an hour of ticks: read once, and kept until its day comes. */
static bool read_underived(struct feed *feed, struct store *measured,
                           const struct store_marks *marks, size_t stores, struct error *err)
{
    bool is_ok = true;

    for (size_t i = 0; is_ok && i < stores; i++)
        is_ok =
            store_usage_between(measured, marks[i].derived, marks[i].last_tick, &feed->reader, err);
    feed->underived = feed->hours;
    feed->hours = (struct hours){0};
    return is_ok && hours_merge(&feed->underived, err);
}

/* Of several stores the sum, which grows with each tick of any of them. */
static int64_t watermark_tick(const struct store_marks *marks, size_t stores)
{
    int64_t tick = 0;

    for (size_t i = 0; i < stores; i++)
        tick += marks[i].last_tick - marks[i].base;
    return tick;
}

bool statement_read_measured(struct statement_reading *r, struct store *measured, struct error *err)
{
    struct feed feed = {.reader = {.add = take_measured}, .r = r};
    struct store_marks *marks = NULL;
    size_t stores = 0;

    if (measured == NULL)
        return error_set(err, ERR_USAGE, "a month that is open needs the measurements");
    if (!store_snapshot_begin(measured, err))
        return false;
    bool is_ok = store_marks(measured, &marks, &stores, err) &&
                 read_underived(&feed, measured, marks, stores, err) &&
                 (stores == 0 || read_days(&feed, measured, err));

    store_snapshot_end(measured);
    r->s->tick = is_ok ? watermark_tick(marks, stores) : 0;
    free(marks);
    free(feed.reader.lives);
    hours_clear(&feed.hours);
    hours_clear(&feed.underived);
    return is_ok;
}
