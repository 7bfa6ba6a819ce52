/*
 * books.h - billing.db as a subcommand opens it: who runs it, its key, and the measurements beside.
 */
#ifndef PAGEMETER_BOOKS_H
#define PAGEMETER_BOOKS_H

#include "store/billing_store.h"

enum { BOOKS_WRITE = 1 << 0, BOOKS_KEY = 1 << 1, BOOKS_MEASURED = 1 << 2 };

/* The ledger's key, unless --key names another: beside the databases, and not in them. */
#define BOOKS_KEY_FILE "ledger.key"

/* Where the key is unless --key says otherwise, for this --db. */
void books_key_path(const char *name, char *out, size_t size);

struct books {
    struct billing_store *b;
    struct store *measured; /* read-only, with BOOKS_MEASURED */
    struct chain_key key;   /* with BOOKS_KEY */
    char who[64];           /* "alice", or "root for alice" under sudo */
    int64_t now_ns;         /* UTC, when it was its turn */
};

/* key_file: NULL for the default, which is made when billing.db has no entry yet. */
MUST_CHECK bool books_open(struct books *books, const char *dir, unsigned what,
                           const char *key_file, struct error *err);
void books_close(struct books *books);

/* Notes who does this; *change for the rows that it brings. */
MUST_CHECK bool books_change(struct books *books, int64_t *change, struct error *err,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

MUST_CHECK bool books_has_account(struct books *books, const char *account, bool *out,
                                  struct error *err);

/*
 * ERR_REFUSED when something is said of an hour whose usage is gone; of a VM only when it was used
 * before. vm: NULL for a price.
 */
MUST_CHECK bool books_check_hour(struct books *books, const struct uuid *vm, int64_t hour,
                                 struct error *err);

/* A uuid, in any case; ERR_USAGE otherwise, saying of what (a VM). */
MUST_CHECK bool books_parse_uuid(const char *text, const char *what, struct uuid *out,
                                 struct error *err);

/*
 * A name that people gave: valid UTF-8 of 1 to BOOKS_NAME_MAX bytes without control characters.
 * What spreadsheets take for formulas is allowed: those who write files for them see to it.
 */
enum { BOOKS_NAME_MAX = 256 };
MUST_CHECK bool books_check_name(const char *name, struct error *err);

/* An account's id: 1 to ACCOUNT_MAX of a-z, 0-9, '.', '_' and '-', beginning with a letter. */
MUST_CHECK bool books_check_account(const char *account, struct error *err);

#endif
