#include "meter/record.h"

const char *gap_cause_name(enum gap_cause cause)
{
    static const char *const names[GAP_CAUSES] = {
        [GAP_UNKNOWN] = "unknown", [GAP_READ_FAILED] = "read-failed", [GAP_WINDOW] = "window",
        [GAP_OVERRUN] = "overrun", [GAP_QUEUE_FULL] = "queue-full",   [GAP_RESTART] = "restart",
    };

    return names[cause];
}
