/*
 * replay_central.h - a trace into a database of PostgreSQL.
 */
#ifndef PAGEMETER_CLI_REPLAY_CENTRAL_H
#define PAGEMETER_CLI_REPLAY_CENTRAL_H

#include "meter/replay.h"

/*
 * Goes on with what the database has of the trace's host, or begins a store of it; all of it is
 * stored, or nothing. For the keeper of the database, which is made when it is empty.
 */
MUST_CHECK bool replay_central(const char *uri, const char *trace,
                               const struct replay_options *options, struct replay_result *result,
                               struct error *err);

#endif
