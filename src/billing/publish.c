#include "billing/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(const struct publication *p, const char *name, const char *what, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "%s/%s can't be %s: %s", p->dir, name, what, strerror(errno));
}

/* ---- the directory ---- */

/* On a file system without locks nobody is kept out. */
static bool lock_dir(const struct publication *p, struct error *err)
{
    if (flock(p->dir_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    return error_set(err, ERR_RETRY, "%s: another export is writing there", p->dir);
}

bool publish_begin(struct publication *p, const char *dir, struct error *err)
{
    *p = (struct publication){.dir_fd = -1, .sink.fd = -1};
    if (dir[0] == '\0' || strlen(dir) >= sizeof p->dir)
        return error_set(err, ERR_USAGE, "'%.60s' can't be a directory", dir);
    (void)snprintf(p->dir, sizeof p->dir, "%s", dir);
    p->has_made_dir = mkdir(dir, 0777) == 0;
    if (!p->has_made_dir && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "%s can't be made: %s", dir, strerror(errno));
    p->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir_fd < 0)
        return error_set(err, ERR_SYSTEM, "%s can't be opened: %s", dir, strerror(errno));
    return lock_dir(p, err);
}

static bool sync_dir(const struct publication *p, struct error *err)
{
    if (fsync(p->dir_fd) == 0 || errno == EINVAL) /* some file systems have nothing to sync there */
        return true;
    return error_set(err, ERR_SYSTEM, "%s can't be written: %s", p->dir, strerror(errno));
}

/* ---- a file ---- */

/* A stream's writer: all of it, or 0. */
static ssize_t write_sink(void *self, const char *data, size_t size)
{
    struct publish_sink *sink = self;

    for (size_t written = 0; written < size && sink->error == 0;) {
        ssize_t n = write(sink->fd, data + written, size - written);

        if (n < 0 && errno != EINTR)
            sink->error = errno;
        written += n > 0 ? (size_t)n : 0;
    }
    if (sink->error != 0)
        return 0;
    sha256_update(&sink->hash, size, (const uint8_t *)data);
    sink->bytes += size;
    return (ssize_t)size;
}

static FILE *open_sink(struct publication *p, const char *fresh)
{
    p->sink = (struct publish_sink){
        .fd = openat(p->dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
    sha256_init(&p->sink.hash);
    return p->sink.fd < 0
               ? NULL
               : fopencookie(&p->sink, "w", (cookie_io_functions_t){.write = write_sink});
}

FILE *publish_open(struct publication *p, const char *name, struct error *err)
{
    struct publish_file *f = &p->files[p->count];

    if (p->count == PUBLISH_FILES_MAX || strlen(name) >= sizeof f->name) {
        (void)error_set(err, ERR_RANGE, "%.80s: too many files, or too long a name", name);
        return NULL;
    }
    *f = (struct publish_file){0};
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    (void)snprintf(f->fresh, sizeof f->fresh, ".%s.new", name);
    (void)snprintf(f->old, sizeof f->old, ".%s.old", name);
    (void)unlinkat(p->dir_fd, f->fresh, 0); /* of a run that was killed */
    p->open = open_sink(p, f->fresh);
    if (p->open == NULL)
        (void)fail(p, f->name, "written", err);
    p->count++; /* publish_end removes what there may be of it */
    return p->open;
}

/* Closes what is open. 0, or the first error. */
static int close_sink(struct publication *p)
{
    bool is_flushed = p->open == NULL || fclose(p->open) == 0;
    int error = p->sink.error;

    p->open = NULL;
    if (p->sink.fd < 0)
        return 0;
    if (error == 0 && !is_flushed)
        error = EIO;
    if (error == 0 && fsync(p->sink.fd) != 0)
        error = errno;
    if (close(p->sink.fd) != 0 && error == 0)
        error = errno;
    p->sink.fd = -1;
    return error;
}

bool publish_finish(struct publication *p, struct publish_sum *sum, struct error *err)
{
    struct chain_hash digest;

    errno = close_sink(p);
    if (errno != 0)
        return fail(p, p->files[p->count - 1].name, "written", err);
    sha256_digest(&p->sink.hash, sizeof digest.bytes, digest.bytes);
    (void)chain_format(&digest, sum->sha256);
    sum->bytes = p->sink.bytes;
    return true;
}

/* ---- all of them ---- */

/* Keeps what is there now, if anything. */
static bool keep_old(const struct publication *p, struct publish_file *f, struct error *err)
{
    struct stat st;

    (void)unlinkat(p->dir_fd, f->old, 0);
    if (fstatat(p->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || fail(p, f->name, "replaced", err);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return fail(p, f->name, "replaced", err);
    }
    f->has_old = linkat(p->dir_fd, f->name, p->dir_fd, f->old, 0) == 0;
    f->must_move = !f->has_old;
    return true;
}

/* Away from its name, to be put back. */
static bool move_old(const struct publication *p, struct publish_file *f, struct error *err)
{
    if (f->has_old || !f->must_move)
        return true;
    f->has_old = renameat(p->dir_fd, f->name, p->dir_fd, f->old) == 0;
    return f->has_old || fail(p, f->name, "replaced", err);
}

static bool appear(const struct publication *p, struct publish_file *f, struct error *err)
{
    if (!move_old(p, f, err))
        return false;
    f->is_there = renameat(p->dir_fd, f->fresh, p->dir_fd, f->name) == 0;
    return f->is_there || fail(p, f->name, "replaced", err);
}

static bool take_away_last(const struct publication *p, struct publish_file *f, struct error *err)
{
    return move_old(p, f, err) && (unlinkat(p->dir_fd, f->name, 0) == 0 || errno == ENOENT ||
                                   fail(p, f->name, "replaced", err));
}

bool publish_all(struct publication *p, struct error *err)
{
    struct publish_file *last = &p->files[p->count - 1];

    for (size_t i = 0; i < p->count; i++)
        if (!keep_old(p, &p->files[i], err))
            return false;
    if (!take_away_last(p, last, err))
        return false;
    for (struct publish_file *f = p->files; f < last; f++)
        if (!appear(p, f, err))
            return false;
    return sync_dir(p, err) && appear(p, last, err) && sync_dir(p, err);
}

static void take_back(const struct publication *p, const struct publish_file *f)
{
    if (f->has_old)
        (void)renameat(p->dir_fd, f->old, p->dir_fd, f->name);
    else if (f->is_there)
        (void)unlinkat(p->dir_fd, f->name, 0);
}

void publish_end(struct publication *p, bool is_kept)
{
    (void)close_sink(p);
    if (!is_kept && p->count > 0 && p->files[p->count - 1].is_there)
        (void)unlinkat(p->dir_fd, p->files[p->count - 1].name, 0);
    for (size_t i = 0; i < p->count; i++) {
        if (!is_kept)
            take_back(p, &p->files[i]);
        (void)unlinkat(p->dir_fd, p->files[i].fresh, 0);
        (void)unlinkat(p->dir_fd, p->files[i].old, 0); /* two names of one file are not renamed */
    }
    if (p->dir_fd >= 0) {
        (void)fsync(p->dir_fd);
        (void)close(p->dir_fd);
    }
    if (!is_kept && p->has_made_dir)
        (void)rmdir(p->dir);
    *p = (struct publication){.dir_fd = -1, .sink.fd = -1};
}
