/*
 * link.h - signed links that expire: with one, a customer sees his own VMs. Pure, but for reading
 * and making the key.
 *
 * A link is text: VERSION "~" ACCOUNT "~" EXPIRY "~" MAC, with the expiry in seconds since 1970 and
 * the MAC 64 hexadecimal digits: HMAC-SHA256 under a key of its own over what stands before it,
 * behind a prefix that is used for nothing else. There is no list of links: who wants to take them
 * back makes another key.
 */
#ifndef PAGEMETER_SERVE_LINK_H
#define PAGEMETER_SERVE_LINK_H

#include "billing/chain.h"
#include "store/billing_store.h"

/* Beside the databases, and not in them. */
#define LINK_KEY_FILE "link.key"

enum {
    LINK_TEXT_MAX = ACCOUNT_TEXT_MAX + 96,
    LINK_DAYS_MAX = 400, /* that one may be good for */
};

struct link_key {
    struct chain_key secret; /* the same form, never the same key */
};

/* A key file is one of 64 hexadecimal digits, mode 0600, as the ledger's (chain.h). */
MUST_CHECK bool link_key_read(const char *path, struct link_key *key, struct error *err);
/* ERR_REFUSED when there is one. */
MUST_CHECK bool link_key_make(const char *path, struct error *err);

/* account is a valid id; expiry_s in seconds since 1970. */
const char *link_make(const struct link_key *key, const char *account, int64_t expiry_s,
                      char out[LINK_TEXT_MAX]);

struct link {
    char account[ACCOUNT_TEXT_MAX];
    int64_t expiry_s;
};

/*
 * Is it a link that was made with this key, and not expired at now_s? The MAC is compared in
 * constant time, before anything else of the link is believed. *out is written on success only.
 */
MUST_CHECK bool link_check(const struct link_key *key, const char *text, int64_t now_s,
                           struct link *out);

#endif
