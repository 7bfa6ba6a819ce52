/*
 * ship_read.h - a store's measurements as batches, for pagemeter ship.
 *
 * A batch (after, up_to] has the ticks behind the first up to the second, never over an hour cut,
 * and every row whose beginning or end was recorded at one of them, as it was at up_to: what ended
 * later is open in it. So a batch is the same, byte by byte, whenever it is read. Both are ticks
 * that are there, or `after` is where the store begins.
 *
 * Rows are found by keys, in a store of years as in a new one. A reader sees meter.db as it is; the
 * meter never waits for it.
 */
#ifndef PAGEMETER_SHIP_READ_H
#define PAGEMETER_SHIP_READ_H

#include "store/ship_store.h"
#include "store/store.h"

/*
 * A store of which the file has ticks: itself, and those that it was restored from, whose rows up
 * to the backup came along. What lies before `begin` is the store's before.
 */
struct ship_origin {
    struct uuid store;
    int64_t number, created_ns;
    int64_t begin; /* its ticks lie behind this one: -1, or the last that came along */
    int64_t end;   /* the last that the file has of it, or may have: INT64_MAX for the file's own */
    bool is_restored;
    struct uuid restored_from; /* the store before; its ticks up to `begin` came along */
};

enum { SHIP_TICKS_MAX = 3600, SHIP_SEGMENTS_MAX = 200000 };

struct ship_limits {
    int64_t ticks, segments;
};

struct ship_text {
    char *text; /* NULL before the first use */
    size_t length, room;
};

/* Texts as ship() takes them. Zeroed before the first use; its buffers are used again. */
struct ship_batch {
    int64_t after, up_to;
    int64_t hour;       /* of its cut, since 1970, UTC */
    int64_t first_tick; /* the first of its ticks */
    int64_t utc_ns;     /* of up_to */
    int64_t
        pruned_to; /* the first cut that is left, when something behind `after` was pruned; -1 */
    size_t ticks, segments;
    struct ship_text rows;            /* {"boot":[[...],...],...}: what is rare; no empty lists */
    struct ship_text tick_numbers;    /* {tick,late_ns,...}: 7 numbers each */
    struct ship_text segment_numbers; /* {segment,life,...}: 6 numbers each; last_tick -1: open */
};

void ship_batch_clear(struct ship_batch *batch);

struct ship_reader;

MUST_CHECK bool ship_reader_open(struct ship_reader **out, const char *dir,
                                 const struct ship_limits *limits, struct error *err);
/* Accepts NULL. */
void ship_reader_close(struct ship_reader *reader);

/* Oldest first; the last is the file itself. The reader's. */
MUST_CHECK bool ship_reader_origins(struct ship_reader *reader, const struct ship_origin **list,
                                    size_t *count, struct error *err);

/*
 * The batch behind `after`, which need not be a tick that is there. *is_there false: there is
 * nothing behind it yet, and *batch is untouched.
 */
MUST_CHECK bool ship_reader_next(struct ship_reader *reader, const struct ship_origin *origin,
                                 int64_t after, struct ship_batch *batch, bool *is_there,
                                 struct error *err);

/* The tick before the hour that `tick` is in, or where the store begins. */
MUST_CHECK bool ship_reader_hour_begin(struct ship_reader *reader, const struct ship_origin *origin,
                                       int64_t tick, int64_t *out, struct error *err);

/* The last tick of an origin; its begin when it has none, with utc_ns -1. */
struct ship_end {
    int64_t tick, utc_ns;
};
MUST_CHECK bool ship_reader_end(struct ship_reader *reader, const struct ship_origin *origin,
                                struct ship_end *out, struct error *err);

/*
 * From when on it is behind: UTC of the mark's tick; when that is not known, or nothing was
 * shipped, of the first that is there behind it. -1: there is none.
 */
MUST_CHECK bool ship_reader_since(struct ship_reader *reader, const struct ship_origin *origin,
                                  const struct ship_mark *mark, int64_t *utc_ns, struct error *err);

/* How far what was shipped of a store is behind what the file has of it; -1: that is not known. */
struct ship_lag {
    int64_t ticks, ns;
};
MUST_CHECK bool ship_reader_lag(struct ship_reader *reader, const struct ship_mark *mark,
                                struct ship_lag *out, struct error *err);

/* UTC of a tick; -1 when it is not there. */
MUST_CHECK bool ship_reader_utc(struct ship_reader *reader, int64_t tick, int64_t *utc_ns,
                                struct error *err);

#endif
