/*
 * chain.h - the ledger's chain of keyed hashes: who changes a row, or takes one away, is found out.
 *
 * hash(row) = HMAC-SHA256(key, hash(row before) || length and bytes of each field), a length being
 * 8 bytes, the most significant first: so no byte can move from a field to the next. The key lies
 * outside the database, in a file that only the ledger's writer reads; without it no row can be
 * made to fit. The chain shows changes anywhere but at its end: a cut tail shows by the head that
 * every export's manifest names.
 *
 * HMAC and SHA-256 are nettle's. No I/O here but reading and making the key.
 */
#ifndef PAGEMETER_CHAIN_H
#define PAGEMETER_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { CHAIN_HASH_BYTES = 32, CHAIN_KEY_BYTES = 32, CHAIN_TEXT_MAX = 2 * CHAIN_HASH_BYTES + 1 };

struct chain_key {
    uint8_t bytes[CHAIN_KEY_BYTES];
};

struct chain_hash {
    uint8_t bytes[CHAIN_HASH_BYTES];
};

/*
 * Reads a key: a file of 64 hexadecimal digits in lower case and a line's end (ERR_INPUT
 * otherwise), which its owner alone may read or write (ERR_REFUSED otherwise). ERR_SYSTEM when it
 * can't be read.
 */
MUST_CHECK bool chain_key_read(const char *path, struct chain_key *key, struct error *err);

/*
 * Makes one from the kernel's random numbers, mode 0600. Never overwrites: ERR_REFUSED when path is
 * there. The file is whole and on the disk, or not there.
 */
MUST_CHECK bool chain_key_make(const char *path, struct error *err);

struct chain_field {
    const char *text; /* need not end with NUL */
    size_t length;
};

/*
 * The hash of a row with these fields behind *before; all zero before the first row. out may be
 * before.
 */
void chain_next(const struct chain_key *key, const struct chain_hash *before,
                const struct chain_field *fields, size_t count, struct chain_hash *out);

/* Lower-case hexadecimal; and strictly the way back. */
const char *chain_format(const struct chain_hash *hash, char out[CHAIN_TEXT_MAX]);
MUST_CHECK bool chain_parse(const char *text, size_t length, struct chain_hash *out);

#endif
