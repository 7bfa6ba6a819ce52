/*
 * balloon_change.c - pagemeter balloon set, stop, start, drain, reserve, unreserve: what changes
 * something. The answer comes when pageballoond has it on disk.
 */
#include <stdio.h>
#include <string.h>

#include "cli/balloon.h"

/* Sends the request and ends it; *err is what was refused. */
static bool send_change(const struct balloon_options *o, struct reply *request, struct error *err)
{
    struct answer a = {0};

    reply_end(request);
    bool is_ok = answer_ask(o->socket, request, &a, err);

    reply_clear(request);
    if (is_ok)
        answer_print_warnings(&a);
    answer_clear(&a);
    return is_ok;
}

bool balloon_set(const struct balloon_options *o, struct error *err)
{
    struct reply request;

    reply_init(&request);
    reply_begin(&request, "set");
    reply_bare(&request, o->words[0]);
    reply_bare(&request, o->is_forced ? "force" : "-");
    for (int i = 1; i < o->count; i++) {
        char key[32];
        size_t length = strcspn(o->words[i], "=");

        if (o->words[i][length] != '=' || length == 0 || length >= sizeof key) {
            reply_clear(&request);
            return error_set(err, ERR_USAGE, "'%.60s' is not KEY=VALUE", o->words[i]);
        }
        (void)snprintf(key, sizeof key, "%.*s", (int)length, o->words[i]);
        reply_word(&request, key, o->words[i] + length + 1);
    }
    return send_change(o, &request, err);
}

static bool send_words(const struct balloon_options *o, const char *verb, struct error *err)
{
    struct reply request;

    reply_init(&request);
    reply_begin(&request, verb);
    for (int i = 0; i < o->count; i++)
        reply_bare(&request, o->words[i]);
    return send_change(o, &request, err);
}

bool balloon_stop(const struct balloon_options *o, struct error *err)
{
    return send_words(o, "stop", err);
}

bool balloon_start(const struct balloon_options *o, struct error *err)
{
    return send_words(o, "start", err);
}

bool balloon_drain(const struct balloon_options *o, struct error *err)
{
    if (!send_words(o, "drain", err))
        return false;
    (void)puts("every VM shrinks to what it needs, and nothing is granted, until "
               "pagemeter balloon start");
    return true;
}

bool balloon_reserve(const struct balloon_options *o, struct error *err)
{
    struct reply request;

    if (o->vm == NULL || o->ttl == NULL)
        return error_set(err, ERR_USAGE,
                         "say for which VM and how long: --for NAME|UUID --ttl 10m");
    reply_init(&request);
    reply_begin(&request, "reserve");
    reply_bare(&request, o->words[0]);
    reply_bare(&request, o->vm);
    reply_bare(&request, o->ttl);
    if (!send_change(o, &request, err))
        return false;
    (void)printf("granted: %s for %s. It binds pageballoond only: other programs may take the "
                 "memory\n",
                 o->words[0], o->vm);
    return true;
}

bool balloon_unreserve(const struct balloon_options *o, struct error *err)
{
    return send_words(o, "unreserve", err);
}
