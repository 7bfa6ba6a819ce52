/*
 * memfile.h - numbers out of the kernel's memory files, for the lab's programs in guests.
 *
 * Nothing is allocated; a caller that must not stall locks its memory and sets its priority by guard_self.
 */
#ifndef MEMFILE_H
#define MEMFILE_H

#include <stdint.h>

struct memory {
    int64_t total_kib, available_kib, swap_total_kib, swap_free_kib;    /* /proc/meminfo */
    int64_t current_kib;                                                /* what the balloon driver has */
};

struct pressure {
    int64_t some_us, full_us;                   /* /proc/pressure/memory; -1 where the kernel has none */
    int64_t swap_in, swap_out, refaults, stalls, oom_kills;     /* /proc/vmstat, pages and events */
};

void memory_read(struct memory *m);
void pressure_read(struct pressure *p);

/* CLOCK_MONOTONIC */
int64_t now_ns(void);
void sleep_until_ns(int64_t at_ns);

/* Locked in memory, ahead of every ordinary process, spared by the OOM killer. */
void guard_self(void);

#endif
