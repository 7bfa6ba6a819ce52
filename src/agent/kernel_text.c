#include "agent/kernel_text.h"

#include <string.h>

#include "common/number.h"

struct line {
    const char *at;
    size_t length; /* without the newline */
};

/* The next whole line; steps over it. */
static bool take_line(struct line *text, struct line *line)
{
    const char *newline = text->length > 0 ? memchr(text->at, '\n', text->length) : NULL;

    if (newline == NULL)
        return false;
    line->at = text->at;
    line->length = (size_t)(newline - text->at);
    text->at = newline + 1;
    text->length -= line->length + 1;
    return true;
}

/* The line begins with this: steps over it. */
static bool skip(struct line *line, const char *start)
{
    size_t length = strlen(start);

    if (line->length < length || memcmp(line->at, start, length) != 0)
        return false;
    line->at += length;
    line->length -= length;
    return true;
}

struct wanted {
    const char *start; /* of the line, with what separates it from the number */
    uint64_t value;
    bool is_there;
};

typedef bool parse_value(struct line value, uint64_t *out);

static bool parse_plain(struct line value, uint64_t *out)
{
    return number_parse(value.at, value.length, UINT64_MAX, out);
}

/* Spaces, a number, " kB". */
static bool parse_kib(struct line value, uint64_t *out)
{
    while (skip(&value, " "))
        ;
    if (value.length <= 3 || memcmp(value.at + value.length - 3, " kB", 3) != 0)
        return false;
    value.length -= 3;
    return parse_plain(value, out);
}

/* Reads the lines that are wanted into their values; how many there were, or -1. */
static int collect(struct line text, struct wanted *wanted, size_t count, parse_value *parse)
{
    struct line line;
    int found = 0;

    while (take_line(&text, &line))
        for (size_t i = 0; i < count; i++) {
            struct line value = line;

            if (!skip(&value, wanted[i].start))
                continue;
            if (wanted[i].is_there || !parse(value, &wanted[i].value))
                return -1;
            wanted[i].is_there = true;
            found++;
        }
    return found;
}

bool kernel_text_meminfo(const char *text, size_t length, struct figures *out)
{
    enum { TOTAL, FREE, AVAILABLE, CACHED, SWAP_TOTAL, SWAP_FREE, COMMITTED, COUNT };
    struct wanted w[COUNT] = {
        [TOTAL] = {.start = "MemTotal:"},         [FREE] = {.start = "MemFree:"},
        [AVAILABLE] = {.start = "MemAvailable:"}, [CACHED] = {.start = "Cached:"},
        [SWAP_TOTAL] = {.start = "SwapTotal:"},   [SWAP_FREE] = {.start = "SwapFree:"},
        [COMMITTED] = {.start = "Committed_AS:"},
    };

    if (length >= KERNEL_TEXT_MAX ||
        collect((struct line){text, length}, w, COUNT, parse_kib) != COUNT)
        return false;
    out->total_kib = w[TOTAL].value;
    out->free_kib = w[FREE].value;
    out->available_kib = w[AVAILABLE].value;
    out->cached_kib = w[CACHED].value;
    out->swap_total_kib = w[SWAP_TOTAL].value;
    out->swap_free_kib = w[SWAP_FREE].value;
    out->committed_kib = w[COMMITTED].value;
    return true;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

bool kernel_text_vmstat(const char *text, size_t length, struct figures *out)
{
    enum { SWAP_IN, SWAP_OUT, ANON, FILES, EITHER, MAJOR, OOM, COUNT };
    struct wanted w[COUNT] = {
        [SWAP_IN] = {.start = "pswpin "},
        [SWAP_OUT] = {.start = "pswpout "},
        [ANON] = {.start = "workingset_refault_anon "},
        [FILES] = {.start = "workingset_refault_file "},
        [EITHER] = {.start = "workingset_refault "},
        [MAJOR] = {.start = "pgmajfault "},
        [OOM] = {.start = "oom_kill "},
    };

    if (length >= KERNEL_TEXT_MAX ||
        collect((struct line){text, length}, w, COUNT, parse_plain) < 0)
        return false;
    out->swap_in = w[SWAP_IN].value;
    out->swap_out = w[SWAP_OUT].value;
    out->refaults = w[ANON].is_there || w[FILES].is_there ? sum(w[ANON].value, w[FILES].value)
                                                          : w[EITHER].value;
    out->major_faults = w[MAJOR].value;
    out->oom_kills = w[OOM].value;
    return true;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=17": 17. */
static bool parse_stall(struct line value, uint64_t *out)
{
    static const char last[] = " total=";

    while (value.length > 0 && !skip(&value, last)) {
        value.at++;
        value.length--;
    }
    return parse_plain(value, out);
}

bool kernel_text_pressure(const char *text, size_t length, struct figures *out)
{
    struct wanted w[2] = {{.start = "some "}, {.start = "full "}};

    if (length >= KERNEL_TEXT_MAX || collect((struct line){text, length}, w, 2, parse_stall) != 2)
        return false;
    out->stall_some_us = w[0].value;
    out->stall_full_us = w[1].value;
    out->flags |= FIGURES_HAS_PRESSURE;
    return true;
}

bool kernel_text_number(const char *text, size_t length, uint64_t most, uint64_t *out)
{
    return length > 1 && length < KERNEL_TEXT_MAX && text[length - 1] == '\n' &&
           number_parse(text, length - 1, most, out);
}
