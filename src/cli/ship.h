/*
 * ship.h - the parts of pagemeter ship.
 */
#ifndef PAGEMETER_CLI_SHIP_H
#define PAGEMETER_CLI_SHIP_H

#include "cli/cli.h"

struct ship_options {
    const char *to;    /* where, a URI */
    const char *db;    /* the directory of meter.db */
    const char *state; /* that of ship.db and of the cursor */
    uint64_t interval_ns;
    bool is_once;
};

/*
 * Ships until it is told to end, or, once, until nothing is left. PostgreSQL away, a full disk, a
 * meter.db that is not there yet: it waits and goes on, unless it is once. *conflicts: rows that
 * PostgreSQL has otherwise.
 */
MUST_CHECK bool ship_run(const struct ship_options *options, int64_t *conflicts, struct error *err);

/* Prints how far it came. */
MUST_CHECK bool ship_print_status(const struct ship_options *options, enum cli_format format,
                                  struct error *err);

#endif
