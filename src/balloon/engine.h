/*
 * engine.h - memory on demand as a whole, without threads, sockets or a clock: the same code runs
 * live, in dry run, in simulation and in tests.
 *
 * The shell (pageballoond, the simulator, a test) brings events with their time, and calls
 * engine_run; the engine reads the host anew through its actuator, plans, acts, and hands each
 * decision to the sink.
 */
#ifndef PAGEMETER_ENGINE_H
#define PAGEMETER_ENGINE_H

#include "balloon/actuator.h"
#include "balloon/plan.h"
#include "balloon/tally.h"

/* What made the engine look: stored with each decision (I10). */
struct cause {
    enum { CAUSE_TIMER, CAUSE_TICK, CAUSE_RECORD, CAUSE_OPERATOR } kind;
    uint64_t number; /* the tick's seq, or the record's */
    uint16_t domid;  /* of the record */
};

/* One action with its inputs, as it was taken. */
struct decision {
    int64_t at_ns;
    struct cause cause;
    struct action action; /* .vm is meaningless to others */
    enum reason failure;  /* REASON_NONE: carried out; REASON_DRY_RUN: only decided */
    uint16_t domid;
    struct uuid uuid;
    uint64_t need_kib, available_kib, headroom_kib, tot_kib, rate_kib_s;
};

struct engine_sink {
    void (*decided)(void *context, const struct decision *decision);
    /* what a person should hear of, as alerts.h says; vm NULL: of the host */
    void (*alert)(void *context, const struct vm *vm, enum reason reason);
    /* what is only counted, since a guest can bring it about at will */
    void (*counted)(void *context, const struct vm *vm, enum tally_what what, enum reason reason);
    /* so long a need of it has waited for memory: reaction.h */
    void (*reacted)(void *context, const struct vm *vm, int64_t took_ns);
    void *context;
};

/* Where the policy of a VM that appears comes from; false: the default. */
struct policy_source {
    void (*find)(void *context, const struct uuid *uuid, const char *name, struct policy *out);
    void *context;
};

struct engine {
    struct actuator *actuator;
    struct engine_sink sink;
    struct policy_source policies;
    struct host_rules rules;
    struct host_view host; /* of the last reading */
    struct vm *vms;        /* by domid, ascending; dom0 and service domains are not among them */
    size_t count, room;
    struct action *actions;
    struct share *shares;
    int64_t divided_ns;  /* struct plan's, from one to the next */
    int64_t surplus_kib; /* less what was granted since the reading */
    uint64_t pool_goal_kib, shortfall_kib;
    uint64_t claims_refused;
    int64_t day;          /* the UTC day, which the shell sets: spending caps are per day */
    int64_t read_ns;      /* the last reading */
    struct alerts alerts; /* of the host */
};

/* The caller owns the actuator and closes it after the engine. */
MUST_CHECK bool engine_init(struct engine *e, struct actuator *actuator, struct error *err);
void engine_clear(struct engine *e);

/* The VM with this domid, or NULL. Valid until the next engine_run. */
struct vm *engine_find(struct engine *e, uint16_t domid);

/* A guest's text arrived. A bad record is counted and is no record; nobody else is affected. */
void engine_record(struct engine *e, uint16_t domid, const char *text, size_t length,
                   int64_t now_ns);
/* The same from another agent's words, parsed already: of lower quality. */
void engine_fallback(struct engine *e, uint16_t domid, const struct figures *f, int64_t now_ns);
/* What it wrote can't be: that is counted, and nothing else. */
void engine_disbelieve(struct engine *e, struct vm *vm);
void engine_facts(struct engine *e, uint16_t domid, const struct vm_facts *facts, int64_t now_ns);

/*
 * Reads, plans, acts. Fails when the host cannot be read; then nothing is done. A VM that appeared
 * is added, one that went is forgotten.
 */
MUST_CHECK bool engine_run(struct engine *e, const struct cause *cause, struct error *err);

/* The policies have changed: ask for each VM's anew. */
void engine_reload(struct engine *e, int64_t now_ns);

/* When to run again though nothing happens: 50 ms while a transfer is open, else 1 s. */
int64_t engine_next_ns(const struct engine *e);

#endif
