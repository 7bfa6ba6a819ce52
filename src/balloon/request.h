/*
 * request.h - what is asked of pageballoond at its control socket: one line of words. Pure.
 *
 *   list
 *   host
 *   explain VM
 *   set VM force|- KEY=VALUE...
 *   stop [VM]
 *   start [VM]
 *   drain
 *   undrain
 *   reserve SIZE VM TTL
 *   unreserve VM
 *
 * VM is a domid, a name or a uuid. A name is written as reply.h writes values.
 */
#ifndef PAGEMETER_REQUEST_H
#define PAGEMETER_REQUEST_H

#include "balloon/vm.h"

enum request_verb {
    REQUEST_LIST,
    REQUEST_HOST,
    REQUEST_EXPLAIN,
    REQUEST_SET,
    REQUEST_STOP,
    REQUEST_START,
    REQUEST_DRAIN,
    REQUEST_UNDRAIN,
    REQUEST_RESERVE,
    REQUEST_UNRESERVE
};

enum { REQUEST_LINE_MAX = 1024, REQUEST_PAIRS_MAX = 16, REQUEST_WHO_MAX = 48 };

struct request {
    enum request_verb verb;
    const char *vm; /* NULL: none was named, the host is meant */
    bool is_forced;
    size_t count; /* of pairs, as they were written */
    struct {
        const char *key, *value;
    } pairs[REQUEST_PAIRS_MAX];
    uint64_t size_kib; /* reserve */
    int64_t ttl_ns;
    char who[REQUEST_WHO_MAX]; /* filled by control.h: who is connected, root or uid=N */
};

/* Reads a line in place, without its newline; the request points into it. ERR_USAGE. */
MUST_CHECK bool request_parse(char *line, struct request *out, struct error *err);

/* Is it one that changes something, and so needs the right to do so? */
bool request_is_change(enum request_verb verb);

/*
 * Which of the VMs a word means: *index. One whose name is another's number, or two with one name,
 * are refused, with what would be unambiguous. ERR_REFUSED.
 */
MUST_CHECK bool request_resolve(const struct vm *vms, size_t count, const char *word, size_t *index,
                                struct error *err);

#endif
