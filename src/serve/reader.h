/*
 * reader.h - the databases as `pagemeter serve` reads them: a few connections, each used by one
 * request at a time, never writing.
 */
#ifndef PAGEMETER_SERVE_READER_H
#define PAGEMETER_SERVE_READER_H

#include "billing/book.h"
#include "chart/cost.h"
#include "serve/weeks.h"
#include "store/balloon_store.h"
#include "store/query.h"

struct reader {
    struct store *measured;
    struct query *query;
    struct billing_store *books;   /* NULL: nothing was ever said of customers */
    struct book *book;             /* of a moment ago; NULL without books */
    struct cost_marks marks;       /* of then, with the book */
    struct balloon_store *balloon; /* NULL: there is no memory on demand here */
    struct weeks *weeks;           /* that all readers share */
    bool is_balloon_lost;          /* there is, and it can't be read */
    int64_t opened_ns, book_ns;    /* CLOCK_BOOTTIME */
    bool is_used;
};

/* What is kept open is opened anew so often: the files may be others, after a restore. */
#define READER_AGE_NS (INT64_C(60) * 1000000000)
/* What was said of owners holds for a request at most this much later. */
#define READER_BOOK_NS (INT64_C(2) * 1000000000)

enum { READERS_MAX = 8 };

struct readers;

/* count of them, at most READERS_MAX; db: a directory or postgresql://. Opens nothing yet. */
MUST_CHECK bool readers_make(struct readers **out, const char *db, size_t count, struct error *err);
void readers_free(struct readers *readers);

/* Waits for one that nobody uses; opened and with the book read. */
MUST_CHECK bool readers_take(struct readers *readers, struct reader **out, struct error *err);
/* has_failed: what it has open is closed, since it may be of no use any more. */
void readers_give(struct readers *readers, struct reader *reader, bool has_failed);

/* A row of an answer in SQL: texts valid during the call, NULL for null. */
struct reader_sink {
    bool (*row)(void *self, const char *const *values, struct error *err);
    void *self;
};

/* Asks a file of sql/serve/, by its name. */
MUST_CHECK bool reader_ask(struct reader *reader, const char *file,
                           const struct query_parameter *parameters, size_t count,
                           const struct reader_sink *sink, struct error *err);

/* A number of such a row; null is 0. */
int64_t reader_number(const char *value);

/* sql/serve/, embedded at build time. */
extern const struct sql_file serve_sql[];

#endif
