/*
 * ask.h - what a guest asks for by data/pagemeter/ask, and what it is answered. Pure.
 *
 *   v=1 seq=7 size=524288          a size in KiB, under policy api
 *   v=1 seq=8 policy=demand        another policy: demand, swap, api or fixed
 *
 * and in pagemeter/answer
 *
 *   v=1 seq=7 result=ok reason=-
 *
 * The guest is hostile: the text is bounded, the fields come in this order, digits only. What it
 * asks for is done only within what the operator allows it, guest=none|size|policy|all.
 */
#ifndef PAGEMETER_ASK_H
#define PAGEMETER_ASK_H

#include <stddef.h>

#include "balloon/policy.h"

#define ASK_VERSION 1

enum { ASK_TEXT_MAX = 64, ASK_ANSWER_MAX = 96 };

struct ask {
    uint32_t seq; /* the guest's, 1..4294967295; one that was answered is not looked at again */
    enum ask_kind { ASK_SIZE, ASK_POLICY } kind;
    uint64_t size_kib;       /* ASK_SIZE */
    enum policy_kind policy; /* ASK_POLICY */
};

/* text[0..length) is a request. *out is written on success only; ERR_INPUT. */
MUST_CHECK bool ask_parse(const char *text, size_t length, struct ask *out, struct error *err);

/* ok: done. later: noted, and done when the host has the memory. refused: nothing was changed. */
enum ask_result { ASK_OK, ASK_LATER, ASK_REFUSED };

/* What is answered with a result. ASK_REASON(NAME, "word", "sentence") */
#define ASK_REASONS(ASK_REASON)                                                                    \
    ASK_REASON(NONE, "-", "nothing to add")                                                        \
    ASK_REASON(MALFORMED, "malformed", "the request can't be read; seq is then 0")                 \
    ASK_REASON(NOT_ALLOWED, "not-allowed", "the operator does not allow the guest to ask for it")  \
    ASK_REASON(FLOOR, "floor", "the size is below the floor")                                      \
    ASK_REASON(CEILING, "ceiling", "the size is above the ceiling")                                \
    ASK_REASON(POLICY, "policy", "a size is asked for under policy api only")                      \
    ASK_REASON(PASSTHROUGH, "passthrough",                                                         \
               "nothing is taken from a VM with a passed-through PCI device")                      \
    ASK_REASON(NO_SWAP, "no-swap", "policy swap needs a guest with swap")                          \
    ASK_REASON(STOPPED, "stopped", "the VM or the host is stopped by the operator")                \
    ASK_REASON(NO_SURPLUS, "no-surplus", "the host has no memory left now")                        \
    ASK_REASON(BUSY, "busy", "asked too often: once a second is enough")                           \
    ASK_REASON(FAILED, "failed", "it could not be stored, or the host could not do it")

#define ASK_REASON_ENUM(name, word, sentence) ASK_REASON_##name,
enum ask_reason { ASK_REASONS(ASK_REASON_ENUM) ASK_REASON_COUNT };
#undef ASK_REASON_ENUM

/* The VM as it is when it asks. */
struct ask_limits {
    uint64_t floor_kib, ceiling_kib;
    uint64_t kept_kib; /* what may not be taken from it; 0: its floor is all */
    bool has_swap;
    bool is_stopped;
};

/*
 * Does what is asked to *policy if that may be: ASK_OK, or ASK_REFUSED, *reason and *policy
 * untouched.
 */
enum ask_result ask_apply(const struct ask *ask, const struct ask_limits *limits,
                          struct policy *policy, enum ask_reason *reason);

/* The text for pagemeter/answer. */
const char *ask_answer(uint32_t seq, enum ask_result result, enum ask_reason reason,
                       char out[ASK_ANSWER_MAX]);

#endif
