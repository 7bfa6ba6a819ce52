/*
 * local_socket.h - a Unix socket that a daemon listens at: one daemon for each path, and what a
 * killed one left is replaced.
 */
#ifndef PAGEMETER_LOCAL_SOCKET_H
#define PAGEMETER_LOCAL_SOCKET_H

#include <sys/types.h>

#include "common/error.h"

enum { LOCAL_PATH_MAX = 108 };

struct local_socket {
    int fd; /* non-blocking; -1: closed */
    char path[LOCAL_PATH_MAX];
    dev_t dev; /* of what was made at the path */
    ino_t ino;
};

/*
 * Listens at `path`, open to the user and the group that the daemon runs with; its directory is
 * made when absent. A socket that nobody listens at is replaced; ERR_REFUSED when somebody does:
 * `who` is what such a daemon is called.
 */
MUST_CHECK bool local_socket_listen(struct local_socket *out, const char *path, const char *who,
                                    struct error *err);

/*
 * Stops listening, and removes the path unless another daemon has put its own there. Nothing when
 * it is closed.
 */
void local_socket_close(struct local_socket *socket);

/* The other end: a connected socket, or -1 with errno as connect(2) left it. */
int local_socket_connect(const char *path);

#endif
