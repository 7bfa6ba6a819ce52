/*
 * audit.h - what pagemeter audit does, for others that audit too.
 */
#ifndef PAGEMETER_AUDIT_H
#define PAGEMETER_AUDIT_H

#include <stdint.h>

#include "cli/cli.h"
#include "store/query.h"

struct audit_order {
    const char *db;
    const char *key; /* the ledger's; NULL: the one beside the databases, where it can be read */
    const char *exports; /* a directory with exports, or NULL */
    enum cli_format format;
    bool is_terse; /* FORMAT_TABLE: findings only, not what holds */
};

struct audit_outcome {
    int64_t audits, findings;
};

/*
 * Runs every audit over meter.db, over billing.db where there is one, and follows the ledger's
 * chain where its key is; prints findings. Fails when something could not be audited.
 */
MUST_CHECK bool audit_all(const struct audit_order *order, struct audit_outcome *out,
                          struct error *err);

/*
 * Each manifest in a directory: that its files are what it says, and that billing.db has noted it,
 * has its head of the ledger, and posted what it says.
 */
struct audit_exports_sink {
    void (*row)(void *self, const char *text);
    void *self;
    int64_t *findings;
};
MUST_CHECK bool audit_exports(const char *dir, struct query *query,
                              const struct audit_exports_sink *sink, struct error *err);

#endif
