/*
 * reason.h - why something was done to a VM, or not: one list of codes for plans, logs, the store,
 * and `pagemeter explain`.
 */
#ifndef PAGEMETER_REASON_H
#define PAGEMETER_REASON_H

/*
 * REASON(NAME, "word", "sentence"): the word is stored and printed, the sentence explains it.
 * The first block are reasons to act, the second what stands in the way.
 */
#define REASONS(REASON)                                                                            \
    REASON(NONE, "-", "nothing to do")                                                             \
    REASON(START, "start", "the domain appeared: it is raised to its start size")                  \
    REASON(SHORT, "short", "available is below half of the headroom")                              \
    REASON(PREDICTED, "predicted", "at its present rate it falls below half of the headroom soon") \
    REASON(LEARNED, "learned",                                                                     \
           "its growth before says that it may soon need more, and nobody else does")              \
    REASON(SWAPPING, "swapping", "it reads pages back from swap, or stalls")                       \
    REASON(GOES_ON, "goes-on",                                                                     \
           "a tracking VM grows on though nothing was given: it is in earnest")                    \
    REASON(LONG_SHORT, "long-short", "a tracking VM was below a quarter of its headroom for 1 s")  \
    REASON(ASKED, "asked", "the size that the guest or its owner asked for")                       \
    REASON(NO_RECORD, "no-record",                                                                 \
           "no record for 60 s: its agent may be a victim of the shortage")                        \
    REASON(UNDO, "undo", "pages that were taken came back by refaults or stalls")                  \
    REASON(FLOOR, "floor", "its target lies below its floor")                                      \
    REASON(SLACK, "slack", "it has had more than its headroom for long")                           \
    REASON(POOL, "pool",                                                                           \
           "others are short, or the pool is low, and it has more than its headroom")              \
    REASON(FAIR_SHARE, "fair-share", "others are short, and reclaim=swap allows more than slack")  \
    REASON(CEILING, "ceiling", "its target lies above its ceiling")                                \
    REASON(DRAIN, "drain", "the host is drained: every VM shrinks to what it needs")               \
    REASON(WAKE, "wake", "the guest's balloon driver sleeps: its target is moved by 4 KiB")        \
    REASON(STUCK, "stuck", "the guest does not follow its target")                                 \
    REASON(UNREACHABLE, "unreachable",                                                             \
           "its cap does not let it reach its target: the target follows what it has")             \
    REASON(CAP, "cap", "the cap follows the domain's pages down")                                  \
    REASON(CLAIM_END, "claim-end", "the memory has arrived, or took too long")                     \
                                                                                                   \
    REASON(FIXED, "fixed", "policy fixed")                                                         \
    REASON(STOPPED, "stopped", "stopped by the operator")                                          \
    REASON(DRAINING, "draining", "the host is drained: nothing is granted")                        \
    REASON(PAUSED, "paused", "paused, shut down, dying or under construction")                     \
    REASON(MIGRATING, "migrating", "in migration")                                                 \
    REASON(FOREIGN, "foreign", "somebody else wrote its target")                                   \
    REASON(XENSTORE, "xenstore", "xenstore does not answer")                                       \
    REASON(NO_AGENT, "no-agent", "it never sent a record")                                         \
    REASON(STALE, "stale", "no record for 15 s: nothing is taken")                                 \
    REASON(YOUNG, "young", "in its first 60 s nothing is taken")                                   \
    REASON(QUIET, "quiet", "nothing is taken so soon after growth, a stall or a failed shrink")    \
    REASON(TRANSFER, "transfer", "on its way to its target")                                       \
    REASON(TRACKING, "tracking",                                                                   \
           "it fills whatever it gets: it grows on swap-in or long shortage")                      \
    REASON(AT_CEILING, "at-ceiling", "it has all that its ceiling allows")                         \
    REASON(NO_SURPLUS, "no-surplus", "the host has no memory left")                                \
    REASON(CLAIM, "claim", "the hypervisor refused the claim")                                     \
    REASON(POOL_SHARE, "pool-share", "it had its share of the pool for this second")               \
    REASON(SPENT, "spent", "its spending cap for the day is used up")                              \
    REASON(NO_SWAP, "no-swap", "policy swap needs a guest with swap")                              \
    REASON(UNSHIELDED, "unshielded",                                                               \
           "policy demand without swap: what comes faster than memory can be given is killed")     \
    REASON(PASSTHROUGH, "passthrough", "a PCI device is passed through to it: nothing is taken")   \
    REASON(NO_BALLOON, "no-balloon", "the guest has no balloon driver")                            \
    REASON(DRY_RUN, "dry-run", "decided only: the host is in dry-run")                             \
    REASON(FAILED, "failed", "the hypervisor or xenstore refused the change")

#define REASON_ENUM(name, word, sentence) REASON_##name,
enum reason { REASONS(REASON_ENUM) REASON_COUNT };
#undef REASON_ENUM

const char *reason_word(enum reason reason);
const char *reason_sentence(enum reason reason);

#endif
