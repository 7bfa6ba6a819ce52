/*
 * chart.c - what a chart costs: bench-chart DB VM FROM TO, of a store that chart.py has made.
 * Prints the best of some runs of each step, in milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart/chart_json.h"
#include "chart/picture.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "store/central.h"

enum { RUNS = 7 };

static struct error err;

struct bench {
    const char *db;
    struct chart_sources sources;
    struct chart_request request;
    struct chart chart;
    size_t pieces;
};

static bool open_and_read(struct bench *b)
{
    bool is_ok = store_open_named(&b->sources.measured, b->db, &err) &&
                 chart_read(&b->sources, &b->request, &b->chart, &err);

    store_close(b->sources.measured);
    b->sources.measured = NULL;
    b->pieces = b->chart.series.count;
    chart_clear(&b->chart);
    return is_ok;
}

static bool thin(struct bench *b)
{
    bool is_ok = chart_read(&b->sources, &b->request, &b->chart, &err);

    chart_thin(&b->chart, 2000);
    chart_clear(&b->chart);
    return is_ok;
}

static bool write_json(struct bench *b)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool is_ok = out != NULL && chart_read(&b->sources, &b->request, &b->chart, &err);

    chart_thin(&b->chart, 2000);
    if (out != NULL) {
        chart_write_json(out, &b->chart, &(struct chart_json){.with_lines = true});
        (void)fclose(out);
    }
    chart_clear(&b->chart);
    free(text);
    return is_ok;
}

static bool draw(struct bench *b, enum picture_kind kind)
{
    struct picture_options options = {.kind = kind, .size = {PICTURE_WIDTH, PICTURE_HEIGHT}};
    struct picture_bytes bytes = {0};
    bool is_ok = chart_read(&b->sources, &b->request, &b->chart, &err);

    chart_thin(&b->chart, picture_points(&options.size));
    is_ok = is_ok && picture_make(&b->chart, &options, &bytes, &err);
    chart_clear(&b->chart);
    free(bytes.bytes);
    return is_ok;
}

static bool draw_svg(struct bench *b)
{
    return draw(b, PICTURE_SVG);
}

static bool draw_png(struct bench *b)
{
    return draw(b, PICTURE_PNG);
}

static bool print_best(struct bench *b, const char *what, bool (*run)(struct bench *b))
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < RUNS; i++) {
        int64_t begin = clock_mono().ns;

        if (!run(b))
            return false;
        if (clock_mono().ns - begin < best)
            best = clock_mono().ns - begin;
    }
    (void)printf("  %-44s %8.2f ms\n", what, (double)best / 1e6);
    return true;
}

int main(int argc, char **argv)
{
    struct bench b = {.db = argv[1]};
    bool is_ok = argc == 5 && uuid_parse(argv[2], strlen(argv[2]), &b.request.vm) &&
                 calendar_parse_second(argv[3], false, 0, &b.request.span.from_utc_ns, &err) &&
                 calendar_parse_second(argv[4], true, 0, &b.request.span.to_utc_ns, &err) &&
                 print_best(&b, "open the store, read the exact step function", open_and_read) &&
                 store_open_named(&b.sources.measured, b.db, &err) &&
                 print_best(&b, "read, and thin to 2,000 points", thin) &&
                 print_best(&b, "read, thin, and write JSON", write_json) &&
                 print_best(&b, "read, and draw as SVG", draw_svg) &&
                 print_best(&b, "read, and draw as PNG", draw_png);

    if (!is_ok)
        (void)fprintf(stderr, "bench-chart: %s\n", err.text);
    else
        (void)printf("  pieces of the step function %32zu\n", b.pieces);
    store_close(b.sources.measured);
    return is_ok ? 0 : 1;
}
