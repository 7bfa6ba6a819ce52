/*
 * Lines: whatever the input and the sizes of the reads, they are what splitting at newlines gives.
 */
#include "fuzz.h"

#include "common/lines.h"

static struct lines lines;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    size_t at = 0;
    struct error err;

    HOLDS(lseek(fd, 0, SEEK_SET) == 0);
    lines_init(&lines, fd);
    for (;;) {
        const char *line;
        size_t length;
        enum lines_result result = lines_next(&lines, &line, &length, &err);

        if (result == LINES_FAILED) {
            HOLDS(size - at >= LINES_BUFFER);
            break;
        }
        HOLDS(at + length <= size);
        HOLDS(length == 0 || memcmp(line, data + at, length) == 0);
        HOLDS(length == 0 || memchr(line, '\n', length) == NULL);
        if (result == LINES_END) {
            HOLDS(at + length == size);
            break;
        }
        HOLDS(data[at + length] == '\n');
        at += length + 1;
    }
    (void)close(fd);
    return 0;
}
