#include "xen/guests.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/units.h"
#include "xen/guests_work.h"

#define RETRY_NS (NS_PER_S / 4) /* between two tries to connect */
#define CLOSE_MS 200            /* for the thread to end by itself */

struct guests {
    struct guests_work work; /* the thread's, but for work.mail, which the lock guards */
    pthread_mutex_t lock;
    pthread_t thread;
    int wake_fd;  /* the thread's: there is something to do */
    int ready_fd; /* the main thread's: there are events */
    int ended_fd; /* the thread has ended */
    atomic_bool is_stopping;
    bool has_ended; /* these two under the lock */
    bool is_left;   /* nobody waits for the thread: it frees everything */
    bool has_thread;
    uint64_t videoram_kib[UINT16_MAX + 1]; /* by domid; untouched pages cost nothing */
};

static void signal_fd(int fd)
{
    const uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);

    (void)written; /* full: it is readable as it is */
}

static void calm_fd(int fd)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);

    (void)got;
}

static void free_all(struct guests *g)
{
    mail_close(g->work.mail);
    (void)pthread_mutex_destroy(&g->lock);
    for (int *fd = (int[]){g->wake_fd, g->ready_fd, g->ended_fd, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    free(g);
}

/* ---- the thread ---- */

static void work_lock(void *context)
{
    struct guests *g = context;

    (void)pthread_mutex_lock(&g->lock);
}

static void work_unlock(void *context, bool has_events)
{
    struct guests *g = context;

    if (has_events)
        signal_fd(g->ready_fd);
    (void)pthread_mutex_unlock(&g->lock);
}

/* Until there is something to do, or this time is over. */
static void rest(struct guests *g, int64_t wait_ns)
{
    struct pollfd fds[2] = {{.fd = g->wake_fd, .events = POLLIN},
                            {.fd = guests_work_fd(&g->work), .events = POLLIN}};
    struct timespec time = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};

    (void)ppoll(fds, fds[1].fd >= 0 ? 2 : 1, &time, NULL);
    calm_fd(g->wake_fd);
}

static void *run(void *context)
{
    struct guests *g = context;

    while (!atomic_load(&g->is_stopping)) {
        int64_t wait_ns = guests_work_is_connected(&g->work) ? guests_work_step(&g->work)
                          : guests_work_connect(&g->work)    ? 0
                                                             : RETRY_NS;

        if (wait_ns > 0)
            rest(g, wait_ns);
    }
    guests_work_disconnect(&g->work);
    (void)pthread_mutex_lock(&g->lock);
    bool is_left = g->is_left;

    g->has_ended = true;
    signal_fd(g->ended_fd);
    (void)pthread_mutex_unlock(&g->lock);
    if (is_left)
        free_all(g);
    return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct guests *g, struct error *err)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&g->thread, NULL, run, g);

    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    g->has_thread = failed == 0;
    return failed == 0 ||
           error_set(err, ERR_SYSTEM, "can't start a thread for xenstore: %s", strerror(failed));
}

/* ---- the main thread ---- */

bool guests_open(struct guests **out, struct error *err)
{
    struct guests *g = calloc(1, sizeof *g);

    if (g == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to listen to guests");
    (void)pthread_mutex_init(&g->lock, NULL);
    g->work.lock = work_lock;
    g->work.unlock = work_unlock;
    g->work.context = g;
    g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (g->wake_fd < 0 || g->ready_fd < 0 || g->ended_fd < 0) {
        (void)error_set(err, ERR_SYSTEM, "can't make an eventfd: %s", strerror(errno));
        goto failed;
    }
    if (!mail_open(&g->work.mail, err) || !start_thread(g, err))
        goto failed;
    *out = g;
    return true;
failed:
    free_all(g);
    return false;
}

void guests_close(struct guests *g)
{
    if (g == NULL)
        return;
    struct pollfd ended = {.fd = g->ended_fd, .events = POLLIN};

    atomic_store(&g->is_stopping, true);
    signal_fd(g->wake_fd);
    (void)poll(&ended, 1, CLOSE_MS);
    (void)pthread_mutex_lock(&g->lock);
    bool has_ended = g->has_ended;

    g->is_left = !has_ended;
    if (!has_ended)
        (void)pthread_detach(g->thread); /* before it can end and free what this reads */
    (void)pthread_mutex_unlock(&g->lock);
    if (has_ended) {
        (void)pthread_join(g->thread, NULL);
        free_all(g);
    }
}

int guests_fd(const struct guests *g)
{
    return g->ready_fd;
}

bool guests_next(struct guests *g, struct mail_event *out)
{
    (void)pthread_mutex_lock(&g->lock);
    bool is_there = mail_take(g->work.mail, out);

    if (!is_there)
        calm_fd(g->ready_fd);
    (void)pthread_mutex_unlock(&g->lock);
    if (is_there && out->kind == MAIL_TOLD)
        g->videoram_kib[out->domid] = out->facts.videoram_kib;
    return is_there;
}

uint64_t guests_videoram_kib(const struct guests *g, uint16_t domid)
{
    return g->videoram_kib[domid];
}

bool guests_is_hung(struct guests *g, int64_t now_ns)
{
    return guests_work_is_hung(&g->work, now_ns);
}

bool guests_watch(struct guests *g, uint16_t domid, struct error *err)
{
    (void)pthread_mutex_lock(&g->lock);
    bool is_new = !mail_has(g->work.mail, domid);
    bool is_ok = mail_add(g->work.mail, domid, err);

    (void)pthread_mutex_unlock(&g->lock);
    if (is_ok && is_new)
        signal_fd(g->wake_fd);
    return is_ok;
}

void guests_unwatch(struct guests *g, uint16_t domid)
{
    (void)pthread_mutex_lock(&g->lock);
    mail_remove(g->work.mail, domid);
    (void)pthread_mutex_unlock(&g->lock);
    g->videoram_kib[domid] = 0;
    signal_fd(g->wake_fd);
}

static bool order(struct guests *g, struct mail_write *write, struct error *err)
{
    write->at_ns = clock_mono().ns;
    (void)pthread_mutex_lock(&g->lock);
    bool is_ok = mail_order(g->work.mail, write, err);

    (void)pthread_mutex_unlock(&g->lock);
    if (is_ok)
        signal_fd(g->wake_fd);
    return is_ok;
}

bool guests_write_target(struct guests *g, uint16_t domid, uint64_t target_kib, uint64_t ticket,
                         struct error *err)
{
    struct mail_write write = {.domid = domid, .order = MAIL_TARGET, .ticket = ticket};

    (void)snprintf(write.value, sizeof write.value, "%" PRIu64, target_kib);
    return order(g, &write, err);
}

bool guests_tell(struct guests *g, uint16_t domid, const char *node, const char *value,
                 uint64_t ticket, struct error *err)
{
    struct mail_write write = {.domid = domid, .ticket = ticket};

    if (strcmp(node, "headroom") == 0)
        write.order = MAIL_HEADROOM;
    else if (strcmp(node, "answer") == 0)
        write.order = MAIL_ANSWER;
    else
        return error_set(err, ERR_USAGE, "guests are not told '%s', only headroom and answer",
                         node);
    if (strlen(value) >= sizeof write.value)
        return error_set(err, ERR_RANGE, "a guest can be told %zu bytes, not %zu",
                         sizeof write.value - 1, strlen(value));
    memcpy(write.value, value, strlen(value));
    return order(g, &write, err);
}
