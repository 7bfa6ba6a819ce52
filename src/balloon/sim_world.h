/*
 * sim_world.h - a made-up Xen host in virtual time: memory, domains with guests in them, a
 * toolstack that acts at given times. An actuator of kind "sim".
 *
 * What the hypervisor allows is modelled as it is: a domain grows inside its cap and out of what is
 * free and not claimed by others; a cap below what a domain has is legal; a claim is all or
 * nothing. Targets reach the guest after a delay. Nothing here decides.
 */
#ifndef PAGEMETER_SIM_WORLD_H
#define PAGEMETER_SIM_WORLD_H

#include "balloon/actuator.h"
#include "balloon/sim_guest.h"

#define SIM_WATCH_NS INT64_C(4000000)       /* from a write to xenstore to a watch's event */
#define SIM_INTRODUCE_NS INT64_C(300000000) /* listed, before xenstore knows it */

/* What a toolstack, an operator or fate does to one guest, at its time. */
enum sim_order_kind {
    ORDER_BUILD,      /* a domain of kib is claimed, filled, then runs; refused: it never comes */
    ORDER_BUILD_BARE, /* the same without a claim: it takes what is free as long as there is any */
    ORDER_PAUSE,
    ORDER_UNPAUSE,
    ORDER_SHUTDOWN,
    ORDER_DESTROY, /* dying for a second while its pages go back, then gone */
    ORDER_REUSE,   /* gone at once, and another VM with this domid runs */
    ORDER_MIGRATE, /* its name says --migratedaway; the domain stays as it is */
    ORDER_TARGET,  /* somebody else writes memory/target: kib */
    ORDER_SILENCE, /* its agent is killed */
    ORDER_SPEAK,   /* and started again */
    ORDER_HANG,    /* xenstored stops (for all) */
    ORDER_CONTINUE
};

struct sim_order {
    int64_t at_ns;
    enum sim_order_kind kind;
    size_t guest;
    uint64_t kib;
};

struct sim_world {
    struct actuator actuator;
    int64_t now_ns;
    int64_t grain_ns; /* time goes in steps of this while anything moves */
    uint64_t total_kib;
    struct host_domain dom0;
    struct sim_guest *guests; /* ascending domid */
    struct sim_birth_form *forms;
    size_t count, room;
    struct host_domain *listed;     /* of the last reading */
    const struct sim_order *orders; /* the caller's, ascending in time */
    size_t order_count, order_next;
    bool is_hung;
    /* counted */
    uint64_t reads, caps, claims, claims_refused, targets;
};

/* Room for that many guests. */
MUST_CHECK bool sim_world_init(struct sim_world *world, size_t room, struct error *err);
void sim_world_clear(struct sim_world *world);

/* An empty host: total, and what dom0 has of it; dom0_max_kib UINT64_MAX: dom0 has no cap. */
void sim_world_reset(struct sim_world *world, uint64_t total_kib, uint64_t dom0_kib,
                     uint64_t dom0_max_kib);

/*
 * One more guest, running, or not there before an order builds it. Its index; its domid is index +
 * 1. There must be room.
 */
size_t sim_world_add(struct sim_world *world, const struct sim_birth_form *form, bool is_there);

/* uuid of the life that a guest's domid has now. */
struct uuid sim_world_uuid(size_t guest, unsigned life);

struct sim_guest *sim_world_guest(struct sim_world *world, uint16_t domid);
uint64_t sim_world_free_kib(const struct sim_world *world);
uint64_t sim_world_outstanding_kib(const struct sim_world *world);

/* The host as a reading would see it now, into room + 1 domains of the caller. */
void sim_world_look(const struct sim_world *world, struct host_domain *domains,
                    struct host_view *view);

/* ---- what time needs (sim_time.c) ---- */

bool sim_world_has(const struct sim_guest *g); /* does the hypervisor list it? */

/* A new life, running, as its form says. */
void sim_world_begin(struct sim_world *world, size_t guest, unsigned life);

/* What it may take at once: free memory that nobody else has claimed, inside its cap. */
uint64_t sim_world_most_kib(const struct sim_world *world, const struct sim_guest *g);
void sim_world_write_target(struct sim_world *world, struct sim_guest *g, uint64_t target_kib);

/* When something happens by itself, or time must be looked at anew; never now_ns or before. */
int64_t sim_world_next_ns(const struct sim_world *world);

/* Lets time pass up to to_ns, which is not beyond sim_world_next_ns; then carries out orders. */
void sim_world_pass(struct sim_world *world, int64_t to_ns);

#endif
