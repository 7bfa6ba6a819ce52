#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memfile.h"

static const char current_path[] = "/sys/devices/system/xen_memory/xen_memory0/info/current_kb";

/* The whole file; empty when it cannot be read. */
static const char *contents(const char *path)
{
    static char text[16384];
    int         file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t     length = 0, n;

    while (file >= 0 && (n = read(file, text + length, sizeof text - 1 - (size_t)length)) > 0)
        length += n;
    if (file >= 0)
        close(file);
    text[length] = '\0';
    return text;
}

/* The number after the line's first word; 0 without such a line. */
static int64_t number_after(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (!strncmp(line, word, length) && (line[length] == ' ' || line[length] == ':'))
            return strtoll(line + length + 1, NULL, 10);
    return 0;
}

static int64_t total_after(const char *text, const char *word)
{
    const char *line = strstr(text, word), *total = line ? strstr(line, "total=") : NULL;

    return total ? strtoll(total + 6, NULL, 10) : -1;
}

void memory_read(struct memory *m)
{
    const char *text = contents("/proc/meminfo");

    m->total_kib = number_after(text, "MemTotal");
    m->available_kib = number_after(text, "MemAvailable");
    m->swap_total_kib = number_after(text, "SwapTotal");
    m->swap_free_kib = number_after(text, "SwapFree");
    m->current_kib = strtoll(contents(current_path), NULL, 10);
}

void pressure_read(struct pressure *p)
{
    static const char *const stalls[] = { "allocstall_dma", "allocstall_dma32", "allocstall_normal",
                                          "allocstall_movable" };
    const char *text = contents("/proc/vmstat");

    p->swap_in = number_after(text, "pswpin");
    p->swap_out = number_after(text, "pswpout");
    p->refaults = number_after(text, "workingset_refault_anon") + number_after(text, "workingset_refault_file");
    p->oom_kills = number_after(text, "oom_kill");
    p->stalls = 0;
    for (size_t i = 0; i < sizeof stalls / sizeof *stalls; i++)
        p->stalls += number_after(text, stalls[i]);
    text = contents("/proc/pressure/memory");
    p->some_us = total_after(text, "some");
    p->full_us = total_after(text, "full");
}

int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void sleep_until_ns(int64_t at_ns)
{
    struct timespec t = { .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);

    if (file >= 0) {
        if (write(file, text, strlen(text)) < 0)
            perror(path);
        close(file);
    }
}

void guard_self(void)
{
    struct sched_param first = { .sched_priority = 10 };

    write_text("/proc/self/oom_score_adj", "-1000");
    mlockall(MCL_CURRENT | MCL_FUTURE);
    sched_setscheduler(0, SCHED_FIFO, &first);
}
