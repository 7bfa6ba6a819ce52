#include "chart/label.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

enum { ACCENTS_MAX = 2 };

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS "\xe2\x80\xa6"    /* U+2026 */

struct range {
    uint32_t first, last;
};

/* Direction, joiners, variation selectors, tags, what is reserved: nothing to be seen. */
static const struct range unseen[] = {
    {0x00ad, 0x00ad},   {0x034f, 0x034f},    {0x061c, 0x061c},   {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},    {0x200b, 0x200f},   {0x202a, 0x202e},
    {0x2060, 0x206f},   {0x3164, 0x3164},    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},   {0xfff0, 0xfffb},    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}, {0xe000, 0xf8ff},   {0xfdd0, 0xfdef},
};

static const struct range blanks[] = {{0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},
                                      {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
                                      {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                                      {0x3000, 0x3000}};

static const struct range accents[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x1ab0, 0x1aff},
                                       {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};

static bool is_in(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

#define IS_IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof *(ranges), c)

/* The well-formed character of this length. */
static uint32_t code_of(const char *p, size_t length)
{
    static const unsigned char heads[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & heads[length];

    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

struct label {
    char *out;
    size_t length, characters, accents;
    bool is_blank; /* a space is due, should anything follow */
};

/* False: it is full. */
static bool put(struct label *l, const char *text, size_t length, bool is_accent)
{
    size_t wanted = is_accent ? 0 : l->is_blank && l->characters > 0 ? 2 : 1;

    if (l->characters + wanted > LABEL_CHARACTERS)
        return false;
    if (wanted == 2)
        l->out[l->length++] = ' ';
    memcpy(l->out + l->length, text, length);
    l->length += length;
    l->characters += wanted;
    l->accents = is_accent ? l->accents + 1 : 0;
    l->is_blank = false;
    return true;
}

/* One character of the name; *used its bytes. False: it has no room. */
static bool take(struct label *l, const char *p, size_t *used)
{
    char whole[5] = {0};

    memcpy(whole, p, *used < 4 ? *used : 4); /* utf8_length ends at a NUL */
    size_t length = utf8_length(whole);
    uint32_t c = length > 0 ? code_of(whole, length) : 0;

    if (length > *used)
        length = 0;
    *used = length > 0 ? length : 1;
    if (length > 0 && IS_IN(blanks, c)) {
        l->is_blank = true;
        return true;
    }
    if (length == 0 || utf8_is_control(whole) || (c & 0xfffe) == 0xfffe)
        return put(l, REPLACEMENT, strlen(REPLACEMENT), false);
    if (IS_IN(unseen, c))
        return true;
    if (!IS_IN(accents, c))
        return put(l, whole, length, false);
    return l->characters == 0 || l->is_blank || l->accents == ACCENTS_MAX ||
           put(l, whole, length, true);
}

const char *label_clean(const char *name, size_t length, char out[LABEL_TEXT_MAX])
{
    struct label l = {.out = out};

    for (size_t at = 0, used; at < length; at += used) {
        used = length - at;
        if (!take(&l, name + at, &used)) {
            memcpy(out + l.length, ELLIPSIS, strlen(ELLIPSIS));
            l.length += strlen(ELLIPSIS);
            break;
        }
    }
    out[l.length] = '\0';
    return out;
}
