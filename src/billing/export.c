#include "billing/export.h"

#include <string.h>

#include "billing/export_parts.h"
#include "billing/publish.h"
#include "common/calendar.h"

/* ---- formats ---- */

static const struct export_file accountant_files[] = {
    {"accountant", ".csv", export_accountant},
    {"accountant", "-totals.csv", export_accountant_totals},
};
static const struct export_file focus_files[] = {{"focus", ".csv", export_focus}};
static const struct export_file journal_files[] = {{"journal", ".journal", export_journal}};
static const struct export_file json_files[] = {{"bill", ".json", export_json}};

#define FILES(list) (list), sizeof(list) / sizeof *(list)

static const struct export_format formats[] = {
    {"accountant", FILES(accountant_files)},
    {"focus", FILES(focus_files)},
    {"journal", FILES(journal_files)},
    {"json", FILES(json_files)},
};

bool export_find(const char *name, const struct export_format **out, struct error *err)
{
    char names[128] = "";

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *out = &formats[i];
            return true;
        }
        size_t length = strlen(names);

        (void)snprintf(names + length, sizeof names - length, "%s%s", i == 0 ? "" : ", ",
                       formats[i].name);
    }
    return error_set(err, ERR_USAGE, "'%.40s' is no format: there are %s", name, names);
}

/* ---- locales ---- */

static const struct {
    const char *names; /* ISO 639, some with a country */
    struct export_locale locale;
} locales[] = {
    {"plain", {',', '.', false}},
    {"en he ja ko th zh", {',', '.', true}},
    {"bg cs da de el es et fi fr hr hu it lt lv nb nl pl pt ro ru sk sl sv tr uk",
     {';', ',', true}},
    {"de-ch", {';', '.', true}},
};

static bool is_word_of(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *p = words; length > 0 && (p = strstr(p, word)) != NULL; p += length)
        if ((p == words || p[-1] == ' ') && (p[length] == '\0' || p[length] == ' '))
            return true;
    return false;
}

bool export_find_locale(const char *name, struct export_locale *out, struct error *err)
{
    for (size_t i = 0; strchr(name, ' ') == NULL && i < sizeof locales / sizeof *locales; i++) {
        if (is_word_of(locales[i].names, name)) {
            *out = locales[i].locale;
            return true;
        }
    }
    return error_set(
        err, ERR_USAGE,
        "'%.40s' is no locale: there are plain (comma and point), en, de, fr and other "
        "languages, see pagemeter-export(1)",
        name);
}

/* ---- names ---- */

const char *export_period(const struct statement *s, char out[PERIOD_TEXT_MAX])
{
    enum { DAY_LENGTH = 10 }; /* 2026-11-22 */
    char text[HOUR_TEXT_MAX];

    if (s->is_whole)
        (void)month_format(s->month, text);
    else
        (void)calendar_format_hour(s->from_hour, text);
    (void)snprintf(out, PERIOD_TEXT_MAX, "%.*s", DAY_LENGTH, text);
    return out;
}

/* ---- a run ---- */

static bool write_file(struct publication *p, const struct export_job *job,
                       const struct statement *s, const struct export_file *file,
                       struct export_written *written, struct error *err)
{
    char period[PERIOD_TEXT_MAX];
    struct export_counts counts = {0};
    struct publish_sum sum;

    (void)snprintf(written->name, sizeof written->name, "%s-%s%s", file->stem,
                   export_period(s, period), file->ending);
    FILE *out = publish_open(p, written->name, err);

    if (out == NULL || !file->write(out, s, job->options, &counts, err) ||
        !publish_finish(p, &sum, err))
        return false;
    written->rows = counts.rows;
    written->bytes = sum.bytes;
    memcpy(written->sha256, sum.sha256, sizeof written->sha256);
    return true;
}

static bool write_all(struct publication *p, const struct export_job *job,
                      const struct statement *s, struct publish_sum *manifest, struct error *err)
{
    struct export_written files[PUBLISH_FILES_MAX - 1];
    char period[PERIOD_TEXT_MAX], name[PUBLISH_NAME_MAX];

    for (size_t i = 0; i < job->format->file_count; i++)
        if (!write_file(p, job, s, &job->format->files[i], &files[i], err))
            return false;
    (void)snprintf(name, sizeof name, "manifest-%s-%s.json", job->format->name,
                   export_period(s, period));
    FILE *out = publish_open(p, name, err);

    return out != NULL && export_manifest(out, job, s, files, err) &&
           publish_finish(p, manifest, err);
}

bool export_run(const struct export_job *job, const struct statement *s, struct error *err)
{
    struct publication p;
    struct publish_sum manifest;
    bool is_ok = publish_begin(&p, job->dir, err) && write_all(&p, job, s, &manifest, err) &&
                 publish_all(&p, err) &&
                 (job->note == NULL || job->note(job->self, manifest.sha256, err));

    publish_end(&p, is_ok);
    return is_ok;
}
