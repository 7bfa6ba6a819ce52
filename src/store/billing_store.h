/*
 * billing_store.h - billing.db: what was said of accounts, owners and tariffs, charge lines, and
 * the ledger. Schema: schema/sqlite/billing/.
 *
 * A file of its own beside meter.db, or a schema of a provider's PostgreSQL database, written by
 * one command at a time: opening it for writing waits for the lock of the one before, up to
 * BILLING_WAIT_S. All that a command writes is one
 * transaction (billing_commit), so that a crash leaves it as it was. Rows are handed to callbacks
 * in the order that is named; texts are valid only during the call. ERR_RETRY: the same call may
 * succeed later; ERR_STORE: it never will.
 */
#ifndef PAGEMETER_BILLING_STORE_H
#define PAGEMETER_BILLING_STORE_H

#include "billing/chain.h"
#include "billing/charge_line.h"
#include "store/store.h"

struct billing_store;

enum { BILLING_WAIT_S = 300, ACCOUNT_MAX = 64, ACCOUNT_TEXT_MAX = ACCOUNT_MAX + 1 };

/*
 * STORE_WRITE begins a transaction, whose commit is the last thing that is written: afterwards a
 * store is good for reading only. What is not committed when it is closed has not happened.
 */
MUST_CHECK bool billing_open(struct billing_store **out, const char *name, enum store_mode mode,
                             struct error *err);
MUST_CHECK bool billing_commit(struct billing_store *b, struct error *err);
/* Accepts NULL. */
void billing_close(struct billing_store *b);

/* ---- what was said ---- */

/* Every change names who made it. *change numbers it. */
MUST_CHECK bool billing_change(struct billing_store *b, int64_t utc_ns, const char *who,
                               const char *what, int64_t *change, struct error *err);
/* When a change was made first that says this; -1: never. */
MUST_CHECK bool billing_first_change(struct billing_store *b, const char *what, int64_t *utc_ns,
                                     struct error *err);
MUST_CHECK bool billing_add_account(struct billing_store *b, const char *account, const char *name,
                                    int offset_h, int64_t change, struct error *err);
MUST_CHECK bool billing_add_owner(struct billing_store *b, const struct uuid *vm, int64_t from_hour,
                                  const char *account, int64_t change, struct error *err);
MUST_CHECK bool billing_add_name(struct billing_store *b, const struct uuid *vm, const char *name,
                                 int64_t change, struct error *err);
/* account "": the default. */
MUST_CHECK bool billing_add_tariff(struct billing_store *b, const char *account, int64_t from_hour,
                                   const struct price *price, int64_t change, struct error *err);
/* The sums of all lines from this hour on must be made anew by the next charge. */
/*
 * Usage by the hour before *hour is gone, so that nothing can be said of it any more; of a VM only
 * when it was used before then. NULL: of any. 0: nothing is gone.
 */
MUST_CHECK bool billing_hours_gone(struct billing_store *b, const struct uuid *vm, int64_t *hour,
                                   struct error *err);
MUST_CHECK bool billing_mark_stale(struct billing_store *b, int64_t from_hour, struct error *err);

/* All of it, in the order that dated.h wants: accounts by name; owners by vm, tariffs by account.
 */
struct billing_book_sink {
    bool (*account)(void *self, const char *account, const char *name, int offset_h,
                    struct error *err);
    bool (*owner)(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                  const char *account, struct error *err);
    bool (*tariff)(void *self, const char *account, int64_t from_hour, int64_t change,
                   const struct price *price, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_book(struct billing_store *b, const struct billing_book_sink *sink,
                                  struct error *err);

/*
 * What each VM was called when this change had been made, ascending by vm; INT64_MAX: what it is
 * called now. A name ends at its first NUL, which nobody can type but a database can hold.
 */
struct billing_name_sink {
    bool (*name)(void *self, const struct uuid *vm, const char *name, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_names(struct billing_store *b, int64_t change,
                                   const struct billing_name_sink *sink, struct error *err);
/* The same of what was said when a VM was given to this account: what another calls it is his. */
MUST_CHECK bool billing_read_account_names(struct billing_store *b, int64_t change,
                                           const char *account,
                                           const struct billing_name_sink *sink, struct error *err);

/* ---- how far the measurements have been charged ---- */

struct charged {
    bool is_known;                     /* else nothing was yet */
    struct uuid host, store;           /* of the measurements: a restore gives them another store */
    int64_t tick;                      /* the store's own number: all intervals that begin before it
                                          are in the lines */
    bool is_stale;                     /* something was said of the past */
    int64_t stale_from;                /* hour */
    usage_kib_ns unassigned, unpriced; /* before that tick, in the months that are open */
};
MUST_CHECK bool billing_charged(struct billing_store *b, const struct uuid *store,
                                struct charged *out, struct error *err);
/* Of now->store; not stale any more, whatever *now says of that. */
MUST_CHECK bool billing_set_charged(struct billing_store *b, const struct charged *now,
                                    struct error *err);
/* Forgets a store that was charged and is no more, as after a restore. */
MUST_CHECK bool billing_forget_charged(struct billing_store *b, const struct uuid *store,
                                       struct error *err);
/* Every store that was charged, ascending. */
struct billing_charged_sink {
    bool (*charged)(void *self, const struct charged *charged, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_charged(struct billing_store *b,
                                     const struct billing_charged_sink *sink, struct error *err);

/* ---- lines ---- */

struct billing_line {
    int64_t line; /* 0: not stored yet; billing_put_line numbers it */
    char account[ACCOUNT_TEXT_MAX];
    bool is_pool; /* else of vm */
    struct uuid vm;
    struct currency currency;
    enum usage_unit unit;
    int32_t month;
    struct charge_line_sums sums; /* transfers: from the ledger */
};

/* Those of all months that are not sealed, or of one month (sealed or not) when month >= 0. */
struct billing_line_sink {
    bool (*line)(void *self, const struct billing_line *line, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_lines(struct billing_store *b, int32_t month,
                                   const struct billing_line_sink *sink, struct error *err);

/* Inserts or updates: carry_in, n and posted. */
MUST_CHECK bool billing_put_line(struct billing_store *b, struct billing_line *line,
                                 struct error *err);

enum adjustment_cause { CAUSE_LATE, CAUSE_OWNER, CAUSE_TARIFF, ADJUSTMENT_CAUSES };

struct adjustment {
    int64_t line;
    int64_t hour; /* of the service, in a sealed month */
    int64_t nano_pennies;
    numerator usage_kib_ns; /* may be negative */
    enum adjustment_cause cause;
    int64_t utc_ns;
};
MUST_CHECK bool billing_add_adjustment(struct billing_store *b, const struct adjustment *a,
                                       struct error *err);

/* What they add up to in the months that are open, by line and price; hour, cause and time unset.
 */
struct adjustment_sink {
    bool (*sum)(void *self, const struct adjustment *sum, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_adjustments(struct billing_store *b,
                                         const struct adjustment_sink *sink, struct error *err);

/* ---- sealed months ---- */

/* The latest that is sealed, or -1. */
MUST_CHECK bool billing_last_sealed(struct billing_store *b, int32_t *month, struct error *err);

/*
 * What has been billed for hours from `from_hour` on in sealed months, by vm, hour, account, price:
 * rated rows and adjustments, summed. So that what should have been can be compared with it.
 */
struct billed {
    struct uuid vm;
    int64_t hour;
    char account[ACCOUNT_TEXT_MAX];
    struct price price;
    numerator usage_kib_ns;
};
struct billed_sink {
    bool (*billed)(void *self, const struct billed *billed, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_billed(struct billing_store *b, int64_t from_hour,
                                    const struct billed_sink *sink, struct error *err);

/*
 * What one hour of a line was billed for: written before its month is sealed. Several lives of a
 * VM in one hour add up.
 */
struct rated {
    int64_t line;
    int64_t hour;
    int64_t nano_pennies;
    struct usage_part part;
};
MUST_CHECK bool billing_add_rated(struct billing_store *b, const struct rated *r,
                                  struct error *err);

/* Of the lines of one month, ascending by line and hour. */
struct rated_sink {
    bool (*rated)(void *self, const struct rated *rated, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_rated(struct billing_store *b, int32_t month,
                                   const struct rated_sink *sink, struct error *err);

/* Each row of one month, in the order in which they were written. */
MUST_CHECK bool billing_read_month_adjustments(struct billing_store *b, int32_t month,
                                               const struct adjustment_sink *sink,
                                               struct error *err);

enum { MISSING_HOSTS_MAX = 2048 };

struct billing_period {
    bool is_sealed; /* else the rest says nothing */
    int64_t sealed_ns;
    int64_t change; /* who sealed it */
    int64_t entry;  /* the last of the ledger then */
    struct chain_hash hash;
    char missing_hosts[MISSING_HOSTS_MAX];
};
MUST_CHECK bool billing_period(struct billing_store *b, int32_t month, struct billing_period *out,
                               struct error *err);

/* missing_hosts: "" or the hosts that it was sealed without. */
MUST_CHECK bool billing_seal(struct billing_store *b, int32_t month, int64_t utc_ns, int64_t entry,
                             int64_t change, const char *missing_hosts, struct error *err);

/* ---- the ledger ---- */

enum entry_kind { ENTRY_POSTING, ENTRY_TRANSFER, ENTRY_KINDS };

struct ledger_entry {
    int64_t entry; /* 1, 2, ... */
    int64_t utc_ns;
    enum entry_kind kind;
    int64_t line;
    int64_t pennies;    /* posting */
    numerator transfer; /* transfer */
    struct uuid host;   /* whose measurements; all zero: several */
    int64_t tick;       /* read up to this one */
    struct chain_hash hash;
};

const char *billing_kind_word(enum entry_kind kind);

/* The last entry: number 0 and a hash of zeros when there is none. */
MUST_CHECK bool billing_head(struct billing_store *b, int64_t *entry, struct chain_hash *hash,
                             struct error *err);
MUST_CHECK bool billing_append(struct billing_store *b, const struct ledger_entry *entry,
                               struct error *err);

/* From this entry on, ascending, each with its line. */
struct ledger_sink {
    bool (*entry)(void *self, const struct ledger_entry *entry, const struct billing_line *line,
                  struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_ledger(struct billing_store *b, int64_t from_entry,
                                    const struct ledger_sink *sink, struct error *err);
/* The entries of one month's lines. */
MUST_CHECK bool billing_read_month_ledger(struct billing_store *b, int32_t month,
                                          const struct ledger_sink *sink, struct error *err);

/* ---- what was written for others ---- */

/* How far the books go, but for the ledger; 0: there is none. */
struct billing_marks {
    int64_t change, adjustment; /* the last ones */
};
MUST_CHECK bool billing_marks(struct billing_store *b, struct billing_marks *out,
                              struct error *err);

struct billing_export {
    int64_t utc_ns;
    const char *format;         /* one of those of the schema */
    int64_t from_hour, to_hour; /* for accounts without an offset */
    const char *watermark;
    int64_t entry; /* of the ledger: what its manifest names */
    struct chain_hash hash;
    size_t files;
    const char *manifest; /* sha256 of it */
};
MUST_CHECK bool billing_add_export(struct billing_store *b, const struct billing_export *e,
                                   struct error *err);

/* Those of one format, in the order in which they were made: when, and of which hours. */
struct billing_export_sink {
    bool (*made)(void *self, int64_t utc_ns, int64_t from_hour, int64_t to_hour, struct error *err);
    void *self;
};
MUST_CHECK bool billing_read_exports(struct billing_store *b, const char *format,
                                     const struct billing_export_sink *sink, struct error *err);

#endif
