/*
 * decision.h - the words for a decision's action and cause: in the store, in replies, in logs.
 */
#ifndef PAGEMETER_DECISION_H
#define PAGEMETER_DECISION_H

#include "balloon/engine.h"

enum { DECISION_ACTIONS = ACTION_NUDGE + 1, DECISION_CAUSES = CAUSE_OPERATOR + 1 };

extern const char *const decision_actions[DECISION_ACTIONS]; /* by enum action_kind */
extern const char *const decision_causes[DECISION_CAUSES];   /* by struct cause's kind */

#endif
