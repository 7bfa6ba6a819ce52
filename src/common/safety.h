/*
 * safety.h - the switches by which tests turn a safety off, to show that something fails without.
 */
#ifndef PAGEMETER_SAFETY_H
#define PAGEMETER_SAFETY_H

#include <stdbool.h>

#include "balloon/safety_names.h"

/*
 * A safety is a mechanism that keeps a figure right when something goes wrong. Each can be turned
 * off in test programs, and only there (safety_test.c, linked instead of safety.c), so that a test
 * can show that it fails without.
 */
#define METER_SAFETIES(X)                                                                                \
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

#define SAFETIES(X) METER_SAFETIES(X) BALLOON_SAFETIES(X)

#define SAFETY_ENUM(name, text, without) SAFETY_##name,
enum safety { SAFETIES(SAFETY_ENUM) SAFETY_COUNT };
#undef SAFETY_ENUM

/* True in every program that is shipped. */
bool safety_is_on(enum safety safety);

/* In test programs: prints the names, a line each, and returns true. */
bool safety_print(void);

#endif
