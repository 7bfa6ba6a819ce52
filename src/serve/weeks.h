/*
 * weeks.h - what VMs held in weeks that are over, kept in memory: the same months are asked for
 * again and again. Pure, but for memory and a lock.
 *
 * Who takes a week says what its usage is now, as it is billed; what does not add up to that is
 * forgotten, and read anew. So nothing that is kept is ever shown beside another bill.
 */
#ifndef PAGEMETER_SERVE_WEEKS_H
#define PAGEMETER_SERVE_WEEKS_H

#include "store/series.h"

enum { WEEK_HOURS = 7 * 24, WEEKS_MAX = 8192 };
#define WEEKS_BYTES_MAX (INT64_C(192) * 1024 * 1024)

struct weeks;

MUST_CHECK bool weeks_open(struct weeks **out, struct error *err);
void weeks_close(struct weeks *weeks); /* accepts NULL */

/*
 * A copy of what is kept of a VM's week, from a multiple of WEEK_HOURS on; *pieces is the caller's
 * to free. False: it is not there, or not what adds up to `usage`, or there is no memory.
 */
bool weeks_take(struct weeks *weeks, const struct uuid *vm, int64_t hour,
                const struct usage_part *usage, struct store_piece **pieces, size_t *count);

/* Keeps a copy of pieces of store_series, if there is room; those that were not asked for go. */
void weeks_keep(struct weeks *weeks, const struct uuid *vm, int64_t hour,
                const struct store_piece *pieces, size_t count);

#endif
