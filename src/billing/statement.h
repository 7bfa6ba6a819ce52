/*
 * statement.h - what was charged in a month, or on one day of it, a row for each charge line: what
 * exports and bills are made of.
 *
 * Of a sealed month it comes from `rated`, the adjustments and the ledger alone, with the names
 * that were known then, so that it is the same for ever. Of an open one it comes from the usage
 * measured up to now and from what is said now. Exact numbers; rounding is for those who print.
 *
 * A day has the usage of its hours and the money that was written down in them. The last day of a
 * month also has what was written down for the month later (its close, for one), so that the days
 * add up to the month, and each carries on where the one before ended.
 */
#ifndef PAGEMETER_STATEMENT_H
#define PAGEMETER_STATEMENT_H

#include "billing/sheet.h"
#include "billing/vm_names.h"

/* Usage at one price. */
struct statement_priced {
    int64_t nano_pennies;
    numerator kib_ns;
    numerator n; /* kib_ns * nano_pennies */
};

/*
 * What was written down in the span for hours of a month before, of one price and cause: those that
 * were billed wrongly are taken back at their price, and those that are missing billed at theirs.
 */
struct statement_correction {
    int32_t month; /* of the service, by the account's own clock */
    enum adjustment_cause cause;
    int64_t first_hour, last_hour;  /* UTC: the first and the last that it corrects */
    struct statement_priced priced; /* kib_ns may be negative, or 0 */
};

struct statement_row {
    struct billing_line line; /* account, vm or pool, currency, unit, month */
    const char *account_name;
    const char *vm_name; /* "": nobody named it */
    int offset_h;        /* of the account */

    /* the service: hours of the span, adjustments not included */
    struct usage_part usage;         /* hour: the first with usage; kib_ns and times summed */
    int64_t last_hour;               /* the last with usage; as hour: 0 when there is none */
    uint64_t peak_kib;               /* the highest average of one hour, rounded down */
    struct statement_priced *prices; /* each once, in the order of their first hours */
    size_t price_count;

    /* what was corrected: by month, cause and price */
    struct statement_correction *corrections;
    size_t correction_count;

    /* money: numerators of the line's currency and unit */
    numerator carry_in;    /* when the span begins: exact less posted, up to there */
    numerator n;           /* of the span's usage: of all prices */
    numerator adjustments; /* written down in the span: of all corrections */
    numerator transfers;   /* in the span */
    int64_t posted;        /* pennies, in the span */
    numerator carry_out;   /* carry_in + n + adjustments + transfers - posted * D */
};

/* What the ledger itself has of a currency in the span: what the rows must add up to. */
struct statement_ledger {
    struct currency currency;
    int64_t postings;  /* entries */
    numerator pennies; /* their sum */
};

struct statement {
    int32_t month;
    int64_t from_hour, to_hour; /* UTC; for accounts with an offset that many hours earlier */
    bool is_sealed, is_whole;   /* is_whole: the span is the month */
    char missing_hosts[MISSING_HOSTS_MAX]; /* sealed by force without these */
    /*
     * The watermark: what it was read up to, the last of each. With the same one it is the same. Of
     * a sealed month only the change that sealed it and the ledger's last entry then.
     */
    int64_t tick, change, adjustment, entry;
    struct chain_hash hash;     /* of that entry */
    struct statement_row *rows; /* by account, vm (the pool first), currency and unit */
    size_t count;
    usage_kib_ns unassigned, unpriced; /* of the span, in no row */
    struct statement_ledger *ledger;   /* by currency */
    size_t ledger_count;
    struct book *book; /* holds the accounts' names */
    struct vm_names names;
};

/* What is wanted: a month, or one day of it, as for an account without an offset. */
struct statement_span {
    int32_t month;
    int64_t from_hour, to_hour;
};

/* "2026-11", "2026-11-22", this-month, last-month, today, yesterday. ERR_USAGE otherwise. */
MUST_CHECK bool statement_parse_span(const char *text, int64_t now_utc_ns,
                                     struct statement_span *out, struct error *err);

/*
 * measured: needed for months that are open. The caller frees what it gets with statement_free,
 * on failure too. ERR_USAGE for a span that is neither a month nor a day of it; ERR_STORE when the
 * books contradict themselves, so that nothing wrong is ever exported.
 */
MUST_CHECK bool statement_read(struct store *measured, struct billing_store *b,
                               const struct statement_span *span, struct statement *out,
                               struct error *err);
void statement_free(struct statement *statement);

enum { WATERMARK_TEXT_MAX = 128 };

/* "tick 4711, change 12, adjustment 0, entry 80", or "sealed, change 12, entry 80". */
const char *statement_watermark(const struct statement *s, char out[WATERMARK_TEXT_MAX]);

#endif
