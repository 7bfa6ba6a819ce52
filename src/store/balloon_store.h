/*
 * balloon_store.h - balloon.db: the operator's settings, open reservations, and what memory on
 * demand decided, saw and said. Never for money.
 *
 * A file of its own beside meter.db (schema/sqlite/balloon/), so that nobody makes the meter wait.
 * One process writes it, holding balloon.lock; any number read. Times of the wall clock in ns,
 * memory in KiB. ERR_RETRY: the same call may succeed later; ERR_STORE: it never will. A function
 * that fails leaves the store as it was.
 */
#ifndef PAGEMETER_BALLOON_STORE_H
#define PAGEMETER_BALLOON_STORE_H

#include "balloon/engine.h"
#include "balloon/tally.h"
#include "store/store.h"

struct balloon_store;

MUST_CHECK bool balloon_store_open(struct balloon_store **out, const char *dir,
                                   enum store_mode mode, struct error *err);
/* Accepts NULL. */
void balloon_store_close(struct balloon_store *store);

enum { SETTING_KEY_MAX = 24, SETTING_VALUE_MAX = 64, WHO_MAX = 48 };

/* One value that somebody set, of the host or of one VM. */
struct balloon_setting {
    bool is_host;   /* else of vm */
    struct uuid vm; /* whether it runs or not */
    char key[SETTING_KEY_MAX];
    char value[SETTING_VALUE_MAX]; /* "": as it was before anybody set it */
};

/* What a guest said, with what it had at that time. */
struct balloon_figure {
    struct uuid vm;
    uint16_t domid;
    bool is_fallback; /* another agent's word */
    struct figures figures;
    uint64_t tot_kib, target_kib, cap_kib, need_kib, headroom_kib;
    uint64_t floor_kib, ceiling_kib; /* both 0: not kept then */
};

/* One thing to keep. */
struct balloon_entry {
    enum balloon_entry_kind {
        ENTRY_DECISION,
        ENTRY_FIGURE,
        ENTRY_SETTING,
        ENTRY_RESERVE,   /* made, or made anew with another size or end */
        ENTRY_UNRESERVE, /* given up, filled or expired */
        ENTRY_ALERT,
        ENTRY_TALLY, /* so often it has happened since it was told last */
        ENTRY_LOST   /* so many entries were not kept, since there was no room for them */
    } kind;
    int64_t utc_ns;
    char who[WHO_MAX]; /* of a setting and a reservation */
    union {
        struct decision decision;
        struct balloon_figure figure;
        struct balloon_setting setting;
        struct reservation reservation; /* filled_kib is not kept */
        struct {
            struct uuid vm;
            uint16_t domid;
            enum reason reason;
        } alert;
        struct tally_count tally;
        uint64_t lost;
    };
};

/*
 * Writes them in one transaction: all or none. A setting and a reservation leave a row in
 * setting_change, with what was there before.
 */
MUST_CHECK bool balloon_store_write(struct balloon_store *store,
                                    const struct balloon_entry *entries, size_t count,
                                    struct error *err);

/*
 * Deletes what is older, at most 50,000 rows of each in a transaction of its own: to be called
 * again. Figures that are not rolled up yet stay, and so do settings and their changes, and what
 * was counted (balloon_tally.h).
 */
struct balloon_ages {
    int64_t before_utc_ns;       /* decisions, alerts and losses */
    int64_t figures_before_ns;   /* figures as they came; UTC, as all */
    int64_t rolled_up_before_ns; /* figures by five minutes */
};
MUST_CHECK bool balloon_store_prune(struct balloon_store *store, const struct balloon_ages *ages,
                                    struct error *err);

/*
 * Rolls up the figures of the next five minutes that ended by up_to_utc_ns: one transaction, which
 * after a crash is done anew. *has_more: there may be others; false, and nothing was done, when
 * there are none.
 */
MUST_CHECK bool balloon_store_roll_up(struct balloon_store *store, int64_t up_to_utc_ns,
                                      bool *has_more, struct error *err);

/* All settings, the host's first. *list is the caller's to free. */
MUST_CHECK bool balloon_store_settings(struct balloon_store *store, struct balloon_setting **list,
                                       size_t *count, struct error *err);

/* All reservations, those that have expired too. *list is the caller's to free. */
MUST_CHECK bool balloon_store_reservations(struct balloon_store *store, struct reservation **list,
                                           size_t *count, struct error *err);

/*
 * Entries of one kind (ENTRY_DECISION, ENTRY_FIGURE) in [from, to), in the order of their time, of
 * one VM or, with vm NULL, of all. A decision's action.vm is 0. take returns false to stop, with
 * *err.
 */
struct balloon_query {
    enum balloon_entry_kind kind;
    const struct uuid *vm;
    int64_t from_utc_ns, to_utc_ns;
};
struct balloon_reader {
    bool (*take)(void *self, const struct balloon_entry *entry, struct error *err);
    void *self;
};
MUST_CHECK bool balloon_store_read(struct balloon_store *store, const struct balloon_query *query,
                                   const struct balloon_reader *reader, struct error *err);

#endif
