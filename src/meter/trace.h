/*
 * trace.h - the sample stream as text: one record a line (docs/trace.md).
 *
 * The reader is fed bytes and yields whole records; it knows no file and no socket, and checks
 * everything that can be checked without knowing the past but one thing: that seq and mono_ns go
 * forward is the meter's business. It allocates its sample table once. The writer is its inverse.
 */
#ifndef PAGEMETER_TRACE_H
#define PAGEMETER_TRACE_H

#include "meter/record.h"

enum {
    TRACE_VERSION = 1,
    TRACE_LINE_MAX = 512 /* longer lines are refused */
};

struct trace_reader {
    struct sample *samples; /* DOMAINS_MAX of them */
    struct tick tick;       /* being collected */
    size_t collected;
    bool is_collecting;
    bool is_sorted;
    uint64_t line;                 /* the line last looked at, from 1 */
    uint64_t tick_line;            /* where the last T record stands */
    uint8_t seen[DOMID_LIMIT / 8]; /* domids of this tick, kept only when they come unsorted */
};

MUST_CHECK bool trace_reader_init(struct trace_reader *reader, struct error *err);
void trace_reader_clear(struct trace_reader *reader);

enum trace_result {
    TRACE_RECORD, /* *out is a record; a tick's samples are valid until the next call */
    TRACE_MORE,   /* the line is taken, the record is not complete */
    TRACE_BAD     /* *err says what is wrong, with the line number */
};

/* One line without its newline. */
enum trace_result trace_read_line(struct trace_reader *reader, const char *line, size_t length,
                                  struct record *out, struct error *err);

/* The longest text of a record with so many domains, in bytes. */
size_t trace_text_bound(size_t domains);

/*
 * Writes a record as text to out, which has room for trace_text_bound bytes. Returns the length;
 * there is no terminating NUL.
 */
size_t trace_write(const struct record *record, char *out);

#endif
