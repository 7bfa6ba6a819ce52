/*
 * postgres_place.h - is a PostgreSQL on this machine, so that nobody else sees what is said to it?
 * Pure: what the names resolve to is not asked. Internal to src/store/.
 */
#ifndef PAGEMETER_POSTGRES_PLACE_H
#define PAGEMETER_POSTGRES_PLACE_H

#include <stdbool.h>

/*
 * hosts, addresses: libpq's host and hostaddr, lists with commas; NULL or "": not said. Local is a
 * Unix socket (a directory, @name, or nothing), localhost, 127.0.0.0/8 and ::1 written in full. All
 * of both lists must be: libpq may take any, and an address goes before its name.
 */
bool postgres_place_is_local(const char *hosts, const char *addresses);

#endif
