/*
 * meter.h - the metering rules: from records to what the store keeps.
 *
 * Rules 1 to 8 of docs/billing.md that concern which samples count, lives, gaps and boots are
 * here; how a kept value becomes KiB*ns is integrate.h. Pure: no clock, no file, no hypervisor, no
 * log; memory is taken in meter_init and meter_reserve only.
 *
 * The way of a sample: the meter compares it with the open segment of its life, and nothing is to
 * do when the value still holds. A value that changed ends one segment and begins another.
 */
#ifndef PAGEMETER_METER_H
#define PAGEMETER_METER_H

#include "common/units.h"
#include "meter/change.h"
#include "meter/rules.h"

/* A life that the last tick lists, with its open segment. */
struct open_life {
    int64_t life;
    int64_t segment;
    uint64_t kib;
    struct uuid uuid;
    uint16_t domid;
    bool has_run;
    bool has_counted;
    bool is_counted; /* the open segment's */
    bool is_billed;
    bool is_temporary;
};

/* Where a store stands: all that a meter needs to go on after a restart. */
struct meter_state {
    bool has_host;
    struct uuid host;
    bool is_booted; /* the host booted after the last tick: */
    struct uuid next_boot;
    bool has_boot; /* false: no tick was ever stored; the fields below are not set */
    struct uuid boot;
    int64_t tick_base;
    /* the last tick */
    int64_t tick;
    int64_t mono_ns;
    int64_t utc_ns;
    int64_t next_life;
    int64_t next_segment;
};

struct meter {
    struct rules rules;
    struct meter_state state;
    /* pending until the next tick */
    bool is_restarted;
    enum gap_cause cause;
    /* the last tick of this boot that was looked at, whether it made a row or not */
    int64_t seen_tick;
    int64_t seen_mono_ns;
    /* in force */
    bool has_head;
    uint64_t interval_ns;
    uint64_t max_gap_ns;
    int64_t restart_tick;
    struct restart_row restart;
    /* ascending domid; spare is where the next list is built when the set of domains changes */
    struct open_life *lives;
    struct open_life *spare;
    size_t life_count;
    size_t life_capacity;
    /* the outcome of the last tick */
    struct change *changes;
    size_t change_count;
    size_t change_capacity;
    struct tick_row row;
    const char *skipped; /* why the last tick made no row, or NULL */
};

/*
 * A meter that goes on from `state`, with the lives that its last tick lists (ascending domid,
 * copied; is_temporary is found anew). rules' strings stay the caller's.
 */
MUST_CHECK bool meter_init(struct meter *m, const struct rules *rules,
                           const struct meter_state *state, const struct open_life *lives,
                           size_t life_count, struct error *err);
void meter_clear(struct meter *m);

/* The boot that the next tick is of, as far as is known: NULL before any. */
const struct uuid *meter_boot(const struct meter *m);

/* Takes memory for ticks of up to so many domains. Cheap when there is enough. */
MUST_CHECK bool meter_reserve(struct meter *m, size_t domains, struct error *err);

/* The most changes that a tick with so many domains can make now. */
size_t meter_changes_max(const struct meter *m, size_t domains);

enum meter_result {
    METER_NOTHING, /* the record was noted; nothing is to be stored yet */
    METER_TICK,    /* m->row and m->changes are to be stored, in one transaction */
    METER_REFUSED  /* *err; the meter is as it was */
};

/*
 * Feeds the next record. ERR_REFUSED: another host, or a boot or seq that does not continue;
 * ERR_CLOCK: time does not go forward; ERR_RANGE: figures that no host has.
 */
enum meter_result meter_feed(struct meter *m, const struct record *record, struct error *err);

/*
 * Says that a tick that was due will not come, and why. The first cause since the last tick is the
 * one that a gap gets, if there is a gap: what began it explains it.
 */
void meter_note_gap(struct meter *m, enum gap_cause cause);

#endif
