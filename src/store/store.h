/*
 * store.h - what is kept: ticks, lives, segments, and the usage derived from them.
 *
 * A store is a directory with meter.db, an SQLite database in WAL mode (schema/sqlite/). One
 * process writes it, holding a lock on meter.lock; any number read it meanwhile. Every function
 * that fails leaves the store as it was. ERR_RETRY: the same call may succeed later (disk full,
 * I/O error); ERR_STORE: it never will.
 */
#ifndef PAGEMETER_STORE_H
#define PAGEMETER_STORE_H

#include "meter/integrate.h"
#include "meter/meter.h"
#include "store/sql_files.h"

struct store;

#define STORE_DIR_DEFAULT "/var/lib/pagemeter"

enum store_mode {
    STORE_READ, /* must exist; takes no lock */
    STORE_WRITE /* made when absent; migrated when old, after a copy */
};

MUST_CHECK bool store_open(struct store **out, const char *dir, enum store_mode mode,
                           struct error *err);
/* Accepts NULL. */
void store_close(struct store *store);

/* The id of the store itself; not of a database that has many. */
const struct uuid *store_id(const struct store *store);

/*
 * What a meter needs to go on. *lives is the caller's to free, ascending by domid.
 */
MUST_CHECK bool store_load(struct store *store, struct meter_state *state, struct open_life **lives,
                           size_t *count, struct error *err);

/* A store belongs to one host for ever; the same again is fine. */
MUST_CHECK bool store_set_host(struct store *store, const struct uuid *host, struct error *err);

/* The host booted, and no tick came since: store_load tells it the next meter. */
MUST_CHECK bool store_announce_boot(struct store *store, const struct uuid *boot,
                                    struct error *err);

/* Fails with ERR_REFUSED when the store has ticks of this boot. */
MUST_CHECK bool store_refuse_known_boot(struct store *store, const struct uuid *boot,
                                        struct error *err);

/* Several ticks as one: nothing of them is there before the commit. */
MUST_CHECK bool store_begin(struct store *store, struct error *err);
MUST_CHECK bool store_commit(struct store *store, struct error *err);
void store_rollback(struct store *store);

/* Writes one tick with its changes; a transaction of its own unless store_begin was called. */
MUST_CHECK bool store_append(struct store *store, const struct tick_row *row,
                             const struct change *changes, size_t count, struct error *err);

/*
 * Brings usage_hour and usage_day up to the last cut, a transaction per hour (unless store_begin
 * was called). Cheap when there is nothing to do; safe to be interrupted anywhere.
 */
MUST_CHECK bool store_derive(struct store *store, struct error *err);

/* Drops usage_hour and usage_day and derives them anew. Refused once raw rows were pruned. */
MUST_CHECK bool store_rebuild(struct store *store, struct error *err);

/*
 * Deletes raw rows (ticks, segments, cuts) of hours that ended before `before_hour`, at most
 * `hours_max` of them, each in one transaction. Usage stays. *pruned: the hours deleted.
 */
MUST_CHECK bool store_prune(struct store *store, int64_t before_hour, unsigned hours_max,
                            unsigned *pruned, struct error *err);

/*
 * From now on store_prune leaves alone what was recorded behind this tick, which may be -1: there
 * it is needed still.
 */
void store_limit_pruning(struct store *store, int64_t tick);

/* A consistent copy of the store in use, as one new file. */
MUST_CHECK bool store_backup(struct store *store, const char *file, struct error *err);

/*
 * Makes a store in `dir`, which has none, from a backup. It gets a new store id; its lives end
 * where the backup ends, since what came after is not known.
 */
MUST_CHECK bool store_restore(const char *file, const char *dir, struct error *err);

/* A life, as `usage` names it. */
struct life_info {
    int64_t life;
    struct uuid vm;
    struct uuid host;
    struct uuid boot;
    uint64_t first_seq;
    uint16_t domid;
    bool is_billed;
};

struct usage_query {
    int64_t from_hour;    /* inclusive */
    int64_t to_hour;      /* exclusive */
    bool by_hour;         /* else the parts of a life may come summed over hours, with hour unset */
    bool is_derived_only; /* not what begins at store_marks.derived or later */
    bool leaves_gone;     /* hours that are gone (store_hours_gone) are left out, not refused */
    const struct uuid *vm; /* of one VM only, or NULL */
};

/*
 * Usage up to the last tick, as of one moment. ERR_REFUSED when it needs hours that are gone, and
 * days don't do. lives are read when there are none yet, ascending by
 * life, so that several readings of one snapshot share them; `add` gets the index of the life in
 * them. Parts of one life and hour may come several times and add up.
 */
struct usage_reader {
    struct life_info *lives; /* NULL at first; the caller's to free */
    size_t count;
    bool (*add)(struct usage_reader *reader, size_t life, const struct usage_part *part,
                struct error *err);
};

MUST_CHECK bool store_usage(struct store *store, const struct usage_query *query,
                            struct usage_reader *reader, struct error *err);

/*
 * Usage by the hour before *hour is gone (pagemeter db keep --hours); what is still there of it
 * came later: *has_rest. 0: nothing is gone. By the day all is there.
 */
MUST_CHECK bool store_hours_gone(struct store *store, int64_t *hour, bool *has_rest,
                                 struct error *err);

/* ERR_REFUSED when usage by the hour from this one on is not all there. */
MUST_CHECK bool store_need_hours(struct store *store, int64_t from_hour, struct error *err);

/* Several reads as of one moment, however the writer goes on. */
MUST_CHECK bool store_snapshot_begin(struct store *store, struct error *err);
void store_snapshot_end(struct store *store);

/*
 * Where the measurements of one store stand. A database of many hosts has many stores; the numbers
 * of their ticks, lives and segments are those of the store itself plus a base of its own, so that
 * no number is in two of them (STORE_NUMBERS).
 */
#define STORE_NUMBERS INT64_C(1000000000000)
struct store_marks {
    struct uuid host, store;
    int64_t base;                /* a multiple of STORE_NUMBERS; 0 where there is one store */
    int64_t first_tick;          /* a cut */
    int64_t derived;             /* a cut: what begins before it is in the usage by hour */
    int64_t derived_utc_ns;      /* UTC of that tick */
    int64_t last_tick;           /* what begins before it is the usage up to now */
    int64_t pruned_to;           /* what is raw before it is gone; first_tick: nothing is */
    int64_t synchronised_utc_ns; /* of the last tick whose clock was synchronised; -1: none was */
    int64_t open_hour;           /* nothing that is not derived is of an earlier one */
    int64_t last_utc_ns;         /* of the last tick */
    bool is_retired;             /* no tick comes any more */
};

/* Of all stores that have ticks, ascending by base. *list is the caller's to free. */
MUST_CHECK bool store_marks(struct store *store, struct store_marks **list, size_t *count,
                            struct error *err);

/*
 * Hosts of which nothing is known since then, since no store of theirs goes on: a newer one, or the
 * first, is awaited. Ascending by host; none of a directory. *list is the caller's to free.
 */
struct silent_host {
    struct uuid host;
    int64_t since_ns; /* UTC: it was admitted, or its store before was retired */
};
MUST_CHECK bool store_silent_hosts(struct store *store, struct silent_host **list, size_t *count,
                                   struct error *err);

/* The one whose number this is, of a tick or a life. */
const struct store_marks *store_marks_of(const struct store_marks *list, size_t count,
                                         int64_t number);

/*
 * The usage of the intervals that begin at ticks from `from`, a cut that is not pruned, up to
 * before `to`. The reader is used as by store_usage.
 */
MUST_CHECK bool store_usage_between(struct store *store, int64_t from, int64_t to,
                                    struct usage_reader *reader, struct error *err);

/* Is the VM there: does a life of it go on? */
MUST_CHECK bool store_has_open_life(struct store *store, const struct uuid *vm, bool *out,
                                    struct error *err);

/* How much is not in the bills of a store, for those who read one. */
struct gap_summary {
    int64_t gaps;
    int64_t span_ns;
};
MUST_CHECK bool store_gaps(struct store *store, struct gap_summary *out, struct error *err);

/*
 * Are tables, indexes, views and triggers what the migrations make? The audits trust them.
 * Otherwise like store_audit.
 */
MUST_CHECK bool store_audit_schema(struct store *store, void (*row)(void *self, const char *text),
                                   void *self, int64_t *findings, struct error *err);

/* Runs one audit; `row` gets each finding as text, a line of column=value. */
MUST_CHECK bool store_audit(struct store *store, const struct sql_file *audit,
                            void (*row)(void *self, const char *text), void *self,
                            int64_t *findings, struct error *err);

#endif
