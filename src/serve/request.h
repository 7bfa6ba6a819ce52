/*
 * request.h - what a request of `pagemeter serve` asks for: its path and its parameters, parsed
 * strictly. Pure, no allocation.
 *
 * A path is one of a fixed list; nothing of it ever names a file. It comes decoded once, as
 * parameters do: who writes "~" as "%7E" in a link means the same, and no path that exists has a
 * '%' in it.
 */
#ifndef PAGEMETER_SERVE_REQUEST_H
#define PAGEMETER_SERVE_REQUEST_H

#include "common/error.h"
#include "common/uuid.h"
#include "store/billing_store.h"

enum endpoint {
    ENDPOINT_NONE,  /* there is no such path */
    ENDPOINT_ASSET, /* a file of the page: asset.h */
    ENDPOINT_LINK,  /* /l/LINK: a customer comes in */
    ENDPOINT_LEAVE, /* /leave: and goes */
    ENDPOINT_ME,
    ENDPOINT_FLEET,
    ENDPOINT_VM,
    ENDPOINT_SERIES,
    ENDPOINT_ACCOUNT,
    ENDPOINT_PERIOD,
    ENDPOINT_METRICS,
};

enum {
    PATH_LENGTH_MAX = 512,
    PARAMETER_LENGTH_MAX = 64,
    RANGE_HOURS_MAX = 400 * 24,                           /* of a chart */
    LAST_HOUR = INT64_MAX / (INT64_C(3600) * 1000000000), /* in ns it fits 64 bits */
    POINTS_LEAST = 16,
    POINTS_MOST = 4000,
    POINTS_DEFAULT = 1000,
};

struct serve_request {
    enum endpoint endpoint;
    struct uuid vm;                    /* of a VM and its series */
    char account[ACCOUNT_TEXT_MAX];    /* of an account */
    const char *link;                  /* of a link: the rest of the path */
    int64_t from_hour, to_hour;        /* of a series: [from, to), UTC hours */
    unsigned points;                   /* of a series */
    bool with_unbilled;                /* "all=1": dom0 and service domains too */
    char period[PARAMETER_LENGTH_MAX]; /* of an account and a period */
    bool has_from, has_to, has_all;
    int64_t now_utc_ns;
};

/*
 * The path alone; it must outlive *out. Never fails: what is not there is ENDPOINT_NONE. now_utc_ns
 * is what today and this-month go by.
 */
void request_parse_path(const char *path, int64_t now_utc_ns, struct serve_request *out);

/*
 * One parameter, after the path. ERR_USAGE for one that this endpoint does not have, that is there
 * twice, or whose value is wrong; the sentence is for who asked. value: NULL for none.
 */
MUST_CHECK bool request_take(struct serve_request *request, const char *name, const char *value,
                             struct error *err);

/*
 * When all have been taken: fills in what was not said (the last 24 hours; this month) and refuses
 * with ERR_USAGE what is empty or longer than RANGE_HOURS_MAX.
 */
MUST_CHECK bool request_finish(struct serve_request *request, struct error *err);

/*
 * Does a Host header name this machine itself? A page of elsewhere whose name was made to lead here
 * (DNS rebinding) says its own name.
 */
bool request_is_local_host(const char *host);

#endif
