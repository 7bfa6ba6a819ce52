/*
 * json.h - writes a JSON document to a stream, as it goes: nothing is kept, so nothing can be short
 * of memory. Two spaces of indentation; a "flat" list or object stands on one line.
 *
 * Numbers that may pass 2^53 are for json_text: many readers lose their last digits. Text is
 * written in UTF-8; what is not becomes U+FFFD. Errors show in ferror(out).
 */
#ifndef PAGEMETER_JSON_H
#define PAGEMETER_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 8 };

struct json {
    FILE *out;
    int depth;
    int flat_from; /* the depth that began a flat one; 0: none */
    char ends[JSON_DEPTH_MAX];
    bool is_behind_first;
};

/* Begins the document, an object; json_end ends it, and the line. */
void json_begin(struct json *json, FILE *out);
void json_end(struct json *json);

/* name: NULL in lists. */
void json_open_object(struct json *json, const char *name);
void json_open_flat_object(struct json *json, const char *name);
void json_open_list(struct json *json, const char *name);
void json_open_flat_list(struct json *json, const char *name);
void json_close(struct json *json);

void json_text(struct json *json, const char *name, const char *text);
void json_int(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

#endif
