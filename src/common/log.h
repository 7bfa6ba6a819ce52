/*
 * log.h - one line per event, for people and for the journal.
 *
 * A line is a sentence, then key=value. Any thread may log and none ever waits: lines go into a
 * bounded queue that the main thread writes out with log_flush. Lines beyond the bound are counted,
 * and the count is logged. Under systemd each line begins with its priority, as sd-daemon(3) says.
 */
#ifndef PAGEMETER_LOG_H
#define PAGEMETER_LOG_H

#include "common/error.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6
};

void log_event(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes what is queued to standard error. May wait; only the main thread calls it. */
void log_flush(void);

#endif
