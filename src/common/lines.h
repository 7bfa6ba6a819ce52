/*
 * lines.h - the lines of a file or a socket, one after the other, without copying each.
 *
 * A line longer than the buffer is an error; nothing else is looked at. Text behind the last
 * newline is not a line: it was cut off.
 */
#ifndef PAGEMETER_LINES_H
#define PAGEMETER_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum { LINES_BUFFER = 1 << 18 };

struct lines {
    int fd; /* the caller's */
    size_t at;
    size_t end;
    bool is_at_eof;
    char buffer[LINES_BUFFER];
};

void lines_init(struct lines *lines, int fd);

enum lines_result { LINES_LINE, LINES_END, LINES_FAILED };

/*
 * The next line without its newline, valid until the next call. LINES_END: nothing more; *length is
 * then what stood behind the last newline.
 */
enum lines_result lines_next(struct lines *lines, const char **line, size_t *length,
                             struct error *err);

#endif
