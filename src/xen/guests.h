/*
 * guests.h - what toolstacks and guests say in xenstore, read by one thread that may hang.
 *
 * libxenstore has no time limit: with xenstored stopped a read blocks until it continues. So one
 * thread owns the connection, and the main thread never waits for it: it asks, and gets events
 * through mail.h. For each domain only fixed paths are read and watched, never a list; what a guest
 * writes is cut to a length and handed on as it is, NULs included.
 *
 *   /local/domain/N/data/pagemeter/mem, ask          the agent's words
 *   /local/domain/N/data/mod_meminfo, meminfo_total, meminfo_free   other agents'
 *   /local/domain/N/name, memory/target, memory/static-max, memory/videoram
 *   /local/domain/0/backend/pci/N/0                  is it there?
 *   /local/domain/N/pagemeter/headroom, answer       written here; owned by dom0, read by N
 *
 * When xenstored hung or was started anew, everything is watched and read anew by itself.
 * libxenstore changes SIGPIPE's handler for moments: whoever uses this ignores SIGPIPE.
 */
#ifndef PAGEMETER_GUESTS_H
#define PAGEMETER_GUESTS_H

#include "balloon/mail.h"

struct guests;

/* Starts the thread. Succeeds without xenstored as well: then it is hung, until it comes. */
MUST_CHECK bool guests_open(struct guests **out, struct error *err);

/* Ends the thread; one that hangs in xenstore is left behind and frees everything when it wakes. */
void guests_close(struct guests *g);

/* Readable while there are events. */
int guests_fd(const struct guests *g);

/* The next event; false: none. MAIL_TEXT is a record or another text, MAIL_TOLD are facts. */
bool guests_next(struct guests *g, struct mail_event *out);

/* Has xenstore not answered for 2 s, or is it not there? now_ns: CLOCK_BOOTTIME. */
bool guests_is_hung(struct guests *g, int64_t now_ns);

/* From now on this domain is watched; its first events follow. Nothing if it is already. */
MUST_CHECK bool guests_watch(struct guests *g, uint16_t domid, struct error *err);
void guests_unwatch(struct guests *g, uint16_t domid);

/* memory/videoram of a watched domain, by its last facts that guests_next handed on. */
uint64_t guests_videoram_kib(const struct guests *g, uint16_t domid);

/*
 * Writes memory/target, in KiB, if the node is there; reads it back and compares. The event
 * MAIL_WRITTEN with this ticket says what became of it: of the newest one, where several were asked
 * for. What could not be written within 2 s is not written any more. Only for a watched domain.
 */
MUST_CHECK bool guests_write_target(struct guests *g, uint16_t domid, uint64_t target_kib,
                                    uint64_t ticket, struct error *err);

/*
 * Writes pagemeter/NODE, node being headroom or answer, if the domain has a home in xenstore; made
 * with the permissions n0,rN. Outcome as above.
 */
MUST_CHECK bool guests_tell(struct guests *g, uint16_t domid, const char *node, const char *value,
                            uint64_t ticket, struct error *err);

#endif
