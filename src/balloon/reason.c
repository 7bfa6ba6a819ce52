#include "balloon/reason.h"

static const struct {
    const char *word;
    const char *sentence;
} reasons[] = {
#define REASON_ROW(name, word, sentence) [REASON_##name] = {word, sentence},
    REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *reason_word(enum reason reason)
{
    return reasons[reason < REASON_COUNT ? reason : REASON_NONE].word;
}

const char *reason_sentence(enum reason reason)
{
    return reasons[reason < REASON_COUNT ? reason : REASON_NONE].sentence;
}
