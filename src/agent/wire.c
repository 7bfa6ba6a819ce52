#include "agent/wire.h"

#include <string.h>

size_t wire_request(struct wire_header header, const char *path, const char *value, size_t length,
                    char out[WIRE_REQUEST_MAX])
{
    size_t path_size = strlen(path) + 1;

    if (value == NULL)
        length = 0;
    if (path_size > WIRE_REQUEST_MAX - sizeof header ||
        length > WIRE_REQUEST_MAX - sizeof header - path_size)
        return 0;
    header.length = (uint32_t)(path_size + length);
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, path, path_size);
    if (length > 0)
        memcpy(out + sizeof header + path_size, value, length);
    return sizeof header + header.length;
}

static bool is_whole(const struct wire *w)
{
    return w->have >= sizeof w->header && w->have == sizeof w->header + w->header.length;
}

static void put(struct wire *w, char byte)
{
    if (w->have < sizeof w->header)
        ((char *)&w->header)[w->have] = byte;
    else if (w->have - sizeof w->header < sizeof w->text)
        w->text[w->have - sizeof w->header] = byte;
    w->have++;
}

/* A byte at a time: a reply to the agent has about twenty. */
enum wire_result wire_take(struct wire *w, const char **at, const char *end)
{
    if (is_whole(w))
        w->have = 0;
    while (*at < end) {
        put(w, *(*at)++);
        if (w->have == sizeof w->header && w->header.length > WIRE_PAYLOAD_MAX)
            return WIRE_BROKEN;
        if (is_whole(w))
            return WIRE_WHOLE;
    }
    return WIRE_MORE;
}

size_t wire_wants(const struct wire *w, size_t most)
{
    size_t have = is_whole(w) ? 0 : w->have, end = sizeof w->header;

    if (have >= end)
        end += w->header.length;
    return end - have < most ? end - have : most;
}

size_t wire_kept(const struct wire *w)
{
    return w->header.length < sizeof w->text ? w->header.length : sizeof w->text;
}
