/*
 * nightly.h - what a night does, step by step: each prints its outcome, a line or more, and what
 * fails is told and does not keep the next from running.
 */
#ifndef PAGEMETER_NIGHTLY_H
#define PAGEMETER_NIGHTLY_H

#include "cli/export.h"

struct night {
    const char *db, *key;
    int64_t wait_ns;           /* after a month's end, before it is closed */
    struct export_order order; /* what exports have in common */
    bool is_charged;           /* so days may be exported */
    bool has_failed, has_findings;
};

/* "charge    FAILED", and why on standard error. */
void night_failed(struct night *night, const char *step, const struct error *err);

/*
 * Every format of every period that is over and was not exported since: months that are sealed,
 * and, when all is charged, days, from the one before the first night on. Of a format that fails
 * the rest waits for the next night.
 */
void night_export(struct night *night);

#endif
