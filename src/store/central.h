/*
 * central.h - the stores of many hosts, and the books of a provider, in one PostgreSQL database
 * (schema/postgres/). The daemons are without it.
 */
#ifndef PAGEMETER_CENTRAL_H
#define PAGEMETER_CENTRAL_H

#include "store/store.h"

/* For reading: a directory, or "postgresql://...", whose stores are all read as one. */
MUST_CHECK bool store_open_named(struct store **out, const char *name, struct error *err);

/*
 * Makes the tables, or brings them to this program's version; ERR_REFUSED when they are newer.
 * *before, *now: the versions, 0 for an empty database. Needs a role that may create them.
 * ERR_RETRY when sessions have had a table for a minute: then it has the version that the migration
 * before made.
 */
MUST_CHECK bool central_migrate(const char *uri, int64_t *before, int64_t *now, struct error *err);

/* The same of a database that is empty; one that has tables is left as it is. */
MUST_CHECK bool central_make(const char *uri, struct error *err);

/*
 * What the keeper of the measurements does every few minutes: usage by the hour of what was
 * delivered, and partitions for the months to come. Two at once wait for each other.
 */
struct central_kept {
    int64_t partitions; /* made */
    int64_t retired;    /* stores in whose place another was restored */
    unsigned pruned;    /* hours whose raw rows went */
    int64_t months;     /* whose usage by the hour went */
    char stays[8];      /* the first month, YYYY-MM, whose hours are old enough and stay, or "" */
    char why[80];
};
/*
 * raw_before_hour: raw rows of earlier hours go, their usage and a digest stay; 0: none go.
 * hours_before_hour: usage by the hour of whole UTC months before it goes, where nothing needs it
 * any more (schema/postgres/0005_hours.sql); its days stay; 0: none goes.
 */
struct central_keeping {
    int64_t raw_before_hour, hours_before_hour;
};
MUST_CHECK bool central_keep(const char *uri, const struct central_keeping *keeping,
                             struct central_kept *out, struct error *err);

/*
 * Nothing more comes of this host since at_ns, UTC: what it has measured up to its last tick is
 * all. ERR_REFUSED when it has measured later. *out: what was done by this; stores that are retired
 * already stay as they are. When there was none to retire, and the host is silent (store.h), it is
 * dismissed: no role delivers for it any more. name: as of store_open_named; of a directory its
 * writer must have ended.
 */
struct store_retiring {
    const struct uuid *host;
    const struct uuid *store; /* this one only, or NULL */
    int64_t at_ns, now_ns;
};
struct store_retired {
    size_t stores;
    bool is_awaited; /* a newer store of it has begun, and nothing whole has come of it */
    bool is_dismissed;
};
MUST_CHECK bool store_retire_named(const char *name, const struct store_retiring *retiring,
                                   struct store_retired *out, struct error *err);

/*
 * One program at a time does this task in this database, on whatever machine, until the lock is
 * released or its process has ended. ERR_REFUSED: another is at it.
 */
struct central_lock;
MUST_CHECK bool central_lock_take(struct central_lock **out, const char *uri, const char *task,
                                  struct error *err);
void central_lock_release(struct central_lock *lock); /* accepts NULL */

/*
 * A role that may ship for this host, and nothing else: made when there is none. One that is there
 * loses the settings that it has (ALTER ROLE ... SET), in every database.
 */
MUST_CHECK bool central_add_host(const char *uri, const struct uuid *host, const char *role,
                                 bool *had_settings, struct error *err);

/* Where every store stands. */
struct central_row {
    int64_t store_no; /* 0: the host has none yet, its state is "awaited" */
    struct uuid host, store;
    const char *state;  /* "whole", "holes", "retired", "empty", "awaited" */
    int64_t last_tick;  /* its own number; -1: none was delivered */
    int64_t utc_ns;     /* of that tick */
    int64_t derived_ns; /* UTC up to which usage is by the hour; 0: nothing is */
    int64_t conflicts;
    bool is_awaited; /* the host is silent (store.h), and this is what would be heard of first */
};
struct central_sink {
    bool (*row)(void *self, const struct central_row *row, struct error *err);
    void *self;
};
MUST_CHECK bool central_status(const char *uri, const struct central_sink *sink, struct error *err);

#endif
