/*
 * stream_connect.c - a subscriber's way to the stream.
 */
#include <errno.h>
#include <string.h>

#include "common/local_socket.h"
#include "meter/stream.h"

int stream_connect(const char *path, struct error *err)
{
    int fd = local_socket_connect(path);
    int why = errno;

    if (fd >= 0)
        return fd;
    if (why == ENAMETOOLONG)
        (void)error_set(err, ERR_USAGE, "the name of the socket is too long: %s", path);
    else
        (void)error_set(err, ERR_SYSTEM, "can't reach pagemeterd at %s: %s; %s", path,
                        strerror(why),
                        why == EACCES ? "it is open to root and to the group of its socket"
                                      : "is it running, and with this --stream?");
    return -1;
}
