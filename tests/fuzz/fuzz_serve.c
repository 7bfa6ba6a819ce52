/*
 * What comes over HTTP: a line is a path, then lines of name=value, and the last one a link. What
 * is taken is inside of its limits, and no link is believed that was not made.
 */
#include "fuzz.h"

#include "serve/link.h"
#include "serve/request.h"

static const struct link_key key = {{{1, 2, 3}}};

static void check_link(const char *text)
{
    struct link link, again;
    char made[LINK_TEXT_MAX];

    HOLDS(!link_check(&key, text, 0, &link)); /* 2^-256 */
    if (strlen(text) > 0 && strlen(text) <= ACCOUNT_MAX && strpbrk(text, "~\n") == NULL) {
        (void)link_make(&key, text, 1000, made);
        HOLDS(link_check(&key, made, 999, &again) && strcmp(again.account, text) == 0);
        HOLDS(!link_check(&key, made, 1000, &again));
        made[strlen(made) / 2] ^= 1;
        HOLDS(!link_check(&key, made, 999, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    char *line = strsep(&rest, "\n");
    struct serve_request r;
    struct error err;
    bool is_ok = true;

    request_parse_path(line, INT64_C(1790000000) * 1000000000, &r);
    HOLDS(r.endpoint != ENDPOINT_ACCOUNT || (r.account[0] >= 'a' && strchr(r.account, '/') == NULL));
    while (is_ok && (line = strsep(&rest, "\n")) != NULL) {
        char *value = line, *name = strsep(&value, "=");

        check_link(name);
        (void)request_is_local_host(name);
        is_ok = request_take(&r, name, value, &err);
        HOLDS(is_ok || err.code == ERR_USAGE);
    }
    if (is_ok && request_finish(&r, &err) && r.endpoint == ENDPOINT_SERIES) {
        HOLDS(r.from_hour >= 0 && r.from_hour < r.to_hour);
        HOLDS(r.to_hour - r.from_hour <= RANGE_HOURS_MAX);
        HOLDS(r.points >= POINTS_LEAST && r.points <= POINTS_MOST);
    }
    free(text);
    return 0;
}
