/*
 * balloon_lines.h - what a guest said of its memory, as lines of a chart: from balloon.db, never
 * for money.
 *
 * Figures are kept as they came for days, and by five minutes (least, average, most) for a year. A
 * range of more than BALLOON_RAW_NS comes by five minutes, and so does what is older than the
 * figures that are left.
 */
#ifndef PAGEMETER_BALLOON_LINES_H
#define PAGEMETER_BALLOON_LINES_H

#include "store/balloon_store.h"

#define BALLOON_RAW_NS (INT64_C(48) * 3600 * 1000000000)

enum balloon_line {
    LINE_USED, /* total less available: what the guest uses and can't give up */
    LINE_FREE,
    LINE_CACHED,
    LINE_SWAP, /* in use */
    LINE_NEED, /* what memory on demand takes it to need */
    LINE_TARGET,
    LINE_FLOOR,
    LINE_CEILING,
    BALLOON_LINES
};

struct balloon_value {
    uint64_t least_kib, kib, most_kib;
    bool is_there;
};

/* What one VM said at a time, or in five minutes. */
struct balloon_sample {
    int64_t utc_ns;
    int64_t span_ns; /* it stands for so long; 0: it holds until the next */
    struct balloon_value lines[BALLOON_LINES];
};

struct balloon_lines_reader {
    bool (*take)(void *self, const struct balloon_sample *sample, struct error *err);
    void *self;
};

/*
 * Of [from, to), in the order of time, as of one moment. The first five minutes may begin before
 * `from`.
 */
MUST_CHECK bool balloon_store_lines(struct balloon_store *store, const struct uuid *vm,
                                    int64_t from_utc_ns, int64_t to_utc_ns,
                                    const struct balloon_lines_reader *reader, struct error *err);

#endif
