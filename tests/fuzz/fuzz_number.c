/*
 * Numbers and durations: what is read is written back the same.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "common/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    uint64_t value;
    struct error err;

    if (number_parse((const char *)data, size, UINT64_MAX, &value)) {
        char again[32];

        HOLDS(snprintf(again, sizeof again, "%" PRIu64, value) == (int)size);
        HOLDS(memcmp(again, data, size) == 0);
        HOLDS(value == 0 || !number_parse((const char *)data, size, value - 1, &value));
    }
    if (number_parse_duration(text, &value, &err)) {
        char out[DURATION_TEXT_MAX];
        uint64_t again;

        HOLDS(value > 0 && value <= INT64_MAX);
        HOLDS(number_parse_duration(number_format_duration(value, out), &again, &err));
        HOLDS(again == value);
    }
    free(text);
    return 0;
}
