/*
 * A line at the control socket, read as a request and as a line of an answer: nothing outside of
 * it, and what an answer says is written and read back the same.
 */
#include "fuzz.h"

#include "balloon/reply.h"
#include "balloon/request.h"

static void check_request(char *line)
{
    struct request request;
    struct error err;

    if (!request_parse(line, &request, &err)) {
        HOLDS(err.code == ERR_USAGE || err.code == ERR_INPUT);
        return;
    }
    HOLDS(request.count <= REQUEST_PAIRS_MAX);
    HOLDS(request.vm == NULL || (strlen(request.vm) > 0 && strlen(request.vm) < 64));
    HOLDS(request.verb != REQUEST_SET || request.count > 0);
    HOLDS(request.verb != REQUEST_RESERVE || (request.size_kib > 0 && request.ttl_ns > 0));
}

static void check_reply(char *line)
{
    struct reply_row row;
    struct reply_row again;
    struct reply reply;
    struct error err;

    if (!reply_parse(line, &row, &err))
        return;
    reply_init(&reply);
    reply_begin(&reply, row.kind);
    for (size_t i = 0; i < row.count; i++)
        reply_word(&reply, row.fields[i].key, row.fields[i].value);
    HOLDS(!reply.is_short);
    char *copy = fuzz_text((const uint8_t *)reply.text, reply.length);

    HOLDS(strlen(copy) == reply.length);
    HOLDS(reply_parse(copy, &again, &err));
    HOLDS(again.count == row.count);
    for (size_t i = 0; i < row.count; i++)
        HOLDS(strcmp(again.fields[i].value, row.fields[i].value) == 0);
    free(copy);
    reply_clear(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = fuzz_text(data, size);
    char *copy = fuzz_text(data, size);

    if (strlen(line) < REQUEST_LINE_MAX)
        check_request(line);
    if (strchr(copy, '\n') == NULL)
        check_reply(copy);
    free(copy);
    free(line);
    return 0;
}
