#include "serve/slow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "serve/server.h"

/* Two servers share it. */
enum { PLACES = SERVER_CONNECTIONS_MAX + SERVER_METRICS_CONNECTIONS_MAX };

struct place {
    struct MHD_Connection *connection; /* NULL: free */
    int fd;
    int64_t since_ns;
    bool has_headers, is_ended;
};

struct slow {
    pthread_mutex_t mutex;
    struct place places[PLACES];
};

bool slow_open(struct slow **out, struct error *err)
{
    struct slow *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to begin");
    (void)pthread_mutex_init(&s->mutex, NULL);
    *out = s;
    return true;
}

void slow_close(struct slow *s)
{
    free(s);
}

/* Of a connection, or a free one with NULL. The lock is held. */
static struct place *place_of(struct slow *s, const struct MHD_Connection *c)
{
    for (size_t i = 0; i < PLACES; i++)
        if (s->places[i].connection == c)
            return &s->places[i];
    return NULL;
}

void slow_note_begin(struct slow *s, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info == NULL)
        return;
    (void)pthread_mutex_lock(&s->mutex);
    struct place *p = place_of(s, NULL);

    if (p != NULL)
        *p = (struct place){c, info->connect_fd, clock_mono().ns, false, false};
    (void)pthread_mutex_unlock(&s->mutex);
}

static void note(struct slow *s, struct MHD_Connection *c, bool has_headers)
{
    (void)pthread_mutex_lock(&s->mutex);
    struct place *p = place_of(s, c);

    if (p != NULL && !(has_headers && p->has_headers)) {
        p->has_headers = has_headers;
        p->since_ns = clock_mono().ns;
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

void slow_note_headers(struct slow *s, struct MHD_Connection *c)
{
    note(s, c, true);
}

void slow_note_end(struct slow *s, struct MHD_Connection *c)
{
    note(s, c, false);
}

void slow_note_gone(struct slow *s, struct MHD_Connection *c)
{
    (void)pthread_mutex_lock(&s->mutex);
    struct place *p = place_of(s, c);

    if (p != NULL)
        *p = (struct place){.connection = NULL};
    (void)pthread_mutex_unlock(&s->mutex);
}

void slow_end_late(struct slow *s, int64_t before_ns)
{
    static const char late[] =
        "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json; charset=utf-8\r\n"
        "Content-Length: 39\r\nConnection: close\r\n\r\n{\"error\": \"the request took too "
        "long\"}\n";

    (void)pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < PLACES; i++) {
        struct place *p = &s->places[i];

        if (p->connection == NULL || p->is_ended || p->since_ns >= before_ns)
            continue;
        if (!p->has_headers)
            (void)send(p->fd, late, sizeof late - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)shutdown(p->fd, SHUT_RDWR);
        p->is_ended = true;
    }
    (void)pthread_mutex_unlock(&s->mutex);
}
