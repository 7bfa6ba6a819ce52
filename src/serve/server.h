/*
 * server.h - HTTP: who is let in, what he may send, how long it may take. libmicrohttpd does the
 * protocol; nothing here writes anything anywhere.
 *
 * Only GET and HEAD. A request line and headers of SERVER_HEADERS_MAX bytes, no body, SERVER_WAIT_S
 * for a request and its answer, SERVER_CONNECTIONS_MAX connections. What is refused is told as
 * {"error": "a sentence"}.
 */
#ifndef PAGEMETER_SERVE_SERVER_H
#define PAGEMETER_SERVE_SERVER_H

#include "serve/link.h"
#include "serve/reader.h"

enum {
    SERVER_THREADS = 8,
    SERVER_READERS = 4, /* who make answers, at once; what needs none does not wait for them */
    SERVER_THREAD_CONNECTIONS = 125, /* server.c says why */
    SERVER_CONNECTIONS_MAX = SERVER_THREADS * SERVER_THREAD_CONNECTIONS,
    SERVER_METRICS_THREADS = 2,
    SERVER_METRICS_CONNECTIONS_MAX = SERVER_METRICS_THREADS * SERVER_THREAD_CONNECTIONS,
    SERVER_HEADERS_MAX = 8192,
    SERVER_LINE_MAX = 2048,
    SERVER_IDLE_S = 60, /* longer than SERVER_WAIT_S: who waits for his turn is not idle */
    SERVER_WAIT_S = 30,
};

struct server_options {
    const char *db;
    const char *listen;  /* a socket's path, or ADDRESS:PORT */
    const char *metrics; /* the same; NULL: at /metrics of the other, "none": nowhere */
    const char *ship;    /* the directory of pagemeter ship's notes, which may not be there */
    const struct link_key *key; /* NULL: no links */
    bool is_customers_only;
    bool is_public; /* may listen at an address that is not loopback; implies customers only */
    bool is_secure; /* a proxy speaks TLS in front: cookies for it alone */
};

struct server;

/* ERR_USAGE for an address that is not loopback without is_public. Listens when it returns. */
MUST_CHECK bool server_open(struct server **out, const struct server_options *options,
                            struct error *err);
void server_close(struct server *server);

/* Once a second: ends connections that are too slow. */
void server_look(struct server *server);

/* For the service manager: answers so far. */
uint64_t server_answers(const struct server *server);

#endif
