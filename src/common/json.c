#include "common/json.h"

#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

static void write_string(FILE *out, const char *text)
{
    (void)putc('"', out);
    while (*text != '\0') {
        size_t length = utf8_length(text);

        if (length == 0)
            (void)fputs("\xef\xbf\xbd", out);
        else if (*text == '"' || *text == '\\')
            (void)fprintf(out, "\\%c", *text);
        else if (utf8_is_control(text)) /* the last byte of C1 is its number */
            (void)fprintf(out, "\\u%04x", (unsigned)(unsigned char)text[length - 1]);
        else
            (void)fwrite(text, 1, length, out);
        text += length == 0 ? 1 : length;
    }
    (void)putc('"', out);
}

static void begin_line(const struct json *json)
{
    if (json->flat_from != 0) {
        if (json->is_behind_first)
            (void)putc(' ', json->out);
        return;
    }
    (void)putc('\n', json->out);
    for (int i = 0; i < json->depth; i++)
        (void)fputs("  ", json->out);
}

/* What stands before a value: the end of the one before, its place, its name. */
static void begin_value(struct json *json, const char *name)
{
    if (json->is_behind_first)
        (void)putc(',', json->out);
    begin_line(json);
    json->is_behind_first = true;
    if (name == NULL)
        return;
    write_string(json->out, name);
    (void)fputs(": ", json->out);
}

static void open_one(struct json *json, const char *brackets)
{
    (void)putc(brackets[0], json->out);
    json->ends[json->depth++] = brackets[1];
    json->is_behind_first = false;
}

void json_begin(struct json *json, FILE *out)
{
    *json = (struct json){.out = out};
    open_one(json, "{}");
}

void json_end(struct json *json)
{
    json_close(json);
    (void)putc('\n', json->out);
}

void json_open_object(struct json *json, const char *name)
{
    begin_value(json, name);
    open_one(json, "{}");
}

void json_open_flat_object(struct json *json, const char *name)
{
    json_open_object(json, name);
    if (json->flat_from == 0)
        json->flat_from = json->depth;
}

void json_open_list(struct json *json, const char *name)
{
    begin_value(json, name);
    open_one(json, "[]");
}

void json_open_flat_list(struct json *json, const char *name)
{
    json_open_list(json, name);
    if (json->flat_from == 0)
        json->flat_from = json->depth;
}

void json_close(struct json *json)
{
    bool is_empty = !json->is_behind_first;

    json->depth--;
    json->is_behind_first = false;
    if (json->flat_from == 0 && !is_empty)
        begin_line(json);
    if (json->flat_from > json->depth)
        json->flat_from = 0;
    (void)putc(json->ends[json->depth], json->out);
    json->is_behind_first = true;
}

void json_text(struct json *json, const char *name, const char *text)
{
    begin_value(json, name);
    write_string(json->out, text);
}

void json_int(struct json *json, const char *name, int64_t value)
{
    begin_value(json, name);
    (void)fprintf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin_value(json, name);
    (void)fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *name)
{
    begin_value(json, name);
    (void)fputs("null", json->out);
}
