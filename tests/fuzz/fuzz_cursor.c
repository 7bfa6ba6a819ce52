/*
 * What pagemeter ship says it has shipped, which pagemeterd reads as root: refused, or the one text
 * of what it says.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "store/ship_cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ship_cursor cursor;
    static char text[SHIP_CURSOR_BYTES + CONFIG_TEXT_MAX];
    char store[UUID_TEXT_MAX];

    if (size > SHIP_CURSOR_BYTES || !ship_cursor_parse((const char *)data, size, &cursor))
        return 0;
    int length = snprintf(text, sizeof text, "pagemeter-ship 1 %s\n", cursor.to);

    HOLDS(cursor.count <= SHIP_CURSOR_STORES);
    for (size_t i = 0; i < cursor.count; i++) {
        HOLDS(cursor.stores[i].tick >= 0);
        length += snprintf(text + length, sizeof text - (size_t)length, "%s %" PRId64 "\n",
                           uuid_format(&cursor.stores[i].store, store), cursor.stores[i].tick);
    }
    HOLDS((size_t)length == size && memcmp(text, data, size) == 0);
    return 0;
}
