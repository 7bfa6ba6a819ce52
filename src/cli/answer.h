/*
 * answer.h - asking pageballoond at its control socket, and its answer as rows.
 */
#ifndef PAGEMETER_ANSWER_H
#define PAGEMETER_ANSWER_H

#include "balloon/reply.h"
#include "cli/cli.h"

struct answer {
    struct reply_row *rows;
    size_t count;
    char *text; /* what the rows point into */
};

/*
 * Sends a request, which is one line written with reply.h, and reads the answer. What pageballoond
 * refuses is *err, as it says it.
 */
MUST_CHECK bool answer_ask(const char *socket, const struct reply *request, struct answer *out,
                           struct error *err);

/* The same by one who can't wait: a daemon that says nothing for so long does not answer. */
MUST_CHECK bool answer_ask_within(const char *socket, const struct reply *request, int limit_ms,
                                  struct answer *out, struct error *err);
void answer_clear(struct answer *answer);

/* The value, or "-". */
const char *answer_text(const struct reply_row *row, const char *key);
/* A figure in KiB as whole MiB, or "-" when it is not there. */
const char *answer_mib(const struct reply_row *row, const char *key, char out[24]);

/* Rows of this kind, or of all with NULL: a list of objects, with the kind among their keys. */
void answer_print_json(const struct answer *answer, const char *kind);

/* Rows of this kind, with these columns (ended by NULL) and a header. */
void answer_print_csv(const struct answer *answer, const char *kind, const char *const *columns);

/* All rows as kind,row,key,value: for answers whose rows differ. */
void answer_print_pairs(const struct answer *answer);

/* One field of CSV, quoted when it must be. */
void answer_print_field(const char *text);

/* Rows of kind "warning", on standard error. */
void answer_print_warnings(const struct answer *answer);

#endif
