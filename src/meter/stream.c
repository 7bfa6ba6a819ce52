#include "meter/stream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/local_socket.h"
#include "meter/trace.h"

enum {
    RING_SIZE = 1 << 24,
    HEAD_TEXT_MAX = 256,
    /* sent to one subscriber before the publisher gets its turn at the lock */
    PIECE_MAX = 1 << 16,
    PIECES = 4
};

struct subscriber {
    int fd;
    size_t head_sent; /* of the head's text */
    uint64_t at;      /* what was sent of all that was ever published, in bytes */
};

struct stream {
    struct local_socket socket;
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    bool is_closing;
    struct head head;
    char head_text[HEAD_TEXT_MAX];
    size_t head_length;
    struct subscriber subscribers[STREAM_SUBSCRIBERS_MAX];
    size_t count;
    atomic_size_t visible_count; /* count, for the publisher to look at without the lock */
    uint64_t dropped;
    uint64_t published; /* bytes, from the beginning */
    char *text;         /* the record being published */
    char *ring;
};

static void wake(struct stream *s)
{
    uint64_t one = 1;

    while (write(s->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

/* What goes first to those who subscribe from now on. */
static void set_head(struct stream *s, const struct head *head)
{
    struct record record = {.kind = RECORD_HEAD, .head = *head};

    s->head = *head;
    s->head_length = trace_write(&record, s->head_text);
}

/* After a boot (of a simulated or replayed host), the head tells the new one. */
static void follow_head(struct stream *s, const struct record *record)
{
    struct head head = s->head;

    if (record->kind == RECORD_BOOT)
        head.boot = record->boot;
    else if (record->kind == RECORD_HEAD)
        head = (struct head){record->head.host, s->head.store, record->head.boot,
                             record->head.interval_ns, record->head.max_gap_ns};
    else
        return;
    (void)pthread_mutex_lock(&s->lock);
    set_head(s, &head);
    (void)pthread_mutex_unlock(&s->lock);
}

void stream_publish(struct stream *s, const struct record *record)
{
    follow_head(s, record);
    if (atomic_load(&s->visible_count) == 0)
        return;
    size_t length = trace_write(record, s->text);

    (void)pthread_mutex_lock(&s->lock);
    size_t place = (size_t)(s->published % RING_SIZE);
    size_t first = length < RING_SIZE - place ? length : RING_SIZE - place;

    memcpy(s->ring + place, s->text, first);
    memcpy(s->ring, s->text + first, length - first);
    s->published += length;
    (void)pthread_mutex_unlock(&s->lock);
    wake(s);
}

/* Sends what it takes without waiting. False: it is gone. */
static bool send_some(int fd, const char *text, size_t length, size_t *sent)
{
    ssize_t n = send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);

    *sent = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool serve(struct stream *s, struct subscriber *sub)
{
    size_t sent;

    if (sub->head_sent < s->head_length) {
        if (!send_some(sub->fd, s->head_text + sub->head_sent, s->head_length - sub->head_sent,
                       &sent))
            return false;
        sub->head_sent += sent;
        if (sub->head_sent < s->head_length)
            return true;
    }
    if (s->published - sub->at > RING_SIZE) {
        s->dropped++;
        return false;
    }
    for (int pieces = 0; pieces < PIECES && sub->at < s->published; pieces++) {
        size_t place = (size_t)(sub->at % RING_SIZE);
        size_t rest = (size_t)(s->published - sub->at);
        size_t piece = rest < RING_SIZE - place ? rest : RING_SIZE - place;

        if (piece > PIECE_MAX)
            piece = PIECE_MAX;
        if (!send_some(sub->fd, s->ring + place, piece, &sent))
            return false;
        sub->at += sent;
        if (sent == 0)
            break;
    }
    return true;
}

static void remove_subscriber(struct stream *s, size_t i)
{
    (void)close(s->subscribers[i].fd);
    s->subscribers[i] = s->subscribers[--s->count];
    atomic_store(&s->visible_count, s->count);
}

static void accept_subscriber(struct stream *s)
{
    int fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (s->count == STREAM_SUBSCRIBERS_MAX) {
        (void)close(fd);
        return;
    }
    s->subscribers[s->count++] = (struct subscriber){.fd = fd, .at = s->published};
    atomic_store(&s->visible_count, s->count);
}

enum { POLL_LISTEN, POLL_WAKE, POLL_FIRST };

static size_t fill_poll(struct stream *s, struct pollfd *fds)
{
    fds[POLL_LISTEN] = (struct pollfd){.fd = s->socket.fd, .events = POLLIN};
    fds[POLL_WAKE] = (struct pollfd){.fd = s->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < s->count; i++) {
        const struct subscriber *sub = &s->subscribers[i];
        bool has_text = sub->at < s->published || sub->head_sent < s->head_length;

        fds[POLL_FIRST + i] =
            (struct pollfd){.fd = sub->fd, .events = (short)(POLLIN | (has_text ? POLLOUT : 0))};
    }
    return POLL_FIRST + s->count;
}

/* From the last to the first, so that removing one leaves the others' places. */
static void serve_all(struct stream *s, const struct pollfd *fds, size_t polled)
{
    for (size_t i = polled - POLL_FIRST; i-- > 0;) {
        /* a subscriber has nothing to say: if it can be read, it hung up or is no friend */
        if ((fds[POLL_FIRST + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ||
            !serve(s, &s->subscribers[i]))
            remove_subscriber(s, i);
    }
}

static void *run(void *self)
{
    struct stream *s = self;
    struct pollfd fds[POLL_FIRST + STREAM_SUBSCRIBERS_MAX];
    uint64_t ignored;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_closing) {
        size_t polled = fill_poll(s, fds);

        (void)pthread_mutex_unlock(&s->lock);
        (void)poll(fds, polled, -1);
        (void)!read(s->wake_fd, &ignored, sizeof ignored);
        (void)pthread_mutex_lock(&s->lock);
        serve_all(s, fds, polled);
        if ((fds[POLL_LISTEN].revents & POLLIN) != 0)
            accept_subscriber(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

size_t stream_subscribers(struct stream *s)
{
    return atomic_load(&s->visible_count);
}

uint64_t stream_dropped(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    uint64_t dropped = s->dropped;

    (void)pthread_mutex_unlock(&s->lock);
    return dropped;
}

bool stream_open(struct stream **out, const char *path, const struct head *head, struct error *err)
{
    struct stream *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the stream");
    s->socket.fd = -1;
    set_head(s, head);
    s->ring = malloc(RING_SIZE);
    s->text = malloc(trace_text_bound(DOMAINS_MAX));
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&s->lock, NULL);
    bool is_ok = s->ring != NULL && s->text != NULL && s->wake_fd >= 0;

    if (!is_ok)
        (void)error_set(err, ERR_NOMEM, "not enough memory for the stream");
    is_ok = is_ok && local_socket_listen(&s->socket, path, "pagemeterd", err);
    if (is_ok && pthread_create(&s->thread, NULL, run, s) != 0)
        is_ok = error_set(err, ERR_SYSTEM, "can't start the thread of the stream");
    if (!is_ok) {
        local_socket_close(&s->socket);
        if (s->wake_fd >= 0)
            (void)close(s->wake_fd);
        free(s->ring);
        free(s->text);
        free(s);
        return false;
    }
    *out = s;
    return true;
}

/* A last try to send what is published, for as long as subscribers take it at once. */
static void drain(struct stream *s)
{
    for (size_t i = s->count; i-- > 0;) {
        (void)serve(s, &s->subscribers[i]);
        remove_subscriber(s, i);
    }
}

void stream_close(struct stream *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    (void)pthread_mutex_unlock(&s->lock);
    wake(s);
    (void)pthread_join(s->thread, NULL);
    local_socket_close(&s->socket);
    drain(s);
    (void)close(s->wake_fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->ring);
    free(s->text);
    free(s);
}
