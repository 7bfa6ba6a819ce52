/*
 * series_impl.h - what the files of series.h share. Internal to src/store/.
 */
#ifndef PAGEMETER_SERIES_IMPL_H
#define PAGEMETER_SERIES_IMPL_H

#include "store/series.h"
#include "store/store_impl.h"

struct series_life {
    int64_t life;
    int64_t first_tick, last_tick; /* last_tick INT64_MAX: it goes on */
    int64_t counted_tick;          /* -1: never counted */
    size_t vm;
};

struct piece_list {
    struct store_piece *list;
    size_t count, room;
};

/* Room for one more in a growing array; false: no memory, and nothing was lost. */
MUST_CHECK bool series_grow(void **array, size_t *room, size_t count, size_t size,
                            struct error *err);

/*
 * The pieces of the intervals that begin at ticks from `from`, a cut, up to before `to`, behind
 * what is in *out; those of each life together and in order. is_again is not set yet.
 */
struct series_range {
    int64_t from, to;
    int64_t from_hour, to_hour;      /* others are left out */
    bool is_dense;                   /* read every tick */
    const struct series_life *lives; /* ascending by life */
    size_t life_count;
};
MUST_CHECK bool series_read_range(struct store *store, const struct series_range *range,
                                  struct piece_list *out, struct error *err);

/* From a cut to the next, or to what ends the store. */
struct series_region {
    int64_t from, to;
    int64_t hour;
    bool is_wanted, is_dense;
};

struct series_reading {
    struct store *store;
    const struct series_query *query;
    const struct store_marks *marks; /* of the store that is read */
    struct series_life *lives;       /* of all stores, ascending */
    size_t life_count, life_room;
    /* of the store that is read */
    const struct series_life *own;
    size_t own_count;
    struct series_region *regions;
    size_t region_count, region_room;
    struct piece_list pieces;
};

int series_by_life(const void *one, const void *other);

/*
 * Holds the pieces from `first` on, those of one store, against usage_hour, and adds the averages
 * of what was pruned. *is_whole false: some hours differ, and their regions are dense now: read
 * again.
 */
MUST_CHECK bool series_check(struct series_reading *r, size_t first, bool *is_whole,
                             struct error *err);

/* Sets is_again of the pieces from `first` on, those of one store, and joins what belongs together.
 */
MUST_CHECK bool series_place(struct piece_list *pieces, size_t first, struct error *err);

#endif
