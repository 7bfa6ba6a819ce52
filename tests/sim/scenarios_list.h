/*
 * scenarios_list.h - the scenarios by name; each is a function scenario_NAME.
 */
#ifndef PAGEMETER_TESTS_SCENARIOS_LIST_H
#define PAGEMETER_TESTS_SCENARIOS_LIST_H

struct rig;

#define SCENARIOS(X)                                                                               \
    X(ideal)                                                                                       \
    X(burst)                                                                                       \
    X(requests)                                                                                    \
    X(boot_burst)                                                                                  \
    X(slow)                                                                                        \
    X(stuck)                                                                                       \
    X(now_and_then)                                                                                \
    X(partial)                                                                                     \
    X(sleeper)                                                                                     \
    X(no_driver)                                                                                   \
    X(no_agent)                                                                                    \
    X(silence)                                                                                     \
    X(liar_up)                                                                                     \
    X(liar_down)                                                                                   \
    X(flapping)                                                                                    \
    X(garbage)                                                                                     \
    X(greedy)                                                                                      \
    X(steady_swap)                                                                                 \
    X(greedy_held)                                                                                 \
    X(greedy_all)                                                                                  \
    X(cache_reader)                                                                                \
    X(passthrough)                                                                                 \
    X(paused)                                                                                      \
    X(lives)                                                                                       \
    X(reuse)                                                                                       \
    X(other_toolstack)                                                                             \
    X(surplus_below_zero)                                                                          \
    X(weights)                                                                                     \
    X(many)                                                                                        \
    X(hang)                                                                                        \
    X(foreign)                                                                                     \
    X(foreign_thrice)                                                                              \
    X(fixed)                                                                                       \
    X(dry_run)                                                                                     \
    X(stopped)                                                                                     \
    X(drain)                                                                                       \
    X(swap_policy)                                                                                 \
    X(api)                                                                                         \
    X(dom0_allowance)                                                                              \
    X(dom0_untouched)                                                                              \
    X(donor)                                                                                       \
    X(pool_share)                                                                                  \
    X(learned)

#define SCENARIO_DECLARE(name) void scenario_##name(struct rig *rig);
SCENARIOS(SCENARIO_DECLARE)
#undef SCENARIO_DECLARE

#endif
