/*
 * operator.h - what the operator's requests and the guests' wishes do to settings, reservations and
 * the engine. No I/O of its own: the journal keeps, the caller answers.
 */
#ifndef PAGEMETER_OPERATOR_H
#define PAGEMETER_OPERATOR_H

#include "balloon/ask.h"
#include "balloon/journal.h"
#include "balloon/recent.h"
#include "balloon/report.h"
#include "balloon/request.h"
#include "balloon/settings.h"

enum { RESERVATIONS_MAX = 64 };

struct operator_state {
    struct engine *engine;
    struct journal *journal;
    struct recent *recent;
    struct settings settings;
    struct reservation reservations[RESERVATIONS_MAX];
    size_t reserved;   /* how many */
    uint64_t requests; /* that changed something, ever */
    const char *rival; /* another balancer runs: a sentence; NULL: none */
    bool is_stopped;   /* `balloon stop` */
};

/* Takes what was stored. Rows that are no setting any more are left out, and counted. */
MUST_CHECK bool operator_load(struct operator_state *op, struct balloon_store *store,
                              size_t *left_out, struct error *err);
void operator_clear(struct operator_state *op);

/* The engine's source of policies (struct policy_source). */
void operator_find_policy(void *op, const struct uuid *uuid, const char *name, struct policy *out);

/* control_ops.serve: context is the operator. */
bool operator_serve(void *op, const struct request *request, struct reply *reply, uint64_t *ticket,
                    struct error *err);

/* control_ops.ticket. */
enum ticket_state operator_ticket(void *op, uint64_t ticket);

/* A guest's data/pagemeter/ask arrived. The answer's text, or NULL: none is due. */
const char *operator_ask(struct operator_state *op, struct vm *vm, const char *text, size_t length,
                         int64_t now_ns, char out[ASK_ANSWER_MAX]);

/*
 * Reservations fall as their VM's pages and claims rise, and expire. Brings engine->rules up to
 * date; to be called before each round.
 */
void operator_refresh(struct operator_state *op, int64_t utc_ns);

#endif
