/*
 * clockpong - lets dom0 read this guest's clock: answers each value of data/ping with "VALUE MICROSECONDS" in
 * data/pong, by CLOCK_MONOTONIC. memwatch asks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "memfile.h"
#include "xenbus.h"

int main(void)
{
    static struct reply ping, pong;
    static char         last[64], answer[128];

    mlockall(MCL_CURRENT | MCL_FUTURE);
    if (!xenbus_open()) {
        perror("clockpong: /dev/xen/xenbus");
        return 1;
    }
    while (xenbus_next("data/ping", last, &ping)) {
        int64_t at_ns = now_ns();

        snprintf(last, sizeof last, "%.63s", ping.text);
        snprintf(answer, sizeof answer, "%s %" PRId64, last, at_ns / 1000);
        xenbus_ask(XS_WRITE, "data/pong", answer, strlen(answer), &pong);
    }
    return 1;
}
