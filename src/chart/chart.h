/*
 * chart.h - all that is shown of one VM and a range: what it held, what that costs, what the guest
 * said. Ready to be drawn (picture.h) or written (json.h, page.h).
 */
#ifndef PAGEMETER_CHART_CHART_H
#define PAGEMETER_CHART_CHART_H

#include "chart/cost.h"
#include "chart/guest.h"
#include "chart/label.h"

/* Where it comes from. */
struct chart_sources {
    struct store *measured;
    const struct book *book;       /* NULL: there are no books */
    struct cost_marks marks;       /* with book */
    struct balloon_store *balloon; /* NULL: there is no memory on demand */
};

struct chart_request {
    struct uuid vm;
    const char *name; /* as somebody gave it, or NULL */
    struct series_span span;
    /*
     * Only the hours in which this account owned the VM: what is before and behind is somebody
     * else's, and left out. NULL: all of it. Needs a book.
     */
    const char *account;
    bool with_unbilled; /* as if dom0 and service domains were billed */
};

struct chart {
    struct uuid vm;
    char name[LABEL_TEXT_MAX]; /* cleaned; the uuid when there is none */
    bool has_name;
    struct series_span span;
    struct series series;                  /* exact */
    struct points billed, again, excluded; /* of the series, as lines */
    struct guest guest;
    bool has_guest;
    struct cost cost; /* its accounts are the book's, which must outlive it */
    bool has_books;
};

/*
 * From pieces of this VM for the hours of the span (store_series), which are changed. Cleared by
 * chart_clear. ERR_RANGE when the range is empty.
 */
MUST_CHECK bool chart_make(const struct chart_sources *sources, const struct chart_request *request,
                           struct store_piece *pieces, size_t count, struct chart *out,
                           struct error *err);

/* The same of one VM, its pieces read too. */
MUST_CHECK bool chart_read(const struct chart_sources *sources, const struct chart_request *request,
                           struct chart *out, struct error *err);
/* Accepts what is all zero. */
void chart_clear(struct chart *chart);

/* Leaves at most `most` points of each line (downsample.h); the series stays exact. */
void chart_thin(struct chart *chart, size_t most);

/* The greatest value that is to be drawn. */
uint64_t chart_most_kib(const struct chart *chart);

#endif
