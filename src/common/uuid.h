/*
 * uuid.h - the 16 bytes that name a host, a store, a boot or a VM.
 *
 * Text form: 8-4-4-4-12 hexadecimal digits in lower case, so that there is one text per uuid, and
 * the order of the text is the order of the bytes.
 */
#ifndef PAGEMETER_UUID_H
#define PAGEMETER_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { UUID_TEXT_LENGTH = 36, UUID_TEXT_MAX = 37 };

struct uuid {
    uint8_t bytes[16];
};

MUST_CHECK bool uuid_parse(const char *text, size_t length, struct uuid *out);
const char *uuid_format(const struct uuid *uuid, char out[UUID_TEXT_MAX]);
bool uuid_is_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const struct uuid *uuid); /* names nothing */

/* A new random one (RFC 9562, version 4). Fails with ERR_SYSTEM when the kernel has no randomness.
 */
MUST_CHECK bool uuid_random(struct uuid *out, struct error *err);

/*
 * Is uuid matched by one of the patterns? `patterns` are separated by spaces; each is a whole uuid,
 * "prefix*" or "*suffix", in lower case.
 */
bool uuid_is_in_patterns(const struct uuid *uuid, const char *patterns);

/* Says what is wrong with a list of patterns, or succeeds. */
MUST_CHECK bool uuid_check_patterns(const char *patterns, struct error *err);

#endif
