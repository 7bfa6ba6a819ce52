/*
 * files.h - the kernel's files that the agent reads, kept open, and the kernel's alarm for stalls.
 *
 * A file that is not there is tried again with each reading: a balloon driver may come later.
 */
#ifndef PAGEMETER_FILES_H
#define PAGEMETER_FILES_H

#include <stdbool.h>

#include "agent/guest.h"
#include "agent/kernel_text.h"

struct files {
    int fds[GUEST_FILES]; /* -1: not open */
    int alarm;            /* readable with POLLPRI when tasks have waited for memory; or -1 */
    char text[KERNEL_TEXT_MAX];
};

/* An alarm is for 10 ms of stall within half a second. */
#define FILES_ALARM "some 10000 500000"

void files_open(struct files *f);

/* The kernel has said POLLERR: there will be no more alarms. */
void files_close_alarm(struct files *f);

/* For guest_init, with a struct files as context. */
size_t files_read(void *context, enum guest_file file, const char **text);

#endif
