/*
 * figures.h - what a guest says of its memory: one record, its fields and their order.
 *
 * modd writes it to data/pagemeter/mem, pageballoond reads it; both take names and order from here.
 * One line of printable ASCII, at most FIGURES_TEXT_MAX bytes without its end:
 *
 *   v=1 seq=7 up=120500 cur=262144 ... flags=bp
 *
 * Memory in KiB as in /proc/meminfo. Counters only ever rise while the guest runs, so that any two
 * records give exact rates. Every record is complete: what was lost is healed by the next.
 */
#ifndef PAGEMETER_FIGURES_H
#define PAGEMETER_FIGURES_H

#include <stdint.h>

#define FIGURES_VERSION 1

enum { FIGURES_TEXT_MAX = 400 };

/*
 * FIELD(key, member, most): the value lies in 0..most.
 *
 *   seq        counts records since modd started, from 1; after 4294967295 comes 1
 *   up         ms of CLOCK_BOOTTIME
 *   cur        what the balloon driver has (xen_memory0/info/current_kb); 0 without the flag b
 *   tot .. commit   MemTotal, MemFree, MemAvailable, Cached, SwapTotal, SwapFree, Committed_AS
 *   swin .. oom     pswpin, pswpout (pages), workingset_refault_anon + _file, pgmajfault, oom_kill
 *   psome, pfull    us of stall in /proc/pressure/memory since boot; 0 without the flag p
 */
#define FIGURES_KIB_MAX (UINT64_C(1) << 40)
#define FIGURES_COUNT_MAX UINT64_MAX
#define FIGURES(FIELD)                                                                             \
    FIELD("seq", seq, UINT32_MAX)                                                                  \
    FIELD("up", up_ms, UINT64_C(9999999999999999))                                                 \
    FIELD("cur", current_kib, FIGURES_KIB_MAX)                                                     \
    FIELD("tot", total_kib, FIGURES_KIB_MAX)                                                       \
    FIELD("free", free_kib, FIGURES_KIB_MAX)                                                       \
    FIELD("avail", available_kib, FIGURES_KIB_MAX)                                                 \
    FIELD("cached", cached_kib, FIGURES_KIB_MAX)                                                   \
    FIELD("swtot", swap_total_kib, FIGURES_KIB_MAX)                                                \
    FIELD("swfree", swap_free_kib, FIGURES_KIB_MAX)                                                \
    FIELD("commit", committed_kib, FIGURES_KIB_MAX)                                                \
    FIELD("swin", swap_in, FIGURES_COUNT_MAX)                                                      \
    FIELD("swout", swap_out, FIGURES_COUNT_MAX)                                                    \
    FIELD("refault", refaults, FIGURES_COUNT_MAX)                                                  \
    FIELD("majfault", major_faults, FIGURES_COUNT_MAX)                                             \
    FIELD("oom", oom_kills, FIGURES_COUNT_MAX)                                                     \
    FIELD("psome", stall_some_us, FIGURES_COUNT_MAX)                                               \
    FIELD("pfull", stall_full_us, FIGURES_COUNT_MAX)

/* The last field, flags=: letters in this order, or - for none. */
enum {
    FIGURES_HAS_BALLOON = 1 << 0,  /* b: the guest has a balloon driver, and cur is its word */
    FIGURES_HAS_PRESSURE = 1 << 1, /* p: the kernel accounts for stalls */
    FIGURES_IS_MOVING = 1 << 2     /* m: cur would not stand still while the figures were read */
};
#define FIGURES_FLAG_LETTERS "bpm"

struct figures {
#define FIGURES_MEMBER(key, member, most) uint64_t member;
    FIGURES(FIGURES_MEMBER)
#undef FIGURES_MEMBER
    unsigned flags;
};

/* Relative to the guest's own node, /local/domain/N. */
#define FIGURES_PATH "data/pagemeter/mem"     /* the record; the guest writes */
#define FIGURES_ASK_PATH "data/pagemeter/ask" /* the guest's request; the guest writes */
#define FIGURES_HEADROOM_PATH                                                                      \
    "pagemeter/headroom"                       /* KiB in decimal; dom0 writes, the guest reads */
#define FIGURES_ANSWER_PATH "pagemeter/answer" /* dom0 writes, the guest reads */

/*
 * The headroom that holds until the host has said another: max(16 MiB, min(5 % of need, 256 MiB)),
 * with need = current - available.
 */
#define HEADROOM_LEAST_KIB (UINT64_C(16) << 10)
#define HEADROOM_MOST_KIB (UINT64_C(256) << 10)

static inline uint64_t headroom_of_need(uint64_t need_kib)
{
    uint64_t wanted = need_kib / 20;

    if (wanted > HEADROOM_MOST_KIB)
        return HEADROOM_MOST_KIB;
    return wanted > HEADROOM_LEAST_KIB ? wanted : HEADROOM_LEAST_KIB;
}

#endif
