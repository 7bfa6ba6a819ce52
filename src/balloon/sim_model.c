/*
 * The kinds of guests that a host has to live with.
 */
#include "balloon/sim_guest.h"
#include "common/units.h"

#define MIB UINT64_C(1024)
#define GIB_S (UINT64_C(1) << 20)
#define QUICK .up_kib_s = GIB_S, .down_kib_s = GIB_S / 2
#define GREEDY_S (400 * MIB)
#define GREEDY(text, permill, rate)                                                                \
    {                                                                                              \
        .name = text, QUICK, .word = WORD_HONEST, .greedy_permill = permill, .greedy_kib_s = rate  \
    }

static const struct sim_traits models[MODELS] = {
    [MODEL_IDEAL] = {.name = "ideal", QUICK, .word = WORD_HONEST},
    [MODEL_SLOW] = {.name = "slow",
                    .up_kib_s = GIB_S / 20,
                    .down_kib_s = GIB_S / 40,
                    .word = WORD_HONEST},
    [MODEL_STUCK] = {.name = "stuck", .up_kib_s = GIB_S, .word = WORD_HONEST},
    [MODEL_NOW_AND_THEN] = {.name = "now-and-then",
                            QUICK,
                            .on_ns = NS_PER_S,
                            .off_ns = 4 * NS_PER_S,
                            .word = WORD_HONEST},
    [MODEL_PARTIAL] = {.name = "partial", QUICK, .keeps_permill = 500, .word = WORD_HONEST},
    [MODEL_SLEEPER] = {.name = "sleeper", QUICK, .sleeps_after_kib = 24 * MIB, .word = WORD_HONEST},
    [MODEL_NO_DRIVER] = {.name = "no-driver", .word = WORD_HONEST},
    [MODEL_NO_AGENT] = {.name = "no-agent", QUICK, .word = WORD_NONE},
    [MODEL_LIAR_UP] = {.name = "liar-up", QUICK, .word = WORD_SHORT},
    [MODEL_LIAR_DOWN] = {.name = "liar-down", QUICK, .word = WORD_AMPLE},
    [MODEL_FLAPPING] = {.name = "flapping", QUICK, .word = WORD_FLAPS},
    [MODEL_GARBAGE] = {.name = "garbage", QUICK, .word = WORD_GARBAGE},
    [MODEL_GREEDY_600] = GREEDY("greedy-0.60", 600, GREEDY_S),
    [MODEL_GREEDY_770] = GREEDY("greedy-0.77", 770, GREEDY_S),
    [MODEL_GREEDY_900] = GREEDY("greedy-0.90", 900, GREEDY_S),
    [MODEL_GREEDY_980] = GREEDY("greedy-0.98", 980, GREEDY_S),
    [MODEL_GREEDY_1000] = GREEDY("greedy-1.00", 1000, GREEDY_S),
};

const struct sim_traits *sim_model_traits(enum sim_model model)
{
    return &models[model];
}
