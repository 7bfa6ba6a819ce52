#include "balloon/figures_parse.h"

#include <string.h>

#include "common/number.h"

struct cursor {
    const char *at, *end;
};

/* "key=" is next: steps over it. */
static bool take_key(struct cursor *c, const char *key)
{
    size_t length = strlen(key);

    if ((size_t)(c->end - c->at) <= length || memcmp(c->at, key, length) != 0 ||
        c->at[length] != '=')
        return false;
    c->at += length + 1;
    return true;
}

/* The word up to the next space or the end; steps over both. */
static size_t take_word(struct cursor *c, const char **word)
{
    const char *space = memchr(c->at, ' ', (size_t)(c->end - c->at));
    const char *end = space != NULL ? space : c->end;

    *word = c->at;
    c->at = space != NULL ? space + 1 : c->end;
    return (size_t)(end - *word);
}

static bool take_number(struct cursor *c, const char *key, uint64_t most, uint64_t *out)
{
    const char *word;

    if (!take_key(c, key))
        return false;
    size_t length = take_word(c, &word);

    return number_parse(word, length, most, out);
}

static bool take_flags(struct cursor *c, unsigned *flags)
{
    static const char letters[] = FIGURES_FLAG_LETTERS;
    const char *word;

    if (!take_key(c, "flags"))
        return false;
    size_t length = take_word(c, &word);
    size_t next = 0;

    *flags = 0;
    if (length == 1 && word[0] == '-')
        return word + 1 == c->end;
    for (size_t i = 0; i < length; i++, next++) {
        while (letters[next] != '\0' && letters[next] != word[i])
            next++;
        if (letters[next] == '\0')
            return false;
        *flags |= 1U << next;
    }
    /* nothing behind it, not even the space that take_word stepped over */
    return length > 0 && word + length == c->end;
}

bool figures_parse(const char *text, size_t length, struct figures *out, struct error *err)
{
    struct cursor c = {text, text + length};
    struct figures f = {0};
    uint64_t version;

    if (length > FIGURES_TEXT_MAX)
        return error_set(err, ERR_INPUT, "the record has more than %d bytes", FIGURES_TEXT_MAX);
    if (!take_number(&c, "v", FIGURES_VERSION, &version) || version != FIGURES_VERSION)
        return error_set(err, ERR_INPUT, "the record does not begin with v=%d", FIGURES_VERSION);
#define FIGURES_TAKE(key, member, most)                                                            \
    if (!take_number(&c, key, most, &f.member))                                                    \
        return error_set(err, ERR_INPUT, "the record has no proper %s=", key);
    FIGURES(FIGURES_TAKE)
#undef FIGURES_TAKE
    if (!take_flags(&c, &f.flags))
        return error_set(err, ERR_INPUT, "the record does not end with proper flags=");
    *out = f;
    return true;
}

bool figures_are_possible(const struct figures *f, uint64_t cap_kib, struct error *err)
{
    uint64_t most = cap_kib + cap_kib / 64;

    if (f->total_kib == 0 || f->total_kib > most)
        return error_set(err, ERR_INPUT, "its total is impossible under the domain's cap");
    if (f->available_kib > f->total_kib || f->free_kib > f->total_kib)
        return error_set(err, ERR_INPUT, "more is available or free than there is");
    if (f->swap_free_kib > f->swap_total_kib)
        return error_set(err, ERR_INPUT, "more swap is free than there is");
    if ((f->flags & FIGURES_HAS_BALLOON) == 0)
        return true;
    if (f->current_kib > most || f->current_kib < f->available_kib)
        return error_set(err, ERR_INPUT, "its current is impossible under the domain's cap");
    return true;
}

/* ---- other agents ---- */

/* A line "Name:   123 kB" of /proc/meminfo: its number, when it is the one that is looked for. */
static bool find_meminfo(const char *text, size_t length, const char *name, uint64_t *kib)
{
    size_t name_length = strlen(name);

    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - text) : length;

        if (line > name_length && memcmp(text, name, name_length) == 0 &&
            text[name_length] == ':') {
            const char *digits = text + name_length + 1, *end = text + line;

            while (digits < end && *digits == ' ')
                digits++;
            if (end - digits > 3 && memcmp(end - 3, " kB", 3) == 0)
                end -= 3;
            return number_parse(digits, (size_t)(end - digits), FIGURES_KIB_MAX, kib);
        }
        line += newline != NULL;
        text += line;
        length -= line;
    }
    return false;
}

bool figures_parse_meminfo(const char *text, size_t length, struct figures *out, struct error *err)
{
    struct figures f = {0};

    if (length > FALLBACK_TEXT_MAX)
        return error_set(err, ERR_INPUT, "mod_meminfo has more than %d bytes", FALLBACK_TEXT_MAX);
    if (!find_meminfo(text, length, "MemTotal", &f.total_kib) ||
        !find_meminfo(text, length, "MemFree", &f.free_kib))
        return error_set(err, ERR_INPUT, "mod_meminfo has no proper MemTotal and MemFree");
    if (!find_meminfo(text, length, "MemAvailable", &f.available_kib))
        f.available_kib = f.free_kib;
    if (!find_meminfo(text, length, "SwapTotal", &f.swap_total_kib) ||
        !find_meminfo(text, length, "SwapFree", &f.swap_free_kib))
        f.swap_total_kib = f.swap_free_kib = 0;
    *out = f;
    return true;
}

bool figures_parse_totals(const char *total, size_t total_length, const char *available,
                          size_t free_length, struct figures *out, struct error *err)
{
    struct figures f = {0};

    if (!number_parse(total, total_length, FIGURES_KIB_MAX, &f.total_kib) ||
        !number_parse(available, free_length, FIGURES_KIB_MAX, &f.available_kib))
        return error_set(err, ERR_INPUT, "meminfo_total or meminfo_free is no number of KiB");
    f.free_kib = f.available_kib;
    *out = f;
    return true;
}
