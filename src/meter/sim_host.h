/*
 * sim_host.h - a made-up Xen host: domains that are born, balloon, migrate and die.
 *
 * Pure: the same orders and the same seed give the same host for ever. The source (source_sim.c)
 * puts a clock to it. What a domain looks like in each phase is what tests/lab/ sees on a real Xen.
 */
#ifndef PAGEMETER_SIM_HOST_H
#define PAGEMETER_SIM_HOST_H

#include "meter/record.h"

enum sim_phase {
    SIM_BUILDING, /* paused, no cpu time, pages come */
    SIM_INCOMING, /* the same, of a migration: becomes running when the outgoing one is gone */
    SIM_RUNNING,
    SIM_PAUSED,
    SIM_SHUTDOWN,
    SIM_OUTGOING, /* running, while its incoming twin is filled */
    SIM_DYING     /* gone at the next tick */
};

struct sim_domain {
    struct sample sample;
    enum sim_phase phase;
    unsigned ticks_left; /* in this phase, where that ends by itself */
    uint64_t kib;        /* what it is building up to */
};

struct sim_host {
    uint64_t random;            /* state of the generator, never 0 */
    struct sim_domain *domains; /* ascending domid */
    size_t count;
    size_t capacity;
    uint16_t next_domid;
    struct sample *samples;
};

MUST_CHECK bool sim_host_init(struct sim_host *host, uint64_t seed, struct error *err);
void sim_host_clear(struct sim_host *host);

/* The next number of the host's generator, below `bound` (above 0). */
uint64_t sim_random(struct sim_host *host, uint64_t bound);

/* A uuid that depends on the seed and the name alone. */
struct uuid sim_uuid(uint64_t seed, const char *name);

/* Begins a domain; it runs two ticks later, or at once. */
MUST_CHECK bool sim_birth(struct sim_host *host, const struct uuid *uuid, uint64_t kib,
                          bool runs_at_once, struct error *err);

/* The last domain with this uuid, or NULL. */
struct sim_domain *sim_find(struct sim_host *host, const struct uuid *uuid);

/* Live migration to the same host: a twin is filled for some ticks, then takes over. */
MUST_CHECK bool sim_migrate(struct sim_host *host, struct sim_domain *domain, struct error *err);

/* All domains but dom0 are gone, domids begin anew. */
void sim_reboot(struct sim_host *host);

/* One interval passes. Fills host->samples, host->count of them. */
void sim_pass(struct sim_host *host, uint64_t interval_ns);

#endif
