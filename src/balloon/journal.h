/*
 * journal.h - what memory on demand keeps: a bounded queue, and a thread that writes it to the
 * store. The caller never waits for the disk.
 *
 * What does not fit is counted, and the count is stored as soon as there is room. Settings and
 * reservations have a part of the queue to themselves, and a ticket: the operator is answered when
 * they are on disk. One thread calls; times are of the wall clock.
 */
#ifndef PAGEMETER_JOURNAL_H
#define PAGEMETER_JOURNAL_H

#include "balloon/vm.h"
#include "store/balloon_store.h"

struct journal;

/* Where entries go. Called by the journal's thread only. */
struct journal_store {
    bool (*write)(void *self, const struct balloon_entry *entries, size_t count, struct error *err);
    bool (*prune)(void *self, const struct balloon_ages *ages, struct error *err);
    /* As balloon_store_roll_up. */
    bool (*roll_up)(void *self, int64_t up_to_utc_ns, bool *has_more, struct error *err);
    void *self;
};

/* Into balloon.db. */
struct journal_store journal_into(struct balloon_store *store);

struct journal_options {
    size_t room;       /* entries; 0: JOURNAL_ROOM */
    uint64_t retry_ns; /* between tries when the store can't be written */
    /* how long it is kept; 0: for ever */
    uint64_t retention_ns;         /* decisions, alerts, losses */
    uint64_t figures_retention_ns; /* figures as they came */
    uint64_t rollup_retention_ns;  /* figures by five minutes */
};

enum { JOURNAL_ROOM = 8192, JOURNAL_ROOM_KEPT = 256, JOURNAL_BATCH_MAX = 256 };

MUST_CHECK bool journal_open(struct journal **out, const struct journal_store *store,
                             const struct journal_options *options, struct error *err);

/*
 * Tries once more to write what is queued, and ends. True: the thread has ended, and the store may
 * be closed. False: the disk has hung for wait_ns, the thread may use the store at any time, and
 * nothing was freed. Accepts NULL.
 */
bool journal_close(struct journal *journal, int64_t wait_ns);

void journal_take_decision(struct journal *j, const struct decision *decision, int64_t utc_ns);
void journal_take_alert(struct journal *j, const struct vm *vm, enum reason reason, int64_t utc_ns);

/* False: there was no room, and it is not counted as lost: to be told again, with what comes. */
MUST_CHECK bool journal_take_tally(struct journal *j, const struct tally_count *count,
                                   int64_t utc_ns);

/*
 * The VM's last record. Thinned for charts: one in ten seconds, but each by which available has
 * moved by a quarter of the headroom.
 */
void journal_take_figures(struct journal *j, const struct vm *vm, int64_t utc_ns);

/*
 * The result is a ticket, or 0: there was no room even for this, and nothing is kept. Of several
 * taken one after the other the last one's ticket stands for all.
 */
uint64_t journal_take_setting(struct journal *j, const struct balloon_setting *setting,
                              const char *who, int64_t utc_ns);
uint64_t journal_take_reservation(struct journal *j, const struct reservation *reservation,
                                  bool is_ended, const char *who, int64_t utc_ns);

enum ticket_state {
    TICKET_WAITING,
    TICKET_STORED,
    TICKET_FAILED /* the store has refused it, and will again */
};
enum ticket_state journal_ticket(struct journal *j, uint64_t ticket);

/* Readable when a ticket has changed since journal_seen was called. */
int journal_fd(const struct journal *j);
void journal_seen(struct journal *j);

struct journal_health {
    size_t queued;
    uint64_t stored, refused, lost; /* entries since the beginning */
    bool is_failing;
};
struct journal_health journal_health(struct journal *j);

#endif
