/*
 * pace.h - when the agent looks, and when it sends. Pure: no clock; time in ms of one that goes on
 * in suspend, memory in KiB.
 *
 * It looks every 100 ms while less than four headrooms are available, else every second. It sends
 * when what is available has crossed half of the headroom, or when what is available or what is
 * used has moved by a quarter of it (by an eighth when less than the headroom was available), or by
 * 32 MiB, since the last record; every half second while less than half of the headroom is
 * available; never more than ten times a second; and every 5 s
 * whatever happens, since every record heals the loss of those before.
 *
 * What is used counts as well, since a guest in need eats what it is given at once: nothing is
 * available before and after, and the host would hear of it after 5 s only. For the same reason one
 * that is short goes on telling: how it swaps and stalls meanwhile is what the host decides by.
 */
#ifndef PAGEMETER_PACE_H
#define PAGEMETER_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/figures.h"
#include "common/error.h"

enum {
    PACE_LOOK_SOON_MS = 100,
    PACE_LOOK_LATER_MS = 1000,
    PACE_NEAR_HEADROOMS = 4, /* fewer than these available: look soon */
    PACE_SPACING_MS = 100,   /* between two records, at least */
    PACE_KEEP_ALIVE_MS = 5000,
    PACE_SHORT_MS = 500, /* between two records while it is short */
    PACE_RETRY_MS = 1000 /* after a record that did not arrive */
};

/* A move by this much is news whatever the headroom: the host takes back at most twice as much on
 * one record. */
#define PACE_MOVE_MOST_KIB (UINT64_C(32) << 10)

/* What the host may set as a headroom: 1 MiB to 1 TiB. A smaller one would make every page news. */
#define PACE_HEADROOM_LEAST_KIB (UINT64_C(1) << 10)
#define PACE_HEADROOM_MOST_KIB (UINT64_C(1) << 30)

/* What a look at /proc/meminfo tells. */
struct pace_look {
    uint64_t available_kib;
    uint64_t total_kib; /* moves with the balloon */
};

struct pace {
    uint64_t headroom_kib;
    bool is_fresh;          /* a record was sent, and nothing says that it was lost */
    uint64_t sent_ms;       /* when it was */
    struct pace_look sent;  /* what it said */
    uint64_t not_before_ms; /* the next one */
};

/* Nothing was sent yet, so a record is due at once. */
void pace_init(struct pace *p);

bool pace_is_due(const struct pace *p, uint64_t now_ms, const struct pace_look *look);

/*
 * When to look next, with this much available now: not later than the keep-alive is due, and at the
 * moment when a record may follow, if one may not now. Ask before sending.
 */
uint64_t pace_next_look_ms(const struct pace *p, uint64_t now_ms, uint64_t available_kib);

/* A record that says so was handed over. */
void pace_sent(struct pace *p, uint64_t now_ms, const struct pace_look *look);

/* It did not arrive, or nobody knows: the next is due in PACE_RETRY_MS. */
void pace_lost(struct pace *p, uint64_t now_ms);

/* The host's word on the headroom: decimal digits, nothing else, within the limits. */
MUST_CHECK bool pace_parse_headroom(const char *text, size_t length, uint64_t *kib);

/* The headroom for a guest that says this, as long as the host has set none. */
uint64_t pace_own_headroom(const struct figures *f);

#endif
