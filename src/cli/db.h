/*
 * db.h - the parts of pagemeter db.
 */
#ifndef PAGEMETER_CLI_DB_H
#define PAGEMETER_CLI_DB_H

#include "common/error.h"

#define DB_HOST_TEXT                                                                               \
    "db host add HOST ROLE --db postgresql://...\n"                                                \
    "       pagemeter db host retire HOST --at T [--store STORE] [--db DB]"

/* argv[0] is "host". Prints what it did. */
MUST_CHECK bool db_host(int argc, char **argv, struct error *err);

#endif
