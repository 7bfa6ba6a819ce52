/*
 * listen.h - where it listens: a Unix socket, or an address of this machine's own.
 */
#ifndef PAGEMETER_SERVE_LISTEN_H
#define PAGEMETER_SERVE_LISTEN_H

#include "common/local_socket.h"

struct listener {
    int fd; /* libmicrohttpd closes it with its daemon; -1: closed */
    bool is_unix;
    struct local_socket socket;
};

/* "/run/x.sock", or "127.0.0.1:8080", "[::1]:8080". ERR_USAGE for others, unless is_public. */
MUST_CHECK bool listener_open(struct listener *out, const char *where, bool is_public,
                              struct error *err);
void listener_close(struct listener *listener);

#endif
