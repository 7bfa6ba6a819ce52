#include "xen/xenstore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>

#include "common/clock.h"

static void begin_waiting(struct xenstore *x)
{
    int64_t none = 0;

    (void)atomic_compare_exchange_strong(&x->since_ns, &none, clock_mono().ns);
}

static void end_waiting(struct xenstore *x)
{
    if (xenstore_waiting_ns(x, clock_mono().ns) > XENSTORE_HUNG_NS)
        atomic_store(&x->was_hung, true);
    atomic_store(&x->since_ns, 0);
}

int64_t xenstore_waiting_ns(struct xenstore *x, int64_t now_ns)
{
    int64_t since_ns = atomic_load(&x->since_ns);

    return since_ns == 0 || now_ns < since_ns ? 0 : now_ns - since_ns;
}

/*
 * Does errno say that the connection is gone? EBADF in every call after libxenstore has seen its
 * end; in the call before that EINVAL, which may as well be xenstored's answer: one more question
 * tells.
 */
static bool is_lost(struct xenstore *x, int number)
{
    unsigned length;

    if (number != EINVAL)
        return number == EBADF || number == EPIPE || number == ECONNRESET || number == EIO;
    char *root = xs_read(x->xs, XBT_NULL, "/", &length);

    free(root);
    return root == NULL;
}

/* An answer came, or the connection is gone: then the wait goes on until somebody answers. */
static enum xenstore_result answered(struct xenstore *x, bool is_ok)
{
    if (!is_ok && is_lost(x, errno))
        return XENSTORE_LOST;
    end_waiting(x);
    return is_ok ? XENSTORE_OK : XENSTORE_NO;
}

/*
 * Is somebody behind xenstored's socket, if there is one? libxenstore would else go on to the
 * kernel's way, where in dom0 requests wait for xenstored too, and are lost when it starts anew.
 */
static bool is_served(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = xs_daemon_socket();
    struct stat file;

    if (path == NULL || stat(path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return true; /* a xenstored in a domain of its own: only the kernel's way */
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_ok =
        fd >= 0 && connect(fd, (const struct sockaddr *)&address, (socklen_t)sizeof address) == 0;

    if (fd >= 0)
        (void)close(fd);
    return is_ok;
}

enum xenstore_result xenstore_open(struct xenstore *x)
{
    begin_waiting(x);
    if (is_served())
        x->xs = xs_open(0);
    return x->xs != NULL ? XENSTORE_OK : XENSTORE_NO;
}

void xenstore_close(struct xenstore *x)
{
    if (x->xs != NULL)
        xs_close(x->xs);
    x->xs = NULL;
    x->transaction = XBT_NULL;
}

enum xenstore_result xenstore_read(struct xenstore *x, const char *path, char *text, size_t most,
                                   size_t *length)
{
    unsigned count = 0;

    begin_waiting(x);
    char *value = xs_read(x->xs, (xs_transaction_t)x->transaction, path, &count);
    enum xenstore_result result = answered(x, value != NULL);

    if (result != XENSTORE_OK)
        return result;
    *length = count < most ? count : most;
    memcpy(text, value, *length);
    free(value);
    return XENSTORE_OK;
}

enum xenstore_result xenstore_write(struct xenstore *x, const char *path, const char *value)
{
    begin_waiting(x);
    return answered(x, xs_write(x->xs, (xs_transaction_t)x->transaction, path, value,
                                (unsigned)strlen(value)));
}

enum xenstore_result xenstore_mkdir(struct xenstore *x, const char *path)
{
    begin_waiting(x);
    return answered(x, xs_mkdir(x->xs, (xs_transaction_t)x->transaction, path));
}

enum xenstore_result xenstore_show_to(struct xenstore *x, const char *path, uint16_t domid)
{
    struct xs_permissions permissions[2] = {{0, XS_PERM_NONE}, {domid, XS_PERM_READ}};

    begin_waiting(x);
    return answered(x, xs_set_permissions(x->xs, (xs_transaction_t)x->transaction, path,
                                          permissions, 2));
}

enum xenstore_result xenstore_begin(struct xenstore *x)
{
    begin_waiting(x);
    x->transaction = xs_transaction_start(x->xs);
    return answered(x, x->transaction != XBT_NULL);
}

enum xenstore_result xenstore_end(struct xenstore *x, bool is_wanted)
{
    begin_waiting(x);
    enum xenstore_result result =
        answered(x, xs_transaction_end(x->xs, (xs_transaction_t)x->transaction, !is_wanted));

    x->transaction = XBT_NULL;
    return result == XENSTORE_OK && !is_wanted ? XENSTORE_NO : result;
}

enum xenstore_result xenstore_watch(struct xenstore *x, const char *path, const char *token,
                                    bool is_wanted)
{
    begin_waiting(x);
    return answered(x, is_wanted ? xs_watch(x->xs, path, token) : xs_unwatch(x->xs, path, token));
}

bool xenstore_next_watch(struct xenstore *x, char *token, size_t size)
{
    char **event = xs_check_watch(x->xs);

    if (event == NULL)
        return false;
    (void)snprintf(token, size, "%s", event[XS_WATCH_TOKEN]);
    free(event);
    return true;
}

int xenstore_fd(struct xenstore *x)
{
    return xs_fileno(x->xs);
}
