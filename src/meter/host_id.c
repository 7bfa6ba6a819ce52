#include "meter/host_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* *is_there false when there is no file. */
static bool read_id(const char *path, struct uuid *out, bool *is_there, struct error *err)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *is_there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || error_set(err, ERR_SYSTEM,
                                            "can't read the id of this host from "
                                            "%s: %s",
                                            path, strerror(errno));
    ssize_t n = read(fd, text, sizeof text - 1);

    (void)close(fd);
    if (n >= UUID_TEXT_LENGTH && uuid_parse(text, UUID_TEXT_LENGTH, out))
        return true;
    return error_set(err, ERR_INPUT,
                     "%s does not hold a uuid: restore the file, or remove it, and the id that the "
                     "store has is taken",
                     path);
}

/* Whole or not at all: temporary name, to disk, rename. */
static bool write_id(const char *path, const struct uuid *id, struct error *err)
{
    char temporary[1100];
    char text[UUID_TEXT_MAX + 1];

    (void)snprintf(temporary, sizeof temporary, "%s.part", path);
    uuid_format(id, text);
    (void)strcat(text, "\n");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_ok =
        fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    if (is_ok && rename(temporary, path) == 0)
        return true;
    (void)unlink(temporary);
    return error_set(err, ERR_SYSTEM, "can't write the id of this host to %s: %s", path,
                     strerror(is_ok ? errno : why));
}

bool host_id_find(const char *dir, const struct meter_state *state, struct uuid *out,
                  struct error *err)
{
    char path[1024];
    struct uuid id;
    bool is_there;

    if ((size_t)snprintf(path, sizeof path, "%s/host-id", dir) >= sizeof path)
        return error_set(err, ERR_USAGE, "the name of the directory is too long");
    if (!read_id(path, &id, &is_there, err))
        return false;
    if (!is_there) {
        if (state->has_host)
            id = state->host;
        else if (!uuid_random(&id, err))
            return false;
        if (!write_id(path, &id, err))
            return false;
    }
    *out = id;
    return true;
}

bool host_lock(int *fd, struct error *err)
{
    static const char path[] = "/run/pagemeterd.lock";
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (lock < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
        lock =
            open(path, O_RDONLY | O_CLOEXEC); /* made by the unit's RuntimeDirectory or tmpfiles */
    if (lock < 0)
        return error_set(err, ERR_SYSTEM, "can't open %s: %s; run pagemeterd as root", path,
                         strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void)close(lock);
        return error_set(
            err, ERR_REFUSED,
            "another pagemeterd meters this host (it holds %s): one is enough, and two "
            "would bill twice",
            path);
    }
    *fd = lock;
    return true;
}
