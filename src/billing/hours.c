#include "billing/hours.h"

#include <stdlib.h>

bool hours_add(struct hours *h, const struct line_hour *more, struct error *err)
{
    if (h->count == h->room) {
        size_t room = h->room == 0 ? 1024 : h->room * 2;
        struct line_hour *list = realloc(h->list, room * sizeof *list);

        if (list == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for %zu hours of charge lines",
                             room);
        h->list = list;
        h->room = room;
    }
    h->list[h->count++] = *more;
    return true;
}

static int by_line_and_hour(const void *one, const void *other)
{
    const struct line_hour *a = one, *b = other;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->part.hour < b->part.hour ? -1 : a->part.hour > b->part.hour;
}

static bool add_up(struct usage_part *sum, const struct usage_part *more, struct error *err)
{
    sum->measured_ns += more->measured_ns;
    sum->missing_ns += more->missing_ns;
    sum->excluded_ns += more->excluded_ns;
    return usage_add(&sum->kib_ns, more->kib_ns) ||
           error_set(err, ERR_RANGE, "the usage of an hour does not fit");
}

bool hours_merge(struct hours *h, struct error *err)
{
    size_t kept = 0;

    if (h->count > 0)
        qsort(h->list, h->count, sizeof *h->list, by_line_and_hour);
    for (size_t i = 0; i < h->count; i++) {
        struct line_hour *last = kept > 0 ? &h->list[kept - 1] : NULL;

        if (last == NULL || by_line_and_hour(last, &h->list[i]) != 0)
            h->list[kept++] = h->list[i];
        else if (!add_up(&last->part, &h->list[i].part, err))
            return false;
    }
    h->count = kept;
    return true;
}

void hours_clear(struct hours *h)
{
    free(h->list);
    *h = (struct hours){0};
}
