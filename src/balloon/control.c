/*
 * control.c - a client is a small machine: it says a line, the line is served, the answer is sent;
 * then the next one. Meanwhile nothing more is read of it.
 */
#include "balloon/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/local_socket.h"

enum { PIECE_MAX = 1 << 16 };

struct client {
    int fd; /* -1: nobody */
    enum { CLIENT_SAYS, CLIENT_WAITS, CLIENT_TAKES } state;
    uid_t uid;
    char who[REQUEST_WHO_MAX];
    int64_t until_ns; /* then it is dropped; not while we make it wait */
    char line[REQUEST_LINE_MAX];
    size_t length;
    struct reply reply;
    size_t sent;
    uint64_t ticket;
};

struct control {
    struct control_ops ops;
    struct local_socket socket;
    struct client clients[CONTROL_CLIENTS_MAX];
};

bool control_open(struct control **out, const char *path, const struct control_ops *ops,
                  struct error *err)
{
    struct control *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the control socket");
    c->ops = *ops;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    if (!local_socket_listen(&c->socket, path, "pageballoond", err)) {
        free(c);
        return false;
    }
    *out = c;
    return true;
}

static void drop(struct client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    reply_clear(&client->reply);
    *client = (struct client){.fd = -1};
}

void control_close(struct control *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        drop(&c->clients[i]);
    local_socket_close(&c->socket);
    free(c);
}

size_t control_fill(const struct control *c, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = c->socket.fd, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        static const short events[] = {
            [CLIENT_SAYS] = POLLIN, [CLIENT_WAITS] = 0, [CLIENT_TAKES] = POLLOUT};
        const struct client *client = &c->clients[i];

        fds[1 + i] = (struct pollfd){.fd = client->fd, .events = events[client->state]};
    }
    return CONTROL_FDS_MAX;
}

int64_t control_next_ns(const struct control *c)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &c->clients[i];

        if (client->fd >= 0 && client->state != CLIENT_WAITS && client->until_ns < next)
            next = client->until_ns;
    }
    return next;
}

/* ---- who ---- */

/* By its number: to look up a name may take a network, and so for ever. */
static void name_user(uid_t uid, char who[REQUEST_WHO_MAX])
{
    if (uid == 0)
        (void)strcpy(who, "root");
    else
        (void)snprintf(who, REQUEST_WHO_MAX, "uid=%u", (unsigned)uid);
}

static void accept_client(struct control *c, int64_t now_ns)
{
    int fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (fd < 0)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd >= 0)
            continue;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
            break;
        *client = (struct client){.fd = fd, .uid = peer.uid, .until_ns = now_ns + CONTROL_SLOW_NS};
        name_user(peer.uid, client->who);
        return;
    }
    (void)close(fd);
}

/* ---- a request ---- */

static bool may_change(const struct client *client)
{
    return client->uid == 0 || client->uid == geteuid();
}

static bool serve(struct control *c, struct client *client, struct error *err)
{
    struct request request;

    if (!request_parse(client->line, &request, err))
        return false;
    if (request_is_change(request.verb) && !may_change(client))
        return error_set(err, ERR_REFUSED, "%s may look, and not change anything: do it as root",
                         client->who);
    (void)strcpy(request.who, client->who);
    if (!c->ops.serve(c->ops.context, &request, &client->reply, &client->ticket, err))
        return false;
    if (request_is_change(request.verb) && client->ticket == 0)
        return error_set(err, ERR_RETRY,
                         "it holds now, but is not stored: the disk is behind. Say it again when "
                         "that is over, or it is forgotten at the next restart");
    return true;
}

static void begin_answer(struct client *client, const struct error *err, int64_t now_ns)
{
    struct error too_long;

    if (err == NULL)
        reply_ok(&client->reply);
    if (err == NULL && client->reply.is_short) {
        (void)error_set(&too_long, ERR_NOMEM, "not enough memory for the answer");
        err = &too_long;
    }
    if (err != NULL)
        reply_error(&client->reply, err);
    client->state = CLIENT_TAKES;
    client->sent = 0;
    client->until_ns = now_ns + CONTROL_SLOW_NS;
}

static void serve_line(struct control *c, struct client *client, int64_t now_ns)
{
    struct error err;

    client->ticket = 0;
    if (!serve(c, client, &err))
        begin_answer(client, &err, now_ns);
    else if (client->ticket == 0)
        begin_answer(client, NULL, now_ns);
    else
        client->state = CLIENT_WAITS;
}

/* Is what it waits for on disk? */
static void look_at_ticket(struct control *c, struct client *client, int64_t now_ns)
{
    struct error err;

    switch (c->ops.ticket(c->ops.context, client->ticket)) {
    case TICKET_WAITING:
        return;
    case TICKET_STORED:
        begin_answer(client, NULL, now_ns);
        return;
    case TICKET_FAILED:
        (void)error_set(&err, ERR_STORE,
                        "it holds now, but could not be stored, and will be forgotten at the next "
                        "restart: see the log of pageballoond");
        begin_answer(client, &err, now_ns);
        return;
    }
}

/* False: it is gone, or says what is no line. */
static bool read_line(struct control *c, struct client *client, int64_t now_ns)
{
    ssize_t n = recv(client->fd, client->line + client->length,
                     sizeof client->line - client->length, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    client->length += (size_t)n;
    char *end = memchr(client->line, '\n', client->length);

    if (end == NULL)
        return client->length < sizeof client->line;
    /* one request, one answer: what comes ahead of the answer is not waited for */
    if (end + 1 != client->line + client->length ||
        memchr(client->line, '\0', client->length) != NULL)
        return false;
    *end = '\0';
    client->length = 0;
    serve_line(c, client, now_ns);
    return true;
}

/* False: it is gone. */
static bool send_answer(struct client *client, int64_t now_ns)
{
    size_t rest = client->reply.length - client->sent;
    ssize_t n = send(client->fd, client->reply.text + client->sent,
                     rest < PIECE_MAX ? rest : PIECE_MAX, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    client->sent += (size_t)n;
    if (client->sent == client->reply.length) {
        reply_clear(&client->reply);
        client->state = CLIENT_SAYS;
        client->until_ns = now_ns + CONTROL_SLOW_NS;
    }
    return true;
}

static bool step(struct control *c, struct client *client, short revents, int64_t now_ns)
{
    /* who waits for an answer may have hung up; what was asked is done all the same */
    if ((revents & (POLLERR | POLLNVAL)) != 0 ||
        (client->state != CLIENT_SAYS && (revents & POLLHUP) != 0))
        return false;
    if (client->state == CLIENT_SAYS && (revents & (POLLIN | POLLHUP)) != 0 &&
        !read_line(c, client, now_ns))
        return false;
    if (client->state == CLIENT_WAITS)
        look_at_ticket(c, client, now_ns);
    /* at once: the answer most often fits the socket */
    if (client->state == CLIENT_TAKES && !send_answer(client, now_ns))
        return false;
    return client->state == CLIENT_WAITS || now_ns < client->until_ns;
}

void control_handle(struct control *c, const struct pollfd *fds, int64_t now_ns)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd >= 0 && !step(c, client, fds[1 + i].revents, now_ns))
            drop(client);
    }
    if ((fds[0].revents & POLLIN) != 0)
        accept_client(c, now_ns);
}
