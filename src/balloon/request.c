#include "balloon/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "balloon/reply.h"
#include "common/number.h"

enum { WORDS_MAX = REQUEST_PAIRS_MAX + 3, NAME_MAX_LENGTH = 63 };

/* Values in a request are coded as those of a reply: a row is made of it to be decoded. */
static bool decode_word(char *word, struct error *err)
{
    char line[REQUEST_LINE_MAX + 8];
    struct reply_row row;

    (void)snprintf(line, sizeof line, "w v=%s", word);
    if (!reply_parse(line, &row, err) || row.count != 1)
        return error_set(err, ERR_USAGE, "'%.60s' is not a word", word);
    (void)strcpy(word, row.fields[0].value);
    return true;
}

static bool set_vm(struct request *r, char *word, struct error *err)
{
    if (!decode_word(word, err))
        return false;
    if (*word == '\0' || strlen(word) > NAME_MAX_LENGTH)
        return error_set(err, ERR_USAGE, "a VM is named by its domid, its name or its uuid");
    r->vm = word;
    return true;
}

static bool set_pairs(struct request *r, char **words, size_t count, struct error *err)
{
    if (strcmp(words[0], "force") != 0 && strcmp(words[0], "-") != 0)
        return error_set(err, ERR_USAGE, "behind the VM stands force or -");
    r->is_forced = words[0][0] == 'f';
    for (size_t i = 1; i < count; i++) {
        char *equals = strchr(words[i], '=');

        if (equals == NULL || equals == words[i] || equals[1] == '\0')
            return error_set(err, ERR_USAGE, "'%.60s' is not key=value", words[i]);
        *equals = '\0';
        if (!decode_word(equals + 1, err))
            return false;
        r->pairs[r->count].key = words[i];
        r->pairs[r->count++].value = equals + 1;
    }
    return true;
}

static bool take_reservation(struct request *r, char **words, size_t count, struct error *err)
{
    uint64_t ttl_ns;

    (void)count;
    if (!number_parse_size(words[0], &r->size_kib, err) || !set_vm(r, words[1], err) ||
        !number_parse_duration(words[2], &ttl_ns, err))
        return false;
    if (r->size_kib == 0)
        return error_set(err, ERR_USAGE, "a reservation of nothing: give a size above 0");
    r->ttl_ns = (int64_t)ttl_ns;
    return true;
}

static bool take_vm(struct request *r, char **words, size_t count, struct error *err)
{
    return count == 0 || set_vm(r, words[0], err);
}

static bool take_setting(struct request *r, char **words, size_t count, struct error *err)
{
    return set_vm(r, words[0], err) && set_pairs(r, words + 1, count - 1, err);
}

/* What a verb takes: how many words at least and at most, behind the verb, and what they mean. */
static const struct verb {
    const char *name, *usage;
    bool (*take)(struct request *r, char **words, size_t count, struct error *err);
    size_t least, most;
    enum request_verb verb;
    bool is_change;
} verbs[] = {
    {"list", "list", take_vm, 0, 0, REQUEST_LIST, false},
    {"host", "host", take_vm, 0, 0, REQUEST_HOST, false},
    {"explain", "explain VM", take_vm, 1, 1, REQUEST_EXPLAIN, false},
    {"set", "set VM force|- KEY=VALUE...", take_setting, 3, REQUEST_PAIRS_MAX + 2, REQUEST_SET,
     true},
    {"stop", "stop [VM]", take_vm, 0, 1, REQUEST_STOP, true},
    {"start", "start [VM]", take_vm, 0, 1, REQUEST_START, true},
    {"drain", "drain", take_vm, 0, 0, REQUEST_DRAIN, true},
    {"undrain", "undrain", take_vm, 0, 0, REQUEST_UNDRAIN, true},
    {"reserve", "reserve SIZE VM TTL", take_reservation, 3, 3, REQUEST_RESERVE, true},
    {"unreserve", "unreserve VM", take_vm, 1, 1, REQUEST_UNRESERVE, true},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

bool request_is_change(enum request_verb verb)
{
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].verb == verb)
            return verbs[i].is_change;
    return true;
}

bool request_parse(char *line, struct request *out, struct error *err)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    struct request r = {0};

    for (char *p = line, *word; (word = strsep(&p, " ")) != NULL;) {
        if (count == WORDS_MAX)
            return error_set(err, ERR_USAGE, "a request has %d values at most", REQUEST_PAIRS_MAX);
        words[count++] = word;
    }
    for (size_t i = 0; i < VERBS; i++) {
        const struct verb *verb = &verbs[i];

        if (count == 0 || strcmp(words[0], verb->name) != 0)
            continue;
        r.verb = verb->verb;
        if (count - 1 < verb->least || count - 1 > verb->most)
            return error_set(err, ERR_USAGE, "a request is: %s", verb->usage);
        if (!verb->take(&r, words + 1, count - 1, err))
            return false;
        *out = r;
        return true;
    }
    return error_set(err, ERR_USAGE, "there is no request '%.40s'", count > 0 ? words[0] : "");
}

/* ---- which VM ---- */

static bool is_meant(const struct vm *vm, const char *word)
{
    char uuid[UUID_TEXT_MAX];
    char domid[8];

    (void)snprintf(domid, sizeof domid, "%u", vm->domid);
    return strcmp(word, domid) == 0 || strcmp(word, vm->facts.name) == 0 ||
           strcmp(word, uuid_format(&vm->uuid, uuid)) == 0;
}

bool request_resolve(const struct vm *vms, size_t count, const char *word, size_t *index,
                     struct error *err)
{
    size_t found = count;
    char uuid[UUID_TEXT_MAX];
    char other[UUID_TEXT_MAX];

    if (*word == '\0')
        return error_set(err, ERR_USAGE, "a VM is named by its domid, its name or its uuid");
    for (size_t i = 0; i < count; i++) {
        if (!is_meant(&vms[i], word))
            continue;
        if (found < count)
            return error_set(err, ERR_REFUSED,
                             "'%.63s' is two VMs, %s (domid %u) and %s (domid %u): name one by "
                             "what only it has",
                             word, uuid_format(&vms[found].uuid, uuid), vms[found].domid,
                             uuid_format(&vms[i].uuid, other), vms[i].domid);
        found = i;
    }
    if (found == count)
        return error_set(err, ERR_REFUSED, "no VM here has '%.63s' as its domid, name or uuid",
                         word);
    *index = found;
    return true;
}
