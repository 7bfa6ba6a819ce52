/*
 * sheet.h - the charge lines of the months that are open, in memory: found, added to, written back.
 *
 * n of a line is what was charged for good (up to a tick, billing_charged); open_n is what the
 * ticks since then add, made anew each time and never stored. What is due counts both.
 */
#ifndef PAGEMETER_SHEET_H
#define PAGEMETER_SHEET_H

#include "billing/book.h"

struct sheet_line {
    struct billing_line stored;
    numerator open_n;
    bool is_changed; /* differs from what is stored */
    const struct store_marks *source; /* whose measurements came last; NULL: none did */
};

struct sheet;

/* Reads the lines of all months that are not sealed, or with month >= 0 those of that one. */
MUST_CHECK bool sheet_read(struct sheet **out, struct billing_store *b, int32_t month,
                           struct error *err);
void sheet_free(struct sheet *sheet); /* accepts NULL */

/*
 * The line of an account and a VM (NULL: the account's pool) in a month, made when there is none.
 * Valid until the next call. NULL: no memory.
 */
struct sheet_line *sheet_line(struct sheet *sheet, const struct book_account *account,
                              const struct uuid *vm, const struct price *price, int32_t month,
                              struct error *err);

/*
 * The place of a line, from 0 on: new ones come behind those that are there. It stays so until
 * sheet_sorted.
 */
size_t sheet_place(const struct sheet *sheet, const struct sheet_line *line);
const struct sheet_line *sheet_lines(const struct sheet *sheet, size_t *count);

/* All of them, sorted by month, account, vm, currency and unit: one order whatever came first. */
struct sheet_line *sheet_sorted(struct sheet *sheet, size_t *count);

/* The line with this number, of those that are stored; NULL: none is. */
struct sheet_line *sheet_number(struct sheet *sheet, int64_t line);

/* carry_in, n, open_n, transfers and posted as one, for what is due. */
MUST_CHECK bool sheet_sums(const struct sheet_line *line, struct charge_line_sums *out,
                           struct error *err);

#endif
