/*
 * uri.h - postgresql://[user@][host][:port][/database][?option=value&...], as far as it can be
 * judged without libpq, which the daemons do not have.
 */
#ifndef PAGEMETER_URI_H
#define PAGEMETER_URI_H

#include "common/error.h"

/* Does this name a database of PostgreSQL, and not a directory? */
bool uri_is_postgres(const char *name);

/*
 * Is it one, in printable ASCII without blanks, and without a password: arguments are seen by every
 * user of the machine, and a URI is told in logs. ERR_USAGE says where passwords belong.
 */
MUST_CHECK bool uri_check(const char *uri, struct error *err);

#endif
