/*
 * Uuids and lists of patterns. The first 16 bytes are a uuid, the rest is a list.
 */
#include "fuzz.h"

#include "common/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uuid uuid;
    struct error err;
    char text[UUID_TEXT_MAX];

    if (uuid_parse((const char *)data, size, &uuid)) {
        HOLDS(size == UUID_TEXT_LENGTH);
        HOLDS(memcmp(uuid_format(&uuid, text), data, size) == 0);
    }
    if (size < sizeof uuid.bytes)
        return 0;
    memcpy(uuid.bytes, data, sizeof uuid.bytes);
    char *patterns = fuzz_text(data + sizeof uuid.bytes, size - sizeof uuid.bytes);

    if (uuid_check_patterns(patterns, &err)) {
        struct uuid other = uuid;

        for (size_t i = 0; i < sizeof other.bytes; i++)
            other.bytes[i] = (uint8_t)~other.bytes[i];
        /* no list of one pattern matches two that differ everywhere */
        HOLDS(strchr(patterns, ' ') != NULL || !uuid_is_in_patterns(&uuid, patterns) ||
              !uuid_is_in_patterns(&other, patterns));
    } else {
        (void)uuid_is_in_patterns(&uuid, patterns);
    }
    free(patterns);
    return 0;
}
