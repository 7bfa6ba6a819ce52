/*
 * hours.h - usage of charge lines by the hour, as `rated` will have it: parts of one line and hour
 * added up, and in order. Pure, but for the heap.
 */
#ifndef PAGEMETER_HOURS_H
#define PAGEMETER_HOURS_H

#include "meter/integrate.h"

struct line_hour {
    size_t line; /* the caller's number */
    int64_t nano_pennies;
    struct usage_part part;
};

struct hours {
    struct line_hour *list;
    size_t count, room;
};

MUST_CHECK bool hours_add(struct hours *hours, const struct line_hour *more, struct error *err);

/* One of each line and hour, ascending by both. */
MUST_CHECK bool hours_merge(struct hours *hours, struct error *err);

void hours_clear(struct hours *hours);

#endif
