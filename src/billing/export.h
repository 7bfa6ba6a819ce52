/*
 * export.h - statements as files for others: an accountant, FOCUS, a journal, JSON.
 *
 * A format is one or more files, each written by a pure function of the statement and the options:
 * the same statement gives the same bytes, whatever the locale of the process and the time. Files
 * appear whole or not at all (publish.h), the manifest last: what a manifest names is there. It has
 * for each file its name, bytes, rows and sha256, the sums, the watermark, and the head of the
 * ledger's chain. docs/exports.md explains every column.
 */
#ifndef PAGEMETER_EXPORT_H
#define PAGEMETER_EXPORT_H

#include <stdio.h>

#include "billing/statement.h"

/* How a spreadsheet of the country wants it: only the accountant's files heed it. */
struct export_locale {
    char separator; /* between fields: ',' or ';' */
    char decimal;   /* '.' or ',' */
    bool has_bom;   /* UTF-8's mark in front */
};

/* "plain", "en", "de", ...; ERR_USAGE otherwise. */
MUST_CHECK bool export_find_locale(const char *name, struct export_locale *out, struct error *err);

struct export_options {
    struct export_locale locale;
    const char *provider; /* who sends the bill: FOCUS ProviderName, InvoiceIssuerName */
};

/* What a writer counted, for the manifest. */
struct export_counts {
    uint64_t rows; /* without the header */
};

/* Writes one file. Failures of writing show in ferror(out), and are the caller's to see. */
typedef bool export_writer(FILE *out, const struct statement *s, const struct export_options *o,
                           struct export_counts *counts, struct error *err);

export_writer export_accountant;        /* accountant-PERIOD.csv */
export_writer export_accountant_totals; /* accountant-PERIOD-totals.csv */
export_writer export_focus;             /* focus-PERIOD.csv */
export_writer export_journal;           /* journal-PERIOD.journal */
export_writer export_json;              /* bill-PERIOD.json */

/* "accountant", "focus", "journal", "json": the files that it has. */
struct export_file {
    const char *stem;   /* accountant */
    const char *ending; /* "-totals.csv" */
    export_writer *write;
};
struct export_format {
    const char *name;
    const struct export_file *files;
    size_t file_count;
};
MUST_CHECK bool export_find(const char *name, const struct export_format **out, struct error *err);

/* "2026-11" or "2026-11-22": the period in file names. */
enum { PERIOD_TEXT_MAX = 24 };
const char *export_period(const struct statement *s, char out[PERIOD_TEXT_MAX]);

struct export_job {
    const struct export_format *format;
    const struct export_options *options;
    const char *dir; /* made when absent */
    /* When all files are there: notes it. If it fails they are taken back. May be NULL. */
    bool (*note)(void *self, const char *manifest_sha256, struct error *err);
    void *self;
};

/*
 * Writes all files of a format, then manifest-FORMAT-PERIOD.json. Files of the same names are
 * replaced; when it fails they are what they were.
 */
MUST_CHECK bool export_run(const struct export_job *job, const struct statement *s,
                           struct error *err);

#endif
