/*
 * source_replay.c - a trace file as a source.
 *
 * The last tick of a file may be cut off, by a full disk or a killed recorder: it is dropped.
 * Anything else that is wrong is an error with its line number.
 */
#include "meter/source_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/lines.h"
#include "meter/trace.h"

struct replay {
    struct source source;
    struct trace_reader reader;
    bool has_head;
    bool is_cut_off;
    uint64_t record_line;
    struct lines lines;
};

static bool take_line(struct replay *r, const char *line, size_t length, struct record *out,
                      bool *is_record, struct error *err)
{
    enum trace_result result = trace_read_line(&r->reader, line, length, out, err);

    if (result == TRACE_BAD)
        return false;
    *is_record = result == TRACE_RECORD;
    if (!*is_record)
        return true;
    r->record_line = out->kind == RECORD_TICK ? r->reader.tick_line : r->reader.line;
    if (out->kind == RECORD_HEAD)
        r->has_head = true;
    return r->has_head || error_set(err, ERR_INPUT, "line 1: a trace begins with a P record");
}

static bool replay_next(struct source *source, struct record *out, struct error *err)
{
    struct replay *r = (struct replay *)source;
    bool is_record = false;

    while (!is_record) {
        const char *line;
        size_t length;

        switch (lines_next(&r->lines, &line, &length, err)) {
        case LINES_FAILED:
            return false;
        case LINES_END:
            r->is_cut_off = length > 0 || r->reader.is_collecting;
            if (!r->has_head)
                return error_set(err, ERR_INPUT, "line 1: a trace begins with a P record");
            *out = (struct record){.kind = RECORD_END};
            return true;
        case LINES_LINE:
            if (!take_line(r, line, length, out, &is_record, err))
                return false;
        }
    }
    return true;
}

static void replay_close(struct source *source)
{
    struct replay *r = (struct replay *)source;

    trace_reader_clear(&r->reader);
    if (r->lines.fd > STDIN_FILENO)
        (void)close(r->lines.fd);
    free(r);
}

static const struct source_ops replay_ops = {replay_next, replay_close};

bool source_open_replay(struct source **out, const char *file, const struct source_config *config,
                        struct error *err)
{
    struct stat st;

    /* who may be told to stop must not wait for a pipe */
    if (config->stop_fd >= 0 &&
        (strcmp(file, "-") == 0 || (stat(file, &st) == 0 && !S_ISREG(st.st_mode))))
        return error_set(err, ERR_SYSTEM, "can't replay %s: it is not a regular file", file);
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "can't open the trace %s: %s", file, strerror(errno));
    struct replay *r = calloc(1, sizeof *r);

    if (r == NULL || !trace_reader_init(&r->reader, err)) {
        free(r);
        if (fd > STDIN_FILENO)
            (void)close(fd);
        return error_set(err, ERR_NOMEM, "not enough memory to read a trace");
    }
    lines_init(&r->lines, fd);
    r->source = (struct source){.ops = &replay_ops, .stop_fd = config->stop_fd};
    *out = &r->source;
    return true;
}

uint64_t replay_line(const struct source *source)
{
    return ((const struct replay *)source)->record_line;
}

bool replay_is_cut_off(const struct source *source)
{
    return ((const struct replay *)source)->is_cut_off;
}
