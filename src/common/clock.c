#include "common/clock.h"

#include <sys/timex.h>
#include <time.h>

#include "common/units.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    /* cannot fail: both clocks exist on every kernel that Xen's tools run on */
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct mono_time clock_mono(void)
{
    return (struct mono_time){read_clock(CLOCK_BOOTTIME)};
}

struct utc_time clock_utc(void)
{
    return (struct utc_time){read_clock(CLOCK_REALTIME)};
}

bool clock_is_synchronised(void)
{
    struct timex t = {.modes = 0};

    return adjtimex(&t) != -1 && (t.status & STA_UNSYNC) == 0;
}
