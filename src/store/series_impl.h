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

/* A growing list with room for one more: where it is now; NULL: no memory, and it is as it was. */
void *series_room(void *list, size_t *room, size_t count, size_t size, struct error *err);

/* The one number that a question about two ticks has. */
MUST_CHECK bool series_ask(struct store *store, const char *sql, int64_t from, int64_t to,
                           int64_t *out, struct error *err);

MUST_CHECK bool series_put(struct piece_list *out, const struct store_piece *piece,
                           struct error *err);

/* From a cut to the next, or to what ends the store. */
struct series_region {
    int64_t from, to;
    int64_t hour;
    int64_t last_hour; /* that what begins in it may reach */
    int64_t first_segment;
    bool is_wanted, is_dense;
};

/*
 * The pieces of the intervals that begin at ticks from `from`, a cut, up to before `to`, behind
 * what is in *out; those of each life together and in order. is_again is not set yet.
 */
struct series_range {
    int64_t from, to;
    int64_t first_segment, end_segment;  /* [first, end) has all that begin at ticks up to `to` */
    const struct series_region *regions; /* that it is made of, and the one that begins at `to` */
    size_t region_count;
    int64_t from_hour, to_hour;      /* others are left out */
    bool is_dense;                   /* read every tick */
    const struct series_life *lives; /* ascending by life */
    size_t life_count;
};
MUST_CHECK bool series_read_range(struct store *store, const struct series_range *range,
                                  struct piece_list *out, struct error *err);

/* What one life held in a stretch. */
struct series_segments {
    struct segment *list;
    size_t count, room;
};

/* A tick that is needed. */
struct series_needed {
    int64_t tick;
    bool is_next; /* the one before it in the store is needed too */
};

struct series_gap {
    int64_t from_tick, tick;
    enum gap_cause cause;
};

/* A stretch that is read. */
struct series_range_reading {
    struct store *store;
    const struct series_range *range;
    struct piece_list *out;
    struct series_segments *segments; /* of each life of the range */
    struct series_needed *needed;
    size_t needed_count, needed_room;
    size_t batch; /* where those begin that are asked for at once */
    struct series_gap *gaps;
    size_t gap_count, gap_room;
    struct timeline timeline;
    struct timeline_tick *ticks;
    size_t tick_count, tick_room;
    size_t life; /* whose pieces come */
};

/*
 * "[1,2,3]", the caller's to free; NULL: no memory. put writes one of them, at most
 * SERIES_ITEM_TEXT long with its comma.
 */
enum { SERIES_ITEM_TEXT = 44 };
char *series_list_text(const struct series_range_reading *r, size_t count,
                       int (*put)(const struct series_range_reading *r, size_t i, char *out));

/* Which ticks are needed, of segments and gaps that were read; then their times, as a timeline. */
MUST_CHECK bool series_need(struct series_range_reading *r, struct error *err);
MUST_CHECK bool series_read_timeline(struct series_range_reading *r, struct error *err);

/* Of all stores, one after the other. */
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

/* The region that a tick lies in, of those that are there; it lies behind the first's beginning. */
const struct series_region *series_region_of(const struct series_region *regions, size_t count,
                                             int64_t tick);

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
