/*
 * export.h - one export as pagemeter export makes it, for others that export.
 */
#ifndef PAGEMETER_CLI_EXPORT_H
#define PAGEMETER_CLI_EXPORT_H

#include "billing/export.h"

struct export_order {
    const char *db;
    const char *period; /* as statement_parse_span wants it */
    const char *out;    /* a directory, made when absent */
    struct export_options files;
};

/* Writes it, notes it in billing.db, and prints a line. focus needs files.provider. */
MUST_CHECK bool export_it(const char *format, const struct export_order *order, struct error *err);

#endif
