/*
 * answer.h - what `pagemeter serve` answers: one function for each endpoint, from the databases to
 * JSON. Big whole numbers are texts, since readers of JSON lose digits beyond 2^53.
 *
 * ERR_USAGE: what was asked is wrong, and the sentence is for who asked; ERR_REFUSED: it is not
 * there, or not his; all others are for the log.
 */
#ifndef PAGEMETER_SERVE_ANSWER_H
#define PAGEMETER_SERVE_ANSWER_H

#include <stdio.h>

#include "billing/vm_names.h"
#include "chart/points.h"
#include "common/json.h"
#include "serve/access.h"
#include "serve/reader.h"
#include "serve/request.h"

enum {
    ANSWER_BYTES_MAX = 16 * 1024 * 1024,
    ANSWER_VMS_MAX = 5000, /* listed in one answer; more are counted */
    ANSWER_GAPS_MAX = 500,
    ANSWER_DECISIONS_MAX = 1000,
    ANSWER_LIVES_MAX = 500,
};

struct server_options;

struct answering {
    struct reader *reader;
    const struct asker *asker;
    const struct serve_request *request;
    FILE *out;
    const struct server_options *options;
};

MUST_CHECK bool answer_me(const struct answering *a, struct error *err);
MUST_CHECK bool answer_fleet(const struct answering *a, struct error *err);
MUST_CHECK bool answer_vm(const struct answering *a, struct error *err);
MUST_CHECK bool answer_series(const struct answering *a, struct error *err);
MUST_CHECK bool answer_account(const struct answering *a, struct error *err);
MUST_CHECK bool answer_period(const struct answering *a, struct error *err);
MUST_CHECK bool answer_metrics(const struct answering *a, struct error *err); /* OpenMetrics */

/* ---- what they share ---- */

/*
 * Asks a file of sql/serve/ by its name, with a parameter or none. PostgreSQL would read all that
 * it has to find a little of it: there is another one for it, NAME_central, which says the same.
 */
MUST_CHECK bool answer_ask(const struct answering *a, const char *file,
                           const struct query_parameter *parameter, const struct reader_sink *sink,
                           struct error *err);

/* The one error for what does not exist and for what is another's. */
bool answer_not_there(struct error *err);

void answer_int128(struct json *json, const char *name, usage_kib_ns value); /* as text */
void answer_time(struct json *json, const char *name, int64_t utc_ns);       /* to the second */

/*
 * A line to draw, into an object that is open: "ms" and "kib", null where nothing is known from
 * there on; with a roll-up "least" and "most" too.
 */
void answer_line(struct json *json, const struct points *points);

/*
 * What VMs were called when this change had been made; INT64_MAX: now. For a customer by his own
 * word, since a name may be that of who had the VM before, or will have it. None is called anything
 * without books.
 */
MUST_CHECK bool answer_names(const struct answering *a, int64_t change, struct vm_names *names,
                             struct error *err);

#endif
