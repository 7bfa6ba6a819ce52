/*
 * clock.h - the two clocks that Pagemeter reads, and their types.
 *
 * CLOCK_BOOTTIME measures (it goes on in suspend), CLOCK_REALTIME places. The two struct types
 * cannot be mixed up. Nothing in the pure modules includes this header's functions.
 */
#ifndef PAGEMETER_CLOCK_H
#define PAGEMETER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono_time {
    int64_t ns; /* CLOCK_BOOTTIME: since the kernel started */
};
struct utc_time {
    int64_t ns; /* CLOCK_REALTIME: since 1970-01-01T00:00:00Z, leap seconds not counted */
};

struct mono_time clock_mono(void);
struct utc_time clock_utc(void);

/* Does the kernel say that CLOCK_REALTIME is synchronised (adjtimex(2), STA_UNSYNC)? */
bool clock_is_synchronised(void);

#endif
