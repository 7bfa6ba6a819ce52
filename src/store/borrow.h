/*
 * borrow.h - a store of PostgreSQL in a directory for a while, so that a trace is replayed into it
 * by the same code, and what is new is delivered: all of it, or nothing.
 */
#ifndef PAGEMETER_BORROW_H
#define PAGEMETER_BORROW_H

#include "common/error.h"
#include "common/uuid.h"

/*
 * Makes a store in `dir`, which has none, from what the database has of this host's: as much as is
 * needed to go on. Of a host that is not known nothing is made. A database without tables is made
 * one of Pagemeter. ERR_REFUSED: it has several, or one that was restored, which ship themselves.
 */
MUST_CHECK bool borrow_store(const char *uri, const struct uuid *host, const char *dir,
                             struct error *err);

/* Delivers what is new in `dir`, in one transaction, and derives the hours that have ended. */
MUST_CHECK bool borrow_return(const char *uri, const struct uuid *host, const char *dir,
                              struct error *err);

#endif
