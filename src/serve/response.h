/*
 * response.h - an answer on its way: its headers, which are the same for all, and its body.
 */
#ifndef PAGEMETER_SERVE_RESPONSE_H
#define PAGEMETER_SERVE_RESPONSE_H

#include <microhttpd.h>

#include "serve/cache.h"

/* {"error": sentence} */
struct body *response_error(unsigned status, const char *sentence);

/* Sends it, and gives it back. NULL: the connection is closed. */
enum MHD_Result response_send(struct MHD_Connection *c, struct body *body);
/* 405, with what is allowed. */
enum MHD_Result response_send_allow(struct MHD_Connection *c);

/*
 * To the page, with this link as a cookie for so many seconds; 0: without any. The page itself asks
 * for the data, so that the cookie is sent although somebody else's page led here.
 */
enum MHD_Result response_let_in(struct MHD_Connection *c, const char *link, int64_t seconds,
                                bool is_secure);

/* Bytes of all headers that came. */
size_t response_headers_size(struct MHD_Connection *c);

/* libmicrohttpd's own, but paths and parameters with a NUL in them become no text at all. */
size_t response_unescape(void *self, struct MHD_Connection *c, char *text);

#endif
