/*
 * rig.h - a made-up world, an engine and a checker between them, put together and run.
 */
#ifndef PAGEMETER_TESTS_RIG_H
#define PAGEMETER_TESTS_RIG_H

#include "checker.h"
#include "common/units.h"

#define RIG_MIB UINT64_C(1024)
#define RIG_GIB (UINT64_C(1) << 20)
#define RIG_BEGIN_NS (1000 * NS_PER_S) /* the world's clock when a run begins */

enum { RIG_VMS_MAX = 256, RIG_STEPS_MAX = 8, RIG_ORDERS_MAX = 64 };

struct rig {
    struct sim_world world;
    struct engine engine;
    struct checker checker;
    struct sim_run run;
    struct policy policies[RIG_VMS_MAX];
    struct sim_step steps[RIG_VMS_MAX][RIG_STEPS_MAX];
    struct sim_order orders[RIG_ORDERS_MAX];
    size_t order_count;
    bool has_engine;
    /* decisions by reason, and alerts */
    uint64_t decided[REASON_COUNT];
    uint64_t alerts[REASON_COUNT];
    uint64_t decisions;
    uint64_t log_of[RIG_VMS_MAX]; /* a hash over what was decided for each guest */
    void (*trace)(const struct decision *decision); /* may be NULL */
};

void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* A new host; what was before is forgotten. */
void rig_begin(struct rig *rig, uint64_t total_kib, uint64_t dom0_kib);

/* One more guest with a program of these steps; times count from the beginning of the run. */
size_t rig_add(struct rig *rig, const struct sim_birth_form *form, const struct policy *policy,
               const struct sim_step *steps, size_t count);
void rig_order(struct rig *rig, double at_s, enum sim_order_kind kind, size_t guest, uint64_t kib);

/* The engine begins: mode on, rules at their defaults; they may be changed after this. */
void rig_start(struct rig *rig);

/* Until that many seconds after the beginning. */
void rig_until(struct rig *rig, double seconds);

/* What a rig_until needed that failed is printed, and the program ends. */
_Noreturn void rig_die(const struct error *err);

#endif
