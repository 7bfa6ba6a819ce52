/*
 * slow.h - ends connections whose request, or whose reading of the answer, takes too long: a byte
 * now and then is not idle, and would hold a connection for ever.
 */
#ifndef PAGEMETER_SERVE_SLOW_H
#define PAGEMETER_SERVE_SLOW_H

#include <microhttpd.h>
#include <stdint.h>

#include "common/error.h"

struct slow;

MUST_CHECK bool slow_open(struct slow **out, struct error *err);
void slow_close(struct slow *slow);

void slow_note_begin(struct slow *slow, struct MHD_Connection *c);
/* They are here: the time of the answer begins. May be said more than once. */
void slow_note_headers(struct slow *slow, struct MHD_Connection *c);
void slow_note_end(struct slow *slow, struct MHD_Connection *c);  /* of a request */
void slow_note_gone(struct slow *slow, struct MHD_Connection *c); /* before it is closed */

/*
 * Those that have sent nothing whole, or have not read an answer, since before then
 * (CLOCK_BOOTTIME); who has not sent its headers is told 408.
 */
void slow_end_late(struct slow *slow, int64_t before_ns);

#endif
