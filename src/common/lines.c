#include "common/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void lines_init(struct lines *l, int fd)
{
    l->fd = fd;
    l->at = l->end = 0;
    l->is_at_eof = false;
}

static bool fill(struct lines *l, struct error *err)
{
    ssize_t n;

    memmove(l->buffer, l->buffer + l->at, l->end - l->at);
    l->end -= l->at;
    l->at = 0;
    if (l->end == sizeof l->buffer)
        return error_set(err, ERR_INPUT, "a line longer than %d characters", LINES_BUFFER);
    do {
        n = read(l->fd, l->buffer + l->end, sizeof l->buffer - l->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_set(err, ERR_SYSTEM, "can't read: %s", strerror(errno));
    l->end += (size_t)n;
    l->is_at_eof = n == 0;
    return true;
}

enum lines_result lines_next(struct lines *l, const char **line, size_t *length, struct error *err)
{
    size_t searched = 0;

    for (;;) {
        char *start = l->buffer + l->at;
        char *newline = memchr(start + searched, '\n', l->end - l->at - searched);

        if (newline != NULL) {
            *line = start;
            *length = (size_t)(newline - start);
            l->at += *length + 1;
            return LINES_LINE;
        }
        searched = l->end - l->at;
        if (l->is_at_eof) {
            *line = start;
            *length = searched;
            return LINES_END;
        }
        if (!fill(l, err))
            return LINES_FAILED;
    }
}
