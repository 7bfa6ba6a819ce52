/*
 * source_contract.h - what every source promises (meter/source.h), as checks that any kind can be
 * put through: the test of replay and sim here, and the one of the hypervisor in the lab.
 */
#ifndef PAGEMETER_TESTS_SOURCE_CONTRACT_H
#define PAGEMETER_TESTS_SOURCE_CONTRACT_H

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "meter/source.h"

/* Opens a fresh source; stop_fd is -1 or tells it to end. */
struct source_kind {
    const char *name;
    const char *file;
    bool (*open)(struct source **out, const char *file, const struct source_config *config,
                 struct error *err);
    bool is_xen;
    bool is_trace;    /* a recorder that lost the stream has written a head again */
    unsigned records; /* to look at in each check; a live source is slow */
};

static inline struct source *source_opened(const struct source_kind *kind, int stop_fd)
{
    const struct source_config config = {.host = uuid_of(0x11),
                                         .store = uuid_of(0x22),
                                         .interval_ns = kind->is_xen ? 50000000 : 1000000000,
                                         .max_gap_ns = UINT64_C(5000000000),
                                         .stop_fd = stop_fd};
    struct source *source = NULL;
    struct error err;

    assert_ok(kind->open(&source, kind->file, &config, &err));
    return source;
}

static inline struct record source_next(struct source *source)
{
    struct record record;
    struct error err;

    assert_ok(source->ops->next(source, &record, &err));
    return record;
}

static inline void assert_sample_sane(const struct sample *s, bool is_xen)
{
    assert_true(s->tot_kib <= KIB_MAX);
    assert_true(s->outstanding_kib <= KIB_MAX);
    assert_true(s->max_kib <= INT64_MAX);
    assert_true(s->cpu_ns <= INT64_MAX);
    assert_int_equal(s->flags & ~(SAMPLE_RUNNING | SAMPLE_PAUSED | SAMPLE_SHUTDOWN | SAMPLE_DYING |
                                  SAMPLE_HVM),
                     0);
    if (is_xen)
        assert_int_equal(s->tot_kib % 4, 0);
}

static inline void assert_tick_sane(const struct tick *t, const struct source_kind *kind)
{
    assert_true(t->seq < UINT64_C(1) << 53);
    assert_true(t->mono_ns >= 0);
    assert_true(t->utc_ns >= 0);
    assert_true(t->window_ns <= INT64_MAX);
    assert_true(t->free_kib <= KIB_MAX);
    assert_true(t->domains <= DOMAINS_MAX);
    if (!kind->is_trace) { /* a trace may have been written by hand */
        assert_true(t->domains > 0);
        assert_int_equal(t->samples[0].domid, 0); /* dom0 is always there */
    }
    if (kind->is_xen) {
        assert_true(t->utc_ns > INT64_C(1700000000) * NS_PER_S); /* a clock that was set */
        assert_true(t->window_ns > 0 && t->window_ns < UINT64_C(5000000000));
    }
    for (size_t i = 0; i < t->domains; i++) {
        assert_sample_sane(&t->samples[i], kind->is_xen);
        if (i > 0)
            assert_true(t->samples[i].domid > t->samples[i - 1].domid);
    }
}

static inline void contract_head_comes_first_and_once(const struct source_kind *kind)
{
    struct source *source = source_opened(kind, -1);
    struct record record = source_next(source);

    assert_int_equal(record.kind, RECORD_HEAD);
    assert_true(record.head.interval_ns > 0);
    assert_true(record.head.max_gap_ns > 0);
    for (unsigned i = 0; i < kind->records && record.kind != RECORD_END; i++) {
        record = source_next(source);
        assert_true(record.kind != RECORD_HEAD || kind->is_trace);
    }
    source_close(source);
}

static inline void contract_ticks_go_forward_and_are_sane(const struct source_kind *kind)
{
    struct source *source = source_opened(kind, -1);
    struct record record = source_next(source);
    bool is_new_boot = true;
    uint64_t seq = 0;
    int64_t mono_ns = 0;
    unsigned ticks = 0;

    for (unsigned i = 0; i < kind->records && record.kind != RECORD_END; i++) {
        record = source_next(source);
        is_new_boot = is_new_boot || record.kind == RECORD_BOOT || record.kind == RECORD_HEAD;
        if (record.kind != RECORD_TICK)
            continue;
        assert_tick_sane(&record.tick, kind);
        if (!is_new_boot) {
            assert_true(record.tick.seq > seq);
            assert_true(record.tick.mono_ns > mono_ns);
        }
        is_new_boot = false;
        seq = record.tick.seq;
        mono_ns = record.tick.mono_ns;
        ticks++;
    }
    assert_true(ticks > 0);
    source_close(source);
}

/* Samples stay as they are until the next call, whatever else happens in between. */
static inline void contract_samples_are_valid_until_the_next(const struct source_kind *kind)
{
    struct source *source = source_opened(kind, -1);
    struct source *other = source_opened(kind, -1);
    struct record record;

    do
        record = source_next(source);
    while (record.kind != RECORD_TICK && record.kind != RECORD_END);
    assert_int_equal(record.kind, RECORD_TICK);
    struct sample *copy = malloc(record.tick.domains * sizeof *copy);

    assert_non_null(copy);
    memcpy(copy, record.tick.samples, record.tick.domains * sizeof *copy);
    for (int i = 0; i < 3; i++)
        (void)source_next(other);
    assert_memory_equal(copy, record.tick.samples, record.tick.domains * sizeof *copy);
    free(copy);
    source_close(other);
    source_close(source);
}

static inline void contract_closes_after_any_number_of_records(const struct source_kind *kind)
{
    for (unsigned count = 0; count < 6; count++) {
        struct source *source = source_opened(kind, -1);

        for (unsigned i = 0; i < count; i++)
            (void)source_next(source);
        source_close(source);
    }
}

/* A source with a time of its own ends at once; the others end when they are read out. */
static inline void contract_ends_when_told(const struct source_kind *kind)
{
    int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct source *source = source_opened(kind, stop_fd);
    struct record record = source_next(source);
    uint64_t one = 1;

    record = source_next(source);
    assert_int_equal(write(stop_fd, &one, sizeof one), sizeof one);
    if (source->is_live) {
        record = source_next(source);
        if (record.kind != RECORD_END) /* one that was due already may come before */
            record = source_next(source);
        assert_int_equal(record.kind, RECORD_END);
    }
    source_close(source);
    (void)close(stop_fd);
}

#endif
