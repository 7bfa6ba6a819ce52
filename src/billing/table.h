/*
 * table.h - a CSV file after RFC 4180, as a country's spreadsheets want it: rows, field by field.
 */
#ifndef PAGEMETER_TABLE_H
#define PAGEMETER_TABLE_H

#include "billing/export.h"
#include "billing/figure.h"

struct table {
    FILE *out;
    const struct export_locale *locale;
    bool is_header;       /* the names of columns are written in the place of what they hold */
    bool is_behind_first; /* within a row */
};

/* Begins with the header: the caller writes a first row whose values don't matter. */
void table_begin(struct table *t, FILE *out, const struct export_locale *locale);
void table_end_row(struct table *t);

/* Text of ours. */
void table_text(struct table *t, const char *column, const char *text);
/* Text that others wrote: never a formula. */
void table_name(struct table *t, const char *column, const char *name);
/* A number with a point, or a list of them: the point becomes the locale's. */
void table_decimal(struct table *t, const char *column, const char *number);
/* A figure with 9 decimals. */
void table_figure(struct table *t, const char *column, numerator figure);

#endif
