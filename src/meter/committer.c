#include "meter/committer.h"
#include "common/safety.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/calendar.h"
#include "common/clock.h"
#include "common/log.h"
#include "store/ship_cursor.h"

enum {
    BATCH_MAX = 600,
    PRUNE_HOURS_PER_CUT = 4
}; /* more than one, so that a backlog is worked off */

static bool is_stopped(const struct committer *c, int timeout_ms)
{
    struct pollfd fd = {.fd = c->stop_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) > 0;
}

static bool may_succeed_later(const struct error *err)
{
    return err->code == ERR_RETRY || err->code == ERR_NOMEM;
}

static void note_failing(struct committer *c, const struct error *err)
{
    if (atomic_exchange(&c->is_failing, true))
        return;
    log_event(LOG_LEVEL_ERROR, "%s; sampling goes on, and ticks wait in the queue. queued=%zu",
              err->text, queue_length(c->queue));
}

static void note_working(struct committer *c)
{
    if (!atomic_exchange(&c->is_failing, false))
        return;
    log_event(LOG_LEVEL_NOTICE, "the store can be written again. queued=%zu",
              queue_length(c->queue));
}

static bool append(struct committer *c, const struct queued_tick *t, struct error *err)
{
    int64_t begin = clock_mono().ns;

    if (!store_append(c->store, &t->row, t->changes, t->count, err))
        return false;
    atomic_store(&c->commit_ns, (uint64_t)(clock_mono().ns - begin));
    atomic_fetch_add(&c->commits, 1);
    return true;
}

/* One tick, as often as it takes. False: it can't be stored, *err. */
static bool commit(struct committer *c, const struct queued_tick *t, struct error *err)
{
    while (!append(c, t, err)) {
        if (!safety_is_on(SAFETY_STORE_RETRY))
            return true;
        if (!may_succeed_later(err))
            return false;
        note_failing(c, err);
        if (!is_stopped(c, (int)(c->retry_ns / 1000000)))
            continue;
        if (append(c, t, err))
            break;
        return error_context(err, "ending with %zu ticks that are not stored",
                             queue_length(c->queue));
    }
    note_working(c);
    return true;
}

/* Told when it begins, changes or ends: each hour would be too often. */
static void note_ship_trouble(struct committer *c, const char *text)
{
    if (strcmp(c->ship_trouble, text) == 0)
        return;
    (void)snprintf(c->ship_trouble, sizeof c->ship_trouble, "%s", text);
    if (text[0] != '\0')
        log_event(LOG_LEVEL_WARNING,
                  "%s: nothing is pruned until pagemeter ship says there what PostgreSQL has",
                  text);
    else
        log_event(LOG_LEVEL_INFO, "what was shipped is pruned when it is old enough");
}

/* Who writes the cursor is not trusted: it can hold pruning up, or let go what is old anyway. */
static bool limit_pruning(struct committer *c, struct error *err)
{
    static struct ship_cursor cursor; /* of the one committing thread */
    struct error trouble = {.text = ""};
    int64_t tick = -1;

    if (c->ship_to == NULL || c->ship_to[0] == '\0' || !safety_is_on(SAFETY_SHIP_PRUNED))
        return true;
    bool is_read = ship_cursor_read(c->ship_state, &cursor, &trouble);

    if (is_read && strcmp(cursor.to, c->ship_to) != 0)
        is_read = error_set(&trouble, ERR_REFUSED, "%s/cursor is of another destination, %.100s",
                            c->ship_state, cursor.to);
    if (is_read && !store_shipped(c->store, &cursor, &tick, err))
        return false;
    note_ship_trouble(c, trouble.text);
    store_limit_pruning(c->store, tick);
    return true;
}

/* Usage of the hours that are complete, and the end of what is too old. Neither is urgent. */
static void tidy(struct committer *c)
{
    struct error err;
    unsigned pruned = 0;

    if (!store_derive(c->store, &err)) {
        note_failing(c, &err);
        return;
    }
    /* a clock that is years ahead would call everything old */
    if (c->retention_ns == 0 || !clock_is_synchronised())
        return;
    int64_t before = calendar_hour_of((uint64_t)clock_utc().ns) -
                     (int64_t)(c->retention_ns / (uint64_t)NS_PER_HOUR);

    if (!limit_pruning(c, &err) ||
        !store_prune(c->store, before, PRUNE_HOURS_PER_CUT, &pruned, &err))
        note_failing(c, &err);
}

static bool has_cut(const struct queued_tick *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->changes[i].kind == CHANGE_CUT)
            return true;
    return false;
}

/*
 * When more than one tick waits, the disk is slower than the clock: then they go as one
 * transaction, so that it catches up. How many were written; 0 when it did not work, and each is
 * tried alone.
 */
static size_t commit_waiting(struct committer *c, bool *is_hour)
{
    struct queued_tick t;
    struct error err;
    size_t count = 0;

    if (queue_length(c->queue) < 2 || !store_begin(c->store, &err))
        return 0;
    bool is_whole = true;

    while (is_whole && count < BATCH_MAX && queue_peek(c->queue, count, &t)) {
        is_whole = append(c, &t, &err);
        *is_hour = *is_hour || has_cut(&t);
        count++;
    }
    if (is_whole && store_commit(c->store, &err)) {
        note_working(c);
        return count;
    }
    store_rollback(c->store);
    *is_hour = false;
    return 0;
}

void committer_run(struct committer *c)
{
    struct queued_tick tick;

    while (queue_wait(c->queue, &tick)) {
        bool is_hour = false;
        size_t done = commit_waiting(c, &is_hour);

        if (done == 0) {
            if (!commit(c, &tick, &c->failure)) {
                c->has_failed = true;
                return;
            }
            is_hour = has_cut(&tick);
            done = 1;
        }
        while (done-- > 0)
            queue_drop(c->queue);
        if (is_hour)
            tidy(c);
    }
}

struct committer_health committer_health(struct committer *c)
{
    return (struct committer_health){.commits = atomic_load(&c->commits),
                                     .commit_ns = atomic_load(&c->commit_ns),
                                     .is_failing = atomic_load(&c->is_failing)};
}
