/*
 * statement_impl.h - what the files of statement.h share while one is read.
 */
#ifndef PAGEMETER_STATEMENT_IMPL_H
#define PAGEMETER_STATEMENT_IMPL_H

#include "billing/statement.h"

/* One line: its row, and what there was before the span begins. */
struct statement_entry {
    struct statement_row row;
    numerator n_before, rest_before; /* rest: adjustments and transfers */
    int64_t posted_before;
    bool has_usage; /* in the month */
};

struct statement_reading {
    struct statement *s;
    const struct statement_span *span;
    struct sheet *sheet;             /* the month's lines; entries lie in its order */
    struct statement_entry *entries; /* made as the sheet's lines are */
    size_t count, room;
};

/* The entry of the sheet's line at this place, made when there is none yet. NULL: no memory. */
struct statement_entry *statement_entry_at(struct statement_reading *r, size_t place,
                                           struct error *err);
/* The entry of a stored line, and its account's offset. */
struct statement_entry *statement_entry_of(struct statement_reading *r, int64_t line, int *offset_h,
                                           struct error *err);

/*
 * Does an hour of the month lie before the span (-1), in it (0), or after it (1)? In the account's
 * own time. What was written down before its month, or after it, is of its first or last hour.
 */
int statement_place_in_time(const struct statement_reading *r, int offset_h, int64_t hour);

/* ---- usage: statement_usage.c ---- */

/* Of a sealed month, from what was rated. */
MUST_CHECK bool statement_read_rated(struct statement_reading *r, struct billing_store *b,
                                     struct error *err);
/* Of an open one, from the measurements. ERR_USAGE without them. */
MUST_CHECK bool statement_read_measured(struct statement_reading *r, struct store *measured,
                                        struct error *err);

/* ---- statement_span.c ---- */

/* ERR_USAGE for what is neither a month nor a day of it. */
MUST_CHECK bool statement_check_span(const struct statement_span *span, bool *is_whole,
                                     struct error *err);

/* ---- what a statement holds: statement_names.c ---- */

/* "" for a pool, and for what nobody named. */
const char *statement_name_of(const struct statement *s, const struct billing_line *line);

/* So much more of this price. */
MUST_CHECK bool statement_priced_add(struct statement_priced *priced, numerator kib_ns,
                                     struct error *err);

/*
 * A list of a row, with room for one more: most have one entry, so the room is the next power of
 * two. Where it is now; or NULL: no memory, and it stays as it was.
 */
void *statement_grow(void *list, size_t count, size_t size, struct error *err);
/* The lists of a row. */
void statement_row_clear(struct statement_row *row);

#endif
