#include "common/cell.h"

#include <stdbool.h>
#include <string.h>

#include "common/csv.h"
#include "common/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool has_any(const char *text, const char *const *starts, size_t *length)
{
    for (; *starts != NULL; starts++) {
        *length = strlen(*starts);
        if (strncmp(text, *starts, *length) == 0)
            return true;
    }
    return false;
}

/* Behind what a program may take away before it looks: quotes, spaces, and marks that don't show.
 */
static const char *behind_blanks(const char *text)
{
    static const char *const blanks[] = {"\"",           " ", "\xc2\xa0", "\xe3\x80\x80",
                                         "\xef\xbb\xbf", NULL};
    size_t length;

    while (has_any(text, blanks, &length))
        text += length;
    return text;
}

static bool is_formula(const char *text)
{
    /* the last four: = + - @ in full width */
    static const char *const signs[] = {
        "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0", NULL};
    size_t length;

    return has_any(behind_blanks(text), signs, &length);
}

static bool begins_unseen(const char *text)
{
    char first = *behind_blanks(text);

    return first == '\t' || first == '\r' || first == '\n';
}

static bool is_separator(char c)
{
    return c == ',' || c == ';' || c == '\t' || c == '\r' || c == '\n';
}

static void write_character(FILE *out, const char *p, size_t length)
{
    bool is_kept = *p == '\t' || *p == '\r' || *p == '\n';

    if (*p == '"')
        (void)fputs("\"\"", out);
    else if (length == 0 || (utf8_is_control(p) && !is_kept))
        (void)fputs(REPLACEMENT, out);
    else
        (void)fwrite(p, 1, length, out);
}

void cell_write(FILE *out, const char *text)
{
    bool is_start = true;

    (void)putc('"', out);
    if (begins_unseen(text))
        (void)putc('\'', out);
    while (*text != '\0') {
        size_t length = utf8_length(text);

        if (is_start && is_formula(text))
            (void)putc('\'', out);
        write_character(out, text, length);
        is_start = is_separator(*text);
        text += length == 0 ? 1 : length;
    }
    (void)putc('"', out);
}

static bool is_number(const char *text)
{
    size_t whole, rest = 0;

    text += *text == '-';
    whole = strspn(text, "0123456789");
    text += whole;
    if (*text == '.') {
        rest = strspn(text + 1, "0123456789");
        text += 1 + rest;
    }
    return whole + rest > 0 && *text == '\0';
}

static bool is_harmless(const char *text)
{
    bool is_start = true;

    if (begins_unseen(text))
        return false;
    for (; *text != '\0'; text++) {
        if (is_start && is_formula(text))
            return false;
        is_start = is_separator(*text);
    }
    return true;
}

void cell_field(FILE *out, const char *text)
{
    if (is_number(text) || is_harmless(text))
        csv_field(out, text, ',');
    else
        cell_write(out, text);
}
