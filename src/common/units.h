/*
 * units.h - usage: memory times time, exact.
 *
 * Memory in KiB, time in nanoseconds, usage in KiB*ns as a 128-bit integer. 64 TiB for 100 years is
 * 2^99 KiB*ns, so that nothing real overflows; what would, is refused. The one place that rounds
 * is usage_format_gib_h, and its result is for reading only.
 */
#ifndef PAGEMETER_UNITS_H
#define PAGEMETER_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_HOUR INT64_C(3600000000000)

enum { HOURS_PER_DAY = 24 };

/* The most memory that one domain may hold: 1 PiB. Above it a figure is a mistake. */
#define KIB_MAX (UINT64_C(1) << 40)

__extension__ typedef unsigned __int128 usage_kib_ns;

/* 1 GiB*h = 1,048,576 KiB * 3,600 s, in KiB*ns */
#define KIB_NS_PER_GIB_H ((usage_kib_ns)UINT64_C(3774873600) * (usage_kib_ns)UINT64_C(1000000000))

/* *sum += kib * ns. False, and *sum untouched, when the result does not fit 128 bits. */
MUST_CHECK bool usage_add_product(usage_kib_ns *sum, uint64_t kib, uint64_t ns);

/* *sum += more. False, and *sum untouched, when the result does not fit. */
MUST_CHECK bool usage_add(usage_kib_ns *sum, usage_kib_ns more);

/*
 * The two limbs of the stores: whole KiB*s, and the rest in KiB*ns, 0..999,999,999. False when the
 * first does not fit an int64.
 */
MUST_CHECK bool usage_to_limbs(usage_kib_ns usage, int64_t *kib_s, int64_t *kib_s_frac);
/* The other way. Neither limb may be negative; kib_s_frac may be any sum of fractions. */
usage_kib_ns usage_from_limbs(uint64_t kib_s, uint64_t kib_s_frac);

enum { USAGE_TEXT_MAX = 52 };

/* The exact integer in decimal. */
const char *usage_format(usage_kib_ns usage, char out[USAGE_TEXT_MAX]);

/* GiB*h with 9 decimals, rounded half to even. */
const char *usage_format_gib_h(usage_kib_ns usage, char out[USAGE_TEXT_MAX]);

#endif
