/*
 * number.h - the one strict parser for untrusted digits.
 *
 * Whole string, decimal, no sign but where stated, no leading zeros, no spaces, a named maximum.
 */
#ifndef PAGEMETER_NUMBER_H
#define PAGEMETER_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* text[0..length) is a canonical decimal number, at most max. *out is written on success only. */
MUST_CHECK bool number_parse(const char *text, size_t length, uint64_t max, uint64_t *out);

/*
 * A duration as people write it: 250ms, 1s, 5m, 8h, 400d; units ns us ms s m h d. At least 1 ns.
 * Fails with ERR_USAGE and a sentence that says what would be right.
 */
MUST_CHECK bool number_parse_duration(const char *text, uint64_t *ns, struct error *err);

enum { DURATION_TEXT_MAX = 32, SIZE_TEXT_MAX = 32 };

/* The shortest exact form that number_parse_duration reads back: 5000000000 -> "5s". */
const char *number_format_duration(uint64_t ns, char out[DURATION_TEXT_MAX]);

/*
 * A size as people write it: 524288K, 512M, 2G, 1T; whole KiB, at most KIB_MAX. A number without a
 * unit is refused, since one means bytes by it and another MiB. ERR_USAGE.
 */
MUST_CHECK bool number_parse_size(const char *text, uint64_t *kib, struct error *err);

/* The shortest exact form that number_parse_size reads back: 524288 -> "512M". */
const char *number_format_size(uint64_t kib, char out[SIZE_TEXT_MAX]);

#endif
