/*
 * Messages of xenstore: cut into pieces of any size, a stream gives the same messages as at once;
 * and as many bytes as are wanted never reach into the next message.
 */
#include "fuzz.h"

#include "agent/wire.h"

/* Messages of a stream, as a sum; pieces are cut by what `cuts` says, 0: all at once. */
static uint64_t messages(const char *at, const char *end, unsigned cuts)
{
    struct wire w = {0};
    uint64_t sum = 0;

    while (at < end) {
        size_t piece = cuts == 0 ? (size_t)(end - at) : wire_wants(&w, 1 + cuts % 70);
        const char *stop = piece < (size_t)(end - at) ? at + piece : end;
        enum wire_result result = wire_take(&w, &at, stop);

        if (result == WIRE_BROKEN)
            return sum * 31 + 1;
        if (result == WIRE_WHOLE) {
            HOLDS(wire_kept(&w) <= w.header.length && wire_kept(&w) <= WIRE_KEPT);
            HOLDS(cuts == 0 || at == stop);
            sum = sum * 31 + w.header.type + w.header.request * 7U + w.header.length;
            for (size_t i = 0; i < wire_kept(&w); i++)
                sum = sum * 31 + (unsigned char)w.text[i];
        } else {
            HOLDS(at == stop);
        }
        cuts = cuts == 0 ? 0 : cuts * 1103515245U + 12345U;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    uint64_t whole = messages(at, at + size, 0);

    for (unsigned cuts = 1; cuts < 6; cuts++)
        HOLDS(messages(at, at + size, cuts) == whole);
    return 0;
}
