/*
 * balloond.h - pageballoond at work: one loop, and two threads that may hang without it.
 *
 *   main      stream, control socket, guests' events -> engine_run -> hypervisor. Never waits.
 *   guests    xenstore (xen/guests.h). May hang with xenstored.
 *   journal   balloon.db (journal.h). May hang with the disk.
 */
#ifndef PAGEMETER_BALLOOND_H
#define PAGEMETER_BALLOOND_H

#include "common/config.h"

/*
 * Runs until SIGTERM or SIGINT; sizes stay as they are. Fails when it can't begin.
 */
MUST_CHECK bool balloond_run(const struct config *config, struct error *err);

#endif
