/*
 * scenarios.h - one named scenario for each kind of guest and of trouble, with what must come of
 * it.
 */
#ifndef PAGEMETER_TESTS_SCENARIOS_H
#define PAGEMETER_TESTS_SCENARIOS_H

#include "rig.h"

struct scenario {
    const char *name;
    void (*run)(struct rig *rig); /* judges with EXPECT */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* Also fails when the checker found a violation. */
bool scenario_run(struct rig *rig, const struct scenario *scenario);

/* For a person: the host as it begins, and each decision. */
void scenario_show(const struct rig *rig);
void scenario_trace(const struct decision *decision);

/* Says what was not so, once for each place. */
void scenario_expect(bool is_so, const char *what, const char *file, int line);
#define EXPECT(condition) scenario_expect(condition, #condition, __FILE__, __LINE__)

#endif
