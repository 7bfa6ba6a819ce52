#include "balloon/reply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_init(struct reply *reply)
{
    *reply = (struct reply){0};
}

void reply_clear(struct reply *reply)
{
    free(reply->text);
    reply_init(reply);
}

/* ---- writing ---- */

static bool make_room(struct reply *r, size_t more)
{
    size_t room = r->room == 0 ? 4096 : r->room;

    if (r->is_short || more > REPLY_TEXT_MAX - r->length) {
        r->is_short = true;
        return false;
    }
    while (room < r->length + more)
        room *= 2;
    if (room != r->room) {
        char *larger = realloc(r->text, room);

        if (larger == NULL) {
            r->is_short = true;
            return false;
        }
        r->text = larger;
        r->room = room;
    }
    return true;
}

static void add(struct reply *r, const char *text, size_t length)
{
    if (!make_room(r, length))
        return;
    memcpy(r->text + r->length, text, length);
    r->length += length;
}

static void add_text(struct reply *r, const char *text)
{
    add(r, text, strlen(text));
}

static void add_coded(struct reply *r, const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        char coded[4];

        if (*p > ' ' && *p <= '~' && *p != '%') {
            add(r, p, 1);
            continue;
        }
        (void)snprintf(coded, sizeof coded, "%%%02x", (unsigned)(unsigned char)*p);
        add(r, coded, 3);
    }
}

void reply_begin(struct reply *reply, const char *kind)
{
    add_text(reply, kind);
}

void reply_word(struct reply *reply, const char *key, const char *value)
{
    add_text(reply, " ");
    add_text(reply, key);
    add_text(reply, "=");
    add_coded(reply, value);
}

void reply_bare(struct reply *reply, const char *word)
{
    add_text(reply, " ");
    add_coded(reply, word);
}

void reply_number(struct reply *reply, const char *key, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    reply_word(reply, key, text);
}

void reply_signed(struct reply *reply, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    reply_word(reply, key, text);
}

void reply_end(struct reply *reply)
{
    add_text(reply, "\n");
}

/* ---- the last line ---- */

static const char *const code_words[] = {
    [ERR_NONE] = "none",       [ERR_USAGE] = "usage", [ERR_INPUT] = "input",
    [ERR_REFUSED] = "refused", [ERR_CLOCK] = "clock", [ERR_RANGE] = "range",
    [ERR_SYSTEM] = "system",   [ERR_STORE] = "store", [ERR_RETRY] = "retry",
    [ERR_NOMEM] = "nomem",
};

enum { CODES = sizeof code_words / sizeof *code_words };

void reply_ok(struct reply *reply)
{
    add_text(reply, "ok\n");
}

void reply_error(struct reply *reply, const struct error *err)
{
    reply->length = 0;
    reply->is_short = false;
    add_text(reply, "error ");
    add_text(reply, code_words[err->code]);
    add_text(reply, " ");
    /* a sentence is for people: only what would end the line is taken out */
    for (const char *p = err->text; *p != '\0'; p++)
        add(reply, (unsigned char)*p < ' ' ? " " : p, 1);
    add_text(reply, "\n");
}

bool reply_is_end(const char *line, bool *is_ok, struct error *err)
{
    *is_ok = strcmp(line, "ok") == 0;
    if (*is_ok)
        return true;
    if (strncmp(line, "error ", 6) != 0)
        return false;
    const char *word = line + 6;
    size_t length = strcspn(word, " ");
    enum error_code code = ERR_SYSTEM;

    for (size_t i = 1; i < CODES; i++)
        if (strlen(code_words[i]) == length && memcmp(code_words[i], word, length) == 0)
            code = (enum error_code)i;
    (void)error_set(err, code, "%s", word[length] == ' ' ? word + length + 1 : word);
    return true;
}

/* ---- reading ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: what is decoded is never longer. */
static bool decode(char *value)
{
    char *out = value;

    for (const char *p = value; *p != '\0'; p++) {
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        int high = digit_of(p[1]);
        int low = high >= 0 ? digit_of(p[2]) : -1;

        if (low < 0 || high + low == 0)
            return false;
        *out++ = (char)(high * 16 + low);
        p += 2;
    }
    *out = '\0';
    return true;
}

bool reply_parse(char *line, struct reply_row *out, struct error *err)
{
    struct reply_row row = {.kind = line};
    char *p = line + strcspn(line, " ");

    if (p == line || memchr(line, '=', (size_t)(p - line)) != NULL)
        return error_set(err, ERR_INPUT, "an answer has a line without a kind: '%.60s'", line);
    while (*p != '\0') {
        *p++ = '\0';
        char *key = p;
        char *value = key + strcspn(key, "= ");

        p = key + strcspn(key, " ");
        if (*value != '=' || value == key)
            return error_set(err, ERR_INPUT, "'%.60s' is not key=value", key);
        if (row.count == REPLY_FIELDS_MAX)
            return error_set(err, ERR_INPUT, "a record with more than %d words", REPLY_FIELDS_MAX);
        char end = *p;

        *value++ = *p = '\0';
        if (!decode(value))
            return error_set(err, ERR_INPUT, "'%.60s' is not a value", value);
        *p = end;
        row.fields[row.count].key = key;
        row.fields[row.count++].value = value;
    }
    *out = row;
    return true;
}

const char *reply_find(const struct reply_row *row, const char *key)
{
    for (size_t i = 0; i < row->count; i++)
        if (strcmp(row->fields[i].key, key) == 0)
            return row->fields[i].value;
    return NULL;
}
