#include "common/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 32 };

int local_socket_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)strcpy(address.sun_path, path);
    /* a listener that hangs, its backlog full, is an error (EAGAIN), and not something to wait for
     */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        fcntl(fd, F_SETFL, 0) == 0)
        return fd;
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return -1;
}

/* Removes a socket that a killed daemon left; refuses when somebody listens there. */
static bool clear_path(const char *path, const char *who, struct error *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, ERR_REFUSED, "%s is there and is not a socket: name another", path);
    int fd = local_socket_connect(path);

    if (fd >= 0) {
        (void)close(fd);
        return error_set(err, ERR_REFUSED,
                         "another %s listens at %s: end it, or name another socket", who, path);
    }
    if (unlink(path) == 0)
        return true;
    return error_set(err, ERR_SYSTEM, "can't replace the socket %s: %s", path, strerror(errno));
}

static bool bind_at(int fd, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t before = umask(0117);

    (void)strcpy(address.sun_path, path);
    bool is_ok =
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, BACKLOG) == 0;
    int why = errno;

    (void)umask(before);
    return is_ok || error_set(err, ERR_SYSTEM,
                              "can't listen at %s: %s; name a place that can be "
                              "written",
                              path, strerror(why));
}

bool local_socket_listen(struct local_socket *out, const char *path, const char *who,
                         struct error *err)
{
    struct local_socket s = {.fd = -1};
    char dir[LOCAL_PATH_MAX];
    struct stat st = {0};

    if (strlen(path) >= sizeof s.path)
        return error_set(err, ERR_USAGE, "the name of the socket is too long: %s", path);
    (void)strcpy(s.path, path);
    (void)strcpy(dir, path);
    (void)mkdir(dirname(dir), 0755); /* what is wrong with it, bind says */
    if (!clear_path(path, who, err))
        return false;
    s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s.fd < 0)
        return error_set(err, ERR_SYSTEM, "can't make a socket: %s", strerror(errno));
    if (!bind_at(s.fd, path, err)) {
        (void)close(s.fd);
        return false;
    }
    (void)lstat(path, &st);
    s.dev = st.st_dev;
    s.ino = st.st_ino;
    *out = s;
    return true;
}

void local_socket_close(struct local_socket *s)
{
    struct stat st;

    if (s->fd < 0)
        return;
    if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
        (void)unlink(s->path);
    (void)close(s->fd);
    s->fd = -1;
}
