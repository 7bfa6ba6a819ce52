#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_LINES = 128, LOG_LINE_MAX = 640 };

static struct {
    pthread_mutex_t lock;
    char lines[LOG_LINES][LOG_LINE_MAX];
    enum log_level levels[LOG_LINES];
    size_t first;
    size_t count;
    size_t lost;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

void log_event(enum log_level level, const char *fmt, ...)
{
    va_list args;

    (void)pthread_mutex_lock(&queue.lock);
    if (queue.count == LOG_LINES) {
        queue.lost++;
    } else {
        size_t place = (queue.first + queue.count++) % LOG_LINES;

        va_start(args, fmt);
        (void)vsnprintf(queue.lines[place], LOG_LINE_MAX, fmt, args);
        va_end(args);
        queue.levels[place] = level;
    }
    (void)pthread_mutex_unlock(&queue.lock);
}

/* Takes the oldest line out. False when there is none. */
static bool take(char line[LOG_LINE_MAX], enum log_level *level)
{
    bool has_line;

    (void)pthread_mutex_lock(&queue.lock);
    has_line = queue.count > 0;
    if (has_line) {
        memcpy(line, queue.lines[queue.first], LOG_LINE_MAX);
        *level = queue.levels[queue.first];
        queue.first = (queue.first + 1) % LOG_LINES;
        queue.count--;
    } else if (queue.lost > 0) {
        (void)snprintf(line, LOG_LINE_MAX, "log lines lost: too many at once. lines=%zu",
                       queue.lost);
        *level = LOG_LEVEL_WARNING;
        queue.lost = 0;
        has_line = true;
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return has_line;
}

static bool is_writable(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

void log_flush(void)
{
    char line[LOG_LINE_MAX];
    enum log_level level;
    bool is_journal = getenv("JOURNAL_STREAM") != NULL;

    /* a journal that hangs must not hang its writers: lines wait in the queue */
    while (is_writable() && take(line, &level)) {
        if (is_journal)
            (void)fprintf(stderr, "<%d>%s\n", (int)level, line);
        else
            (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
    }
}
