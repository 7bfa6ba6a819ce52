/*
 * control.h - pageballoond's control socket: requests of the operator's tool, and their answers.
 *
 * For an event loop: it hands out what to poll for, and never waits. At most CONTROL_CLIENTS_MAX
 * are served at a time; one who takes longer than CONTROL_SLOW_NS to say its line or to take the
 * answer is dropped. Who may connect may ask; changes are for root, and for the user that the
 * daemon runs as.
 */
#ifndef PAGEMETER_CONTROL_H
#define PAGEMETER_CONTROL_H

#include <poll.h>

#include "balloon/journal.h"
#include "balloon/reply.h"
#include "balloon/request.h"

#define CONTROL_SOCKET_DEFAULT "/run/pageballoond.sock"
#define CONTROL_SLOW_NS (INT64_C(10) * 1000000000)

enum { CONTROL_CLIENTS_MAX = 16, CONTROL_FDS_MAX = CONTROL_CLIENTS_MAX + 1 };

struct control;

/* What answers. */
struct control_ops {
    /*
     * Answers a request by records in *reply; false: it is refused or has failed, *err is the
     * answer. With a *ticket other than 0 the answer is sent when that ticket is settled. A change
     * always has one: 0 means that the journal had no room for it, and the client is told so.
     */
    bool (*serve)(void *context, const struct request *request, struct reply *reply,
                  uint64_t *ticket, struct error *err);
    enum ticket_state (*ticket)(void *context, uint64_t ticket);
    void *context;
};

/*
 * Listens at `path`; a socket that nobody listens at is replaced. Open to root and the group that
 * the daemon runs with.
 */
MUST_CHECK bool control_open(struct control **out, const char *path, const struct control_ops *ops,
                             struct error *err);
/* Removes the socket. Accepts NULL. */
void control_close(struct control *control);

/* What to poll for now: the number of fds filled, at most CONTROL_FDS_MAX. */
size_t control_fill(const struct control *control, struct pollfd *fds);

/*
 * Accepts, reads, serves, sends, drops. fds are those that control_fill has filled, after a poll;
 * to be called also when a ticket was settled (journal_fd) and when control_next_ns has come.
 * now_ns is CLOCK_BOOTTIME.
 */
void control_handle(struct control *control, const struct pollfd *fds, int64_t now_ns);

/* When the first client is to be dropped, or INT64_MAX. */
int64_t control_next_ns(const struct control *control);

#endif
