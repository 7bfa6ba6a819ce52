/*
 * audit_exports.c - exports in a directory, against billing.db and against themselves.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/chain.h"
#include "cli/audit.h"

/* Larger is no manifest. */
enum { MANIFEST_MAX_BYTES = 1 << 20, NAME_MAX_BYTES = 96, FINDING_MAX = 512 };

struct look {
    const char *dir, *name; /* of the manifest */
    const struct audit_exports_sink *sink;
};

static void found(const struct look *l, const char *about, const char *finding)
{
    char text[FINDING_MAX];

    (void)snprintf(text, sizeof text, "file=%s finding=%s", about, finding);
    l->sink->row(l->sink->self, text);
    ++*l->sink->findings;
}

/* ---- files ---- */

static FILE *open_beside(const struct look *l, const char *name)
{
    char path[1100];

    (void)snprintf(path, sizeof path, "%s/%s", l->dir, name);
    return fopen(path, "r");
}

static bool sum_file(FILE *in, char sha256[CHAIN_TEXT_MAX])
{
    struct sha256_ctx sum;
    struct chain_hash hash;
    uint8_t part[8192];
    size_t length;

    sha256_init(&sum);
    while ((length = fread(part, 1, sizeof part, in)) > 0)
        sha256_update(&sum, length, part);
    sha256_digest(&sum, sizeof hash.bytes, hash.bytes);
    (void)chain_format(&hash, sha256);
    return ferror(in) == 0;
}

/* The text is the caller's to free; NULL: it is too long, or has a NUL, or is not there. */
static char *read_manifest(const struct look *l, char sha256[CHAIN_TEXT_MAX])
{
    FILE *in = open_beside(l, l->name);
    char *text = in != NULL ? calloc(1, MANIFEST_MAX_BYTES + 1) : NULL;
    size_t length = text != NULL ? fread(text, 1, MANIFEST_MAX_BYTES + 1, in) : 0;
    bool is_ok =
        text != NULL && length <= MANIFEST_MAX_BYTES && strlen(text) == length && ferror(in) == 0;

    if (is_ok) {
        rewind(in);
        is_ok = sum_file(in, sha256);
    }
    if (in != NULL)
        (void)fclose(in);
    if (is_ok)
        return text;
    free(text);
    return NULL;
}

static void check_file(const struct look *l, struct json_object *file)
{
    struct json_object *name, *sha256;
    char sum[CHAIN_TEXT_MAX];

    if (!json_object_object_get_ex(file, "name", &name) ||
        !json_object_object_get_ex(file, "sha256", &sha256) ||
        strchr(json_object_get_string(name), '/') != NULL) {
        found(l, l->name, "does not name its files");
        return;
    }
    FILE *in = open_beside(l, json_object_get_string(name));

    if (in == NULL)
        found(l, json_object_get_string(name), "is not there, and its manifest is");
    else if (!sum_file(in, sum) || strcmp(sum, json_object_get_string(sha256)) != 0)
        found(l, json_object_get_string(name), "is not what its manifest says");
    if (in != NULL)
        (void)fclose(in);
}

static void check_files(const struct look *l, struct json_object *manifest)
{
    struct json_object *files;

    if (!json_object_object_get_ex(manifest, "files", &files) ||
        !json_object_is_type(files, json_type_array)) {
        found(l, l->name, "does not name its files");
        return;
    }
    for (size_t i = 0; i < json_object_array_length(files); i++)
        check_file(l, json_object_array_get_idx(files, i));
}

/* ---- against billing.db ---- */

static bool pass_head(void *self, const struct query_row *row, struct error *err)
{
    (void)self, (void)row, (void)err;
    return true;
}

static bool take_row(void *self, const struct query_row *row, struct error *err)
{
    const struct look *l = self;
    char text[FINDING_MAX];

    (void)err;
    (void)snprintf(text, sizeof text, "%s %s", row->values[0] != NULL ? row->values[0] : "nothing",
                   row->values[1] != NULL ? row->values[1] : "");
    found(l, l->name, text);
    return true;
}

static bool check_manifest(struct look *l, struct query *query, struct error *err)
{
    char sha256[CHAIN_TEXT_MAX];
    char *text = read_manifest(l, sha256);
    struct json_object *manifest = text != NULL ? json_tokener_parse(text) : NULL;
    struct query_sink sink = {pass_head, take_row, l};
    bool is_ok = true;

    if (!json_object_is_type(manifest, json_type_object)) {
        found(l, l->name, "is no manifest");
    } else {
        const struct query_parameter parameters[] = {{"manifest", text}, {"sha256", sha256}};

        check_files(l, manifest);
        for (const struct sql_file *a = sql_manifest_audits; is_ok && a->name != NULL; a++)
            is_ok = query_ask(query, a, parameters, 2, &sink, err);
    }
    json_object_put(manifest);
    free(text);
    return is_ok;
}

/* ---- the directory ---- */

static int is_manifest(const struct dirent *entry)
{
    static const char begin[] = "manifest-", end[] = ".json";
    size_t length = strlen(entry->d_name);

    return length > sizeof begin + sizeof end && length < NAME_MAX_BYTES &&
           strncmp(entry->d_name, begin, sizeof begin - 1) == 0 &&
           strcmp(entry->d_name + length - (sizeof end - 1), end) == 0;
}

bool audit_exports(const char *dir, struct query *query, const struct audit_exports_sink *sink,
                   struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_manifest, alphasort);
    bool is_ok = count >= 0 || error_set(err, ERR_SYSTEM, "%s: can't read the exports there: %s",
                                         dir, strerror(errno));

    *sink->findings = 0;
    for (int i = 0; i < count; i++) {
        struct look look = {dir, entries[i]->d_name, sink};

        is_ok = is_ok && check_manifest(&look, query, err);
        free(entries[i]);
    }
    free(entries);
    return is_ok;
}
