#include "serve/exposition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "common/utf8.h"

/* ---- labels ---- */

static void add_bytes(struct labels *l, const char *bytes, size_t length)
{
    if (l->length + length >= sizeof l->text)
        return;
    memcpy(&l->text[l->length], bytes, length);
    l->length += length;
    l->text[l->length] = '\0';
}

static void add_character(struct labels *l, const char *p, size_t bytes)
{
    if (*p == '\n')
        add_bytes(l, "\\n", 2);
    else if (*p == '"' || *p == '\\')
        add_bytes(l, (const char[]){'\\', *p}, 2);
    else
        add_bytes(l, bytes > 0 ? p : "?", bytes > 0 ? bytes : 1);
}

void labels_add(struct labels *l, const char *name, const char *value)
{
    const char *p = value != NULL ? value : "";
    const char *end = p + strnlen(p, LABEL_BYTES_MAX);

    if (l->length > 0)
        l->length--; /* the brace: more comes before it */
    add_bytes(l, l->length > 0 ? "," : "{", 1);
    add_bytes(l, name, strlen(name));
    add_bytes(l, "=\"", 2);
    while (p < end) {
        size_t bytes = utf8_length(p);

        add_character(l, p, bytes);
        p += bytes > 0 ? bytes : 1;
    }
    add_bytes(l, "\"}", 2);
}

/* ---- rows ---- */

struct exposition_row *exposition_add(struct exposition_rows *rows, const struct labels *labels,
                                      struct error *err)
{
    if (rows->count == rows->room) {
        size_t room = rows->room * 2 + 16;
        struct exposition_row *larger = realloc(rows->list, room * sizeof *larger);

        if (larger == NULL) {
            (void)error_set(err, ERR_NOMEM, "not enough memory for so many metrics");
            return NULL;
        }
        rows->list = larger;
        rows->room = room;
    }
    struct exposition_row *row = &rows->list[rows->count];

    row->labels = strdup(labels->text);
    if (row->labels == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory for so many metrics");
        return NULL;
    }
    for (size_t i = 0; i < EXPOSITION_VALUES; i++)
        row->values[i] = EXPOSITION_NONE;
    rows->count++;
    return row;
}

void exposition_clear(struct exposition_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->list[i].labels);
    free(rows->list);
    *rows = (struct exposition_rows){0};
}

/* ---- text ---- */

static const char *type_of(const struct exposition_family *f)
{
    if (f->form == FORM_INFO)
        return "info";
    return f->is_counter ? "counter" : "gauge";
}

void exposition_begin(FILE *out, const struct exposition_family *f)
{
    (void)fprintf(out, "# TYPE %s %s\n", f->name, type_of(f));
    if (f->unit[0] != '\0')
        (void)fprintf(out, "# UNIT %s %s\n", f->name, f->unit);
    (void)fprintf(out, "# HELP %s %s\n", f->name, f->help);
}

void exposition_name(FILE *out, const struct exposition_family *f, const char *labels)
{
    const char *suffix = f->form == FORM_INFO ? "_info" : f->is_counter ? "_total" : "";

    (void)fprintf(out, "%s%s%s ", f->name, suffix, labels);
}

static void put_value(FILE *out, enum exposition_form form, int64_t value)
{
    switch (form) {
    case FORM_NUMBER:
        (void)fprintf(out, "%" PRId64 "\n", value);
        return;
    case FORM_SECONDS:
        (void)fprintf(out, "%s%" PRIu64 ".%09" PRIu64 "\n", value < 0 ? "-" : "",
                      (uint64_t)(value < 0 ? -value : value) / NS_PER_S,
                      (uint64_t)(value < 0 ? -value : value) % NS_PER_S);
        return;
    case FORM_BYTES:
        (void)fprintf(out, "%" PRId64 "\n", value * 1024);
        return;
    case FORM_INFO:
        (void)fputs("1\n", out);
    }
}

void exposition_put(FILE *out, const struct exposition_family *families, size_t count,
                    const struct exposition_rows *rows)
{
    for (size_t i = 0; i < count; i++) {
        exposition_begin(out, &families[i]);
        for (size_t k = 0; k < rows->count; k++) {
            if (rows->list[k].values[i] == EXPOSITION_NONE)
                continue;
            exposition_name(out, &families[i], rows->list[k].labels);
            put_value(out, families[i].form, rows->list[k].values[i]);
        }
    }
}
