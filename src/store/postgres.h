/*
 * postgres.h - PostgreSQL behind db.h, through libpq. Internal to src/store/; the daemons are
 * without it.
 *
 * A statement is prepared once for its text and kept with the connection. Within a transaction
 * db_run sends and does not wait: what the server says of it is seen by a later call, at the latest
 * by the commit. Rows come one by one; when another statement is run meanwhile, those that are
 * still to come are kept in memory. The last row is given when it is known how the statement ended,
 * its commit included when it is a transaction of its own: who reads one row and finalizes has done
 * it, or was told.
 */
#ifndef PAGEMETER_POSTGRES_H
#define PAGEMETER_POSTGRES_H

#include "store/db.h"

/*
 * For reading alone unless is_writer. Elsewhere than on this machine (postgres_place.h) it is by
 * TLS, with the server's certificate verified, unless the URI or the environment says otherwise.
 */
MUST_CHECK bool postgres_open(struct db *db, const char *uri, bool is_writer, struct error *err);

/*
 * Waits up to wait_s for the lock of this name, which lasts as long as the connection. *is_held
 * false: another has it still.
 */
MUST_CHECK bool postgres_lock(struct db *db, const char *name, int wait_s, bool *is_held,
                              struct error *err);

#endif
