#include "billing/sealing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/hours.h"
#include "billing/ledger.h"
#include "common/calendar.h"
#include "common/safety.h"

struct close {
    struct store *measured;
    struct billing_store *b;
    const struct chain_key *key;
    const struct sealing *order;
    struct sealing_summary *summary;
    struct book *book;
    struct sheet *sheet;
    struct hours hours;        /* that are not written yet; by number of line */
    struct store_marks *marks; /* of each store */
    size_t stores;
    struct silent_host *silent;
    size_t silent_count;
    struct ledger_end end;
    int64_t first_hour,
        end_hour;    /* of all accounts: from the first that begins to the last that ends */
    bool is_first;   /* no month was sealed before */
    bool has_usage;  /* it has lines, or something was used in it */
    int32_t earlier; /* a month before it that has usage: the first */
    usage_kib_ns unassigned, unpriced;
    struct uuid example; /* a VM of those */
};

/* ---- may it be? ---- */

static void span_of(struct close *c)
{
    size_t count;
    const struct book_account *accounts = book_accounts(c->book, &count);
    int32_t month = c->order->month;

    c->first_hour = month_first_hour(month, 0);
    c->end_hour = month_first_hour(month + 1, 0);
    for (size_t i = 0; i < count; i++) {
        int64_t first = month_first_hour(month, accounts[i].offset_h);
        int64_t end = month_first_hour(month + 1, accounts[i].offset_h);

        c->first_hour = first < c->first_hour ? first : c->first_hour;
        c->end_hour = end > c->end_hour ? end : c->end_hour;
    }
}

bool sealing_end_ns(struct billing_store *b, int32_t month, int64_t *out, struct error *err)
{
    struct sealing order = {.month = month};
    struct close c = {.order = &order};

    if (!book_read(&c.book, b, err))
        return false;
    span_of(&c);
    book_free(c.book);
    *out = c.end_hour * NS_PER_HOUR;
    return true;
}

static bool check_time(const struct close *c, struct error *err)
{
    char end[HOUR_TEXT_MAX];
    int64_t end_ns = c->end_hour * NS_PER_HOUR;

    if (c->order->utc_ns - end_ns >= c->order->wait_ns || !safety_is_on(SAFETY_BILLING_ENDED))
        return true;
    return error_set(err, ERR_REFUSED,
                     "it ends at %s, and what comes late is waited for: close it later",
                     calendar_format_hour(c->end_hour, end));
}

/* What was used in it must be there by the hour. */
static bool check_hours(const struct close *c, struct error *err)
{
    return store_need_hours(c->measured, month_first_hour(c->order->month, 0), err);
}

/*
 * All of it is there when it is retired, whenever that was said: nothing more comes. Else when it
 * has ticks, derived, from after the end.
 */
static bool has_delivered(const struct close *c, const struct store_marks *m)
{
    int64_t end_ns = c->end_hour * NS_PER_HOUR;

    return m->is_retired || (m->synchronised_utc_ns >= end_ns && m->derived_utc_ns >= end_ns);
}

/* It was there before the end, and tells nothing. */
static bool is_awaited(const struct close *c, const struct silent_host *host)
{
    return host->since_ns < c->end_hour * NS_PER_HOUR;
}

/* NULL: none is. */
static const struct uuid *first_late(const struct close *c)
{
    for (size_t i = 0; i < c->stores; i++)
        if (!has_delivered(c, &c->marks[i]))
            return &c->marks[i].host;
    for (size_t i = 0; i < c->silent_count; i++)
        if (is_awaited(c, &c->silent[i]))
            return &c->silent[i].host;
    return NULL;
}

static bool check_delivered(const struct close *c, struct error *err)
{
    char end[HOUR_TEXT_MAX];
    char host[UUID_TEXT_MAX] = "";
    const struct uuid *late = first_late(c);

    if ((c->stores > 0 && late == NULL) || c->order->is_forced ||
        !safety_is_on(SAFETY_BILLING_DELIVERED))
        return true;
    if (late != NULL)
        (void)uuid_format(late, host);
    return error_set(
        err, ERR_REFUSED,
        "the host %s has delivered no tick with a synchronised clock in an hour after %s: "
        "is pagemeterd running, and its clock set? pagemeter db host retire tells of one that "
        "is gone; --force closes without, and says so on the bill",
        host, calendar_format_hour(c->end_hour, end));
}

static bool refuse_order(int32_t first, struct error *err)
{
    char month[MONTH_TEXT_MAX];

    return error_set(err, ERR_REFUSED, "%s is to be closed first", month_format(first, month));
}

static bool check_order(struct close *c, int32_t sealed, struct error *err)
{
    size_t count;
    struct sheet_line *lines = sheet_sorted(c->sheet, &count);

    c->is_first = sealed < 0;
    c->earlier = c->order->month;
    c->has_usage = count > 0 && lines[0].stored.month == c->order->month;
    if (!safety_is_on(SAFETY_BILLING_ORDER))
        return true;
    if (sealed >= 0 && c->order->month != sealed + 1)
        return refuse_order(sealed + 1, err);
    if (count > 0 && lines[0].stored.month < c->order->month)
        return refuse_order(lines[0].stored.month, err);
    return true;
}

/* ---- what is billed, by the hour ---- */

struct rating {
    struct usage_reader reader; /* first: the reader is the rating */
    struct close *close;
};

/*
 * They come by the hour, or as they lie on disk, and are kept by line: so many are sorted before
 * they are written, since a database is slow when each row of millions goes elsewhere.
 */
#ifndef RATED_AT_ONCE /* tests have few */
#define RATED_AT_ONCE (1 << 18)
#endif

static bool write_rated(struct close *c, struct error *err)
{
    bool is_ok = hours_merge(&c->hours, err);

    for (size_t i = 0; is_ok && i < c->hours.count; i++) {
        const struct line_hour *h = &c->hours.list[i];
        const struct rated row = {(int64_t)h->line, h->part.hour, h->nano_pennies, h->part};

        is_ok = billing_add_rated(c->b, &row, err);
    }
    c->hours.count = 0;
    return is_ok;
}

static bool rate_part(struct close *c, const struct uuid *vm, const struct rate *rate,
                      const struct usage_part *part, struct error *err)
{
    struct sheet_line *line =
        sheet_line(c->sheet, rate->account, vm, rate->price, rate->month, err);

    if (line == NULL)
        return false;
    if (line->stored.line == 0) { /* hours of nothing: no charge has made a line of them */
        if (part->kib_ns != 0)
            return error_set(err, ERR_STORE, "usage was measured that was never charged");
        return true;
    }
    const struct line_hour hour = {(size_t)line->stored.line, rate->price->nano_pennies, *part};

    c->summary->hours++;
    return hours_add(&c->hours, &hour, err) &&
           (c->hours.count < RATED_AT_ONCE || write_rated(c, err)) &&
           numerator_add(&line->open_n, (numerator)part->kib_ns, rate->price->nano_pennies, err);
}

static bool take_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                      struct error *err)
{
    struct close *c = ((struct rating *)(void *)reader)->close;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    if (!info->is_billed)
        return true;
    book_rate(c->book, &info->vm, part->hour, &rate);
    if (rate.month < c->earlier && part->kib_ns != 0)
        c->earlier = rate.month;
    if (rate.month != c->order->month)
        return true;
    c->has_usage = c->has_usage || part->kib_ns != 0;
    if (rate.price != NULL)
        return rate_part(c, &info->vm, &rate, part, err);
    c->example = part->kib_ns != 0 ? info->vm : c->example;
    return usage_add(rate.account == NULL ? &c->unassigned : &c->unpriced, part->kib_ns) ||
           error_set(err, ERR_RANGE, "usage that is not charged does not fit");
}

static bool rate_usage(struct close *c, struct error *err)
{
    struct rating rating = {.reader = {.add = take_part}, .close = c};
    /* the first month that is closed must not leave one behind, which has no line: nobody owns it
     */
    struct usage_query query = {.from_hour = c->is_first ? 0 : c->first_hour,
                                .to_hour = c->end_hour,
                                .by_hour = true,
                                .is_derived_only = true,
                                .leaves_gone = true};
    char gib_h[USAGE_TEXT_MAX], vm[UUID_TEXT_MAX];
    bool is_ok = store_usage(c->measured, &query, &rating.reader, err) && write_rated(c, err);

    free(rating.reader.lives);
    if (!is_ok)
        return false;
    if (c->is_first && c->earlier < c->order->month && safety_is_on(SAFETY_BILLING_ORDER))
        return refuse_order(c->earlier, err);
    if (c->is_first && !c->has_usage && safety_is_on(SAFETY_BILLING_ORDER))
        return error_set(err, ERR_REFUSED,
                         "nothing was used in it, and no month is sealed yet: the first that is "
                         "closed is the first that has usage");
    if ((c->unassigned != 0 || c->unpriced != 0) && safety_is_on(SAFETY_BILLING_OWNED))
        return error_set(err, ERR_REFUSED,
                         "%s GiB*h of it have no %s, of VM %s for one: pagemeter %s",
                         usage_format_gib_h(c->unassigned + c->unpriced, gib_h),
                         c->unassigned != 0 ? "owner" : "tariff", uuid_format(&c->example, vm),
                         c->unassigned != 0 ? "account assign gives it one"
                                            : "tariff set makes one");
    return true;
}

/* ---- what is handed on ---- */

static bool post(struct close *c, struct sheet_line *line, struct error *err)
{
    int64_t due;

    if (!charge_line_due(&line->stored.sums, line->stored.unit, &due, err))
        return false;
    struct ledger_entry entry = {.utc_ns = c->order->utc_ns, .kind = ENTRY_POSTING, .pennies = due};

    ledger_name_source(&entry, c->stores == 1 ? c->marks : NULL);
    line->stored.sums.posted += due;
    return due == 0 || (ledger_append(&c->end, c->b, c->key, &entry, &line->stored, err) &&
                        billing_put_line(c->b, &line->stored, err));
}

static bool transfer(struct close *c, struct sheet_line *line, numerator amount, struct error *err)
{
    struct ledger_entry entry = {.utc_ns = c->order->utc_ns,
                                 .kind = ENTRY_TRANSFER,
                                 .transfer = amount};

    ledger_name_source(&entry, c->stores == 1 ? c->marks : NULL);
    c->summary->transfers++;
    return (line->stored.line != 0 || billing_put_line(c->b, &line->stored, err)) &&
           ledger_append(&c->end, c->b, c->key, &entry, &line->stored, err) &&
           numerator_add_to(&line->stored.sums.transfers, amount, err);
}

/* The line of the same account, currency and unit: of this VM next month, or the pool of this. */
static struct sheet_line *line_beside(struct close *c, const struct billing_line *line,
                                      const struct uuid *vm, int32_t month, struct error *err)
{
    struct price price = {.currency = line->currency, .unit = line->unit};

    return sheet_line(c->sheet, book_account(c->book, line->account), vm, &price, month, err);
}

static bool hand_on(struct close *c, const struct billing_line *from, numerator carry,
                    struct error *err)
{
    struct sheet_line *next =
        line_beside(c, from, from->is_pool ? NULL : &from->vm, from->month + 1, err);

    if (!safety_is_on(SAFETY_BILLING_CARRY))
        carry = 0;
    return next != NULL && numerator_add_to(&next->stored.sums.carry_in, carry, err) &&
           billing_put_line(c->b, &next->stored, err);
}

/* The line may move in memory while others are made, so it is found anew by its place. */
static bool end_line(struct close *c, struct billing_line line, struct error *err)
{
    numerator carry;
    bool is_there = true;

    if (!charge_line_carry(&line.sums, line.unit, &carry, err) || carry == 0)
        return carry == 0;
    if (!line.is_pool && !store_has_open_life(c->measured, &line.vm, &is_there, err))
        return false;
    if (is_there || !safety_is_on(SAFETY_BILLING_GONE))
        return hand_on(c, &line, carry, err);
    struct sheet_line *own = line_beside(c, &line, &line.vm, line.month, err);

    if (own == NULL || !transfer(c, own, -carry, err))
        return false;
    struct sheet_line *pool = line_beside(c, &line, NULL, line.month, err);

    return pool != NULL && (!safety_is_on(SAFETY_BILLING_POOL) || transfer(c, pool, carry, err));
}

/* open_n holds what was rated: with the adjustments it must be n. */
static bool take_adjusted(void *self, const struct adjustment *sum, struct error *err)
{
    struct close *c = self;
    struct sheet_line *line = sheet_number(c->sheet, sum->line);

    return line == NULL || numerator_add(&line->open_n, sum->usage_kib_ns, sum->nano_pennies, err);
}

static bool check_lines(struct close *c, struct error *err)
{
    struct adjustment_sink sink = {take_adjusted, c};
    size_t count;
    const struct sheet_line *lines = sheet_sorted(c->sheet, &count);

    if (!billing_read_adjustments(c->b, &sink, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (lines[i].stored.month == c->order->month && lines[i].open_n != lines[i].stored.sums.n &&
            safety_is_on(SAFETY_BILLING_RATED))
            return error_set(err, ERR_STORE,
                             "what was charged to account %s is not what was measured: run "
                             "pagemeter audit",
                             lines[i].stored.account);
    return true;
}

/* First every VM's line, then the pools, which may have come to pennies. */
static bool end_lines(struct close *c, bool of_pools, struct error *err)
{
    size_t count;
    const struct sheet_line *lines = sheet_sorted(c->sheet, &count);
    struct billing_line *ending = calloc(count + 1, sizeof *ending);
    size_t n = 0;
    bool is_ok = true;

    if (ending == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to close a month");
    for (size_t i = 0; i < count; i++)
        if (lines[i].stored.month == c->order->month && lines[i].stored.is_pool == of_pools)
            ending[n++] = lines[i].stored;
    for (size_t i = 0; is_ok && i < n; i++) {
        struct sheet_line *line =
            line_beside(c, &ending[i], of_pools ? NULL : &ending[i].vm, ending[i].month, err);

        is_ok = line != NULL && post(c, line, err) && end_line(c, line->stored, err);
        c->summary->lines++;
    }
    free(ending);
    return is_ok;
}

/* ---- the whole ---- */

struct missing {
    char hosts[MISSING_HOSTS_MAX];
    size_t used, more;
};

static void add_missing(struct missing *m, const struct uuid *host)
{
    char text[UUID_TEXT_MAX];

    if (m->used + UUID_TEXT_LENGTH + 32 > sizeof m->hosts)
        m->more++;
    else
        m->used += (size_t)snprintf(m->hosts + m->used, sizeof m->hosts - m->used, "%s%s",
                                    m->used > 0 ? " " : "", uuid_format(host, text));
}

/* Those that it is sealed without, as many as fit; of one with several stores, each time. */
static void name_missing(const struct close *c, struct missing *out)
{
    *out = (struct missing){.used = 0};
    for (size_t i = 0; i < c->stores; i++)
        if (!has_delivered(c, &c->marks[i]))
            add_missing(out, &c->marks[i].host);
    for (size_t i = 0; i < c->silent_count; i++)
        if (is_awaited(c, &c->silent[i]))
            add_missing(out, &c->silent[i].host);
    if (out->more > 0)
        (void)snprintf(out->hosts + out->used, sizeof out->hosts - out->used, " and %zu more",
                       out->more);
}

static bool seal(struct close *c, struct error *err)
{
    struct missing missing;

    name_missing(c, &missing);
    return billing_seal(c->b, c->order->month, c->order->utc_ns, c->end.entry, c->order->change,
                        missing.hosts, err);
}

static bool close_month(struct close *c, struct error *err)
{
    int32_t sealed;

    if (!billing_last_sealed(c->b, &sealed, err))
        return false;
    c->summary->was_sealed = c->order->month <= sealed;
    if (c->summary->was_sealed)
        return true;
    if (!store_marks(c->measured, &c->marks, &c->stores, err) ||
        !store_silent_hosts(c->measured, &c->silent, &c->silent_count, err) ||
        !book_read(&c->book, c->b, err))
        return false;
    span_of(c);
    if (!check_time(c, err) || !check_hours(c, err) || !check_delivered(c, err) ||
        !charge_pending(c->measured, c->b, c->key, c->order->utc_ns, &c->summary->charged, err) ||
        !sheet_read(&c->sheet, c->b, -1, err) || !check_order(c, sealed, err))
        return false;
    return ledger_open(&c->end, c->b, c->key, err) && rate_usage(c, err) && check_lines(c, err) &&
           end_lines(c, false, err) && end_lines(c, true, err) && seal(c, err);
}

bool sealing_run(struct store *measured, struct billing_store *b, const struct chain_key *key,
                 const struct sealing *sealing, struct sealing_summary *out, struct error *err)
{
    struct close c = {.measured = measured, .b = b, .key = key, .order = sealing, .summary = out};

    *out = (struct sealing_summary){0};
    if (!store_snapshot_begin(measured, err))
        return false;
    bool is_ok = close_month(&c, err);

    store_snapshot_end(measured);
    sheet_free(c.sheet);
    book_free(c.book);
    free(c.marks);
    free(c.silent);
    hours_clear(&c.hours);
    return is_ok && (out->was_sealed || billing_commit(b, err));
}
