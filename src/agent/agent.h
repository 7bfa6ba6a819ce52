/*
 * agent.h - the whole of modd between its clock and its devices: looks at memory, sends records,
 * asks for the headroom. One call of agent_step is one turn of the loop; it never waits.
 *
 * Time is passed in, in ms of a clock that goes on in suspend, so that tests run days in no time.
 */
#ifndef PAGEMETER_AGENT_H
#define PAGEMETER_AGENT_H

#include "agent/guest.h"
#include "agent/pace.h"
#include "agent/xenbus.h"

/* What keeps records from arriving; for one line of the log when it changes. */
enum agent_trouble {
    AGENT_STARTING, /* no record has arrived yet, and nothing is wrong */
    AGENT_FINE,
    AGENT_NO_MEMINFO, /* /proc/meminfo cannot be understood */
    AGENT_NO_DEVICE,  /* the device cannot be opened or written to */
    AGENT_NO_REPLY,   /* none for AGENT_REPLY_LATE_MS */
    AGENT_REFUSED     /* xenstored does not take the record */
};

enum { AGENT_REPLY_LATE_MS = 5000, AGENT_HEADROOM_MS = PACE_KEEP_ALIVE_MS };

struct agent {
    struct guest *guest;
    struct xenbus bus;
    struct pace pace;
    enum agent_trouble trouble; /* until a record arrives */
    uint64_t seq;               /* of the last record */
    bool has_looked;
    struct pace_look look;      /* the last */
    uint64_t look_ms;           /* the next one */
    bool is_reading;            /* the request that is out asks for the headroom */
    uint64_t read_ms;           /* not to be asked for before */
    uint64_t host_headroom_kib; /* 0: the host has set none */
    uint64_t own_headroom_kib;  /* what follows from the last record */
};

/* open, context: of the device, see xenbus.h. */
void agent_init(struct agent *a, struct guest *guest, int (*open)(void *context), void *context);

/*
 * Does what is due. has_alarm: something waits for memory, so look at once. Returns when to call
 * again though nothing happens, later than now_ms; a->bus.fd, when not -1, is to be watched for
 * input until then.
 */
uint64_t agent_step(struct agent *a, uint64_t now_ms, bool has_alarm);

#endif
