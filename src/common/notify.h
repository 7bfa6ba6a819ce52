/*
 * notify.h - telling the service manager how it goes: sd_notify(3)'s protocol, a datagram to the
 * socket that NOTIFY_SOCKET names. Never waits; without that variable nothing happens.
 */
#ifndef PAGEMETER_NOTIFY_H
#define PAGEMETER_NOTIFY_H

#include "common/error.h"

/* For example "READY=1\nSTATUS=metering". */
void notify(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
