#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/number.h"

enum { BACKLOG = 512, HOST_MAX = 64 };

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static bool fill_address(const char *host, uint16_t port, union address *out, socklen_t *size,
                         bool *is_loopback)
{
    *out = (union address){.any.sa_family = AF_UNSPEC};
    if (inet_pton(AF_INET, host, &out->four.sin_addr) == 1) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = htons(port);
        *size = sizeof out->four;
        *is_loopback = ntohl(out->four.sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &out->six.sin6_addr) != 1)
        return false;
    out->six.sin6_family = AF_INET6;
    out->six.sin6_port = htons(port);
    *size = sizeof out->six;
    *is_loopback = IN6_IS_ADDR_LOOPBACK(&out->six.sin6_addr);
    return true;
}

/* "127.0.0.1:8080" and "[::1]:8080": numbers only, so that nothing is looked up. */
static bool parse_address(const char *where, union address *out, socklen_t *size, bool *is_loopback)
{
    const char *colon = strrchr(where, ':');
    char host[HOST_MAX];
    uint64_t port;

    if (colon == NULL || !number_parse(colon + 1, strlen(colon + 1), 65535, &port) ||
        colon - where >= HOST_MAX)
        return false;
    memcpy(host, where, (size_t)(colon - where));
    host[colon - where] = '\0';
    if (host[0] != '[')
        return strchr(host, ':') == NULL &&
               fill_address(host, (uint16_t)port, out, size, is_loopback);
    if (host[strlen(host) - 1] != ']')
        return false;
    host[strlen(host) - 1] = '\0';
    return fill_address(host + 1, (uint16_t)port, out, size, is_loopback);
}

static bool open_address(struct listener *l, const char *where, bool is_public, struct error *err)
{
    union address address;
    socklen_t size = 0;
    bool is_loopback = false;
    int on = 1;

    if (!parse_address(where, &address, &size, &is_loopback))
        return error_set(err, ERR_USAGE,
                         "'%.80s' is no place to listen: write the path of a socket, or an address "
                         "and a port (127.0.0.1:8080, [::1]:8080)",
                         where);
    if (!is_loopback && !is_public)
        return error_set(err, ERR_USAGE,
                         "%s can be reached from elsewhere, without encryption: say --public if "
                         "that is meant; a proxy with TLS in front of a socket is better",
                         where);
    l->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(l->fd, &address.any, size) == 0 && listen(l->fd, BACKLOG) == 0)
        return true;
    int why = errno;

    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    return error_set(err, ERR_SYSTEM, "can't listen at %s: %s", where, strerror(why));
}

bool listener_open(struct listener *l, const char *where, bool is_public, struct error *err)
{
    *l = (struct listener){.fd = -1, .socket.fd = -1};
    if (where[0] != '/')
        return open_address(l, where, is_public, err);
    if (!local_socket_listen(&l->socket, where, "pagemeter-serve", err))
        return false;
    l->is_unix = true;
    /* the backlog is of few who talk to a daemon; here many come at once */
    (void)listen(l->socket.fd, BACKLOG);
    l->fd = dup(l->socket.fd); /* one is libmicrohttpd's */
    return l->fd >= 0 || error_set(err, ERR_SYSTEM, "can't listen: %s", strerror(errno));
}

void listener_close(struct listener *l)
{
    if (l->is_unix)
        local_socket_close(&l->socket);
    *l = (struct listener){.fd = -1, .socket.fd = -1};
}
