/*
 * totals.h - what each VM has used since its first hour, for who asks again and again.
 *
 * The days that are over are read once an hour, or when a store has derived something of them;
 * after that, only what came since. A total is that of store_usage over all time at the moment of
 * asking.
 */
#ifndef PAGEMETER_SERVE_TOTALS_H
#define PAGEMETER_SERVE_TOTALS_H

#include "store/store.h"

struct totals_reader {
    /* Several times for one VM: its lives add up. */
    bool (*add)(void *self, const struct uuid *vm, usage_kib_ns used, struct error *err);
    void *self;
};

/* Of the one database that this process reads. now_utc_ns decides what is old. */
MUST_CHECK bool totals_read(struct store *store, int64_t now_utc_ns,
                            const struct totals_reader *reader, struct error *err);

#endif
