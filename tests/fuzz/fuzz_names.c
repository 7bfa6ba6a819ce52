/*
 * The answer of pagemeter-names, which xenstore, and so every guest's administrator, has a hand in:
 * one line of it becomes a printable name, or nothing.
 */
#include "fuzz.h"

#include "../../src/cli/names.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct named_vm list[1];
    struct names names = {list, 0};

    take_line(&names, (const char *)data, size);
    HOLDS(names.count <= 1);
    if (names.count == 1) {
        char text[UUID_TEXT_MAX];

        HOLDS(memcmp(uuid_format(&list[0].vm, text), data, UUID_TEXT_LENGTH) == 0);
        HOLDS(memchr(list[0].name, '\0', sizeof list[0].name) != NULL);
        for (const char *p = list[0].name; *p != '\0'; p++)
            HOLDS(*p >= ' ' && *p <= '~');
        HOLDS(names_find(&names, &list[0].vm) == list[0].name);
    }
    return 0;
}
