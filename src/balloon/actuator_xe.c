#include "balloon/actuator_xe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/units.h"

enum { SAID_MAX = 256, ARGUMENT_MAX = 64, BYTES_PER_KIB = 1024 };

/* What one VM is to have, and when it was last asked for. A free place has no started_ns. */
struct wish {
    struct uuid uuid;
    bool is_waiting;
    uint64_t target_kib;
    unsigned next;                     /* of started_ns: the oldest */
    int64_t started_ns[XE_PER_MINUTE]; /* 0: never */
};

struct xe {
    struct actuator actuator;
    struct actuator *inner;
    char *command;
    struct host_view view; /* of the last reading */
    struct wish *wishes;   /* BALLOON_VMS_MAX */
    size_t count;
    size_t last; /* the one that was served last */
    pid_t pid;   /* 0: none is running */
    int said_fd; /* what it says */
    struct uuid uuid;
    int64_t began_ns;
    bool is_killed;
    size_t said;
    char text[SAID_MAX];
};

static bool xe_read(struct actuator *a, struct host_view *view, struct error *err)
{
    struct xe *x = (struct xe *)a;

    if (!x->inner->ops->read(x->inner, view, err))
        return false;
    x->view = *view;
    return true;
}

static bool xe_leave_to_xapi(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    (void)a;
    (void)domid;
    (void)kib;
    (void)err;
    return true;
}

static bool xe_tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                    struct error *err)
{
    struct actuator *inner = ((struct xe *)a)->inner;

    return inner->ops->tell(inner, domid, node, value, err);
}

static const struct uuid *find_uuid(const struct xe *x, uint16_t domid)
{
    for (size_t i = 0; i < x->view.count; i++)
        if (x->view.domains[i].domid == domid)
            return &x->view.domains[i].uuid;
    return NULL;
}

/* No start within the last minute: its place may be another's. */
static bool is_over(const struct wish *w, int64_t now_ns)
{
    for (unsigned i = 0; i < XE_PER_MINUTE; i++)
        if (w->started_ns[i] != 0 && now_ns - w->started_ns[i] < 60 * NS_PER_S)
            return false;
    return !w->is_waiting;
}

/* The VM's place, or a new one. NULL: all are taken. */
static struct wish *place_for(struct xe *x, const struct uuid *uuid)
{
    struct wish *free_place = NULL;

    for (size_t i = 0; i < x->count; i++) {
        struct wish *w = &x->wishes[i];

        if (uuid_is_equal(&w->uuid, uuid))
            return w;
        if (free_place == NULL && is_over(w, x->view.now_ns))
            free_place = w;
    }
    if (free_place == NULL && x->count < BALLOON_VMS_MAX)
        free_place = &x->wishes[x->count++];
    if (free_place != NULL)
        *free_place = (struct wish){.uuid = *uuid};
    return free_place;
}

static bool xe_set_target(struct actuator *a, uint16_t domid, uint64_t target_kib,
                          struct error *err)
{
    struct xe *x = (struct xe *)a;
    const struct uuid *uuid = find_uuid(x, domid);

    if (target_kib > KIB_MAX)
        return error_set(err, ERR_RANGE, "%" PRIu64 " KiB is no target", target_kib);
    if (uuid == NULL)
        return error_set(err, ERR_SYSTEM, "no target can be set: there is no domain %u", domid);
    struct wish *w = place_for(x, uuid);

    if (w == NULL)
        return error_set(err, ERR_REFUSED, "more than %d VMs wait for XAPI", BALLOON_VMS_MAX);
    w->target_kib = target_kib;
    w->is_waiting = true;
    return true;
}

/* ---- commands ---- */

/* In a process group of its own, with nothing of ours but what it says. 0: it started. */
static int spawn(pid_t *pid, char *const arguments[], int said_fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    sigset_t pipes;
    int failed;

    (void)sigemptyset(&none);
    (void)sigemptyset(&pipes);
    (void)sigaddset(&pipes, SIGPIPE);
    failed = posix_spawn_file_actions_init(&files);
    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&how);
    if (failed != 0)
        goto no_attributes;
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&how, 0);
    (void)posix_spawnattr_setsigmask(&how, &none);
    (void)posix_spawnattr_setsigdefault(&how, &pipes);
    if ((failed = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) == 0 &&
        (failed = posix_spawn_file_actions_adddup2(&files, said_fd, 1)) == 0 &&
        (failed = posix_spawn_file_actions_adddup2(&files, said_fd, 2)) == 0)
        failed = posix_spawnp(pid, arguments[0], &files, &how, arguments, environ);
    (void)posix_spawnattr_destroy(&how);
no_attributes:
    (void)posix_spawn_file_actions_destroy(&files);
    return failed;
}

static bool start(struct xe *x, struct wish *w, int64_t now_ns, struct error *err)
{
    char uuid[ARGUMENT_MAX];
    char min[ARGUMENT_MAX];
    char max[ARGUMENT_MAX];
    char text[UUID_TEXT_MAX];
    char name[] = "vm-memory-dynamic-range-set";
    char *arguments[] = {x->command, name, uuid, min, max, NULL};
    int pipe_fds[2];

    w->is_waiting = false;
    w->started_ns[w->next] = now_ns;
    w->next = (w->next + 1) % XE_PER_MINUTE;
    (void)snprintf(uuid, sizeof uuid, "uuid=%s", uuid_format(&w->uuid, text));
    (void)snprintf(min, sizeof min, "min=%" PRIu64, w->target_kib * BYTES_PER_KIB);
    (void)snprintf(max, sizeof max, "max=%" PRIu64, w->target_kib * BYTES_PER_KIB);
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return error_set(err, ERR_SYSTEM, "can't start %s: %s", x->command, strerror(errno));
    int failed = spawn(&x->pid, arguments, pipe_fds[1]);

    (void)close(pipe_fds[1]);
    if (failed != 0) {
        x->pid = 0;
        (void)close(pipe_fds[0]);
        return error_set(err, ERR_SYSTEM, "can't start %s: %s", x->command, strerror(failed));
    }
    (void)fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK); /* ours; the command's may block */
    x->said_fd = pipe_fds[0];
    x->said = 0;
    x->uuid = w->uuid;
    x->began_ns = now_ns;
    x->is_killed = false;
    return true;
}

/* Keeps the beginning of what it says, and lets the rest go. */
static void hear(struct xe *x)
{
    char rest[SAID_MAX];
    ssize_t got;

    while ((got = read(x->said_fd, rest, sizeof rest)) > 0) {
        size_t room = sizeof x->text - 1 - x->said;
        size_t taken = (size_t)got < room ? (size_t)got : room;

        memcpy(x->text + x->said, rest, taken);
        x->said += taken;
    }
    x->text[x->said] = 0;
}

/* One line, of printable text. */
static const char *first_line(struct xe *x)
{
    size_t i = 0;

    while (x->text[i] >= ' ' && x->text[i] <= '~')
        i++;
    x->text[i] = 0;
    return i == 0 ? "without a word" : x->text;
}

static bool report(struct xe *x, int status, struct error *err)
{
    char uuid[UUID_TEXT_MAX];

    (void)uuid_format(&x->uuid, uuid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (x->is_killed)
        return error_set(err, ERR_SYSTEM, "%s took too long to set the memory of VM %s: killed",
                         x->command, uuid);
    return error_set(err, ERR_SYSTEM, "%s could not set the memory of VM %s (status %d): %s",
                     x->command, uuid,
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                     first_line(x));
}

/* Takes the end of the command that runs, if it has ended. */
static bool look_after(struct xe *x, int64_t now_ns, struct error *err)
{
    int status = 0;
    pid_t ended = waitpid(x->pid, &status, WNOHANG);

    hear(x); /* after the wait: then all of it is there */
    if (ended == 0) {
        if (!x->is_killed && now_ns - x->began_ns > XE_LIMIT_NS)
            x->is_killed = kill(-x->pid, SIGKILL) == 0;
        return true;
    }
    x->pid = 0;
    (void)close(x->said_fd);
    return ended > 0 ? report(x, status, err)
                     : error_set(err, ERR_SYSTEM, "%s was lost: %s", x->command, strerror(errno));
}

static bool may_start(const struct wish *w, int64_t now_ns)
{
    int64_t oldest_ns = w->started_ns[w->next];

    return w->is_waiting && (oldest_ns == 0 || now_ns - oldest_ns >= 60 * NS_PER_S);
}

static struct wish *next_wish(struct xe *x, int64_t now_ns)
{
    for (size_t n = 1; n <= x->count; n++) {
        size_t i = (x->last + n) % x->count;

        if (may_start(&x->wishes[i], now_ns)) {
            x->last = i;
            return &x->wishes[i];
        }
    }
    return NULL;
}

bool actuator_xe_step(struct actuator *a, int64_t now_ns, struct error *err)
{
    struct xe *x = (struct xe *)a;

    if (x->pid != 0 && !look_after(x, now_ns, err))
        return false; /* the next wish has its turn at the next step */
    struct wish *w = x->pid == 0 ? next_wish(x, now_ns) : NULL;

    return w == NULL || start(x, w, now_ns, err);
}

static const struct actuator_ops xe_ops = {
    "xe", xe_read, xe_leave_to_xapi, xe_leave_to_xapi, xe_set_target, xe_tell};

bool actuator_open_xe(struct actuator **out, struct actuator *inner, const char *command,
                      struct error *err)
{
    struct xe *x = calloc(1, sizeof *x);

    if (x != NULL) {
        x->wishes = calloc(BALLOON_VMS_MAX, sizeof *x->wishes);
        x->command = strdup(command);
    }
    if (x == NULL || x->wishes == NULL || x->command == NULL) {
        actuator_close_xe((struct actuator *)x);
        return error_set(err, ERR_NOMEM, "not enough memory for XAPI's command");
    }
    x->actuator.ops = &xe_ops;
    x->inner = inner;
    *out = &x->actuator;
    return true;
}

void actuator_close_xe(struct actuator *a)
{
    struct xe *x = (struct xe *)a;

    if (x == NULL)
        return;
    if (x->pid != 0) {
        (void)kill(-x->pid, SIGKILL);
        (void)waitpid(x->pid, NULL, 0);
        (void)close(x->said_fd);
    }
    free(x->wishes);
    free(x->command);
    free(x);
}
