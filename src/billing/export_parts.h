/*
 * export_parts.h - what the files of an export have in common: how they say which period they are
 * of, and what it adds up to. Internal to the exports.
 */
#ifndef PAGEMETER_EXPORT_PARTS_H
#define PAGEMETER_EXPORT_PARTS_H

#include "billing/export.h"
#include "billing/totals.h"
#include "common/json.h"

#define EXPORT_TAX "amounts are net of tax"

/* "sealed": final; "open": it may still change. */
const char *export_status(const struct statement *s);

/* Everything about a statement but its rows, and what they add up to. */
void export_json_head(struct json *json, const struct statement *s);
void export_json_sums(struct json *json, const struct statement *s, const struct totals *totals);

/* Of a row or a sum of rows: exact, pennies, and the amount that was posted. */
struct export_money {
    const struct currency *currency;
    enum usage_unit unit;
    struct totals_carry exact, figures;
    int64_t pennies;
};
void export_json_money(struct json *json, const struct export_money *money);

void export_json_number(struct json *json, const char *name, usage_kib_ns value); /* as text */
void export_json_figure(struct json *json, const char *name, numerator figure);

/* The manifest of files that are written. */
struct export_written {
    char name[96];
    uint64_t rows, bytes;
    char sha256[CHAIN_TEXT_MAX];
};
MUST_CHECK bool export_manifest(FILE *out, const struct export_job *job, const struct statement *s,
                                const struct export_written *files, struct error *err);

#endif
