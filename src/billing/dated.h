/*
 * dated.h - what is true from an hour on: owners and tariffs. Pure.
 *
 * A list of (from_hour, change, value): at an hour holds the entry with the greatest from_hour that
 * is not later; of several with one from_hour the one that was said last, by the number of its
 * change. Entries are never removed, so that what was true when is known for ever.
 */
#ifndef PAGEMETER_DATED_H
#define PAGEMETER_DATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dated {
    int64_t from_hour;
    int64_t change; /* ascending in the order in which they were said */
    size_t value;   /* the caller's */
};

/* By from_hour, then change. Needs no heap. */
void dated_sort(struct dated *entries, size_t count);

/* The index of the entry that holds at this hour, or count: none does yet. Entries are sorted. */
size_t dated_find(const struct dated *entries, size_t count, int64_t hour);

/*
 * The first hour after this one at which another entry holds; INT64_MAX: none. So that a run of
 * hours can be priced at once.
 */
int64_t dated_until(const struct dated *entries, size_t count, int64_t hour);

#endif
