/*
 * safety.h - the switches by which tests turn a safety off, to show that something fails without.
 */
#ifndef PAGEMETER_SAFETY_H
#define PAGEMETER_SAFETY_H

#include <stdbool.h>

/*
 * A safety is a mechanism that keeps a figure right when something goes wrong. Each can be turned
 * off in test programs, and only there (safety_test.c, linked instead of safety.c), so that a test
 * can show that it fails without.
 */
#define METER_SAFETIES(X)                                                                          \
    X(METER_MAX_GAP, "meter-max-gap", "an interval longer than max_gap is billed")                 \
    X(METER_FIRST_SAMPLE, "meter-first-sample", "the first counted sample of a life is billed")    \
    X(METER_DEAD, "meter-dead", "a dying or shut down domain is billed")                           \
    X(METER_NEVER_RAN, "meter-never-ran", "a domain under construction is billed")                 \
    X(METER_UUID, "meter-uuid", "a changed uuid does not end a life")                              \
    X(METER_TEMPORARY, "meter-temporary", "a toolstack's temporary handle is billed")              \
    X(METER_WINDOW, "meter-window", "a reading wider than max_gap makes a tick")                   \
    X(METER_BOOT, "meter-boot", "a boot of the host does not end lives")                           \
    X(METER_HOUR_SPLIT, "meter-hour-split", "an interval is not split at UTC hours")               \
    X(METER_SEQ, "meter-seq", "a tick that was seen before is taken again")                        \
    X(STORE_TRANSACTION, "store-transaction", "a tick is not one transaction")                     \
    X(STORE_LOCK, "store-lock", "two writers may open one store")                                  \
    X(STORE_VERSION, "store-version", "a database of a newer version is opened")                   \
    X(STORE_RETRY, "store-retry", "a tick that could not be written is forgotten")                 \
    X(QUEUE_BOUND, "queue-bound", "the queue between sampling and committing forgets its limit")

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
    X(BALLOON_PASSTHROUGH, "balloon-passthrough",                                                  \
      "memory is taken from a VM with a passed-through PCI device")                                \
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
    X(BALLOON_SPARE, "balloon-spare", "what was only learned competes with what others need")      \
    X(BALLOON_HARD_RESERVE, "balloon-hard-reserve", "the hard reserve is handed out (I1)")

#define BILLING_SAFETIES(X)                                                                        \
    X(BILLING_LOCK, "billing-lock", "a command does not wait for the one before")                  \
    X(BILLING_TRANSACTION, "billing-transaction", "what a command writes is not one transaction")  \
    X(BILLING_ONCE, "billing-once", "how far a host was charged is forgotten")                     \
    X(BILLING_OPEN, "billing-open", "the hour that is not over is charged for good")               \
    X(BILLING_STALE, "billing-stale", "what is said of the past changes nothing")                  \
    X(BILLING_RESTORED, "billing-restored", "a store that was restored counts as the same")        \
    X(BILLING_SEALED, "billing-sealed", "late usage is charged in the month that is sealed")       \
    X(BILLING_LATE, "billing-late", "late usage of a sealed month is left out")                    \
    X(BILLING_LATE_HOUR, "billing-late-hour",                                                      \
      "late usage is left out when something was said of a later hour")                            \
    X(BILLING_ENDED, "billing-ended", "a month that has not ended is closed")                      \
    X(BILLING_DELIVERED, "billing-delivered", "a month is closed before all of it was measured")   \
    X(BILLING_ORDER, "billing-order", "months are closed in any order")                            \
    X(BILLING_OWNED, "billing-owned", "a month is closed with usage that nobody pays")             \
    X(BILLING_RATED, "billing-rated", "a month is closed with sums that are not its usage")        \
    X(BILLING_CARRY, "billing-carry", "less than a penny is dropped when a month is closed")       \
    X(BILLING_GONE, "billing-gone", "what a VM that is gone has left stays with it")               \
    X(BILLING_POOL, "billing-pool", "a transfer to the pool never arrives")                        \
    X(BILLING_CHAIN, "billing-chain", "an entry's hash does not hold the one before")              \
    X(BILLING_KEY, "billing-key", "the ledger goes on with another key")

#define SHIP_SAFETIES(X)                                                                           \
    X(SHIP_PRUNED, "ship-pruned", "raw rows go before PostgreSQL has them")                        \
    X(SHIP_DELIVERED, "ship-delivered", "what was confirmed once counts as being there for ever")  \
    X(SHIP_OLDER_COPY, "ship-older-copy", "an older copy of meter.db counts as the same file")

/* where hours are gone: pagemeter db keep --hours */
#define KEEP_SAFETIES(X)                                                                           \
    X(KEEP_READ, "keep-read", "hours that are gone are read as hours without usage")               \
    X(KEEP_CHARGE, "keep-charge", "what was billed of hours that are gone is taken back")          \
    X(KEEP_SAID, "keep-said", "an owner or a price is said of hours that are gone")

/* in a database of many hosts */
#define CENTRAL_SAFETIES(X)                                                                        \
    X(RATED_ONCE, "rated-once", "a statement writes what is billed of an hour twice")

#define SERVE_SAFETIES(X)                                                                          \
    X(SERVE_KEPT, "serve-kept", "what is kept of a week is shown beside another bill")

#define SAFETIES(X)                                                                                \
    METER_SAFETIES(X)                                                                              \
    BALLOON_SAFETIES(X)                                                                            \
    BILLING_SAFETIES(X)                                                                            \
    SHIP_SAFETIES(X) KEEP_SAFETIES(X) CENTRAL_SAFETIES(X) SERVE_SAFETIES(X)

#define SAFETY_ENUM(name, text, without) SAFETY_##name,
enum safety { SAFETIES(SAFETY_ENUM) SAFETY_COUNT };
#undef SAFETY_ENUM

/* True in every program that is shipped. */
bool safety_is_on(enum safety safety);

/* In test programs: prints the names, a line each, and returns true. */
bool safety_print(void);

#endif
