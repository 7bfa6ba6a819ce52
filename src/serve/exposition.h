/*
 * exposition.h - the text of OpenMetrics 1.0: families with their type, unit and help, and samples
 * with labels. Pure, but for memory.
 *
 * All samples of a family stand together. So what is known of a thing (a VM, a host) is a row of
 * labels and values, and families are written one by one from all rows.
 */
#ifndef PAGEMETER_SERVE_EXPOSITION_H
#define PAGEMETER_SERVE_EXPOSITION_H

#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum {
    LABEL_BYTES_MAX = 256, /* of a value; more is cut off */
    LABELS_TEXT_MAX = 1536,
    EXPOSITION_VALUES = 13,
};

/* {host="...",cause="..."}, with the braces. */
struct labels {
    char text[LABELS_TEXT_MAX];
    size_t length;
};

/*
 * Quotes, backslashes and ends of lines are escaped; what is not well-formed UTF-8 becomes '?',
 * since one such byte would make a reader refuse all that is there. NULL: "".
 */
void labels_add(struct labels *labels, const char *name, const char *value);

enum exposition_form {
    FORM_NUMBER,
    FORM_SECONDS, /* from ns */
    FORM_BYTES,   /* from KiB */
    FORM_INFO     /* 1 */
};

struct exposition_family {
    const char *name; /* without _total and _info, which its samples have */
    const char *unit; /* what the name ends with; "": none */
    const char *help;
    enum exposition_form form;
    bool is_counter;
};

#define EXPOSITION_NONE INT64_MIN /* there is no such sample */

struct exposition_row {
    char *labels;
    int64_t values[EXPOSITION_VALUES]; /* one for each family */
};

/* Zeroed before the first use. */
struct exposition_rows {
    struct exposition_row *list;
    size_t count, room;
};

/* A row without samples yet; NULL, with *err: no memory. */
struct exposition_row *exposition_add(struct exposition_rows *rows, const struct labels *labels,
                                      struct error *err);
void exposition_clear(struct exposition_rows *rows);

/* TYPE, UNIT and HELP. */
void exposition_begin(FILE *out, const struct exposition_family *family);
/* Up to the value: the name and the labels. */
void exposition_name(FILE *out, const struct exposition_family *family, const char *labels);

/* All samples of so many families, which are the values of each row in this order. */
void exposition_put(FILE *out, const struct exposition_family *families, size_t count,
                    const struct exposition_rows *rows);

#endif
