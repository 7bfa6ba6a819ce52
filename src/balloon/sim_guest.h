/*
 * sim_guest.h - one made-up guest: its programs, its kernel, its balloon driver and its agent, in
 * virtual time. Pure but for what it holds: the same orders give the same guest for ever.
 *
 * Memory in KiB. need = used: what the guest cannot give up, its kernel's page structures
 * included; what is beyond that is available. A program wants memory; what its guest has not goes
 * to swap, and without swap the kernel kills the program after a moment.
 *
 * The model is coarse on purpose: no zones, no fragmentation, a cache that is all hot or all cold.
 */
#ifndef PAGEMETER_SIM_GUEST_H
#define PAGEMETER_SIM_GUEST_H

#include "agent/figures.h"
#include "agent/pace.h"
#include "balloon/host.h"

/* A program's memory moves to this much, beginning at at_ns, with this rate; 0: at once. */
struct sim_step {
    int64_t at_ns;
    uint64_t to_kib;
    uint64_t rate_kib_s;
};

/* What runs in a guest. The steps belong to the caller, ascending in time. */
struct sim_program {
    const struct sim_step *steps;
    size_t count;
    uint64_t cache_kib;      /* files that are read over and over */
    uint64_t reread_kib_s;   /* so fast */
    unsigned greedy_permill; /* of what the guest has, eaten when its steps ask for less */
};

/* What a guest's agent says. */
enum sim_word {
    WORD_NONE,    /* there is no agent */
    WORD_HONEST,  /* */
    WORD_SHORT,   /* a liar: nothing is available */
    WORD_AMPLE,   /* a liar: all is available */
    WORD_FLAPS,   /* a liar that changes its mind 10 times a second */
    WORD_GARBAGE, /* text that is no record, or an impossible one */
    WORD_OTHERS   /* garbage in the rhythm of WORD_HONEST: only what is said differs */
};

/* A model: how a guest's balloon driver and agent behave. 0 means no such limit. */
struct sim_traits {
    const char *name;
    uint64_t up_kib_s, down_kib_s; /* both 0: no balloon driver */
    int64_t on_ns, off_ns;         /* moves for on_ns, then not for off_ns */
    unsigned keeps_permill;        /* of each shrink */
    uint64_t sleeps_after_kib;     /* gives up after moving so much, until the target differs */
    enum sim_word word;
    unsigned greedy_permill;
    uint64_t greedy_kib_s; /* how fast it eats */
};

enum sim_model {
    MODEL_IDEAL,
    MODEL_SLOW,
    MODEL_STUCK,
    MODEL_NOW_AND_THEN,
    MODEL_PARTIAL,
    MODEL_SLEEPER,
    MODEL_NO_DRIVER,
    MODEL_NO_AGENT,
    MODEL_LIAR_UP,
    MODEL_LIAR_DOWN,
    MODEL_FLAPPING,
    MODEL_GARBAGE,
    MODEL_GREEDY_600,
    MODEL_GREEDY_770,
    MODEL_GREEDY_900,
    MODEL_GREEDY_980,
    MODEL_GREEDY_1000,
    MODELS
};

const struct sim_traits *sim_model_traits(enum sim_model model);

/* Where a domain is in its life. */
enum sim_life { LIFE_NONE, LIFE_BUILDING, LIFE_RUNNING, LIFE_PAUSED, LIFE_SHUTDOWN, LIFE_DYING };

/* What one guest went through: what a comparison is made of. */
struct sim_tally {
    unsigned __int128 held_kib_ns; /* tot_pages times time: the bill */
    int64_t stall_ns;              /* less than a watermark was left, or swap was read back */
    uint64_t ooms;
    uint64_t read_kib; /* of files that were not in its page cache */
    uint64_t most_tot_kib, most_used_kib;
    uint64_t turns; /* the target changed its direction */
    int turned;     /* 1 up, -1 down */
    int64_t low_ns; /* below half of the headroom since; 0: it is not */
};

struct sim_guest {
    enum sim_life life;
    struct host_domain domain; /* as the hypervisor lists it */
    struct sim_traits traits;
    struct sim_program program;
    size_t step; /* of the program: the next one */

    /* xenstore */
    struct vm_facts facts;
    int64_t facts_due_ns; /* when the daemon hears of them; INT64_MAX: it has */

    /* the balloon driver: tot = target + tot_offset, current = tot - current_offset */
    uint64_t tot_offset_kib, current_offset_kib;
    uint64_t seen_kib;    /* the target that it works on */
    uint64_t next_kib;    /* the one that its watch brings at seen_due_ns */
    int64_t seen_due_ns;  /* INT64_MAX: none */
    uint64_t moved_kib;   /* since it saw this target */
    uint64_t shrink_from; /* tot when it saw this target */
    bool is_asleep;

    /* the kernel and its programs */
    uint64_t overhead_kib; /* current - MemTotal */
    uint64_t base_kib;     /* used when no program runs; the overhead is part of it */
    uint64_t to_kib, rate_kib_s;
    uint64_t want_kib; /* what the program asks for now, beyond base */
    uint64_t used_kib, swapped_kib, swap_total_kib;
    uint64_t cache_kib, cache_most_kib;
    int64_t denied_ns; /* how long the program has waited for memory */
    bool is_killed;

    /* counters of the record; the fractions in ns of work */
    struct figures figures;
    int64_t booted_ns;

    /* the agent */
    int64_t poll_ns;         /* the next poll; INT64_MAX: none */
    int64_t polled_stall_ns; /* the stall that it knew of at its last poll */
    struct pace pace;
    uint64_t headroom_kib; /* the host's word */
    bool is_silent;
    bool is_flapped;
    unsigned garbage;
    size_t text_length;
    char text[FIGURES_TEXT_MAX + 200];
    int64_t text_due_ns; /* when it reaches the daemon; INT64_MAX: nothing is under way */

    struct sim_tally tally;
};

/* How a guest is made. */
struct sim_birth_form {
    enum sim_model model;
    uint64_t tot_kib;
    uint64_t static_max_kib;
    uint64_t base_kib; /* 0: what a small Linux uses */
    uint64_t swap_kib;
    bool is_pvh, has_pci_device;
    struct sim_program program;
};

/* Fills *g: running since now_ns, at its target. The caller gives uuid and domid. */
void sim_guest_init(struct sim_guest *g, const struct sim_birth_form *form, int64_t now_ns);

uint64_t sim_guest_current_kib(const struct sim_guest *g);
uint64_t sim_guest_available_kib(const struct sim_guest *g); /* as its kernel would say */
uint64_t sim_guest_headroom_kib(const struct sim_guest *g);  /* BALLOON.md's, by its true need */

/* Programs, reclaim, swap and the killer, for dt_ns up to now_ns. */
void sim_guest_live(struct sim_guest *g, int64_t now_ns, int64_t dt_ns);

/* How far the balloon driver would go in dt_ns: pages it wants, below 0 to give. Multiples of 4. */
int64_t sim_guest_wish_kib(struct sim_guest *g, int64_t now_ns, int64_t dt_ns);
/* It got, or gave, that much. */
void sim_guest_moved(struct sim_guest *g, int64_t kib);

/* The guest's watch on memory/target fires. */
void sim_guest_see_target(struct sim_guest *g);

/* Is anything moving, so that time must go in small steps? */
bool sim_guest_is_busy(const struct sim_guest *g, int64_t now_ns);

#endif
