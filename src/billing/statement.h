/*
 * statement.h - what was charged for a span of hours within one month, a row for each charge line:
 * what exports and bills are made of.
 *
 * Of a sealed month it comes from `rated`, the adjustments and the ledger alone, so that it is the
 * same for ever. Of an open one it comes from the usage measured up to now and from what is said
 * now. Exact numbers; rounding is for those who print.
 */
#ifndef PAGEMETER_STATEMENT_H
#define PAGEMETER_STATEMENT_H

#include "billing/sheet.h"

enum { STATEMENT_PRICES_MAX = 4 };

struct statement_row {
    struct billing_line line; /* account, vm or pool, currency, unit, month */
    const char *account_name;
    const char *vm_name; /* "": nobody named it */

    /* the service: hours of the span, adjustments not included */
    struct usage_part usage; /* hour: the first with usage; kib_ns and times summed */
    int64_t last_hour;       /* the last with usage */
    uint64_t peak_kib;       /* the highest average of one hour, rounded down */
    int64_t nano_pennies[STATEMENT_PRICES_MAX]; /* in the order of their hours */
    size_t price_count; /* more than STATEMENT_PRICES_MAX: only the first are there */

    /* money: numerators of the line's currency and unit */
    numerator carry_in;    /* when the span begins: exact less posted, up to there */
    numerator n;           /* of the span's usage */
    numerator adjustments; /* written down in the span */
    numerator transfers;   /* in the span */
    int64_t posted;        /* pennies, in the span */
    numerator carry_out;   /* carry_in + n + adjustments + transfers - posted * D */
};

struct statement_name {
    struct uuid vm;
    char *name;
};

struct statement {
    int32_t month;
    int64_t from_hour, to_hour; /* UTC; for accounts with an offset that many hours earlier */
    bool is_sealed, is_whole;   /* is_whole: the span is the month */
    char missing_hosts[MISSING_HOSTS_MAX]; /* sealed by force without these */
    int64_t tick;                          /* read up to this one: the watermark of an open month */
    int64_t entry;              /* of the ledger: the last of the span's seal, or the head */
    struct chain_hash hash;     /* of that entry */
    struct statement_row *rows; /* by account, vm (the pool first), currency and unit */
    size_t count;
    usage_kib_ns unassigned, unpriced;
    struct book *book;            /* holds the accounts' names */
    struct statement_name *names; /* of VMs, ascending by vm */
    size_t name_count, name_room;
};

/* What is wanted: a month and hours within it, as for an account without an offset. */
struct statement_span {
    int32_t month;
    int64_t from_hour, to_hour;
};

/* "2026-11", "2026-11-22", this-month, last-month, today, yesterday. ERR_USAGE otherwise. */
MUST_CHECK bool statement_parse_span(const char *text, int64_t now_utc_ns,
                                     struct statement_span *out, struct error *err);

/*
 * measured: needed for months that are open. The caller frees what it gets with statement_free,
 * on failure too.
 */
MUST_CHECK bool statement_read(struct store *measured, struct billing_store *b,
                               const struct statement_span *span, struct statement *out,
                               struct error *err);
void statement_free(struct statement *statement);

#endif
