/*
 * chart_json.h - a chart as JSON: exact, for programs.
 *
 * The sum of kib times ns over the pieces that are "billed" is kib_ns, and that is what is billed.
 * Figures that may pass 2^53 are texts. docs/charts.md explains every key.
 */
#ifndef PAGEMETER_CHART_JSON_H
#define PAGEMETER_CHART_JSON_H

#include <stdio.h>

#include "chart/chart.h"
#include "common/json.h"

struct chart_json {
    bool with_pieces; /* the exact step function */
    bool with_lines;  /* points to draw, as they are in the chart */
};

/* Errors show in ferror(out). */
void chart_write_json(FILE *out, const struct chart *chart, const struct chart_json *what);

/* "cost": the object that docs/charts.md explains; NULL: there are no books. */
void chart_json_cost(struct json *json, const struct cost *cost);

/* "billed", "excluded", "missing", "nothing". */
const char *chart_kind_name(enum piece_kind kind);

#endif
