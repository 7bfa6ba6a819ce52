#include "billing/charge.h"

#include <stdlib.h>
#include <string.h>

#include "billing/late.h"
#include "billing/ledger.h"
#include "common/safety.h"

/* Raw measurements of more hours than this are not read again: their usage by hour is. */
enum { RAW_TICKS_MOST = 50 * 3600 };

struct charge {
    struct store *measured;
    struct billing_store *b;
    const struct chain_key *key;
    int64_t utc_ns;
    struct book *book;
    struct sheet *sheet;
    struct store_marks *marks; /* of each store */
    struct charged *charged;   /* the same, with the fleet's numbers (store.h) */
    size_t stores;
    bool is_forgotten;    /* a store that was charged is no more */
    int32_t sealed;       /* the last month that is, or -1 */
    bool is_open;         /* what is read is not derived yet: it counts for what is due only */
    int64_t late_from;    /* hours of sealed months that are compared with what was billed */
    int64_t gone;         /* usage by the hour before this one is gone */
    struct late_list due; /* of sealed months */
    struct late_list billed;
    struct charge_summary *summary;
};

/* ---- usage into lines ---- */

struct feed {
    struct usage_reader reader; /* first: the reader is the feed */
    struct charge *charge;
};

static bool add_to_line(struct charge *c, const struct life_info *info, const struct rate *rate,
                        usage_kib_ns usage, struct error *err)
{
    struct sheet_line *line =
        sheet_line(c->sheet, rate->account, &info->vm, rate->price, rate->month, err);

    if (line == NULL)
        return false;
    line->is_changed = line->is_changed || !c->is_open;
    line->source = store_marks_of(c->marks, c->stores, info->life);
    return numerator_add(c->is_open ? &line->open_n : &line->stored.sums.n, (numerator)usage,
                         rate->price->nano_pennies, err);
}

static bool add_sealed(struct charge *c, const struct uuid *vm, int64_t hour,
                       const struct rate *rate, usage_kib_ns usage, struct error *err)
{
    struct late_item item = {*vm, hour, rate->account, *rate->price, (numerator)usage};

    /* what is not derived yet comes again when it is */
    if (c->is_open || hour < c->late_from || !safety_is_on(SAFETY_BILLING_LATE))
        return true;
    return late_add(&c->due, &item, err);
}

/* Shown with what is not derived yet, kept without. */
static bool add_uncharged(struct charge *c, const struct life_info *info, bool has_owner,
                          usage_kib_ns usage)
{
    struct charged *kept = &c->charged[store_marks_of(c->marks, c->stores, info->life) - c->marks];

    return usage_add(has_owner ? &c->summary->unpriced : &c->summary->unassigned, usage) &&
           (c->is_open || usage_add(has_owner ? &kept->unpriced : &kept->unassigned, usage));
}

static bool add_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                     struct error *err)
{
    struct charge *c = ((struct feed *)(void *)reader)->charge;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    if (!info->is_billed || part->kib_ns == 0)
        return true;
    book_rate(c->book, &info->vm, part->hour, &rate);
    /* what came late for a sealed month is billed when it has an owner, and compared then */
    if (rate.account == NULL || rate.price == NULL)
        return rate.month <= c->sealed ||
               add_uncharged(c, info, rate.account != NULL, part->kib_ns) ||
               error_set(err, ERR_RANGE, "usage without an owner or a tariff does not fit");
    if (rate.month <= c->sealed && safety_is_on(SAFETY_BILLING_SEALED))
        return add_sealed(c, &info->vm, part->hour, &rate, part->kib_ns, err);
    return add_to_line(c, info, &rate, part->kib_ns, err);
}

/* ---- sealed months ---- */

static bool take_billed(void *self, const struct billed *billed, struct error *err)
{
    struct charge *c = self;
    struct late_item item = {.vm = billed->vm,
                             .hour = billed->hour,
                             .account = book_account(c->book, billed->account),
                             .price = billed->price,
                             .usage_kib_ns = billed->usage_kib_ns};

    return late_add(&c->billed, &item, err);
}

/* Billed in the first month that is open, of whom it was due from at its hour. */
static bool adjust(void *self, const struct late_item *delta, enum adjustment_cause cause,
                   struct error *err)
{
    struct charge *c = self;
    struct sheet_line *line =
        sheet_line(c->sheet, delta->account, &delta->vm, &delta->price, c->sealed + 1, err);

    if (line == NULL || (line->stored.line == 0 && !billing_put_line(c->b, &line->stored, err)))
        return false;
    struct adjustment row = {.line = line->stored.line,
                             .hour = delta->hour,
                             .nano_pennies = delta->price.nano_pennies,
                             .usage_kib_ns = delta->usage_kib_ns,
                             .cause = cause,
                             .utc_ns = c->utc_ns};

    line->is_changed = true;
    c->summary->adjustments++;
    return billing_add_adjustment(c->b, &row, err) &&
           numerator_add(&line->stored.sums.n, delta->usage_kib_ns, delta->price.nano_pennies, err);
}

static const struct book_account *owner(void *self, const struct uuid *vm, int64_t hour)
{
    const struct charge *c = self;
    struct rate rate;

    book_rate(c->book, vm, hour, &rate);
    return rate.account;
}

/* ---- the two ways to what was charged for good ---- */

/* Only the intervals since the run before. Nothing was billed of them, so nothing is compared. */
static bool fold_new(struct charge *c, struct feed *feed, struct error *err)
{
    struct late_sink sink = {adjust, owner, c};
    bool is_ok = true;

    c->late_from = 0;
    for (size_t i = 0; is_ok && i < c->stores; i++)
        is_ok = store_usage_between(c->measured, c->charged[i].tick, c->marks[i].derived,
                                    &feed->reader, err);
    return is_ok && late_compare(&c->due, &c->billed, &sink, err);
}

/* Only the adjustments that they have already stay in the sums of the open lines. */
static bool take_adjustments(void *self, const struct adjustment *sum, struct error *err)
{
    struct charge *c = self;
    struct sheet_line *line = sheet_number(c->sheet, sum->line);

    if (line == NULL)
        return error_set(err, ERR_STORE, "an adjustment belongs to no open charge line");
    return numerator_add(&line->stored.sums.n, sum->usage_kib_ns, sum->nano_pennies, err);
}

static bool begin_anew(struct charge *c, struct error *err)
{
    struct adjustment_sink sink = {take_adjustments, c};
    size_t count;
    struct sheet_line *lines = sheet_sorted(c->sheet, &count);

    for (size_t i = 0; i < count; i++) {
        lines[i].stored.sums.n = 0;
        lines[i].is_changed = true;
    }
    return billing_read_adjustments(c->b, &sink, err);
}

/* Usage from this hour on decides what open lines have, wherever their accounts keep their books.
 */
static int64_t first_open_hour(const struct charge *c)
{
    return c->sealed < 0 ? 0 : month_first_hour(c->sealed + 1, MONTH_OFFSET_MOST);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool note_hour(struct usage_reader *reader, size_t life, const struct usage_part *part,
                      struct error *err)
{
    struct charge *c = ((struct feed *)(void *)reader)->charge;

    (void)life, (void)err;
    c->late_from = least(c->late_from, part->hour);
    return true;
}

/* Is what was measured since the run before still there, and little enough to be read? */
static bool has_new_raw(const struct charge *c)
{
    for (size_t i = 0; i < c->stores; i++) {
        const struct charged *charged = &c->charged[i];

        if (!charged->is_known || charged->tick < c->marks[i].pruned_to ||
            c->marks[i].derived - charged->tick > RAW_TICKS_MOST)
            return false;
    }
    return !c->is_forgotten;
}

static bool is_stale(const struct charge *c)
{
    for (size_t i = 0; i < c->stores; i++)
        if (c->charged[i].is_stale)
            return true;
    return false;
}

/* Sealed hours from then on may not be what was billed: by what was said, or by what came late. */
static bool find_late_from(struct charge *c, struct error *err)
{
    struct feed feed = {.reader = {.add = note_hour}, .charge = c};
    bool is_ok = true;

    c->late_from = 0;
    if (!is_stale(c) || !has_new_raw(c))
        return true;
    c->late_from = INT64_MAX;
    for (size_t i = 0; i < c->stores; i++)
        if (c->charged[i].is_stale)
            c->late_from = least(c->late_from, c->charged[i].stale_from);
    for (size_t i = 0; is_ok && safety_is_on(SAFETY_BILLING_LATE_HOUR) && i < c->stores; i++)
        is_ok = store_usage_between(c->measured, c->charged[i].tick, c->marks[i].derived,
                                    &feed.reader, err);
    free(feed.reader.lives);
    return is_ok;
}

/*
 * Of hours that are gone there is nothing that could be compared with what was billed: they are
 * left as they were billed. What came of them since the run before was not billed yet, and is read
 * from what is raw.
 */
static bool add_gone(struct usage_reader *reader, size_t life, const struct usage_part *part,
                     struct error *err)
{
    struct charge *c = ((struct feed *)(void *)reader)->charge;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    if (!info->is_billed || part->kib_ns == 0 || part->hour >= c->gone)
        return true;
    book_rate(c->book, &info->vm, part->hour, &rate);
    if (rate.account == NULL || rate.price == NULL || rate.month > c->sealed)
        return true;
    struct late_item item = {info->vm, part->hour, rate.account, *rate.price,
                             (numerator)part->kib_ns};

    return late_add(&c->due, &item, err);
}

static bool leave_gone(struct charge *c, struct error *err)
{
    struct feed late = {.reader = {.add = add_gone}, .charge = c};
    bool has_rest = false;
    bool is_ok = store_hours_gone(c->measured, &c->gone, &has_rest, err);

    if (!safety_is_on(SAFETY_KEEP_CHARGE))
        return is_ok;
    c->late_from = c->gone > c->late_from ? c->gone : c->late_from;
    for (size_t i = 0; is_ok && has_rest && i < c->stores; i++) {
        int64_t from = c->charged[i].is_known ? c->charged[i].tick : c->marks[i].first_tick;

        from = from > c->marks[i].pruned_to ? from : c->marks[i].pruned_to;
        is_ok = store_usage_between(c->measured, from, c->marks[i].derived, &late.reader, err);
    }
    free(late.reader.lives);
    return is_ok;
}

static bool make_anew(struct charge *c, struct feed *feed, struct error *err)
{
    struct usage_query query = {.to_hour = INT64_MAX,
                                .by_hour = true,
                                .is_derived_only = true,
                                .leaves_gone = true};
    struct billed_sink billed = {take_billed, c};
    struct late_sink sink = {adjust, owner, c};

    if (!find_late_from(c, err) || !leave_gone(c, err))
        return false;
    query.from_hour = least(first_open_hour(c), c->late_from);
    for (size_t i = 0; i < c->stores; i++)
        c->charged[i].unassigned = c->charged[i].unpriced = 0;
    return begin_anew(c, err) && store_usage(c->measured, &query, &feed->reader, err) &&
           (c->sealed < 0 || billing_read_billed(c->b, c->late_from, &billed, err)) &&
           late_compare(&c->due, &c->billed, &sink, err);
}

/* ---- postings ---- */

struct told {
    struct ledger_entry entry;
    struct billing_line line;
};

struct posted {
    struct told *list;
    size_t count, room;
};

static bool remember(struct posted *p, const struct ledger_entry *entry,
                     const struct billing_line *line, struct error *err)
{
    if (p->count == p->room) {
        size_t room = p->room == 0 ? 64 : p->room * 2;
        struct told *list = realloc(p->list, room * sizeof *list);

        if (list == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for %zu postings", room);
        p->list = list;
        p->room = room;
    }
    p->list[p->count++] = (struct told){*entry, *line};
    return true;
}

static bool post_line(struct charge *c, struct sheet_line *line, struct ledger_end *end,
                      struct posted *posted, struct error *err)
{
    struct charge_line_sums sums;
    int64_t due;

    if (!sheet_sums(line, &sums, err) || !charge_line_due(&sums, line->stored.unit, &due, err))
        return false;
    line->stored.sums.posted += due;
    if ((line->is_changed || due != 0) && !billing_put_line(c->b, &line->stored, err))
        return false;
    if (due == 0)
        return true;
    struct ledger_entry entry = {.utc_ns = c->utc_ns, .kind = ENTRY_POSTING, .pennies = due};

    ledger_name_source(&entry, c->stores == 1 ? c->marks : line->source);
    c->summary->postings++;
    return ledger_append(end, c->b, c->key, &entry, &line->stored, err) &&
           remember(posted, &entry, &line->stored, err);
}

static bool post_all(struct charge *c, struct posted *posted, struct error *err)
{
    struct ledger_end end;
    size_t count;
    struct sheet_line *lines = sheet_sorted(c->sheet, &count);

    if (!ledger_open(&end, c->b, c->key, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!post_line(c, &lines[i], &end, posted, err))
            return error_context(err, "account %s", lines[i].stored.account);
    return true;
}

/* ---- the whole ---- */

static bool must_make_anew(const struct charge *c)
{
    return (is_stale(c) && safety_is_on(SAFETY_BILLING_STALE)) || !has_new_raw(c);
}

/* What was not derived yet, for what is due only. */
static bool fold_open(struct charge *c, struct feed *feed, struct error *err)
{
    bool is_ok = true;

    c->is_open = safety_is_on(SAFETY_BILLING_OPEN);
    for (size_t i = 0; i < c->stores; i++) {
        c->summary->unassigned += c->charged[i].unassigned;
        c->summary->unpriced += c->charged[i].unpriced;
    }
    for (size_t i = 0; is_ok && i < c->stores; i++)
        is_ok = store_usage_between(c->measured, c->marks[i].derived, c->marks[i].last_tick,
                                    &feed->reader, err);
    return is_ok;
}

static bool charge_usage(struct charge *c, struct error *err)
{
    struct feed feed = {.reader = {.add = add_part}, .charge = c};
    bool is_ok = must_make_anew(c) ? make_anew(c, &feed, err) : fold_new(c, &feed, err);

    for (size_t i = 0; i < c->stores; i++)
        if (!c->charged[i].is_known || safety_is_on(SAFETY_BILLING_ONCE))
            c->charged[i].tick = c->marks[i].derived;
    c->summary->unassigned = c->summary->unpriced = 0;
    is_ok = is_ok && fold_open(c, &feed, err);
    free(feed.reader.lives);
    return is_ok;
}

/* A store of a host that was charged and is not there: another was restored in its place. */
static bool see_charged(void *self, const struct charged *charged, struct error *err)
{
    struct charge *c = self;

    for (size_t i = 0; i < c->stores; i++)
        if (uuid_is_equal(&c->marks[i].store, &charged->store))
            return true;
    c->is_forgotten = safety_is_on(SAFETY_BILLING_RESTORED);
    if (!c->is_forgotten) { /* what a charge would do that did not know of restores */
        c->charged[0] = *charged;
        c->charged[0].store = c->marks[0].store;
    }
    return billing_forget_charged(c->b, &charged->store, err);
}

static bool read_charged(struct charge *c, struct error *err)
{
    struct billing_charged_sink sink = {see_charged, c};

    c->charged = calloc(c->stores, sizeof *c->charged);
    if (c->charged == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to charge %zu stores", c->stores);
    for (size_t i = 0; i < c->stores; i++) {
        if (!billing_charged(c->b, &c->marks[i].store, &c->charged[i], err))
            return false;
        c->charged[i].host = c->marks[i].host;
        c->charged[i].tick += c->marks[i].base;
    }
    return billing_read_charged(c->b, &sink, err);
}

static bool write_charged(struct charge *c, struct error *err)
{
    for (size_t i = 0; i < c->stores; i++) {
        struct charged own = c->charged[i];

        own.tick -= c->marks[i].base;
        if (!billing_set_charged(c->b, &own, err))
            return false;
    }
    return true;
}

static bool charge_all(struct charge *c, struct posted *posted, struct error *err)
{
    return store_marks(c->measured, &c->marks, &c->stores, err) &&
           (c->stores == 0 ||
            (book_read(&c->book, c->b, err) && sheet_read(&c->sheet, c->b, -1, err) &&
             billing_last_sealed(c->b, &c->sealed, err) && read_charged(c, err) &&
             charge_usage(c, err) && post_all(c, posted, err) && write_charged(c, err)));
}

static void clear(struct charge *c)
{
    late_clear(&c->due);
    late_clear(&c->billed);
    sheet_free(c->sheet);
    book_free(c->book);
    free(c->charged);
    free(c->marks);
}

bool charge_run(struct store *measured, struct billing_store *b, const struct chain_key *key,
                int64_t utc_ns, const struct charge_listener *listener, struct charge_summary *out,
                struct error *err)
{
    struct charge c = {.measured = measured, .b = b, .key = key, .utc_ns = utc_ns, .summary = out};
    struct posted posted = {0};

    *out = (struct charge_summary){0};
    if (!store_snapshot_begin(measured, err))
        return false;
    bool is_ok = charge_all(&c, &posted, err);

    store_snapshot_end(measured);
    is_ok = is_ok && billing_commit(b, err);
    for (size_t i = 0; is_ok && listener != NULL && i < posted.count; i++)
        listener->posted(listener->self, &posted.list[i].entry, &posted.list[i].line);
    free(posted.list);
    clear(&c);
    return is_ok;
}

bool charge_pending(struct store *measured, struct billing_store *b, const struct chain_key *key,
                    int64_t utc_ns, struct charge_summary *out, struct error *err)
{
    struct charge c = {.measured = measured, .b = b, .key = key, .utc_ns = utc_ns, .summary = out};
    struct posted posted = {0};

    *out = (struct charge_summary){0};
    bool is_ok = charge_all(&c, &posted, err);

    free(posted.list);
    clear(&c);
    return is_ok;
}
