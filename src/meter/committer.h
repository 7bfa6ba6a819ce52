/*
 * committer.h - the thread that commits: queue to store, one transaction per tick;
 * when several wait, one for all of them.
 *
 * A store that can't be written now (full disk, I/O error) is tried again and again,
 * while the queue fills. One that never can be ends the daemon.
 */
#ifndef PAGEMETER_COMMITTER_H
#define PAGEMETER_COMMITTER_H

#include <stdatomic.h>

#include "meter/queue.h"
#include "store/store.h"

struct committer {
    struct store *store;
    struct queue *queue;
    int stop_fd; /* readable: what is queued is tried once more, not for ever */
    uint64_t retention_ns;
    uint64_t retry_ns;
    const char *ship_to;    /* prunes only what this destination has; NULL or "": none must */
    const char *ship_state; /* where pagemeter ship tells what it has */
    /* when it has ended */
    bool has_failed;
    struct error failure;
    char ship_trouble[ERROR_TEXT_MAX]; /* that was told last */
    /* what the main thread may look at meanwhile */
    atomic_uint_fast64_t commits, commit_ns;
    atomic_bool is_failing;
};

void committer_run(struct committer *committer);

struct committer_health {
    uint64_t commits;
    uint64_t commit_ns; /* how long the last one took */
    bool is_failing;
};

struct committer_health committer_health(struct committer *committer);

#endif
