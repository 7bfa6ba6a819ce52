#include "billing/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/statement_impl.h"

/* ---- reading ---- */

struct statement_entry *statement_entry_at(struct statement_reading *r, size_t place,
                                           struct error *err)
{
    if (place >= r->room) {
        size_t room = r->room == 0 ? 256 : r->room * 2;

        room = place >= room ? place + 1 : room;
        struct statement_entry *entries = realloc(r->entries, room * sizeof *entries);

        if (entries == NULL) {
            (void)error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", room);
            return NULL;
        }
        r->entries = entries;
        r->room = room;
    }
    for (; r->count <= place; r->count++)
        r->entries[r->count] = (struct statement_entry){0};
    return &r->entries[place];
}

static int offset_of(const struct statement_reading *r, const char *account)
{
    const struct book_account *found = book_account(r->s->book, account);

    return found != NULL ? found->offset_h : 0;
}

struct statement_entry *statement_entry_of(struct statement_reading *r, int64_t number,
                                           int *offset_h, struct error *err)
{
    struct sheet_line *line = sheet_number(r->sheet, number);

    if (line == NULL) {
        (void)error_set(err, ERR_STORE, "charge line %lld is not there: run pagemeter audit",
                        (long long)number);
        return NULL;
    }
    *offset_h = offset_of(r, line->stored.account);
    return statement_entry_at(r, sheet_place(r->sheet, line), err);
}

int statement_place_in_time(const struct statement_reading *r, int offset_h, int64_t hour)
{
    int64_t first = month_first_hour(r->span->month, 0);
    int64_t end = month_first_hour(r->span->month + 1, 0);
    int64_t own = hour + offset_h;

    own = own < first ? first : own >= end ? end - 1 : own;
    return own < r->span->from_hour ? -1 : own >= r->span->to_hour;
}

/* ---- money ---- */

/* Those of a month, cause and price, made when there are none yet. They come by hour. */
static struct statement_correction *correction_of(struct statement_row *row,
                                                  const struct adjustment *a, int32_t month,
                                                  struct error *err)
{
    for (size_t i = row->correction_count; i > 0; i--) {
        struct statement_correction *c = &row->corrections[i - 1];

        if (c->month == month && c->cause == a->cause && c->priced.nano_pennies == a->nano_pennies)
            return c;
    }
    struct statement_correction *corrections =
        statement_grow(row->corrections, row->correction_count, sizeof *corrections, err);

    if (corrections == NULL)
        return NULL;
    row->corrections = corrections;
    corrections[row->correction_count] = (struct statement_correction){
        month, a->cause, a->hour, a->hour, {.nano_pennies = a->nano_pennies}};
    return &corrections[row->correction_count++];
}

static bool add_correction(struct statement_row *row, const struct adjustment *a, int32_t month,
                           struct error *err)
{
    struct statement_correction *c = correction_of(row, a, month, err);

    if (c == NULL)
        return false;
    c->first_hour = a->hour < c->first_hour ? a->hour : c->first_hour;
    c->last_hour = a->hour > c->last_hour ? a->hour : c->last_hour;
    return statement_priced_add(&c->priced, a->usage_kib_ns, err) &&
           numerator_add(&row->adjustments, a->usage_kib_ns, a->nano_pennies, err);
}

static bool take_adjustment(void *self, const struct adjustment *a, struct error *err)
{
    struct statement_reading *r = self;
    int offset_h;
    struct statement_entry *e = statement_entry_of(r, a->line, &offset_h, err);

    if (e == NULL)
        return false;
    int place = statement_place_in_time(r, offset_h, a->utc_ns / NS_PER_HOUR);

    if (place < 0)
        return numerator_add(&e->rest_before, a->usage_kib_ns, a->nano_pennies, err);
    return place > 0 || add_correction(&e->row, a, month_of_hour(a->hour, offset_h), err);
}

/* The sum of a currency, made when there is none yet. */
static struct statement_ledger *ledger_of(struct statement *s, const struct currency *currency,
                                          struct error *err)
{
    size_t i = 0;

    while (i < s->ledger_count && strcmp(s->ledger[i].currency.code, currency->code) < 0)
        i++;
    if (i < s->ledger_count && strcmp(s->ledger[i].currency.code, currency->code) == 0)
        return &s->ledger[i];
    struct statement_ledger *ledger = realloc(s->ledger, (s->ledger_count + 1) * sizeof *ledger);

    if (ledger == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory for the currencies of the ledger");
        return NULL;
    }
    s->ledger = ledger;
    memmove(&ledger[i + 1], &ledger[i], (s->ledger_count - i) * sizeof *ledger);
    s->ledger_count++;
    ledger[i] = (struct statement_ledger){.currency = *currency};
    return &ledger[i];
}

static bool take_posting(struct statement_reading *r, struct statement_entry *e, int place,
                         const struct ledger_entry *entry, const struct currency *currency,
                         struct error *err)
{
    int64_t *posted = place < 0 ? &e->posted_before : &e->row.posted;

    if (__builtin_add_overflow(*posted, entry->pennies, posted))
        return error_set(err, ERR_RANGE, "what was posted does not fit");
    if (place < 0)
        return true;
    struct statement_ledger *ledger = ledger_of(r->s, currency, err);

    if (ledger == NULL)
        return false;
    ledger->postings++;
    ledger->pennies += entry->pennies;
    return true;
}

static bool take_entry(void *self, const struct ledger_entry *entry,
                       const struct billing_line *line, struct error *err)
{
    struct statement_reading *r = self;
    int offset_h;
    struct statement_entry *e = statement_entry_of(r, line->line, &offset_h, err);

    if (e == NULL)
        return false;
    int place = statement_place_in_time(r, offset_h, entry->utc_ns / NS_PER_HOUR);

    if (place > 0)
        return true;
    if (entry->kind == ENTRY_POSTING)
        return take_posting(r, e, place, entry, &line->currency, err);
    return numerator_add_to(place < 0 ? &e->rest_before : &e->row.transfers, entry->transfer, err);
}

/* ---- the rows ---- */

/* What can be seen from here of the invariant: who adds up the rows gets the line and the ledger.
 */
static bool check_row(const struct statement_reading *r, const struct statement_row *row,
                      struct error *err)
{
    numerator n = row->n;

    if (!r->s->is_whole)
        return true;
    if (!numerator_add_to(&n, row->adjustments, err))
        return false;
    if (row->posted != row->line.sums.posted || row->transfers != row->line.sums.transfers)
        return error_set(err, ERR_STORE,
                         "what account %s was charged is not what the ledger has: run pagemeter "
                         "audit",
                         row->line.account);
    if (r->s->is_sealed && n != row->line.sums.n)
        return error_set(err, ERR_STORE,
                         "what account %s was charged is not what its usage costs: run pagemeter "
                         "audit",
                         row->line.account);
    return true;
}

static int by_month(const void *one, const void *other)
{
    const struct statement_correction *a = one, *b = other;
    int order = a->month < b->month ? -1 : a->month > b->month;

    order = order != 0 ? order : (int)a->cause - (int)b->cause;
    return order != 0 ? order
                      : (a->priced.nano_pennies > b->priced.nano_pennies) -
                            (a->priced.nano_pennies < b->priced.nano_pennies);
}

static bool finish_row(const struct statement_reading *r, struct statement_entry *e,
                       const struct sheet_line *line, struct error *err)
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
    row->vm_name = statement_name_of(r->s, &line->stored);
    row->offset_h = account != NULL ? account->offset_h : 0;
    if (row->correction_count > 1)
        qsort(row->corrections, row->correction_count, sizeof *row->corrections, by_month);
    if (!check_row(r, row, err) ||
        !charge_line_carry(&before, line->stored.unit, &row->carry_in, err))
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

/* Lines of which there is nothing yet but hours without usage are no lines: no charge makes them.
 */
static bool is_row(const struct statement_reading *r, const struct statement_entry *e,
                   const struct sheet_line *line)
{
    return line->stored.month == r->span->month && (line->stored.line != 0 || e->has_usage);
}

static bool make_rows(struct statement_reading *r, struct error *err)
{
    size_t count;
    const struct sheet_line *lines = sheet_lines(r->sheet, &count);

    r->s->rows = calloc(count + 1, sizeof *r->s->rows);
    if (r->s->rows == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", count);
    for (size_t i = 0; i < count; i++) {
        struct statement_entry *e = statement_entry_at(r, i, err);

        if (e == NULL)
            return false;
        if (!is_row(r, e, &lines[i]))
            continue;
        if (!finish_row(r, e, &lines[i], err))
            return false;
        r->s->rows[r->s->count++] = e->row;
        e->row = (struct statement_row){0}; /* its lists are the statement's now */
    }
    qsort(r->s->rows, r->s->count, sizeof *r->s->rows, by_name);
    return true;
}

/* ---- the whole ---- */

static bool read_head(struct statement_reading *r, struct billing_store *b, struct error *err)
{
    struct billing_period period;
    struct billing_marks marks;

    if (!billing_period(b, r->span->month, &period, err) || !billing_marks(b, &marks, err))
        return false;
    r->s->is_sealed = period.is_sealed;
    r->s->change = period.is_sealed ? period.change : marks.change;
    r->s->adjustment = period.is_sealed ? 0 : marks.adjustment;
    r->s->entry = period.entry;
    r->s->hash = period.hash;
    memcpy(r->s->missing_hosts, period.missing_hosts, sizeof r->s->missing_hosts);
    return period.is_sealed || billing_head(b, &r->s->entry, &r->s->hash, err);
}

static bool read_all(struct statement_reading *r, struct store *measured, struct billing_store *b,
                     struct error *err)
{
    struct adjustment_sink adjustments = {take_adjustment, r};
    struct ledger_sink ledger = {take_entry, r};

    return read_head(r, b, err) && book_read(&r->s->book, b, err) &&
           vm_names_read(&r->s->names, b, r->s->change, err) &&
           sheet_read(&r->sheet, b, r->span->month, err) &&
           (r->s->is_sealed ? statement_read_rated(r, b, err)
                            : statement_read_measured(r, measured, err)) &&
           billing_read_month_adjustments(b, r->span->month, &adjustments, err) &&
           billing_read_month_ledger(b, r->span->month, &ledger, err) && make_rows(r, err);
}

bool statement_read(struct store *measured, struct billing_store *b,
                    const struct statement_span *span, struct statement *out, struct error *err)
{
    struct statement_reading r = {.s = out, .span = span};

    *out = (struct statement){.month = span->month,
                              .from_hour = span->from_hour,
                              .to_hour = span->to_hour};
    bool is_ok = statement_check_span(span, &out->is_whole, err) && read_all(&r, measured, b, err);

    for (size_t i = 0; i < r.count; i++)
        statement_row_clear(&r.entries[i].row);
    free(r.entries);
    sheet_free(r.sheet);
    return is_ok;
}
