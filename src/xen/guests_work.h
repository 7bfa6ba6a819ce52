/*
 * guests_work.h - what the thread of guests.h does: one step after the other, each of which may
 * block in xenstore.
 *
 * The mail is shared, and looked at under the lock only, never while xenstore is asked.
 */
#ifndef PAGEMETER_GUESTS_WORK_H
#define PAGEMETER_GUESTS_WORK_H

#include "balloon/mail.h"
#include "xen/xenstore.h"

struct guests_work {
    struct mail *mail;
    void (*lock)(void *context);
    void (*unlock)(void *context, bool has_events);
    void *context;
    struct xenstore xenstore;
    atomic_bool is_stale; /* xenstore was away, and not all facts have been read anew */
    unsigned last;        /* the kind of the last turn: they take turns, too */
    int64_t ask_ns;       /* the next question that only wants an answer */
    struct mail_text text;
};

bool guests_work_is_connected(const struct guests_work *w);

/* Connects. All domains are then to be watched and read. */
bool guests_work_connect(struct guests_work *w);
void guests_work_disconnect(struct guests_work *w);

/* -1 when it is not connected */
int guests_work_fd(struct guests_work *w);

/*
 * Takes what watches fired, then does some of what is to be done: watching, writing and reading in
 * turns. Returns how long there is nothing more to do, at most a heartbeat; 0 when there
 * is, or when the connection was lost.
 */
int64_t guests_work_step(struct guests_work *w);

/* Any thread. */
bool guests_work_is_hung(struct guests_work *w, int64_t now_ns);

#endif
