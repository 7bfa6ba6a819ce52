/*
 * tally.h - what happens too often to be told one by one: counted here, and handed on now and then.
 * Pure; no heap.
 *
 * A guest can bring any of it about as often as it likes. So the table has a fixed size; what finds
 * no place in it is counted for the host.
 */
#ifndef PAGEMETER_TALLY_H
#define PAGEMETER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balloon/reaction.h"
#include "balloon/reason.h"
#include "common/uuid.h"

enum tally_what {
    TALLY_REFUSAL,  /* it wanted to grow, and from then on might not */
    TALLY_HOSTILE,  /* a record of its was not believed; without a reason */
    TALLY_ALERT,    /* of the host: those of VMs are told one by one */
    TALLY_REVERSAL, /* it was shrunk after it had grown, or the other way round */
    TALLY_WHATS,
    TALLY_REACTION = TALLY_WHATS /* of the host, by how long it took: reaction.h */
};

extern const char *const tally_words[TALLY_WHATS]; /* as the store has them */

/* Does this keep a VM that wants to grow from it? */
bool tally_is_refusal(enum reason reason);

struct tally_count {
    bool is_host; /* else of vm */
    struct uuid vm;
    enum tally_what what;
    union {
        enum reason reason;
        size_t place; /* of a TALLY_REACTION */
    };
    uint64_t total;
    uint64_t ns; /* of a TALLY_REACTION: how long all of them took */
};

enum { TALLY_MAX = 1024 };

struct tally {
    struct tally_count list[TALLY_MAX];
    size_t count;
    uint64_t of_host[TALLY_WHATS][REASON_COUNT];
    struct {
        uint64_t total, ns;
    } reactions[REACTION_PLACES];
};

/* vm NULL: of the host. */
void tally_add(struct tally *tally, const struct uuid *vm, enum tally_what what,
               enum reason reason);

void tally_add_reaction(struct tally *tally, int64_t took_ns);

/*
 * Hands on what was counted since, a count at a time. What take does not take, since it has no
 * room, stays, and so does all behind it.
 */
void tally_hand_on(struct tally *tally,
                   bool (*take)(void *context, const struct tally_count *count), void *context);

#endif
