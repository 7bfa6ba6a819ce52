#include "billing/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"

/* ---- the span ---- */

bool statement_parse_span(const char *text, int64_t now_utc_ns, struct statement_span *out,
                          struct error *err)
{
    struct error as_month;
    int32_t month;

    if (month_parse(text, now_utc_ns, &month, &as_month)) {
        *out = (struct statement_span){month, month_first_hour(month, 0),
                                       month_first_hour(month + 1, 0)};
        return true;
    }
    int64_t from, to;
    bool is_day = calendar_parse_hour(text, false, now_utc_ns, &from, err) &&
                  calendar_parse_hour(text, true, now_utc_ns, &to, err);

    if (is_day && from == to) /* a date is an instant, and means its day */
        to = from + HOURS_PER_DAY;
    if (!is_day || from % HOURS_PER_DAY != 0 || to - from != HOURS_PER_DAY)
        return error_set(err, ERR_USAGE,
                         "'%.40s' is no period: it is a month (2026-11, this-month, last-month) or "
                         "a day (2026-11-22, today, yesterday)",
                         text);
    *out = (struct statement_span){month_of_hour(from, 0), from, to};
    return true;
}

/* ---- names ---- */

static bool take_name(void *self, const struct uuid *vm, const char *name, struct error *err)
{
    struct statement *s = self;

    if (s->name_count == s->name_room) {
        size_t room = s->name_room == 0 ? 256 : s->name_room * 2;
        struct statement_name *names = realloc(s->names, room * sizeof *names);

        if (names == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
        s->names = names;
        s->name_room = room;
    }
    s->names[s->name_count] = (struct statement_name){*vm, strdup(name)};
    if (s->names[s->name_count].name == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
    s->name_count++;
    return true;
}

static int by_vm(const void *one, const void *other)
{
    const struct statement_name *a = one, *b = other;

    return memcmp(a->vm.bytes, b->vm.bytes, sizeof a->vm.bytes);
}

static const char *name_of(const struct statement *s, const struct billing_line *line)
{
    struct statement_name wanted = {.vm = line->vm};
    const struct statement_name *found =
        line->is_pool || s->name_count == 0
            ? NULL
            : bsearch(&wanted, s->names, s->name_count, sizeof wanted, by_vm);

    return found != NULL ? found->name : "";
}

/* ---- reading ---- */

/* One line: its row, and what there was before the span begins. */
struct entry {
    struct statement_row row;
    numerator n_before, rest_before; /* rest: adjustments and transfers */
    int64_t posted_before;
};

struct reading {
    struct statement *s;
    const struct statement_span *span;
    struct sheet *sheet; /* the month's lines; entries lie in its order */
    struct entry *entries;
    size_t count, room;
};

/* The entry of a line; made when the sheet has more lines than before. */
static struct entry *entry_at(struct reading *r, size_t place, struct error *err)
{
    if (place >= r->room) {
        size_t room = r->room == 0 ? 256 : r->room * 2;

        room = place >= room ? place + 1 : room;
        struct entry *entries = realloc(r->entries, room * sizeof *entries);

        if (entries == NULL) {
            (void)error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", room);
            return NULL;
        }
        r->entries = entries;
        r->room = room;
    }
    for (; r->count <= place; r->count++)
        r->entries[r->count] = (struct entry){0};
    return &r->entries[place];
}

static struct entry *entry_of_number(struct reading *r, int64_t number, struct error *err)
{
    struct sheet_line *line = sheet_number(r->sheet, number);

    if (line != NULL)
        return entry_at(r, sheet_place(r->sheet, line), err);
    (void)error_set(err, ERR_STORE, "charge line %lld is not there", (long long)number);
    return NULL;
}

static void add_price(struct statement_row *row, int64_t nano_pennies)
{
    size_t last = row->price_count < STATEMENT_PRICES_MAX ? row->price_count : STATEMENT_PRICES_MAX;

    for (size_t i = 0; i < last; i++)
        if (row->nano_pennies[i] == nano_pennies)
            return;
    if (row->price_count < STATEMENT_PRICES_MAX)
        row->nano_pennies[row->price_count] = nano_pennies;
    row->price_count++;
}

static bool add_to_row(struct statement_row *row, const struct usage_part *part,
                       int64_t nano_pennies, struct error *err)
{
    struct usage_part *sum = &row->usage;

    if (part->kib_ns != 0) {
        sum->hour = sum->kib_ns == 0 || part->hour < sum->hour ? part->hour : sum->hour;
        row->last_hour = part->hour > row->last_hour ? part->hour : row->last_hour;
        add_price(row, nano_pennies);
    }
    if (part->measured_ns > 0) {
        uint64_t average = (uint64_t)(part->kib_ns / (uint64_t)part->measured_ns);

        row->peak_kib = average > row->peak_kib ? average : row->peak_kib;
    }
    sum->measured_ns += part->measured_ns;
    sum->missing_ns += part->missing_ns;
    sum->excluded_ns += part->excluded_ns;
    return (usage_add(&sum->kib_ns, part->kib_ns) ||
            error_set(err, ERR_RANGE, "a month's usage does not fit")) &&
           numerator_add(&row->n, (numerator)part->kib_ns, nano_pennies, err);
}

/* The span of an account begins and ends by its own hours. */
static bool add_usage(const struct reading *r, struct entry *e, int offset_h,
                      const struct usage_part *part, int64_t nano_pennies, struct error *err)
{
    int64_t hour = part->hour + offset_h;

    if (!r->s->is_whole && hour >= r->span->to_hour)
        return true;
    if (!r->s->is_whole && hour < r->span->from_hour)
        return numerator_add(&e->n_before, (numerator)part->kib_ns, nano_pennies, err);
    return add_to_row(&e->row, part, nano_pennies, err);
}

static int offset_of(const struct reading *r, const struct billing_line *line)
{
    const struct book_account *account = book_account(r->s->book, line->account);

    return account != NULL ? account->offset_h : 0;
}

static bool take_rated(void *self, const struct rated *rated, struct error *err)
{
    struct reading *r = self;
    struct sheet_line *line = sheet_number(r->sheet, rated->line);
    struct entry *e = entry_of_number(r, rated->line, err);

    return e != NULL &&
           add_usage(r, e, offset_of(r, &line->stored), &rated->part, rated->nano_pennies, err);
}

struct feed {
    struct usage_reader reader; /* first: the reader is the feed */
    struct reading *reading;
};

static bool take_measured(struct usage_reader *reader, size_t life, const struct usage_part *part,
                          struct error *err)
{
    struct reading *r = ((struct feed *)(void *)reader)->reading;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    if (!info->is_billed)
        return true;
    book_rate(r->s->book, &info->vm, part->hour, &rate);
    if (rate.month != r->span->month)
        return true;
    if (rate.price == NULL)
        return usage_add(rate.account == NULL ? &r->s->unassigned : &r->s->unpriced,
                         part->kib_ns) ||
               error_set(err, ERR_RANGE, "usage that is not charged does not fit");
    struct sheet_line *line =
        sheet_line(r->sheet, rate.account, &info->vm, rate.price, rate.month, err);
    struct entry *e = line == NULL ? NULL : entry_at(r, sheet_place(r->sheet, line), err);

    return e != NULL &&
           add_usage(r, e, rate.account->offset_h, part, rate.price->nano_pennies, err);
}

/* Whatever offset an account has, its month lies in these hours. */
static bool read_measured(struct reading *r, struct store *measured, struct error *err)
{
    struct feed feed = {.reader = {.add = take_measured}, .reading = r};
    struct usage_query query = {
        .from_hour = month_first_hour(r->span->month, MONTH_OFFSET_MOST),
        .to_hour = month_first_hour(r->span->month + 1, MONTH_OFFSET_LEAST),
        .by_hour = true,
    };
    struct store_marks marks;

    if (measured == NULL)
        return error_set(err, ERR_USAGE, "a month that is open needs the measurements");
    if (!store_snapshot_begin(measured, err))
        return false;
    bool is_ok = store_marks(measured, &marks, err) &&
                 (!marks.has_ticks || store_usage(measured, &query, &feed.reader, err));

    store_snapshot_end(measured);
    free(feed.reader.lives);
    r->s->tick = is_ok && marks.has_ticks ? marks.last_tick : 0;
    return is_ok;
}

/* Is what was written at this time before the span (-1), in it (0), or after it (1)? */
static int place_in_time(const struct reading *r, int64_t utc_ns)
{
    if (r->s->is_whole)
        return 0;
    return utc_ns < r->span->from_hour * NS_PER_HOUR ? -1
                                                     : utc_ns >= r->span->to_hour * NS_PER_HOUR;
}

static bool take_adjustment(void *self, const struct adjustment *a, struct error *err)
{
    struct reading *r = self;
    struct entry *e = entry_of_number(r, a->line, err);
    int place = place_in_time(r, a->utc_ns);

    return e != NULL &&
           (place > 0 || numerator_add(place < 0 ? &e->rest_before : &e->row.adjustments,
                                       a->usage_kib_ns, a->nano_pennies, err));
}

static bool take_entry(void *self, const struct ledger_entry *entry,
                       const struct billing_line *line, struct error *err)
{
    struct reading *r = self;
    struct entry *e = entry_of_number(r, line->line, err);
    int place = place_in_time(r, entry->utc_ns);

    if (e == NULL || place > 0)
        return e != NULL;
    if (place < 0)
        e->posted_before += entry->pennies;
    else
        e->row.posted += entry->pennies;
    return numerator_add_to(place < 0 ? &e->rest_before : &e->row.transfers, entry->transfer, err);
}

/* ---- the rows ---- */

static bool finish_row(const struct reading *r, struct entry *e, const struct sheet_line *line,
                       struct error *err)
{
    struct statement_row *row = &e->row;
    const struct book_account *account = book_account(r->s->book, line->stored.account);
    struct charge_line_sums before = {.carry_in = line->stored.sums.carry_in,
                                      .n = e->n_before,
                                      .transfers = e->rest_before,
                                      .posted = e->posted_before};
    struct charge_line_sums within = {.n = row->n,
                                      .transfers = row->transfers,
                                      .posted = row->posted};

    row->line = line->stored;
    row->account_name = account != NULL ? account->name : "";
    row->vm_name = name_of(r->s, &line->stored);
    if (!charge_line_carry(&before, line->stored.unit, &row->carry_in, err))
        return false;
    within.carry_in = row->carry_in;
    return numerator_add_to(&within.n, row->adjustments, err) &&
           charge_line_carry(&within, line->stored.unit, &row->carry_out, err);
}

static int by_name(const void *one, const void *other)
{
    const struct billing_line *a = &((const struct statement_row *)one)->line;
    const struct billing_line *b = &((const struct statement_row *)other)->line;
    int order = strcmp(a->account, b->account);

    order = order != 0 ? order : (int)b->is_pool - (int)a->is_pool;
    order = order != 0 ? order : memcmp(a->vm.bytes, b->vm.bytes, sizeof a->vm.bytes);
    order = order != 0 ? order : strcmp(a->currency.code, b->currency.code);
    return order != 0 ? order : (int)a->unit - (int)b->unit;
}

static bool make_rows(struct reading *r, struct error *err)
{
    size_t count;
    const struct sheet_line *lines = sheet_lines(r->sheet, &count);

    r->s->rows = calloc(count + 1, sizeof *r->s->rows);
    if (r->s->rows == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", count);
    for (size_t i = 0; i < count; i++) {
        struct entry *e = entry_at(r, i, err);

        if (e == NULL)
            return false;
        if (lines[i].stored.month != r->span->month)
            continue;
        if (!finish_row(r, e, &lines[i], err))
            return false;
        r->s->rows[r->s->count++] = e->row;
    }
    qsort(r->s->rows, r->s->count, sizeof *r->s->rows, by_name);
    return true;
}

static bool read_head(struct reading *r, struct billing_store *b, struct error *err)
{
    struct billing_period period;

    if (!billing_period(b, r->span->month, &period, err))
        return false;
    r->s->is_sealed = period.is_sealed;
    r->s->entry = period.entry;
    r->s->hash = period.hash;
    memcpy(r->s->missing_hosts, period.missing_hosts, sizeof r->s->missing_hosts);
    return period.is_sealed || billing_head(b, &r->s->entry, &r->s->hash, err);
}

static bool read_all(struct reading *r, struct store *measured, struct billing_store *b,
                     struct error *err)
{
    struct billing_name_sink names = {take_name, r->s};
    struct rated_sink rated = {take_rated, r};
    struct adjustment_sink adjustments = {take_adjustment, r};
    struct ledger_sink ledger = {take_entry, r};

    return read_head(r, b, err) && book_read(&r->s->book, b, err) &&
           billing_read_names(b, &names, err) && sheet_read(&r->sheet, b, r->span->month, err) &&
           (r->s->is_sealed ? billing_read_rated(b, r->span->month, &rated, err)
                            : read_measured(r, measured, err)) &&
           billing_read_month_adjustments(b, r->span->month, &adjustments, err) &&
           billing_read_month_ledger(b, r->span->month, &ledger, err) && make_rows(r, err);
}

bool statement_read(struct store *measured, struct billing_store *b,
                    const struct statement_span *span, struct statement *out, struct error *err)
{
    struct reading r = {.s = out, .span = span};

    *out = (struct statement){.month = span->month,
                              .from_hour = span->from_hour,
                              .to_hour = span->to_hour};
    out->is_whole = span->from_hour == month_first_hour(span->month, 0) &&
                    span->to_hour == month_first_hour(span->month + 1, 0);
    bool is_ok = read_all(&r, measured, b, err);

    sheet_free(r.sheet);
    free(r.entries);
    return is_ok;
}

void statement_free(struct statement *s)
{
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i].name);
    free(s->names);
    free(s->rows);
    book_free(s->book);
    *s = (struct statement){0};
}
