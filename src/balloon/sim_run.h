/*
 * sim_run.h - brings what happens in a made-up world to whoever controls its memory, in order of
 * time: records, xenstore's facts, timers.
 *
 * The engine is one controller; the rules that it is compared with are others.
 */
#ifndef PAGEMETER_SIM_RUN_H
#define PAGEMETER_SIM_RUN_H

#include "balloon/engine.h"
#include "balloon/sim_world.h"

struct sim_controller {
    void (*record)(struct sim_controller *c, uint16_t domid, const char *text, size_t length,
                   int64_t now_ns);
    /* false: it does not know this domain yet; it is told again later */
    bool (*facts)(struct sim_controller *c, uint16_t domid, const struct vm_facts *facts,
                  int64_t now_ns);
    /* does it know this domain, but not its facts? They may have come before it was listed. */
    bool (*lacks_facts)(struct sim_controller *c, uint16_t domid);
    void (*hang)(struct sim_controller *c, bool is_hung); /* xenstored does not answer */
    bool (*run)(struct sim_controller *c, const struct cause *cause, struct error *err);
    int64_t (*next_ns)(struct sim_controller *c); /* when to run again though nothing happens */
    void *context;
};

/* An engine, whose actuator is the world's or one around it, as a controller. */
struct sim_controller sim_engine_controller(struct engine *engine);

struct sim_run {
    struct sim_world *world;
    struct sim_controller *controller;
    int64_t timer_ns; /* 0: the controller has never run */
    int64_t hung_ns;  /* since when xenstored hangs; 0: it does not */
    uint64_t runs;
    /* after every step of time, before anything is brought; may be NULL */
    void (*watch)(void *context, struct sim_world *world);
    void *context;
};

/* Until the world's clock says until_ns. Fails when the controller does. */
MUST_CHECK bool sim_run_until(struct sim_run *run, int64_t until_ns, struct error *err);

#endif
