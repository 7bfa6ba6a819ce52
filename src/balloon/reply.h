/*
 * reply.h - an answer of pageballoond: records, a line each, and how they are read. Pure.
 *
 *   vm name=web policy=demand need_kib=51200
 *   ok
 *
 * The first word is the record's kind, then come key=value words. In a value, what is no printable
 * ASCII, a blank and % are written as % and two hexadecimal digits. The last line is "ok", or
 * "error CODE sentence".
 */
#ifndef PAGEMETER_REPLY_H
#define PAGEMETER_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { REPLY_TEXT_MAX = 8 << 20, REPLY_LINE_MAX = 4096, REPLY_FIELDS_MAX = 48 };

struct reply {
    char *text; /* length bytes, no NUL behind them */
    size_t length, room;
    bool is_short; /* it did not fit the memory or REPLY_TEXT_MAX: it can't be sent */
};

void reply_init(struct reply *reply);
void reply_clear(struct reply *reply);

/* A record: begin, its words, end. Nothing fails here; is_short says so in the end. */
void reply_begin(struct reply *reply, const char *kind);
void reply_word(struct reply *reply, const char *key, const char *value);
void reply_number(struct reply *reply, const char *key, uint64_t value);
void reply_signed(struct reply *reply, const char *key, int64_t value);
void reply_end(struct reply *reply);
/* A word without a key: requests have such. */
void reply_bare(struct reply *reply, const char *word);

/* The last line. reply_error drops the records. */
void reply_ok(struct reply *reply);
void reply_error(struct reply *reply, const struct error *err);

struct reply_row {
    const char *kind;
    size_t count;
    struct {
        const char *key, *value;
    } fields[REPLY_FIELDS_MAX];
};

/* Reads a line of an answer in place; the row points into it. ERR_INPUT. */
MUST_CHECK bool reply_parse(char *line, struct reply_row *out, struct error *err);

/* The value, or NULL. */
const char *reply_find(const struct reply_row *row, const char *key);

/* Is this line the end of an answer? *is_ok; if it is not, *err is what was told. */
bool reply_is_end(const char *line, bool *is_ok, struct error *err);

#endif
