/*
 * sqlite.h - SQLite behind db.h. Internal to src/store/.
 */
#ifndef PAGEMETER_SQLITE_H
#define PAGEMETER_SQLITE_H

#include <sqlite3.h>

#include "store/db.h"

/* db->path names the file. The caller closes it, on failure too. flags: of sqlite3_open_v2. */
MUST_CHECK bool sqlite_open(struct db *db, int flags, struct error *err);

/* Fills *err from a result code, with what the operator can do about it. Returns false. */
bool sqlite_error(const struct db *db, int code, const char *what, struct error *err);

#endif
