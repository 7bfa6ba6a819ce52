#include "balloon/tally.h"

#include <string.h>

const char *const tally_words[TALLY_WHATS] = {[TALLY_REFUSAL] = "refusal",
                                              [TALLY_HOSTILE] = "hostile",
                                              [TALLY_ALERT] = "alert",
                                              [TALLY_REVERSAL] = "reversal"};

bool tally_is_refusal(enum reason reason)
{
    switch (reason) {
    case REASON_AT_CEILING:
    case REASON_NO_SURPLUS:
    case REASON_POOL_SHARE:
    case REASON_CLAIM:
    case REASON_SPENT:
    case REASON_TRACKING:
    case REASON_FAIR_SHARE:
    case REASON_DRAINING:
    case REASON_NO_SWAP:
        return true;
    default:
        return false;
    }
}

void tally_add(struct tally *t, const struct uuid *vm, enum tally_what what, enum reason reason)
{
    for (size_t i = 0; vm != NULL && i < t->count; i++) {
        struct tally_count *c = &t->list[i];

        if (c->what == what && c->reason == reason && uuid_is_equal(&c->vm, vm)) {
            c->total++;
            return;
        }
    }
    if (vm == NULL || t->count == TALLY_MAX)
        t->of_host[what][reason]++;
    else
        t->list[t->count++] =
            (struct tally_count){.vm = *vm, .what = what, .reason = reason, .total = 1};
}

void tally_add_reaction(struct tally *t, int64_t took_ns)
{
    size_t place = reaction_place(took_ns);

    t->reactions[place].total++;
    t->reactions[place].ns += took_ns > 0 ? (uint64_t)took_ns : 0;
}

static bool hand_on_reactions(struct tally *t, bool (*take)(void *, const struct tally_count *),
                              void *context)
{
    for (size_t place = 0; place < REACTION_PLACES; place++) {
        struct tally_count c = {.is_host = true,
                                .what = TALLY_REACTION,
                                .place = place,
                                .total = t->reactions[place].total,
                                .ns = t->reactions[place].ns};

        if (c.total > 0 && !take(context, &c))
            return false;
        t->reactions[place].total = t->reactions[place].ns = 0;
    }
    return true;
}

static bool hand_on_host(struct tally *t, bool (*take)(void *, const struct tally_count *),
                         void *context)
{
    for (int what = 0; what < TALLY_WHATS; what++)
        for (int reason = 0; reason < REASON_COUNT; reason++) {
            struct tally_count c = {.is_host = true,
                                    .what = (enum tally_what)what,
                                    .reason = (enum reason)reason,
                                    .total = t->of_host[what][reason]};

            if (c.total > 0 && !take(context, &c))
                return false;
            t->of_host[what][reason] = 0;
        }
    return true;
}

void tally_hand_on(struct tally *t, bool (*take)(void *context, const struct tally_count *count),
                   void *context)
{
    size_t taken = 0;

    if (!hand_on_host(t, take, context) || !hand_on_reactions(t, take, context))
        return;
    while (taken < t->count && take(context, &t->list[taken]))
        taken++;
    t->count -= taken;
    memmove(t->list, &t->list[taken], t->count * sizeof *t->list);
}
