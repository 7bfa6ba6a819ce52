/*
 * sampler.h - the thread that samples: source to meter to queue, and to the stream.
 */
#ifndef PAGEMETER_SAMPLER_H
#define PAGEMETER_SAMPLER_H

#include <stdatomic.h>

#include "meter/meter.h"
#include "meter/queue.h"
#include "meter/source.h"
#include "meter/stream.h"

/* All ticks in the queue together have room for this many changes (80 MB, if ever touched). */
enum { QUEUE_CHANGES_MAX = 1 << 20 };

struct sampler {
    struct source *source;
    struct meter *meter;
    struct queue *queue;
    struct stream *stream; /* or NULL */
    double speed;          /* see daemon.h */
    int stop_fd;
    bool has_first; /* first is taken before anything is asked of the source */
    struct record first;
    /* when it has ended */
    bool has_failed;
    struct error failure;
    /* what the main thread may look at meanwhile */
    atomic_uint_fast64_t beats, ticks, dropped, missed, seq, domains, counted, counted_kib;
    /* its own */
    enum gap_cause last_gap;
    bool is_paced;
    int64_t pace_mono_ns;   /* when the pace began, on our clock */
    int64_t pace_source_ns; /* and on the source's */
};

void sampler_run(struct sampler *sampler);

struct sampler_health {
    uint64_t beats; /* records taken from the source: it goes on */
    uint64_t ticks;
    uint64_t dropped; /* the queue was full */
    uint64_t missed;  /* gap records of the source: failed readings, overruns */
    uint64_t seq;
    uint64_t domains;
    uint64_t counted;
    uint64_t counted_kib;
};

struct sampler_health sampler_health(struct sampler *sampler);

#endif
