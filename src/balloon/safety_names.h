/*
 * safety_names.h - the safeties of memory on demand: what each protects, and what happens without.
 *
 * The same form as SAFETIES in meter/rules.h. tests/sim/mutants.sh turns each off and asks for a
 * failing scenario or property.
 */
#ifndef PAGEMETER_SAFETY_NAMES_H
#define PAGEMETER_SAFETY_NAMES_H

/* X(NAME, "name", "what happens without it") */
#define BALLOON_SAFETIES(X)                                                                        \
    X(BALLOON_LEDGER, "balloon-ledger", "a grant brings the surplus below 0 (I1)")                 \
    X(BALLOON_CAP_FOLLOWS, "balloon-cap-follows", "the cap of a donor stays where it was (I1)")    \
    X(BALLOON_DOM0_ALLOWANCE, "balloon-dom0-allowance",                                            \
      "a dom0 without a cap counts as having promised nothing (I1)")                               \
    X(BALLOON_CAP_FIRST, "balloon-cap-first", "a target is raised and its cap is not (I2)")        \
    X(BALLOON_CAP_ABOVE_TOT, "balloon-cap-above-tot", "a cap jumps below what the VM has (I2)")    \
    X(BALLOON_CLAIM, "balloon-claim", "memory is granted without the hypervisor's claim (I2)")     \
    X(BALLOON_CLAIM_END, "balloon-claim-end", "a claim outlives its transfer (I2)")                \
    X(BALLOON_CLAIM_OTHERS, "balloon-claim-others",                                                \
      "the claim of a domain under construction is given back (I2)")                               \
    X(BALLOON_FRESH_READ, "balloon-fresh-read", "grants are decided on an old reading (I3)")       \
    X(BALLOON_BOUNDS, "balloon-bounds", "a target is not held inside floor and ceiling (I4)")      \
    X(BALLOON_STATIC_MAX, "balloon-static-max", "a target may exceed memory/static-max (I4)")      \
    X(BALLOON_FRESH_RECORD, "balloon-fresh-record", "an old record is enough to shrink (I5)")      \
    X(BALLOON_ONE_STEP, "balloon-one-step", "one record is good for many shrinks (I5)")            \
    X(BALLOON_NEED_FLOOR, "balloon-need-floor", "a shrink goes below need + headroom (I5)")        \
    X(BALLOON_PAUSED, "balloon-paused", "paused, dying and unborn domains are acted on (I6)")      \
    X(BALLOON_MIGRATING, "balloon-migrating", "a migrating domain is acted on (I6)")               \
    X(BALLOON_YOUNG, "balloon-young", "a domid is shrunk in its first 60 s (I6)")                  \
    X(BALLOON_FOREIGN, "balloon-foreign", "somebody else's target is overwritten at once (I6)")    \
    X(BALLOON_DOM0, "balloon-dom0", "dom0 is a VM like any other (I7)")                            \
    X(BALLOON_LIFE, "balloon-life", "a reused domid inherits the record of the one before")        \
    X(BALLOON_HOSTILE_RECORD, "balloon-hostile-record", "an impossible record is believed (I8)")   \
    X(BALLOON_FAILOPEN, "balloon-failopen", "a VM whose agent fell silent gets nothing")           \
    X(BALLOON_WAKE, "balloon-wake", "a balloon driver that sleeps is left asleep")                 \
    X(BALLOON_GUARD, "balloon-guard", "a guest that fills whatever it gets is fed")                \
    X(BALLOON_WATER_FILLING, "balloon-water-filling", "who comes first takes all")                 \
    X(BALLOON_QUIET, "balloon-quiet", "memory is taken right after growth")                        \
    X(BALLOON_UNDO, "balloon-undo", "a shrink that makes a guest refault is not undone")           \
    X(BALLOON_POOL_SHARE, "balloon-pool-share", "one VM takes the whole pool while others wait")   \
    X(BALLOON_HARD_RESERVE, "balloon-hard-reserve", "the hard reserve is handed out (I1)")

#endif
