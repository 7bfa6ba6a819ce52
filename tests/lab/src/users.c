/*
 * users - the users of a web server: one more every RAMP / N seconds, all of them for HOLD seconds,
 * then one less after the other.
 *
 *   users ADDRESS PORT PATH N RAMP_S HOLD_S THINK_MS
 *
 * Each opens one connection, asks for a page, reads it, thinks (between half and one and a half of
 * THINK_MS) and asks for the next over the same connection. A page that is not whole, has another
 * status than 200, or takes longer than PATIENCE_S is a failure, and its user begins anew with a
 * new connection. A line on standard output at the end:
 *
 *   users end at_once=N requests=N failed=N mean_ms=N worst_ms=N
 *
 * at_once: the most users who had had a page and had not gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { USERS_MAX = 1000, PATIENCE_S = 30, ANSWER_MAX = 32 * 1024, STACK_BYTES = 192 * 1024 };

static struct {
    struct sockaddr_in server;
    const char *path;
    int count;
    int64_t ramp_us, hold_us, think_us;
} want;

static int64_t begin_us;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int there, at_once;
    int64_t requests, failed, sum_us, worst_us;
} seen; /* under the lock */

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void sleep_until(int64_t us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

/* ---- one page ---- */

static int dial(void)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (struct sockaddr *)&want.server, sizeof want.server) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* How long the answer is, by its head; 0: that is not known yet; -1: it is none. */
static ssize_t length_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = strstr(answer, "\r\nContent-Length: ");

    if (end == NULL)
        return 0;
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end)
        return -1;
    return end + 4 - answer + atoi(length + 18);
}

static bool ask(int fd)
{
    char answer[ANSWER_MAX];
    char request[256];
    size_t had = 0;
    ssize_t length = 0;
    int asked =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: web\r\n\r\n", want.path);

    if (send(fd, request, (size_t)asked, MSG_NOSIGNAL) != asked)
        return false;
    while (length == 0 || (length > 0 && had < (size_t)length)) {
        ssize_t n =
            had + 1 < sizeof answer ? recv(fd, answer + had, sizeof answer - 1 - had, 0) : 0;

        if (n <= 0)
            return false;
        had += (size_t)n;
        answer[had] = '\0';
        length = length_of(answer);
    }
    return length > 0 && had == (size_t)length && strstr(answer, "</ul>\n") != NULL;
}

/* ---- a user ---- */

/* How many are served: one more, or one less. */
static void count_user(int change)
{
    (void)pthread_mutex_lock(&lock);
    seen.there += change;
    seen.at_once = seen.there > seen.at_once ? seen.there : seen.at_once;
    (void)pthread_mutex_unlock(&lock);
}

static void count_page(int64_t took_us, bool is_ok)
{
    (void)pthread_mutex_lock(&lock);
    seen.requests++;
    seen.failed += !is_ok;
    seen.sum_us += took_us;
    seen.worst_us = took_us > seen.worst_us ? took_us : seen.worst_us;
    (void)pthread_mutex_unlock(&lock);
}

/* Between half and one and a half of what was wanted; each user has its own row of them. */
static int64_t next_think_us(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return want.think_us / 2 + want.think_us * (*state >> 16) / 65536;
}

static void *be_user(void *number)
{
    uint32_t state = (uint32_t)(intptr_t)number * 2654435761U;
    int64_t from_us = begin_us + want.ramp_us * (int64_t)(intptr_t)number / want.count;
    int64_t until_us = from_us + want.ramp_us + want.hold_us;
    bool is_there = false;
    int fd = -1;

    for (int64_t at = from_us; at < until_us; at = now_us() + next_think_us(&state)) {
        sleep_until(at);
        int64_t asked_us = now_us();

        if (fd < 0)
            fd = dial();
        bool is_ok = fd >= 0 && ask(fd);

        count_page(now_us() - asked_us, is_ok);
        if (!is_ok && fd >= 0) {
            close(fd);
            fd = -1;
        }
        if (is_ok && !is_there)
            count_user(1);
        is_there = is_there || is_ok;
    }
    if (fd >= 0)
        close(fd);
    if (is_there)
        count_user(-1);
    return NULL;
}

/* ---- all of them ---- */

static bool read_wants(char **argv)
{
    want.server.sin_family = AF_INET;
    want.server.sin_port = htons((uint16_t)atoi(argv[2]));
    want.path = argv[3];
    want.count = atoi(argv[4]);
    want.ramp_us = (int64_t)atoi(argv[5]) * 1000000;
    want.hold_us = (int64_t)atoi(argv[6]) * 1000000;
    want.think_us = (int64_t)atoi(argv[7]) * 1000;
    return inet_pton(AF_INET, argv[1], &want.server.sin_addr) == 1 && want.count > 0 &&
           want.count <= USERS_MAX;
}

int main(int argc, char **argv)
{
    static pthread_t users[USERS_MAX];
    pthread_attr_t attributes;

    if (argc != 8 || !read_wants(argv)) {
        fprintf(stderr, "usage: users ADDRESS PORT PATH N RAMP_S HOLD_S THINK_MS\n");
        return 2;
    }
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    begin_us = now_us();
    for (int i = 0; i < want.count; i++) {
        if (pthread_create(&users[i], &attributes, be_user, (void *)(intptr_t)i) != 0) {
            fprintf(stderr, "users: no thread for user %d\n", i);
            return 1;
        }
    }
    for (int i = 0; i < want.count; i++)
        (void)pthread_join(users[i], NULL);
    printf("users end at_once=%d requests=%" PRId64 " failed=%" PRId64 " mean_ms=%" PRId64
           " worst_ms=%" PRId64 "\n",
           seen.at_once, seen.requests, seen.failed,
           seen.requests > 0 ? seen.sum_us / seen.requests / 1000 : 0, seen.worst_us / 1000);
    return 0;
}
