/*
 * What a guest asks for: a text that is taken has one form only, and does what is allowed at most.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "balloon/ask.h"
#include "common/units.h"

/* The one text of a request. */
static int write_ask(const struct ask *ask, char *out, size_t size)
{
    if (ask->kind == ASK_SIZE)
        return snprintf(out, size, "v=1 seq=%" PRIu32 " size=%" PRIu64, ask->seq, ask->size_kib);
    return snprintf(out, size, "v=1 seq=%" PRIu32 " policy=%s", ask->seq,
                    policy_kind_name(ask->policy));
}

static void apply(const struct ask *ask, unsigned guest_may, enum policy_kind kind)
{
    const struct ask_limits limits = {.floor_kib = 1 << 17, .ceiling_kib = 1 << 20};
    enum ask_reason reason;
    struct policy policy;

    policy_init(&policy);
    policy.guest_may = guest_may;
    policy.kind = kind;
    struct policy before = policy;
    enum ask_result result = ask_apply(ask, &limits, &policy, &reason);

    HOLDS(reason < ASK_REASON_COUNT);
    if (result != ASK_OK) {
        HOLDS(memcmp(&before, &policy, sizeof policy) == 0);
        return;
    }
    if (ask->kind == ASK_SIZE) {
        HOLDS((guest_may & GUEST_MAY_SIZE) != 0 && kind == POLICY_API);
        HOLDS(policy.size_kib >= limits.floor_kib && policy.size_kib <= limits.ceiling_kib);
    } else {
        HOLDS((guest_may & GUEST_MAY_POLICY) != 0 && policy.kind != POLICY_SWAP);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ask ask;
    struct error err;
    char again[2 * ASK_TEXT_MAX];
    char answer[ASK_ANSWER_MAX];

    if (!ask_parse((const char *)data, size, &ask, &err)) {
        HOLDS(err.code == ERR_INPUT);
        return 0;
    }
    HOLDS(ask.seq > 0);
    HOLDS(write_ask(&ask, again, sizeof again) == (int)size);
    HOLDS(memcmp(again, data, size) == 0);
    for (unsigned may = 0; may < 4; may++)
        for (int kind = 0; kind < POLICY_KINDS; kind++)
            apply(&ask, may, (enum policy_kind)kind);
    HOLDS(strlen(ask_answer(ask.seq, ASK_REFUSED, ASK_REASON_NOT_ALLOWED, answer)) + 1 <
          sizeof answer);
    return 0;
}
