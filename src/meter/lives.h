/*
 * lives.h - the lives of domains: which begin, end, count, and hold another value (rules 2 and 7).
 *
 * Part of the meter, apart only because it is a story of its own. Pure, allocates nothing.
 */
#ifndef PAGEMETER_LIVES_H
#define PAGEMETER_LIVES_H

#include "meter/meter.h"

/*
 * Compares a tick's samples with the open lives, adds the changes to m->changes and the checksum to
 * m->row. m->row.tick is this tick, m->state.tick the one before. is_cut: every segment ends at the
 * tick before and begins anew at this one.
 */
void lives_step(struct meter *m, const struct tick *tick, bool is_cut);

/* Is this uuid one of the toolstacks' temporary handles? dom0's never is. */
bool lives_is_temporary(const struct meter *m, uint16_t domid, const struct uuid *uuid);

/* Ends all lives at the tick before: the host booted. */
void lives_end_all(struct meter *m);

#endif
