/*
 * source.h - where records come from: the hypervisor (xen), a trace (replay), a made-up host (sim).
 *
 * A source yields a head first, then ticks and what happened between them. One contract test
 * (tests/unit/test_source.c) runs against every kind. src/meter/ knows the replay and sim sources,
 * src/xen/ the xen source; which are linked is the Makefile's choice.
 */
#ifndef PAGEMETER_SOURCE_H
#define PAGEMETER_SOURCE_H

#include "meter/record.h"

struct source;

struct source_ops {
    /*
     * Waits for the next record. A tick's samples are valid until the next call. RECORD_END: no
     * more will come, or stop_fd can be read. False: *err; a source that failed is only closed.
     */
    bool (*next)(struct source *source, struct record *out, struct error *err);
    /* Frees the source. */
    void (*close)(struct source *source);
};

struct source {
    const struct source_ops *ops;
    int stop_fd;  /* readable: end at once; the opener's, -1 for none */
    bool is_live; /* time passes by itself; else whoever reads may hurry or pace */
};

/* What the opener knows that a source may need. */
struct source_config {
    struct uuid host;
    struct uuid store;
    uint64_t interval_ns;
    uint64_t max_gap_ns;
    uint64_t after_seq; /* of this boot: the ticks that the store has; the next seq is greater */
    bool has_after;
    struct uuid after_boot;
    int stop_fd;
};

/* Each makes *out, to be freed with source_close. */
MUST_CHECK bool source_open_xen(struct source **out, const struct source_config *config,
                                struct error *err);
MUST_CHECK bool source_open_replay(struct source **out, const char *file,
                                   const struct source_config *config, struct error *err);
MUST_CHECK bool source_open_sim(struct source **out, const char *file,
                                const struct source_config *config, struct error *err);

/* Accepts NULL. */
void source_close(struct source *source);

#endif
