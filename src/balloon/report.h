/*
 * report.h - the state of memory on demand as records of a reply: what `balloon list` and `explain`
 * print. Pure.
 *
 * docs/man/pageballoond.8 lists the records and their keys.
 */
#ifndef PAGEMETER_REPORT_H
#define PAGEMETER_REPORT_H

#include "balloon/engine.h"
#include "balloon/reply.h"

/* The host: one record "host". */
void report_host(struct reply *reply, const struct engine *engine, int64_t now_ns);

/* One record "reservation" each; utc_ns is the present. */
void report_reservations(struct reply *reply, const struct reservation *list, size_t count,
                         int64_t utc_ns);

/* One VM: one record "vm". */
void report_vm(struct reply *reply, const struct engine *engine, const struct vm *vm,
               int64_t now_ns);

/*
 * All that there is to say of one VM: "vm", "record" (if there is one), "block", "overhead",
 * "spending", "warning" (each), "decision" (each, as they are given).
 */
void report_explain(struct reply *reply, const struct engine *engine, const struct vm *vm,
                    const struct decision *decisions, size_t count, int64_t now_ns);

/* A word for what a VM is up to: init, run, hold, stopped, stuck, paused. */
const char *report_state(const struct engine *engine, const struct vm *vm);

/*
 * What the original system published for such a ceiling: 12, 20, 38, 60 MB for 256, 512, 2048,
 * 6144 MB; between them a straight line, beyond them the nearest slope. In KiB.
 */
uint64_t report_published_overhead_kib(uint64_t ceiling_kib);

#endif
