#include "billing/dated.h"

static bool is_before(const struct dated *a, const struct dated *b)
{
    return a->from_hour < b->from_hour || (a->from_hour == b->from_hour && a->change < b->change);
}

void dated_sort(struct dated *entries, size_t count)
{
    /* by insertion: lists are short, and come from the database in order or nearly so */
    for (size_t i = 1; i < count; i++) {
        struct dated entry = entries[i];
        size_t place = i;

        while (place > 0 && is_before(&entry, &entries[place - 1])) {
            entries[place] = entries[place - 1];
            place--;
        }
        entries[place] = entry;
    }
}

/* How many entries are from this hour or before it. */
static size_t begun(const struct dated *entries, size_t count, int64_t hour)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entries[middle].from_hour <= hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t dated_find(const struct dated *entries, size_t count, int64_t hour)
{
    size_t n = begun(entries, count, hour);

    return n > 0 ? n - 1 : count;
}

int64_t dated_until(const struct dated *entries, size_t count, int64_t hour)
{
    size_t n = begun(entries, count, hour);

    return n < count ? entries[n].from_hour : INT64_MAX;
}
