/*
 * stream_connect.c - a subscriber's way to the stream.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "meter/stream.h"

int stream_connect(const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        (void)error_set(err, ERR_USAGE, "the name of the socket is too long: %s", path);
        return -1;
    }
    (void)strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    (void)error_set(err, ERR_SYSTEM, "can't reach pagemeterd at %s: %s; %s", path, strerror(why),
                    why == EACCES ? "it is open to root and to the group of its socket"
                                  : "is it running, and with this --stream?");
    return -1;
}
