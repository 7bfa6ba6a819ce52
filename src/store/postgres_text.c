#include "store/postgres_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    char *end; /* of what is written */
    struct postgres_text *text;
    bool has_words; /* more than space and comments */
};

static void copy(struct reader *r, size_t length)
{
    memcpy(r->end, r->at, length);
    r->end += length;
    r->at += length;
}

/* The length of a quoted text or a comment that begins here; 0: none does. */
static size_t length_of_closed(const char *at)
{
    const char *end;

    if (at[0] == '\'' || at[0] == '"') {
        end = strchr(at + 1, at[0]);
        return end != NULL ? (size_t)(end - at) + 1 : strlen(at);
    }
    if (at[0] == '-' && at[1] == '-')
        return strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        end = strstr(at + 2, "*/");
        return end != NULL ? (size_t)(end - at) + 2 : strlen(at);
    }
    return 0;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static int place_of(struct postgres_text *text, const char *name, size_t length)
{
    for (int i = 0; i < text->parameters; i++)
        if (strlen(text->names[i]) == length && memcmp(text->names[i], name, length) == 0)
            return i + 1;
    if (text->parameters == POSTGRES_PARAMETERS_MAX || length >= POSTGRES_NAME_MAX)
        return 0;
    memcpy(text->names[text->parameters], name, length);
    return ++text->parameters;
}

static bool take_parameter(struct reader *r, struct error *err)
{
    const char *name = r->at + 1;
    size_t length = 0;
    int place;

    while (is_name(name[length]))
        length++;
    if (r->at[0] == '?') {
        place = atoi(name);
        if (place > r->text->parameters && place <= POSTGRES_PARAMETERS_MAX)
            r->text->parameters = place;
    } else {
        place = place_of(r->text, name, length);
    }
    if (place < 1 || place > POSTGRES_PARAMETERS_MAX)
        return error_set(err, ERR_USAGE, "'%.40s' is no parameter that can be given", r->at);
    r->end += sprintf(r->end, "$%d", place); /* at most as long: see the room made for it */
    r->at += length + 1;
    return true;
}

static bool take(struct reader *r, struct error *err)
{
    size_t closed = length_of_closed(r->at);

    if (closed > 0) {
        r->has_words = r->has_words || r->at[0] == '\'' || r->at[0] == '"';
        copy(r, closed);
    } else if (r->at[0] == ':' && r->at[1] == ':') {
        copy(r, 2);
    } else if ((r->at[0] == '?' && isdigit((unsigned char)r->at[1])) ||
               (r->at[0] == ':' && isalpha((unsigned char)r->at[1]))) {
        return take_parameter(r, err);
    } else {
        r->has_words = r->has_words || !isspace((unsigned char)r->at[0]);
        copy(r, 1);
    }
    return true;
}

bool postgres_text_read(const char *sql, const char **rest, struct postgres_text *out,
                        struct error *err)
{
    struct reader r = {.at = sql, .text = out};

    *out = (struct postgres_text){0};
    /* ":a" may become "$10" */
    out->sql = malloc(strlen(sql) * 2 + 1);
    if (out->sql == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a statement");
    r.end = out->sql;
    while (*r.at != '\0' && *r.at != ';') {
        if (!take(&r, err)) {
            free(out->sql);
            out->sql = NULL;
            return false;
        }
    }
    *r.end = '\0';
    if (rest != NULL)
        *rest = *r.at == ';' ? r.at + 1 : r.at;
    if (!r.has_words) {
        free(out->sql);
        out->sql = NULL;
    }
    return true;
}
