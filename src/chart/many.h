/*
 * many.h - what pagemeter-chart is asked for, and how it does it: one chart, or those of an account
 * or of all VMs in one run.
 */
#ifndef PAGEMETER_CHART_MANY_H
#define PAGEMETER_CHART_MANY_H

#include "chart/picture.h"

enum chart_format { CHART_SVG, CHART_PNG, CHART_HTML, CHART_JSON, CHART_FORMATS };

struct chart_options {
    const char *db;
    const char *vm;      /* a uuid or a name; NULL: many */
    const char *account; /* only its hours; of many its VMs */
    const char *file;    /* of one; "-" is standard output */
    const char *dir;     /* of many, made when absent */
    struct series_span span;
    bool has_from, has_to; /* else 24 hours, up to the last reading */
    struct picture_size size;
    bool is_light, is_dark; /* neither: light, and HTML as the reader's screen is */
    enum chart_format format;
};

/* Says on standard output how many there were, when there are many. */
MUST_CHECK bool chart_run(const struct chart_options *options, struct error *err);

/* "svg", "png", "html", "json"; and of a file's name by its ending. ERR_USAGE. */
MUST_CHECK bool chart_parse_format(const char *text, enum chart_format *out, struct error *err);
MUST_CHECK bool chart_format_of_file(const char *file, enum chart_format *out, struct error *err);
const char *chart_format_name(enum chart_format format);

/* A file with one chart in it, whole or not at all. file "-": standard output. */
MUST_CHECK bool chart_save(struct chart *chart, const struct chart_options *options,
                           const char *file, struct error *err);

#endif
