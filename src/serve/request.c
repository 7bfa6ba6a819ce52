#include "serve/request.h"

#include <stdio.h>
#include <string.h>

#include "common/calendar.h"
#include "common/number.h"

enum { HOURS_DEFAULT = 24 };

/* An account's id, as `pagemeter account add` takes it. */
static bool parse_account(const char *text, char out[ACCOUNT_TEXT_MAX])
{
    size_t length = strlen(text);

    if (length == 0 || length > ACCOUNT_MAX || text[0] < 'a' || text[0] > 'z' ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") != length)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

/* "/api/v1/vm/UUID" or "/api/v1/vm/UUID/series", from the uuid on. */
static void parse_vm(const char *text, struct serve_request *out)
{
    if (strlen(text) < UUID_TEXT_LENGTH || !uuid_parse(text, UUID_TEXT_LENGTH, &out->vm))
        return;
    text += UUID_TEXT_LENGTH;
    if (*text == '\0')
        out->endpoint = ENDPOINT_VM;
    else if (strcmp(text, "/series") == 0)
        out->endpoint = ENDPOINT_SERIES;
}

static const char *behind(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(path, prefix, length) == 0 ? path + length : NULL;
}

static void parse_api(const char *rest, struct serve_request *out)
{
    static const struct {
        const char *path;
        enum endpoint endpoint;
    } plain[] = {{"me", ENDPOINT_ME}, {"fleet", ENDPOINT_FLEET}, {"period", ENDPOINT_PERIOD}};
    const char *name;

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(rest, plain[i].path) == 0)
            out->endpoint = plain[i].endpoint;
    if ((name = behind(rest, "vm/")) != NULL)
        parse_vm(name, out);
    else if ((name = behind(rest, "account/")) != NULL && parse_account(name, out->account))
        out->endpoint = ENDPOINT_ACCOUNT;
}

void request_parse_path(const char *path, int64_t now_utc_ns, struct serve_request *out)
{
    const char *rest;

    *out = (struct serve_request){.now_utc_ns = now_utc_ns};
    if (path[0] != '/' || strlen(path) > PATH_LENGTH_MAX)
        return;
    if ((rest = behind(path, "/api/v1/")) != NULL)
        parse_api(rest, out);
    else if ((rest = behind(path, "/l/")) != NULL) {
        out->link = rest;
        out->endpoint = ENDPOINT_LINK;
    } else if (strcmp(path, "/leave") == 0)
        out->endpoint = ENDPOINT_LEAVE;
    else if (strcmp(path, "/metrics") == 0)
        out->endpoint = ENDPOINT_METRICS;
    else
        out->endpoint = ENDPOINT_ASSET; /* of which there is a list */
}

/* ---- parameters ---- */

static bool take_time(struct serve_request *r, const char *value, bool is_end, struct error *err)
{
    bool *has = is_end ? &r->has_to : &r->has_from;

    if (*has)
        return error_set(err, ERR_USAGE, "'%s' is there twice", is_end ? "to" : "from");
    *has = true;
    return calendar_parse_hour(value, is_end, r->now_utc_ns, is_end ? &r->to_hour : &r->from_hour,
                               err);
}

static bool take_points(struct serve_request *r, const char *value, struct error *err)
{
    uint64_t points;

    if (r->points != 0)
        return error_set(err, ERR_USAGE, "'points' is there twice");
    if (!number_parse(value, strlen(value), POINTS_MOST, &points) || points < POINTS_LEAST)
        return error_set(err, ERR_USAGE, "'points' is a number from %d to %d", POINTS_LEAST,
                         POINTS_MOST);
    r->points = (unsigned)points;
    return true;
}

static bool take_all(struct serve_request *r, const char *value, struct error *err)
{
    if (r->has_all)
        return error_set(err, ERR_USAGE, "'all' is there twice");
    r->has_all = true;
    if (strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
        return error_set(err, ERR_USAGE, "'all' is 0 or 1");
    r->with_unbilled = value[0] == '1';
    return true;
}

static bool take_period(struct serve_request *r, const char *value, struct error *err)
{
    if (r->period[0] != '\0')
        return error_set(err, ERR_USAGE, "'period' is there twice");
    if (value[0] == '\0')
        return error_set(err, ERR_USAGE, "'period' is a month (2026-11, this-month, last-month)");
    (void)strcpy(r->period, value); /* it fits: request_take */
    return true;
}

bool request_take(struct serve_request *r, const char *name, const char *value, struct error *err)
{
    bool is_series = r->endpoint == ENDPOINT_SERIES;

    if (value == NULL || strlen(value) >= PARAMETER_LENGTH_MAX)
        return error_set(err, ERR_USAGE, "a parameter has a value of less than %d characters",
                         PARAMETER_LENGTH_MAX);
    if (is_series && (strcmp(name, "from") == 0 || strcmp(name, "to") == 0))
        return take_time(r, value, name[0] == 't', err);
    if (is_series && strcmp(name, "points") == 0)
        return take_points(r, value, err);
    if ((is_series || r->endpoint == ENDPOINT_FLEET) && strcmp(name, "all") == 0)
        return take_all(r, value, err);
    if ((r->endpoint == ENDPOINT_ACCOUNT || r->endpoint == ENDPOINT_PERIOD) &&
        strcmp(name, "period") == 0)
        return take_period(r, value, err);
    return error_set(err, ERR_USAGE, "there is no parameter '%.20s' here", name);
}

static bool finish_range(struct serve_request *r, struct error *err)
{
    int64_t next = calendar_hour_of((uint64_t)r->now_utc_ns) + 1;

    if (!r->has_to)
        r->to_hour = r->has_from && r->from_hour >= next ? r->from_hour + 1 : next;
    if (!r->has_from)
        r->from_hour = r->to_hour > HOURS_DEFAULT ? r->to_hour - HOURS_DEFAULT : 0;
    if (r->from_hour >= r->to_hour)
        return error_set(err, ERR_USAGE, "the range is empty: it begins at its end or later");
    if (r->to_hour > LAST_HOUR)
        return error_set(err, ERR_USAGE, "a range ends in April 2262 at the latest");
    if (r->to_hour - r->from_hour > RANGE_HOURS_MAX)
        return error_set(err, ERR_USAGE, "a range is of %d days at most: ask for a shorter one",
                         RANGE_HOURS_MAX / HOURS_PER_DAY);
    if (r->points == 0)
        r->points = POINTS_DEFAULT;
    return true;
}

bool request_finish(struct serve_request *r, struct error *err)
{
    if (r->period[0] == '\0')
        (void)strcpy(r->period, "this-month");
    return r->endpoint != ENDPOINT_SERIES || finish_range(r, err);
}

bool request_is_local_host(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *port = behind(host, names[i]);

        if (port != NULL && (*port == '\0' || (port[0] == ':' && port[1] != '\0' &&
                                               strspn(port + 1, "0123456789") == strlen(port + 1))))
            return true;
    }
    return false;
}
