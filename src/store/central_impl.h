/*
 * central_impl.h - what the files that know of PostgreSQL share. Internal to src/store/.
 */
#ifndef PAGEMETER_CENTRAL_IMPL_H
#define PAGEMETER_CENTRAL_IMPL_H

#include "store/postgres.h"
#include "store/store_impl.h"

/* Opens what db init has made; ERR_STORE when it is of another version. The caller closes it. */
MUST_CHECK bool central_open(struct db *db, const char *uri, bool is_writer, struct error *err);

MUST_CHECK bool central_open_store(struct store **out, const char *uri, bool is_writer,
                                   struct error *err);

MUST_CHECK bool central_check_version(struct db *db, struct error *err);

/* Takes the lock of this name, until it is closed; ERR_RETRY when another has it for a minute. */
MUST_CHECK bool central_hold(struct db *db, const char *lock, struct error *err);

#endif
