/*
 * scale.h - where the lines of a grid go, and what is written beside them. Pure.
 *
 * Memory goes in binary steps and is written in KiB, MiB, GiB or TiB; time is UTC.
 */
#ifndef PAGEMETER_CHART_SCALE_H
#define PAGEMETER_CHART_SCALE_H

#include "chart/series.h"

enum { SCALE_TEXT_MAX = 32, SCALE_MARKS_MAX = 32 };

struct scale_mark {
    int64_t at; /* KiB, or ns UTC */
    char text[SCALE_TEXT_MAX];
};

struct scale {
    struct scale_mark marks[SCALE_MARKS_MAX];
    size_t count;
    int64_t top; /* of memory: the last mark, at or above what was asked for */
};

/* From 0 up to most_kib or a little more, with at most `most` steps (2 or more). */
void scale_memory(uint64_t most_kib, size_t most, struct scale *out);

/* The marks inside of the span, at most `most` (2 or more). A new day or month is named. */
void scale_time(const struct series_span *span, size_t most, struct scale *out);

/* "1.5 GiB", "512 MiB": three digits that mean something, rounded half to even. */
const char *scale_format_kib(uint64_t kib, char out[SCALE_TEXT_MAX]);

/* "12:03:20", "3 d 4:00:00", "1.250 s": for reading; cut, to seconds from ten of them on. */
const char *scale_format_span(int64_t ns, char out[SCALE_TEXT_MAX]);

#endif
