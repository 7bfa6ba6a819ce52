#include "agent/figures_format.h"

#include <string.h>

/* How many decimal digits n has; a constant when n is one. */
#define TEN(n) UINT64_C(1##n)
#define DIGITS(n)                                                                                  \
    (1 + ((n) >= TEN(0)) + ((n) >= TEN(00)) + ((n) >= TEN(000)) + ((n) >= TEN(0000)) +             \
     ((n) >= TEN(00000)) + ((n) >= TEN(000000)) + ((n) >= TEN(0000000)) + ((n) >= TEN(00000000)) + \
     ((n) >= TEN(000000000)) + ((n) >= TEN(0000000000)) + ((n) >= TEN(00000000000)) +              \
     ((n) >= TEN(000000000000)) + ((n) >= TEN(0000000000000)) + ((n) >= TEN(00000000000000)) +     \
     ((n) >= TEN(000000000000000)) + ((n) >= TEN(0000000000000000)) +                              \
     ((n) >= TEN(00000000000000000)) + ((n) >= TEN(000000000000000000)) +                          \
     ((n) >= TEN(0000000000000000000)))

/* " key=" and the number; sizeof counts the key's NUL. */
#define LENGTH_MAX(key, member, most) +(2 + sizeof(key) - 1 + DIGITS((uint64_t)(most)))
#define VERSION_LENGTH (2 + DIGITS(FIGURES_VERSION))
#define FLAGS_LENGTH (sizeof " flags=" - 1 + sizeof FIGURES_FLAG_LETTERS - 1)

_Static_assert(VERSION_LENGTH FIGURES(LENGTH_MAX) + FLAGS_LENGTH <= FIGURES_TEXT_MAX,
               "a record could be longer than FIGURES_TEXT_MAX");

static char *put_text(char *at, const char *text)
{
    size_t length = strlen(text);

    memcpy(at, text, length);
    return at + length;
}

static char *put_number(char *at, uint64_t value)
{
    char digits[DIGITS(UINT64_MAX)];
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(at, digits + first, sizeof digits - first);
    return at + (sizeof digits - first);
}

static char *put_flags(char *at, unsigned flags)
{
    static const char letters[] = FIGURES_FLAG_LETTERS;
    char *first = at;

    for (unsigned i = 0; letters[i] != '\0'; i++)
        if ((flags & 1U << i) != 0)
            *at++ = letters[i];
    if (at == first)
        *at++ = '-';
    return at;
}

size_t figures_format(const struct figures *f, char out[FIGURES_TEXT_MAX])
{
    char *at = put_number(put_text(out, "v="), FIGURES_VERSION);

#define FIGURES_PUT(key, member, most)                                                             \
    at = put_number(put_text(at, " " key "="), f->member < (most) ? f->member : (most));
    FIGURES(FIGURES_PUT)
#undef FIGURES_PUT
    at = put_flags(put_text(at, " flags="), f->flags);
    return (size_t)(at - out);
}

uint64_t figures_next_seq(uint64_t seq)
{
    return seq >= UINT32_MAX ? 1 : seq + 1;
}
