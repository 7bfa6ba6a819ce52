/*
 * checker_parts.h - what the two halves of the checker share: checker.c holds what the engine does
 * against the invariants, checker_watch.c what it hears and what the world becomes.
 */
#ifndef PAGEMETER_TESTS_CHECKER_PARTS_H
#define PAGEMETER_TESTS_CHECKER_PARTS_H

#include "checker.h"
#include "common/units.h"

#define MIB INT64_C(1024)
#define S NS_PER_S
#define NUDGE_KIB 4
#define LEARNED_KIB (2 * MIB) /* offsets are learned: targets are exact to this */

void checker_complain(struct checker *c, uint16_t domid, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct sim_guest *checker_guest(const struct checker *c, uint16_t domid);
struct watched *checker_watched(struct checker *c, uint16_t domid);
uint64_t checker_ceiling_kib(const struct checker *c, uint16_t domid);

/* The target as far as the engine can know: what it wrote, or was told. */
uint64_t checker_target_kib(const struct watched *w);

/* The checker as a controller around the engine's. */
struct sim_controller checker_controller(struct checker *c);

#endif
