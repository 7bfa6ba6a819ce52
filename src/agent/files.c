#include "agent/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char *const paths[GUEST_FILES] = {
    [GUEST_MEMINFO] = "/proc/meminfo",
    [GUEST_VMSTAT] = "/proc/vmstat",
    [GUEST_PRESSURE] = "/proc/pressure/memory",
    [GUEST_CURRENT] = "/sys/devices/system/xen_memory/xen_memory0/info/current_kb",
};

/* The alarm is a file of its own: it goes with the file that it was written to. */
static int open_alarm(void)
{
    static const char alarm[] = FILES_ALARM;
    int fd = open(paths[GUEST_PRESSURE], O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && write(fd, alarm, sizeof alarm) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void files_open(struct files *f)
{
    for (int i = 0; i < GUEST_FILES; i++)
        f->fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
    f->alarm = open_alarm();
}

void files_close_alarm(struct files *f)
{
    if (f->alarm >= 0)
        (void)close(f->alarm);
    f->alarm = -1;
}

/* The kernel gives a long file a page at a time: to the end, or -1. */
static ssize_t read_whole(int fd, char *to, size_t room)
{
    size_t have = 0;

    while (have < room) {
        ssize_t n = pread(fd, to + have, room - have, (off_t)have);

        if (n == 0)
            return (ssize_t)have;
        if (n > 0)
            have += (size_t)n;
        else if (errno != EINTR)
            return -1;
    }
    return -1;
}

size_t files_read(void *context, enum guest_file file, const char **text)
{
    struct files *f = context;
    ssize_t length = -1;

    *text = f->text;
    if (f->fds[file] < 0)
        f->fds[file] = open(paths[file], O_RDONLY | O_CLOEXEC);
    if (f->fds[file] < 0)
        return 0;
    length = read_whole(f->fds[file], f->text, sizeof f->text);
    if (length >= 0)
        return (size_t)length;
    (void)close(f->fds[file]);
    f->fds[file] = -1;
    return 0;
}
