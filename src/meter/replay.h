/*
 * replay.h - run a trace through the meter into a store, as fast as it goes.
 *
 * All or nothing: a trace that is malformed, or that does not continue the store, changes nothing.
 */
#ifndef PAGEMETER_REPLAY_H
#define PAGEMETER_REPLAY_H

#include "store/store.h"

struct replay_options {
    struct rules rules;
    bool allows_new_boot; /* the trace may begin with a boot that the store does not know */
    const char *name;     /* of the file, for messages; NULL: as it is opened */
};

struct replay_result {
    uint64_t ticks;
    uint64_t samples;
    uint64_t skipped; /* ticks whose reading took longer than max_gap */
    bool is_cut_off;  /* the last tick was not complete, and was dropped */
};

/* Can the file be read, and does it begin as a trace does? Pipes, and "-", are not looked at. */
MUST_CHECK bool replay_check_file(const char *file, struct error *err);

/* Whose trace it is, by its head; a file that can be read again. */
MUST_CHECK bool replay_read_host(const char *file, struct uuid *host, struct error *err);

/*
 * `file` may be "-" for standard input. Fails with ERR_REFUSED when the trace is of another host,
 * of another boot than the store's last, or not after its last tick.
 */
MUST_CHECK bool replay_run(struct store *store, const char *file,
                           const struct replay_options *options, struct replay_result *result,
                           struct error *err);

#endif
