#include "cli/replay_central.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/borrow.h"

enum { PATH_ROOM = 512, COPY_ROOM = 65536 };

/* What is made in the directory, for the time being. */
static const char *const files[] = {"meter.db", "meter.db-wal", "meter.db-shm", "meter.lock",
                                    "trace"};

static bool make_dir(char dir[PATH_ROOM], struct error *err)
{
    const char *place = getenv("TMPDIR");

    (void)snprintf(dir, PATH_ROOM, "%s/pagemeter-replay.XXXXXX",
                   place != NULL && place[0] == '/' && strlen(place) < 256 ? place : "/tmp");
    return mkdtemp(dir) != NULL ||
           error_set(err, ERR_SYSTEM, "can't make the directory %s: %s", dir, strerror(errno));
}

static void remove_dir(const char *dir)
{
    char path[PATH_ROOM + 32];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static bool copy_input(FILE *in, const char *path, struct error *err)
{
    char buffer[COPY_ROOM];
    FILE *out = fopen(path, "we");
    size_t n;

    if (out == NULL)
        return error_set(err, ERR_SYSTEM, "can't write %s: %s", path, strerror(errno));
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0 && fwrite(buffer, 1, n, out) == n)
        continue;
    bool is_ok = ferror(in) == 0 && ferror(out) == 0;

    is_ok = fclose(out) == 0 && is_ok;
    return is_ok ||
           error_set(err, ERR_SYSTEM, "can't copy the trace to %s: %s", path, strerror(errno));
}

/* What is read from a pipe is needed twice. */
static bool keep_trace(const char *dir, const char **trace, char path[PATH_ROOM], struct error *err)
{
    struct stat st;
    bool is_input = strcmp(*trace, "-") == 0;

    if (!is_input && (stat(*trace, &st) != 0 || S_ISREG(st.st_mode)))
        return true;
    FILE *in = is_input ? stdin : fopen(*trace, "re");

    if (in == NULL)
        return error_set(err, ERR_SYSTEM, "can't read %s: %s", *trace, strerror(errno));
    (void)snprintf(path, PATH_ROOM, "%.480s/trace", dir);
    *trace = path;
    bool is_ok = copy_input(in, path, err);

    if (!is_input)
        (void)fclose(in);
    return is_ok;
}

/* Who reads the message knows the file by the name that he gave it. */
static bool rename_it(const char *dir, const char *name, struct error *err)
{
    char text[ERROR_TEXT_MAX];
    size_t length = strlen(dir) + strlen("/trace");

    if (strncmp(err->text, dir, strlen(dir)) != 0)
        return false;
    (void)snprintf(text, sizeof text, "%s", err->text + length);
    (void)snprintf(err->text, sizeof err->text, "%.100s%.400s", name, text);
    return false;
}

static bool replay_there(const char *dir, const char *trace, const struct replay_options *options,
                         struct replay_result *result, struct error *err)
{
    struct store *store = NULL;
    bool is_ok =
        store_open(&store, dir, STORE_WRITE, err) && replay_run(store, trace, options, result, err);

    store_close(store);
    return is_ok;
}

bool replay_central(const char *uri, const char *trace, const struct replay_options *options,
                    struct replay_result *result, struct error *err)
{
    char dir[PATH_ROOM], path[PATH_ROOM];
    struct replay_options named = *options;
    struct uuid host;

    named.name = trace;
    if (!make_dir(dir, err))
        return false;
    bool is_ok = keep_trace(dir, &trace, path, err) &&
                 (replay_read_host(trace, &host, err) || rename_it(dir, named.name, err)) &&
                 borrow_store(uri, &host, dir, err) &&
                 replay_there(dir, trace, &named, result, err) &&
                 borrow_return(uri, &host, dir, err);

    remove_dir(dir);
    return is_ok;
}
