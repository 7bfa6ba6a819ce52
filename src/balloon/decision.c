#include "balloon/decision.h"

const char *const decision_actions[DECISION_ACTIONS] = {
    [ACTION_GROW] = "grow",           [ACTION_SHRINK] = "shrink", [ACTION_CAP] = "cap",
    [ACTION_CLAIM_END] = "claim-end", [ACTION_NUDGE] = "nudge",
};

const char *const decision_causes[DECISION_CAUSES] = {
    [CAUSE_TIMER] = "timer",
    [CAUSE_TICK] = "tick",
    [CAUSE_RECORD] = "record",
    [CAUSE_OPERATOR] = "operator",
};
