/*
 * Boundaries of ranges: an hour that is printed is read back the same.
 */
#include "fuzz.h"

#include "common/calendar.h"
#include "common/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now = 0;
    int64_t hour;
    int64_t again;
    int64_t second;
    char out[HOUR_TEXT_MAX];
    struct error err;

    if (size < sizeof now)
        return 0;
    memcpy(&now, data, sizeof now);
    now &= INT64_MAX;
    char *text = fuzz_text(data + sizeof now, size - sizeof now);

    if (calendar_parse_hour(text, false, now, &hour, &err)) {
        HOLDS(calendar_parse_hour(text, true, now, &again, &err));
        HOLDS(again >= hour && again <= hour + 31 * 24);
        if (hour >= 0) { /* "last-month" of January 1970 is before the first hour */
            HOLDS(calendar_parse_hour(calendar_format_hour(hour, out), false, now, &again, &err));
            HOLDS(again == hour);
        }
    }
    if (calendar_parse_second(text, false, now, &second, &err)) {
        HOLDS(second % NS_PER_S == 0);
        if (second >= 0) {
            HOLDS(calendar_parse_second(calendar_format_second(second, out), false, now, &again,
                                        &err));
            HOLDS(again == second);
        }
        if (second % NS_PER_HOUR == 0) {
            HOLDS(calendar_parse_hour(text, false, now, &hour, &err));
            HOLDS(hour == second / NS_PER_HOUR);
        }
    }
    hour = calendar_hour_of((uint64_t)now);
    HOLDS(calendar_parse_hour(calendar_format_hour(hour, out), false, now, &again, &err));
    HOLDS(again == hour);
    free(text);
    return 0;
}
