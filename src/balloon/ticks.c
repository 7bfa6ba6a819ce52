#include "balloon/ticks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/number.h"
#include "common/units.h"
#include "meter/stream.h"

void ticks_init(struct ticks *ticks, const char *path)
{
    ticks->path = path;
    ticks->fd = -1;
    ticks->next_try_ns = 0;
    ticks->used = 0;
    ticks->is_skipping = false;
}

void ticks_clear(struct ticks *ticks)
{
    if (ticks->fd >= 0)
        (void)close(ticks->fd);
    ticks->fd = -1;
}

void ticks_connect(struct ticks *ticks, int64_t now_ns)
{
    struct error err;

    if (ticks->fd >= 0 || now_ns < ticks->next_try_ns || strcmp(ticks->path, "none") == 0)
        return;
    ticks->next_try_ns = now_ns + NS_PER_S;
    ticks->fd = stream_connect(ticks->path, &err);
    ticks->used = 0;
    ticks->is_skipping = false;
    if (ticks->fd >= 0)
        (void)fcntl(ticks->fd, F_SETFL, O_NONBLOCK);
}

/* "T <seq> ..." */
static bool is_tick(const char *line, size_t length, uint64_t *seq)
{
    if (length < 3 || line[0] != 'T' || line[1] != ' ')
        return false;
    const char *end = memchr(line + 2, ' ', length - 2);

    return end != NULL && number_parse(line + 2, (size_t)(end - line - 2), INT64_MAX, seq);
}

static bool take_lines(struct ticks *ticks, uint64_t *seq)
{
    char *line = ticks->buffer, *end = ticks->buffer + ticks->used;
    bool has_come = false;

    for (char *newline; (newline = memchr(line, '\n', (size_t)(end - line))) != NULL;
         line = newline + 1) {
        has_come =
            (!ticks->is_skipping && is_tick(line, (size_t)(newline - line), seq)) || has_come;
        ticks->is_skipping = false;
    }
    ticks->used = (size_t)(end - line);
    if (ticks->used == sizeof ticks->buffer) {
        ticks->is_skipping = true;
        ticks->used = 0;
    }
    memmove(ticks->buffer, line, ticks->used);
    return has_come;
}

bool ticks_read(struct ticks *ticks, uint64_t *seq)
{
    bool has_come = false;

    while (ticks->fd >= 0) {
        ssize_t got =
            read(ticks->fd, ticks->buffer + ticks->used, sizeof ticks->buffer - ticks->used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            ticks_clear(ticks);
            break;
        }
        ticks->used += (size_t)got;
        has_come = take_lines(ticks, seq) || has_come;
    }
    return has_come;
}
