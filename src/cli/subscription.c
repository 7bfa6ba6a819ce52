#include "cli/subscription.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/lines.h"
#include "common/units.h"
#include "meter/stream.h"
#include "meter/trace.h"

enum { RETRY_MS = 200 };

struct subscription {
    int fd;
    int signal_fd;
    struct trace_reader reader;
    struct lines lines;
};

bool subscription_open(struct subscription **out, const char *socket, struct error *err)
{
    struct subscription *s = calloc(1, sizeof *s);
    sigset_t set;

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to subscribe");
    s->fd = s->signal_fd = -1;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (s->signal_fd < 0)
        (void)error_set(err, ERR_SYSTEM, "can't wait for signals: %s", strerror(errno));
    else if (trace_reader_init(&s->reader, err))
        s->fd = stream_connect(socket, err);
    if (s->fd < 0) {
        subscription_close(s);
        return false;
    }
    lines_init(&s->lines, s->fd);
    *out = s;
    return true;
}

void subscription_close(struct subscription *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    trace_reader_clear(&s->reader);
    free(s);
}

/* Is there text, or a signal? Lines already in the buffer are served without asking. */
static bool is_stopped(struct subscription *s)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN},
                            {.fd = s->signal_fd, .events = POLLIN}};

    if (memchr(s->lines.buffer + s->lines.at, '\n', s->lines.end - s->lines.at) != NULL)
        return false;
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    return (fds[1].revents & POLLIN) != 0;
}

enum subscription_result subscription_next(struct subscription *s, struct record *out,
                                           struct error *err)
{
    for (;;) {
        const char *line;
        size_t length;

        if (is_stopped(s))
            return SUBSCRIPTION_STOPPED;
        switch (lines_next(&s->lines, &line, &length, err)) {
        case LINES_END:
            return SUBSCRIPTION_LOST;
        case LINES_FAILED:
            return err->code == ERR_SYSTEM ? SUBSCRIPTION_LOST : SUBSCRIPTION_FAILED;
        case LINES_LINE:
            break;
        }
        enum trace_result result = trace_read_line(&s->reader, line, length, out, err);

        if (result == TRACE_RECORD)
            return SUBSCRIPTION_RECORD;
        if (result == TRACE_BAD)
            return SUBSCRIPTION_FAILED;
    }
}

enum subscription_result subscription_reconnect(struct subscription *s, const char *socket,
                                                uint64_t wait_ns)
{
    struct pollfd signal_fd = {.fd = s->signal_fd, .events = POLLIN};
    int64_t until = clock_mono().ns + (int64_t)wait_ns;
    struct error ignored;

    (void)close(s->fd);
    s->reader.is_collecting = false; /* what was cut off is not a tick */
    s->fd = -1;
    while (clock_mono().ns < until) {
        /* first of all: one that accepts and hangs up at once must not be asked without end */
        if (poll(&signal_fd, 1, RETRY_MS) > 0)
            return SUBSCRIPTION_STOPPED;
        s->fd = stream_connect(socket, &ignored);
        if (s->fd >= 0) {
            lines_init(&s->lines, s->fd);
            return SUBSCRIPTION_RECORD;
        }
    }
    return SUBSCRIPTION_LOST;
}
