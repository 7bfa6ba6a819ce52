/*
 * vm.h - one VM under memory on demand: what it said, where it is in its life, what it needs. Pure.
 *
 * All that is remembered of a VM between two decisions is in struct vm; engine.h keeps one per
 * domain, plan.h decides. need = current - available, both from one record; what a target leaves
 * available when it has arrived is margin = target - need.
 */
#ifndef PAGEMETER_VM_H
#define PAGEMETER_VM_H

#include "agent/figures.h"
#include "balloon/alerts.h"
#include "balloon/growth.h"
#include "balloon/host.h"
#include "balloon/policy.h"
#include "balloon/reaction.h"
#include "balloon/reason.h"

#define VM_STALE_NS (15 * INT64_C(1000000000))     /* older: nothing is taken */
#define VM_LOST_NS (60 * INT64_C(1000000000))      /* older: fail-open */
#define VM_YOUNG_NS (60 * INT64_C(1000000000))     /* of a domid: nothing is taken */
#define VM_QUIET_NS (30 * INT64_C(1000000000))     /* without stall or growth before a shrink */
#define VM_QUIET_POOL_NS (2 * INT64_C(1000000000)) /* the same while others are short */
#define VM_QUIET_MOST_NS (600 * INT64_C(1000000000))
#define VM_HOLD_NS (600 * INT64_C(1000000000))   /* after somebody else's target */
#define VM_TRANSFER_NS (2 * INT64_C(1000000000)) /* longer under way: the driver sleeps */
#define VM_ECHO_NS                                                                                 \
    (5 * INT64_C(1000000000)) /* an old target of ours that stays longer is not an echo */
#define VM_WAKE_NS (5 * INT64_C(1000000000))  /* between two wakings */
#define VM_CLAIM_NS (5 * INT64_C(1000000000)) /* a claim lives no longer */
#define VM_AHEAD_NS (INT64_C(500000000))      /* how far the predictor looks */
#define VM_STEP_MOST_KIB (UINT64_C(64) << 10)
#define VM_SLACK_LEAST_KIB (UINT64_C(4) << 10)
#define VM_CAP_SLACK_KIB (UINT64_C(1) << 10) /* libxl's: cap = target + 1 MiB */
#define VM_ARRIVED_KIB (UINT64_C(128))       /* tot this near to its target has arrived */
enum {
    VM_WAKES_MOST = 5,
    VM_FILLED_MOST = 3,
    VM_GOOD_RECORDS = 3,
    VM_FOREIGN_MOST = 3,
    VM_ECHOES = 8
};

enum wish_kind {
    WISH_NONE,
    WISH_GROW,
    WISH_SPARE, /* grow, by what nobody else needs */
    WISH_WAIT,  /* held back by the guard: its share of what is scarce is kept for it */
    WISH_SHRINK
};

/* What a VM wants, before the host has been asked: controller.h. */
struct wish {
    enum wish_kind kind;
    enum reason reason;
    uint64_t target_kib; /* inside floor and ceiling, or nearer to them than the last one */
};

enum vm_phase { VM_INIT, VM_RUN, VM_HOLD, VM_PHASES };

struct vm {
    struct uuid uuid;
    uint16_t domid;
    enum vm_phase phase;
    struct policy policy;
    struct vm_facts facts;
    struct host_domain domain; /* of the last reading */
    int64_t since_ns;          /* when this domid was first listed */
    bool has_started;          /* was raised to its start size, or was there before us */
    int64_t young_until_ns;    /* nothing is taken before */

    /* the guest's word */
    struct figures last, before;
    int64_t last_ns, before_ns; /* arrival; 0: none */
    unsigned good_records;      /* in a row since the last silence of VM_STALE_NS or more */
    bool is_fallback;           /* figures of another agent: current is learned, not told */
    bool is_fresh_record;       /* not yet looked at by a decision */
    uint64_t hostile_records;
    uint64_t learned_overhead_kib; /* fallback: tot_pages - MemTotal at rest; 0 unknown */

    /* targets. offsets are learned at rest: tot - target, and target - current */
    uint64_t target_kib;         /* the last that we wrote, or found */
    uint64_t written[VM_ECHOES]; /* the last that we wrote: their echo may still come */
    unsigned written_next;
    uint64_t first_target_kib; /* of this domid: the floor when none is set */
    int64_t wrote_ns;          /* 0: never */
    int64_t tot_offset_kib;
    int64_t current_offset_kib;
    int64_t still_ns;      /* tot_pages has not changed since */
    int64_t moved_ns;      /* when a transfer began; 0: none under way */
    uint64_t progress_kib; /* tot_pages when it last came nearer to the target */
    int64_t progress_ns;
    int64_t claim_ns;  /* when a claim was made; 0: none open */
    int64_t beyond_ns; /* its cap has not let it reach its target since; 0: it does */
    int64_t woken_ns;
    unsigned wakes;
    uint64_t
        nudged_from_kib; /* the target was moved by 4 KiB from here, and goes back; 0: it was not */
    bool is_stuck, stuck_up; /* up: it did not take what it was given; else it did not give */
    int64_t stuck_until_ns;
    unsigned stuck_times;
    bool is_write_lost; /* a target of ours could not be written: an older one of ours is no quarrel
                         */
    int64_t failed_ns;  /* the hypervisor or xenstore refused; 0: no */

    /* holding for others */
    int64_t foreign_until_ns; /* INT64_MAX: until `balloon start VM` */
    int64_t foreign_ns[VM_FOREIGN_MOST];

    /* shrinking */
    int64_t quiet_ns;      /* the last growth or stall */
    unsigned backoff;      /* the quiet time is doubled so often */
    uint64_t taken_kib;    /* since quiet: what an undo gives back */
    int64_t taken_ns;      /* the last shrink; 0: none */
    uint64_t refault_rate; /* pages per second before the first shrink of the episode */
    uint64_t refault_swap; /* pages read back from swap before it */
    int64_t reclaimed_ns;  /* memory in use was last taken for others; 0: never */

    /* growing */
    struct growth growth;
    uint64_t rate_kib_s; /* growth of need, never negative */
    int64_t low_ns;      /* margin has been under a quarter of the headroom since; 0: it is not */
    int64_t probe_ns;    /* a tracking VM is short, and looked at since: does it go on? 0: no */
    int64_t earnest_ns;  /* it went on, so that it may have more until then */
    uint64_t probe_need_kib, probe_rate_kib_s; /* when that began */
    unsigned filled;                           /* grants in a row that were filled without stall */
    bool is_tracking;
    bool has_stalled;                   /* since the last grant */
    uint64_t grant_kib, grant_need_kib; /* the last one, and need when it was given */
    bool is_grant_judged;
    int64_t grant_ns;
    int64_t pool_ns; /* the second in which pool_kib was granted began */
    uint64_t pool_kib;

    /* spending: allocated memory times time of the present UTC day, as the sample stream tells it
     */
    int64_t day;
    unsigned __int128 spent_kib_ns;

    struct wish wish; /* of the present plan */
    uint64_t told_headroom_kib;
    bool is_from_before; /* was there before us: its first request is an old one */
    uint32_t asked_seq;  /* of the guest's last request that was answered; 0: none */
    int64_t asked_ns;
    struct alerts alerts; /* what a person was told */
    int64_t dry_ns;       /* dry run: when, and what, was last said to be done */
    uint64_t dry_target_kib;

    /* for people: what stood in the way at the last decision */
    enum reason blocked_by;
    enum reason refused_by; /* blocked_by, when that kept it from growing: told when it begins */
    uint64_t grants, shrinks, undos, reversals;
    int last_direction; /* 1 grew, -1 shrank */
    struct reaction reaction;
};

void vm_init(struct vm *vm, const struct host_domain *domain, int64_t now_ns);

/*
 * A record that has been parsed and found possible arrives. Rates, stalls, the guard and the
 * learned offsets follow from it and the one before. is_fallback: it has no current of its own.
 */
void vm_take_figures(struct vm *vm, const struct figures *f, bool is_fallback, int64_t now_ns);

/*
 * What xenstore says of it. A target that we did not write is somebody else's (vm_note_foreign),
 * and so is one of ours, but not the last, that is still there after VM_ECHO_NS.
 */
void vm_take_facts(struct vm *vm, const struct vm_facts *facts, int64_t now_ns);

/* The domain as just read: has a transfer arrived, does it move, what are its offsets at rest? */
void vm_take_domain(struct vm *vm, const struct host_domain *domain, int64_t now_ns);

/* Our own writing of a target. */
void vm_note_written(struct vm *vm, uint64_t target_kib, int64_t now_ns);

/* Somebody else wrote a target: hold for VM_HOLD_NS, after three in an hour until told to start. */
void vm_note_foreign(struct vm *vm, uint64_t target_kib, int64_t now_ns);

/* `balloon start VM`, or a new policy: forget holds, back-off and stuckness. */
void vm_restart(struct vm *vm, int64_t now_ns);

bool vm_has_record(const struct vm *vm, int64_t now_ns, int64_t not_older_ns);
uint64_t vm_floor_kib(const struct vm *vm);
uint64_t vm_ceiling_kib(const struct vm *vm); /* min(ceiling, static-max) */
uint64_t vm_start_kib(const struct vm *vm);
uint64_t vm_need_kib(const struct vm *vm); /* in units of target; 0 without a record */
/*
 * What it is to have available beyond its need. Firm is what was set, or follows from its need: it
 * competes with the needs of others. With headroom=adaptive its own growth before may raise it: the
 * rest is given only while nobody lacks it.
 */
uint64_t vm_firm_headroom_kib(const struct vm *vm);
uint64_t vm_headroom_kib(const struct vm *vm); /* all of it */
int64_t vm_margin_kib(const struct vm *vm);    /* target - need */
/* the cap that belongs to a target: target + video memory + 1 MiB + what was learned */
uint64_t vm_cap_kib(const struct vm *vm, uint64_t target_kib);
uint64_t vm_from_pool_kib(const struct vm *vm, int64_t now_ns); /* granted in this second */
/* A target held inside floor and ceiling, in whole pages. */
uint64_t vm_clamp_kib(const struct vm *vm, uint64_t target_kib);
/*
 * What tot_pages will be when this target has been reached; and the target at which it would rest
 * as it is, inside floor and ceiling or nearer to them than the present one.
 */
uint64_t vm_arrival_kib(const struct vm *vm, uint64_t target_kib);
uint64_t vm_resting_target_kib(const struct vm *vm);
bool vm_has_arrived(const struct vm *vm);
/*
 * May anything be taken from it at all? Not while a PCI device is passed through to it: the device
 * may still write to what the guest gives back. At best the IOMMU stops that, and Xen the device.
 */
bool vm_may_give(const struct vm *vm);
bool vm_is_stalling(const struct vm *vm); /* by the last two records */
bool vm_is_swapping(const struct vm *vm);
uint64_t vm_refaults_per_s(const struct vm *vm);

#endif
