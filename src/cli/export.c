/*
 * export.c - pagemeter export: a month, or a day, as files for others.
 */
#include "cli/export.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/books.h"
#include "cli/cli.h"
#include "store/central.h"

static const char export_text[] =
    "export accountant|focus|journal|json --period P --out DIR [--db DIR]\n"
    "                        [--locale plain|en|de|fr|...] [--provider NAME]";

static bool take_option(int option, struct export_order *o, struct error *err)
{
    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'p':
        o->period = optarg;
        return true;
    case 'o':
        o->out = optarg;
        return true;
    case 'l':
        return export_find_locale(optarg, &o->files.locale, err);
    case 'n':
        o->files.provider = optarg;
        return books_check_name(optarg, err);
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", export_text);
    }
}

static bool parse_options(int argc, char **argv, struct export_order *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},       {"period", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'o'},      {"locale", required_argument, NULL, 'l'},
        {"provider", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct export_order){.db = STORE_DIR_DEFAULT, .files.provider = ""};
    if (!export_find_locale("plain", &o->files.locale, err))
        return false;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    if (optind + 1 != argc || o->period == NULL || o->out == NULL)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", export_text);
    if (strcmp(argv[optind], "focus") == 0 && o->files.provider[0] == '\0')
        return error_set(err, ERR_USAGE, "FOCUS names who sends the bill: say --provider NAME");
    return true;
}

/* ---- a run ---- */

struct run {
    const struct export_order *o;
    const struct export_format *format;
    struct statement statement;
    int64_t now_ns;
};

/* Noted in billing.db when the files are there, and not without: what fails takes them back. */
static bool note(void *self, const char *manifest_sha256, struct error *err)
{
    const struct run *run = self;
    const struct statement *s = &run->statement;
    char watermark[WATERMARK_TEXT_MAX];
    struct books books;
    struct billing_export row = {
        .utc_ns = run->now_ns,
        .format = run->format->name,
        .from_hour = s->from_hour,
        .to_hour = s->to_hour,
        .watermark = statement_watermark(s, watermark),
        .entry = s->entry,
        .hash = s->hash,
        .files = run->format->file_count + 1,
        .manifest = manifest_sha256,
    };

    if (!books_open(&books, run->o->db, BOOKS_WRITE, NULL, err))
        return false;
    bool is_ok = billing_add_export(books.b, &row, err) && billing_commit(books.b, err);

    books_close(&books);
    return is_ok;
}

/* The measurements are needed, and may be gone, when the month is sealed. */
static bool read_statement(struct run *run, const struct books *books, struct error *err)
{
    struct statement_span span;
    struct billing_period period;
    struct store *measured = NULL;

    run->now_ns = books->now_ns;
    if (!statement_parse_span(run->o->period, books->now_ns, &span, err) ||
        !billing_period(books->b, span.month, &period, err) ||
        (!period.is_sealed && !store_open_named(&measured, run->o->db, err)))
        return false;
    bool is_ok = statement_read(measured, books->b, &span, &run->statement, err);

    store_close(measured);
    return is_ok;
}

static void print_result(const struct run *run)
{
    const struct statement *s = &run->statement;
    char period[PERIOD_TEXT_MAX], watermark[WATERMARK_TEXT_MAX];

    (void)printf("%s of %s, %zu lines, is in %s (%s)\n", run->format->name,
                 export_period(s, period), s->count, run->o->out,
                 statement_watermark(s, watermark));
    if (!s->is_sealed)
        (void)puts("The month is open: its figures may still change.");
}

bool export_it(const char *format, const struct export_order *o, struct error *err)
{
    struct run run = {.o = o};
    struct books books;

    if (!export_find(format, &run.format, err) || !books_open(&books, o->db, 0, NULL, err))
        return false;
    bool is_ok = read_statement(&run, &books, err);
    struct export_job job = {run.format, &o->files, o->out, note, &run};

    books_close(&books);
    is_ok = is_ok && export_run(&job, &run.statement, err);
    if (is_ok)
        print_result(&run);
    statement_free(&run.statement);
    return is_ok;
}

int cmd_export(int argc, char **argv)
{
    struct export_order o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", export_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !export_it(argv[optind], &o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
