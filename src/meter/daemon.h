/*
 * daemon.h - pagemeterd at work: its threads and a queue.
 *
 *   sampler    source -> meter -> queue, and the stream. Waits for nothing but its source.
 *   committer  queue -> store. Waits for the disk.
 *   stream     the ring of published text -> subscribers (stream.h).
 *   main       signals, log lines, the service manager.
 *
 * A tick that the queue has no room for does not exist, for the store and for the stream alike:
 * the meter never sees it, and the next one tells that there is a gap.
 */
#ifndef PAGEMETER_DAEMON_H
#define PAGEMETER_DAEMON_H

#include "common/config.h"

struct daemon_options {
    struct config config;
    double speed; /* of sources that are not live: 1 is real time, 0 as fast as it goes */
};

/*
 * Runs until SIGTERM or SIGINT, or until the source ends; then everything that was sampled is
 * committed. Fails when it can't begin, and when the store or the source fails for good.
 */
MUST_CHECK bool daemon_run(const struct daemon_options *options, struct error *err);

#endif
