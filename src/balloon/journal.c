/*
 * journal.c - a ring of entries between the one who decides and the disk.
 *
 * The writer works on the oldest entries where they lie; nobody else touches them before they are
 * dropped. A ticket is the number of an entry over all time, from 1.
 */
#include "balloon/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"

enum { FAILED_KEPT = 64, DOMIDS = 1 << 16 };

#define FIGURE_EVERY_NS (10 * NS_PER_S)
#define FIGURE_LEAST_NS NS_PER_S
#define PRUNE_EVERY_NS (60 * NS_PER_S)
#define ROLL_UP_MOST_NS (NS_PER_S / 20) /* at once, while nothing waits */

/* What was last kept of a domain's figures. */
struct kept {
    struct uuid vm;
    int64_t utc_ns;
    uint64_t available_kib;
};

struct journal {
    struct journal_store store;
    struct journal_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct balloon_entry *ring;
    size_t first, used;
    uint64_t taken;   /* tickets given: that of the newest entry */
    uint64_t settled; /* up to this ticket all are stored or failed */
    uint64_t failed[FAILED_KEPT];
    uint64_t failed_count;
    uint64_t lost, lost_told; /* entries that had no room; of those, stored as lost */
    uint64_t stored;
    bool is_failing, is_ending;
    int event_fd;
    int stop_fd;
    int64_t pruned_ns; /* BOOTTIME; the thread's own */
    struct kept *kept; /* by domid; the caller's own */
};

/* ---- the caller's side ---- */

static bool is_precious(enum balloon_entry_kind kind)
{
    return kind == ENTRY_SETTING || kind == ENTRY_RESERVE || kind == ENTRY_UNRESERVE;
}

/* The ticket, or 0 when there is no room. */
static uint64_t push(struct journal *j, const struct balloon_entry *entry)
{
    size_t room = j->options.room + (is_precious(entry->kind) ? JOURNAL_ROOM_KEPT : 0);
    uint64_t ticket = 0;

    (void)pthread_mutex_lock(&j->lock);
    if (j->used < room) {
        j->ring[(j->first + j->used++) % (j->options.room + JOURNAL_ROOM_KEPT)] = *entry;
        ticket = ++j->taken;
    } else if (entry->kind != ENTRY_TALLY) {
        j->lost++;
    }
    (void)pthread_cond_signal(&j->changed);
    (void)pthread_mutex_unlock(&j->lock);
    return ticket;
}

void journal_take_decision(struct journal *j, const struct decision *decision, int64_t utc_ns)
{
    struct balloon_entry entry = {.kind = ENTRY_DECISION, .utc_ns = utc_ns, .decision = *decision};

    (void)push(j, &entry);
}

void journal_take_alert(struct journal *j, const struct vm *vm, enum reason reason, int64_t utc_ns)
{
    struct balloon_entry entry = {.kind = ENTRY_ALERT, .utc_ns = utc_ns};

    entry.alert.vm = vm->uuid;
    entry.alert.domid = vm->domid;
    entry.alert.reason = reason;
    (void)push(j, &entry);
}

bool journal_take_tally(struct journal *j, const struct tally_count *count, int64_t utc_ns)
{
    struct balloon_entry entry = {.kind = ENTRY_TALLY, .utc_ns = utc_ns, .tally = *count};

    return push(j, &entry) != 0;
}

/* At most one in a second: a guest that flaps must not fill the disk. */
static bool is_figure_due(const struct kept *kept, const struct vm *vm, int64_t utc_ns)
{
    uint64_t available = vm->last.available_kib;
    uint64_t moved = available > kept->available_kib ? available - kept->available_kib
                                                     : kept->available_kib - available;

    /* a clock that steps back must not silence a VM */
    return !uuid_is_equal(&kept->vm, &vm->uuid) || utc_ns < kept->utc_ns ||
           utc_ns - kept->utc_ns >= FIGURE_EVERY_NS ||
           (utc_ns - kept->utc_ns >= FIGURE_LEAST_NS && moved >= vm_headroom_kib(vm) / 4);
}

void journal_take_figures(struct journal *j, const struct vm *vm, int64_t utc_ns)
{
    struct kept *kept = &j->kept[vm->domid];
    struct balloon_entry entry = {.kind = ENTRY_FIGURE, .utc_ns = utc_ns};

    if (vm->last_ns == 0 || !is_figure_due(kept, vm, utc_ns))
        return;
    entry.figure = (struct balloon_figure){.vm = vm->uuid,
                                           .domid = vm->domid,
                                           .is_fallback = vm->is_fallback,
                                           .figures = vm->last,
                                           .tot_kib = vm->domain.tot_kib,
                                           .target_kib = vm->target_kib,
                                           .cap_kib = vm->domain.max_kib,
                                           .need_kib = vm_need_kib(vm),
                                           .headroom_kib = vm_headroom_kib(vm),
                                           .floor_kib = vm_floor_kib(vm),
                                           .ceiling_kib = vm_ceiling_kib(vm)};
    if (push(j, &entry) != 0)
        *kept = (struct kept){vm->uuid, utc_ns, vm->last.available_kib};
}

/* Cut to what fits. */
static void set_who(struct balloon_entry *entry, const char *who)
{
    (void)strncpy(entry->who, who, sizeof entry->who - 1);
}

uint64_t journal_take_setting(struct journal *j, const struct balloon_setting *setting,
                              const char *who, int64_t utc_ns)
{
    struct balloon_entry entry = {.kind = ENTRY_SETTING, .utc_ns = utc_ns, .setting = *setting};

    set_who(&entry, who);
    return push(j, &entry);
}

uint64_t journal_take_reservation(struct journal *j, const struct reservation *reservation,
                                  bool is_ended, const char *who, int64_t utc_ns)
{
    struct balloon_entry entry = {.kind = is_ended ? ENTRY_UNRESERVE : ENTRY_RESERVE,
                                  .utc_ns = utc_ns,
                                  .reservation = *reservation};

    set_who(&entry, who);
    return push(j, &entry);
}

enum ticket_state journal_ticket(struct journal *j, uint64_t ticket)
{
    enum ticket_state state = TICKET_STORED;

    (void)pthread_mutex_lock(&j->lock);
    if (ticket > j->settled)
        state = TICKET_WAITING;
    for (uint64_t i = 0; i < j->failed_count && i < FAILED_KEPT; i++)
        if (j->failed[i] == ticket)
            state = TICKET_FAILED;
    (void)pthread_mutex_unlock(&j->lock);
    return state;
}

int journal_fd(const struct journal *j)
{
    return j->event_fd;
}

void journal_seen(struct journal *j)
{
    uint64_t ignored;

    (void)!read(j->event_fd, &ignored, sizeof ignored);
}

struct journal_health journal_health(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    struct journal_health health = {.queued = j->used,
                                    .stored = j->stored,
                                    .refused = j->failed_count,
                                    .lost = j->lost,
                                    .is_failing = j->is_failing};

    (void)pthread_mutex_unlock(&j->lock);
    return health;
}

/* ---- the writer's side ---- */

static void tell(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof one);
}

static bool may_succeed_later(const struct error *err)
{
    return err->code == ERR_RETRY || err->code == ERR_NOMEM;
}

static void note_failing(struct journal *j, const struct error *err)
{
    (void)pthread_mutex_lock(&j->lock);
    bool was_failing = j->is_failing;
    size_t queued = j->used;

    j->is_failing = true;
    (void)pthread_mutex_unlock(&j->lock);
    if (!was_failing)
        log_event(LOG_LEVEL_ERROR, "%s; deciding goes on, and what is to be kept waits. queued=%zu",
                  err->text, queued);
}

static void note_working(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    bool was_failing = j->is_failing;
    size_t queued = j->used;

    j->is_failing = false;
    (void)pthread_mutex_unlock(&j->lock);
    if (was_failing)
        log_event(LOG_LEVEL_NOTICE, "balloon.db can be written again. queued=%zu", queued);
}

/* `count` of the oldest entries are done; those that is_stored does not say are failed. */
static void drop(struct journal *j, size_t count, bool is_stored)
{
    (void)pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < count; i++) {
        j->settled++;
        if (is_stored)
            j->stored++;
        else
            j->failed[j->failed_count++ % FAILED_KEPT] = j->settled;
    }
    j->first = (j->first + count) % (j->options.room + JOURNAL_ROOM_KEPT);
    j->used -= count;
    (void)pthread_mutex_unlock(&j->lock);
    tell(j->event_fd);
}

/*
 * Each by itself, after they were refused together: so that one bad entry takes no other with it.
 * False: for now nothing can be written.
 */
static bool write_singly(struct journal *j, const struct balloon_entry *batch, size_t count)
{
    struct error err;

    for (size_t i = 0; i < count; i++) {
        bool is_stored = j->store.write(j->store.self, &batch[i], 1, &err);

        if (!is_stored && may_succeed_later(&err)) {
            note_failing(j, &err);
            return false;
        }
        if (!is_stored)
            log_event(LOG_LEVEL_ERROR, "%s; it is not kept. kind=%d", err.text, (int)batch[i].kind);
        drop(j, 1, is_stored);
    }
    return true;
}

/* The count of what had no room, ahead of what comes after. */
static bool write_lost(struct journal *j, uint64_t lost, struct error *err)
{
    struct balloon_entry entry = {.kind = ENTRY_LOST, .utc_ns = clock_utc().ns};

    entry.lost = lost - j->lost_told;
    if (entry.lost == 0)
        return true;
    if (!j->store.write(j->store.self, &entry, 1, err))
        return !may_succeed_later(err);
    j->lost_told = lost;
    log_event(LOG_LEVEL_WARNING, "decisions and figures came faster than the disk. lost=%" PRIu64,
              entry.lost);
    return true;
}

/* False: for now nothing can be written. */
static bool write_batch(struct journal *j, const struct balloon_entry *batch, size_t count,
                        uint64_t lost)
{
    struct error err;
    bool is_ok = write_lost(j, lost, &err);

    if (is_ok && count > 0 && !j->store.write(j->store.self, batch, count, &err)) {
        if (!may_succeed_later(&err))
            return write_singly(j, batch, count);
        is_ok = false;
    } else if (is_ok) {
        drop(j, count, true);
    }
    if (is_ok)
        note_working(j);
    else
        note_failing(j, &err);
    return is_ok;
}

static int64_t before(uint64_t retention_ns)
{
    return retention_ns == 0 ? INT64_MIN : clock_utc().ns - (int64_t)retention_ns;
}

static void prune(struct journal *j)
{
    const struct journal_options *o = &j->options;
    int64_t now_ns = clock_mono().ns;
    struct error err;

    /* a clock that is years ahead would call everything old */
    if (!clock_is_synchronised() || (j->pruned_ns != 0 && now_ns - j->pruned_ns < PRUNE_EVERY_NS))
        return;
    struct balloon_ages ages = {before(o->retention_ns), before(o->figures_retention_ns),
                                before(o->rollup_retention_ns)};

    j->pruned_ns = now_ns;
    if (!j->store.prune(j->store.self, &ages, &err))
        note_failing(j, &err);
}

/* Nothing waits to be written: all that was said up to now is in the store. */
static bool is_idle(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    bool is_idle = j->used == 0;

    (void)pthread_mutex_unlock(&j->lock);
    return is_idle;
}

/* In the pauses: so that it delays nobody, and nothing comes late for its five minutes. */
static void roll_up(struct journal *j)
{
    int64_t begin_ns = clock_mono().ns;
    bool has_more = true;
    struct error err;

    while (has_more && is_idle(j) && clock_mono().ns - begin_ns < ROLL_UP_MOST_NS)
        if (!j->store.roll_up(j->store.self, clock_utc().ns, &has_more, &err)) {
            note_failing(j, &err);
            return;
        }
}

/*
 * Waits for entries: the oldest that lie together, at most a batch. False: it is to end, and
 * nothing is left.
 */
static bool wait_for_batch(struct journal *j, const struct balloon_entry **batch, size_t *count,
                           uint64_t *lost)
{
    size_t size = j->options.room + JOURNAL_ROOM_KEPT;

    (void)pthread_mutex_lock(&j->lock);
    while (j->used == 0 && !j->is_ending)
        (void)pthread_cond_wait(&j->changed, &j->lock);
    *batch = &j->ring[j->first];
    *count = j->used < size - j->first ? j->used : size - j->first;
    if (*count > JOURNAL_BATCH_MAX)
        *count = JOURNAL_BATCH_MAX;
    *lost = j->lost;
    (void)pthread_mutex_unlock(&j->lock);
    return *count > 0;
}

static bool is_stopped(const struct journal *j, int timeout_ms)
{
    struct pollfd fd = {.fd = j->stop_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) > 0;
}

static void *run(void *self)
{
    struct journal *j = self;
    const struct balloon_entry *batch;
    size_t count;
    uint64_t lost;

    while (wait_for_batch(j, &batch, &count, &lost)) {
        if (write_batch(j, batch, count, lost)) {
            roll_up(j);
            prune(j);
            continue;
        }
        if (!is_stopped(j, (int)(j->options.retry_ns / 1000000)))
            continue;
        if (!write_batch(j, batch, count, lost))
            break;
    }
    return NULL;
}

/* ---- beginning and end ---- */

static bool write_into(void *self, const struct balloon_entry *entries, size_t count,
                       struct error *err)
{
    return balloon_store_write(self, entries, count, err);
}

static bool prune_into(void *self, const struct balloon_ages *ages, struct error *err)
{
    return balloon_store_prune(self, ages, err);
}

static bool roll_up_into(void *self, int64_t up_to_utc_ns, bool *has_more, struct error *err)
{
    return balloon_store_roll_up(self, up_to_utc_ns, has_more, err);
}

struct journal_store journal_into(struct balloon_store *store)
{
    return (struct journal_store){write_into, prune_into, roll_up_into, store};
}

static void free_journal(struct journal *j)
{
    if (j->event_fd >= 0)
        (void)close(j->event_fd);
    if (j->stop_fd >= 0)
        (void)close(j->stop_fd);
    (void)pthread_cond_destroy(&j->changed);
    (void)pthread_mutex_destroy(&j->lock);
    free(j->ring);
    free(j->kept);
    free(j);
}

bool journal_open(struct journal **out, const struct journal_store *store,
                  const struct journal_options *options, struct error *err)
{
    struct journal *j = calloc(1, sizeof *j);

    if (j == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a journal");
    j->store = *store;
    j->options = *options;
    if (j->options.room == 0)
        j->options.room = JOURNAL_ROOM;
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_cond_init(&j->changed, NULL);
    /* untouched pages cost nothing */
    j->ring = calloc(j->options.room + JOURNAL_ROOM_KEPT, sizeof *j->ring);
    j->kept = calloc(DOMIDS, sizeof *j->kept);
    j->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    j->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool is_ok = (j->ring != NULL && j->kept != NULL) ||
                 error_set(err, ERR_NOMEM, "not enough memory for a journal");

    if (is_ok && (j->event_fd < 0 || j->stop_fd < 0))
        is_ok = error_set(err, ERR_SYSTEM, "can't make an event: %s", strerror(errno));
    if (is_ok && pthread_create(&j->thread, NULL, run, j) != 0)
        is_ok = error_set(err, ERR_SYSTEM, "can't start the thread of the journal");
    if (!is_ok) {
        free_journal(j);
        return false;
    }
    *out = j;
    return true;
}

bool journal_close(struct journal *j, int64_t wait_ns)
{
    struct timespec until;

    if (j == NULL)
        return true;
    (void)pthread_mutex_lock(&j->lock);
    j->is_ending = true;
    (void)pthread_cond_signal(&j->changed);
    (void)pthread_mutex_unlock(&j->lock);
    tell(j->stop_fd);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ns / NS_PER_S);
    until.tv_nsec += (long)(wait_ns % NS_PER_S);
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= (long)NS_PER_S;
    }
    if (pthread_clockjoin_np(j->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        return false;
    free_journal(j);
    return true;
}
