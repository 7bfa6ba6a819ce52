/*
 * actuator_xe.h - the actuator "xe": targets through XAPI's command, behind which nobody else must
 * write them.
 *
 * Reads, and tells, as another actuator does. set_target becomes, in the background and without a
 * shell,
 *
 *   xe vm-memory-dynamic-range-set uuid=UUID min=BYTES max=BYTES
 *
 * one at a time, at most five a minute for each VM; a newer wish takes the place of one that still
 * waits. XAPI sets caps itself: set_cap and claim succeed and do nothing.
 */
#ifndef PAGEMETER_ACTUATOR_XE_H
#define PAGEMETER_ACTUATOR_XE_H

#include "balloon/actuator.h"

enum { XE_PER_MINUTE = 5 };
#define XE_LIMIT_NS (30 * INT64_C(1000000000)) /* a command that takes longer is killed */

/* inner is the caller's and is closed after this one; command: the program, "xe" or a path. */
MUST_CHECK bool actuator_open_xe(struct actuator **out, struct actuator *inner, const char *command,
                                 struct error *err);

/* A command that runs is killed. */
void actuator_close_xe(struct actuator *a);

/*
 * Looks after commands: takes the end of one, starts the next that may. now_ns: CLOCK_BOOTTIME.
 * To be called at least once a second, and after each engine_run. False: a command failed; *err
 * says which and why, everything else goes on.
 */
MUST_CHECK bool actuator_xe_step(struct actuator *a, int64_t now_ns, struct error *err);

#endif
