/*
 * checker.h - an actuator and a controller around others, that hold every action and every state
 * of the world against BALLOON's invariants I1 to I8.
 *
 * Written from the invariants alone: it knows the made-up world, the policies and what was
 * delivered, and nothing of how a decision was made. One exception: I2 lets the cap of a domain
 * that the engine has judged stuck jump; whether it may be judged so is checked here.
 */
#ifndef PAGEMETER_TESTS_CHECKER_H
#define PAGEMETER_TESTS_CHECKER_H

#include "balloon/engine.h"
#include "balloon/sim_run.h"

/* What the checker knows of one guest's present life. */
struct watched {
    struct uuid uuid;
    int64_t listed_ns;  /* when it was first read */
    uint64_t first_kib; /* its target then */
    bool has_facts;
    uint64_t read_cap_kib; /* its cap when the engine last read */
    uint64_t told_kib;     /* the target that it was last told */
    uint64_t known_kib;    /* the last that it was told, or wrote; 0: none */
    int64_t record_ns;     /* the last good record came; 0: none */
    uint64_t need_kib;     /* current - available of that record */
    uint64_t swap_free_kib;
    unsigned shrinks;        /* since that record */
    bool is_renamed;         /* migrating, as far as it was told */
    uint64_t written_kib[8]; /* our last targets */
    unsigned written;
    int64_t foreign_until_ns;
    int64_t foreign_ns[3];
    int64_t claim_ns;           /* a claim of ours is open since */
    uint64_t ended_missing_kib; /* it was given back with so much to come */
    uint64_t claim_was_kib;
    int64_t settled_ns; /* after a shrink: tot has been at the target since */
    bool has_shrunk;
    uint64_t tot_kib; /* for stuck: the last size, and since when */
    int64_t tot_ns;
    int64_t hungry_ns; /* short though the host could give, since; 0: it is not */
    uint64_t hungry_want_kib, hungry_missing_kib;
};

enum { CHECKER_SAID_MAX = 8 };

struct checker {
    struct actuator actuator;         /* for the engine */
    struct sim_controller controller; /* for sim_run */
    struct sim_world *world;
    struct engine *engine;
    struct sim_controller inner;
    const struct policy *policies; /* by guest */
    struct watched *watched;       /* by guest */
    struct host_domain *scratch;
    int64_t read_ns; /* the last reading of the engine */
    int64_t hung_ns; /* told that xenstore hangs since; 0: it does not */
    bool is_strict_about_hunger;
    void (*before_run)(void *context); /* may be NULL */
    void *context;
    const char *where; /* what is run, for the report */
    uint64_t seed;
    /* results */
    uint64_t actions, grows, shrinks, nudges, caps;
    uint64_t violations;
    uint64_t log; /* a hash over all actions: two equal runs have equal logs */
    int64_t last_action_ns;
    bool is_quiet; /* counts, and says nothing */
};

/* world and engine are wired by this: run->controller is checker->controller. */
void checker_begin(struct checker *c, struct sim_world *world, struct engine *engine,
                   const struct policy *policies);

/* sim_run's watch. */
void checker_watch(void *context, struct sim_world *world);

/* An independent ledger. */
int64_t checker_surplus_kib(const struct checker *c);

#endif
