/*
 * reader - reads a file over and over, as a program does that lives on its file cache.
 *
 *   reader [-i ID] [-c] -s MIB -h SECONDS [-r MIB_PER_S] FILE
 *
 *   -c   first make the file, of -s MiB       -s   how much of it is read in turn
 *   -r   no faster than that, with pauses (as fast as it goes)
 *
 * A line at the end: reader ID end rounds=N mib_per_s=N worst_ms=N refaults=N some_ms=N
 * mib_per_s is of the last full round, pauses not counted: how fast it goes once the cache has settled. worst_ms is the longest that
 * 256 KiB took.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memfile.h"

enum { CHUNK_KIB = 256 };

static char    chunk[CHUNK_KIB * 1024];
static int64_t size_kib, worst_ns, rate_kib, reading_ns;

static void pause_ns(int64_t ns)
{
    struct timespec pause = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

    if (ns > 0)
        nanosleep(&pause, NULL);
}

static bool make_file(const char *path)
{
    int  file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    bool is_ok = file >= 0;

    memset(chunk, 'r', sizeof chunk);
    for (int64_t kib = 0; is_ok && kib < size_kib; kib += CHUNK_KIB)
        is_ok = write(file, chunk, sizeof chunk) == (ssize_t)sizeof chunk;
    if (file >= 0)
        is_ok = fsync(file) == 0 && close(file) == 0 && is_ok;
    return is_ok;
}

static bool read_round(int file)
{
    int64_t begun_ns = now_ns();

    if (lseek(file, 0, SEEK_SET) < 0)
        return false;
    reading_ns = 0;
    for (int64_t kib = 0; kib < size_kib; kib += CHUNK_KIB) {
        int64_t before_ns = now_ns(), took_ns;

        if (read(file, chunk, sizeof chunk) != (ssize_t)sizeof chunk)
            return false;
        took_ns = now_ns() - before_ns;
        if (took_ns > worst_ns)
            worst_ns = took_ns;
        reading_ns += took_ns;
        if (rate_kib > 0 && kib % 4096 == 0)
            pause_ns(begun_ns + kib * 1000000000 / rate_kib - now_ns());
    }
    return true;
}

int main(int argc, char **argv)
{
    const char     *id = "-";
    bool            is_making = false;
    int64_t         hold_s = 0, end_ns, rounds = 0;
    struct pressure before, after;
    int             option, file;

    while ((option = getopt(argc, argv, "i:cs:h:r:")) != -1)
        switch (option) {
        case 'i': id = optarg; break;
        case 'c': is_making = true; break;
        case 's': size_kib = strtoll(optarg, NULL, 10) * 1024; break;
        case 'h': hold_s = strtoll(optarg, NULL, 10); break;
        case 'r': rate_kib = strtoll(optarg, NULL, 10) * 1024; break;
        default: return 2;
        }
    if (optind != argc - 1 || size_kib <= 0) {
        fputs("usage: reader [-i ID] [-c] -s MIB -h SECONDS [-r MIB_PER_S] FILE\n", stderr);
        return 2;
    }
    if (is_making && !make_file(argv[optind])) {
        perror(argv[optind]);
        return 1;
    }
    file = open(argv[optind], O_RDONLY);
    pressure_read(&before);
    for (end_ns = now_ns() + hold_s * 1000000000; now_ns() < end_ns; rounds++) {
        if (!read_round(file)) {
            perror(argv[optind]);
            return 1;
        }
    }
    pressure_read(&after);
    printf("reader %s end rounds=%" PRId64 " mib_per_s=%.1f worst_ms=%.1f refaults=%" PRId64 " some_ms=%.1f\n",
           id, rounds, reading_ns > 0 ? (double)size_kib / 1024 / ((double)reading_ns / 1e9) : 0.0,
           (double)worst_ns / 1e6, after.refaults - before.refaults,
           after.some_us < 0 ? -1.0 : (double)(after.some_us - before.some_us) / 1e3);
    return 0;
}
