#include "balloon/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"

static const char *const result_words[] = {
    [ASK_OK] = "ok", [ASK_LATER] = "later", [ASK_REFUSED] = "refused"};

static const char *const reason_words[ASK_REASON_COUNT] = {
#define ASK_WORD(name, word, sentence) [ASK_REASON_##name] = word,
    ASK_REASONS(ASK_WORD)
#undef ASK_WORD
};

/* text[*at..length) goes on with a key; *at is then behind it, *size how long its value is. */
static bool take_key(const char *text, size_t length, const char *key, size_t *at, size_t *size)
{
    size_t n = strlen(key);

    if (length - *at < n || memcmp(text + *at, key, n) != 0)
        return false;
    *at += n;
    const char *end = memchr(text + *at, ' ', length - *at);

    *size = (end != NULL ? (size_t)(end - text) : length) - *at;
    return true;
}

static bool take_number(const char *text, size_t length, const char *key, size_t *at, uint64_t max,
                        uint64_t *out)
{
    size_t size;

    if (!take_key(text, length, key, at, &size) || !number_parse(text + *at, size, max, out))
        return false;
    *at += size;
    return true;
}

static bool take_policy(const char *text, size_t length, size_t *at, enum policy_kind *out)
{
    size_t size;

    if (!take_key(text, length, " policy=", at, &size))
        return false;
    for (int kind = 0; kind < POLICY_KINDS; kind++) {
        const char *name = policy_kind_name((enum policy_kind)kind);

        if (strlen(name) == size && memcmp(name, text + *at, size) == 0) {
            *out = (enum policy_kind)kind;
            *at += size;
            return true;
        }
    }
    return false;
}

bool ask_parse(const char *text, size_t length, struct ask *out, struct error *err)
{
    struct ask ask = {.kind = ASK_SIZE};
    uint64_t version = 0;
    uint64_t seq = 0;
    size_t at = 0;

    if (length > ASK_TEXT_MAX)
        return error_set(err, ERR_INPUT, "a request of %zu bytes, %d at most", length,
                         ASK_TEXT_MAX);
    if (!take_number(text, length, "v=", &at, UINT32_MAX, &version) || version != ASK_VERSION)
        return error_set(err, ERR_INPUT, "a request begins with v=%d", ASK_VERSION);
    if (!take_number(text, length, " seq=", &at, UINT32_MAX, &seq) || seq == 0)
        return error_set(err, ERR_INPUT, "seq is a number from 1 to 4294967295");
    ask.seq = (uint32_t)seq;
    size_t behind = at;

    if (!take_number(text, length, " size=", &at, KIB_MAX, &ask.size_kib)) {
        at = behind;
        ask.kind = ASK_POLICY;
        if (!take_policy(text, length, &at, &ask.policy))
            return error_set(err, ERR_INPUT,
                             "behind seq stands size=KIB or policy=fixed|demand|swap|api");
    }
    if (at != length)
        return error_set(err, ERR_INPUT, "there is more behind the request");
    *out = ask;
    return true;
}

static enum ask_reason judge_size(const struct ask *ask, const struct ask_limits *limits,
                                  const struct policy *policy)
{
    if ((policy->guest_may & GUEST_MAY_SIZE) == 0)
        return ASK_REASON_NOT_ALLOWED;
    if (limits->is_stopped)
        return ASK_REASON_STOPPED;
    if (policy->kind != POLICY_API)
        return ASK_REASON_POLICY;
    if (ask->size_kib < limits->floor_kib)
        return ASK_REASON_FLOOR;
    if (ask->size_kib < limits->kept_kib)
        return ASK_REASON_PASSTHROUGH;
    return ask->size_kib > limits->ceiling_kib ? ASK_REASON_CEILING : ASK_REASON_NONE;
}

static enum ask_reason judge_policy(const struct ask *ask, const struct ask_limits *limits,
                                    const struct policy *policy)
{
    if ((policy->guest_may & GUEST_MAY_POLICY) == 0)
        return ASK_REASON_NOT_ALLOWED;
    if (limits->is_stopped)
        return ASK_REASON_STOPPED;
    return ask->policy == POLICY_SWAP && !limits->has_swap ? ASK_REASON_NO_SWAP : ASK_REASON_NONE;
}

enum ask_result ask_apply(const struct ask *ask, const struct ask_limits *limits,
                          struct policy *policy, enum ask_reason *reason)
{
    *reason =
        ask->kind == ASK_SIZE ? judge_size(ask, limits, policy) : judge_policy(ask, limits, policy);
    if (*reason != ASK_REASON_NONE)
        return ASK_REFUSED;
    if (ask->kind == ASK_SIZE)
        policy->size_kib = ask->size_kib;
    else
        policy->kind = ask->policy;
    return ASK_OK;
}

const char *ask_answer(uint32_t seq, enum ask_result result, enum ask_reason reason,
                       char out[ASK_ANSWER_MAX])
{
    (void)snprintf(out, ASK_ANSWER_MAX, "v=%d seq=%" PRIu32 " result=%s reason=%s", ASK_VERSION,
                   seq, result_words[result], reason_words[reason]);
    return out;
}
