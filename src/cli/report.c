/*
 * report.c - pagemeter report: asks the files of sql/reports/ and sql/questions/, or one of the
 * user's own. Adding a report is adding a file there.
 */
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/cell.h"
#include "store/query.h"

static const char report_text[] =
    "report [--db DIR] [--format table|csv|json] [NAME|FILE.sql [PARAMETER=VALUE...]]";

enum { PARAMETERS_MAX = 8, FILE_MAX_BYTES = 1 << 20 };

static const struct {
    const struct sql_file *files;
    const char *title;
    bool of_books;
} folders[] = {
    {sql_reports, "Reports, which say nothing when all is well:", false},
    {sql_billing_reports, "Reports that need billing.db:", true},
    {sql_questions, "Questions:", false},
    {sql_billing_questions, "Questions that need billing.db:", true},
};
enum { FOLDERS = sizeof folders / sizeof *folders };

/* ---- what there is ---- */

/* The first line of a file says what it is for: "-- NAME: text"; lines with ":name is ..." follow.
 */
static void print_about(const struct sql_file *file)
{
    const char *line = file->text;

    (void)printf("  %-20s", file->name);
    for (bool is_first = true; strncmp(line, "-- ", 3) == 0; is_first = false) {
        const char *end = strchr(line, '\n');
        const char *text = is_first ? strstr(line, ": ") + 2 : line + 3;

        if (!is_first && text[0] != ':')
            break;
        (void)printf("%s%.*s\n", is_first ? "" : "                        ", (int)(end - text),
                     text);
        line = end + 1;
    }
}

static void list_all(void)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        (void)printf("%s%s\n", i > 0 ? "\n" : "", folders[i].title);
        for (const struct sql_file *file = folders[i].files; file->name != NULL; file++)
            print_about(file);
    }
}

/* ---- printing ---- */

struct printer {
    enum cli_format format;
    struct json_object *list; /* json: of rows */
    char **cells;             /* table: kept until the widths of the columns are known */
    size_t count, room;
    int columns;
};

static void print_csv(const struct query_row *row, const char *const *cells)
{
    for (int c = 0; c < row->count; c++) {
        cell_field(stdout, cells[c] != NULL ? cells[c] : "");
        (void)putchar(c + 1 < row->count ? ',' : '\n');
    }
}

static void add_json(struct json_object *list, const struct query_row *row)
{
    struct json_object *object = json_object_new_object();

    for (int c = 0; c < row->count; c++)
        json_object_object_add(object, row->names[c],
                               row->values[c] != NULL ? json_object_new_string(row->values[c])
                                                      : NULL);
    json_object_array_add(list, object);
}

static bool keep_cells(struct printer *p, int count, const char *const *cells, struct error *err)
{
    for (int c = 0; c < count; c++) {
        if (p->count == p->room) {
            size_t room = p->room == 0 ? 1024 : p->room * 2;
            char **larger = realloc(p->cells, room * sizeof *larger);

            if (larger == NULL)
                return error_set(err, ERR_NOMEM, "not enough memory for a table: --format csv");
            p->cells = larger;
            p->room = room;
        }
        p->cells[p->count] = strdup(cells[c] != NULL ? cells[c] : "-");
        if (p->cells[p->count] == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for a table: --format csv");
        p->count++;
    }
    return true;
}

/* What is kept, with its heads as the first row; then nothing is kept any more. */
static void print_table(struct printer *p)
{
    int widths[QUERY_COLUMNS_MAX] = {0};

    for (size_t i = 0; i < p->count; i++) {
        int length = (int)strlen(p->cells[i]);
        int *width = &widths[i % (size_t)p->columns];

        *width = length > *width ? length : *width;
    }
    for (size_t i = 0; i < p->count; i++) {
        size_t c = i % (size_t)p->columns;

        if (c + 1 < (size_t)p->columns)
            (void)printf("%-*s  ", widths[c], p->cells[i]);
        else
            (void)puts(p->cells[i]);
        free(p->cells[i]);
    }
    p->count = 0;
}

static bool print_head(void *self, const struct query_row *row, struct error *err)
{
    struct printer *p = self;

    print_table(p);
    p->columns = row->count;
    if (p->format == FORMAT_CSV)
        print_csv(row, row->names);
    return p->format != FORMAT_TABLE || keep_cells(p, row->count, row->names, err);
}

static bool print_row(void *self, const struct query_row *row, struct error *err)
{
    struct printer *p = self;

    if (p->format == FORMAT_CSV)
        print_csv(row, row->values);
    else if (p->format == FORMAT_JSON)
        add_json(p->list, row);
    return p->format != FORMAT_TABLE || keep_cells(p, row->count, row->values, err);
}

/* ---- the command ---- */

struct options {
    const char *db;
    enum cli_format format;
    const char *name;
    struct query_parameter parameters[PARAMETERS_MAX];
    size_t count;
};

static bool parse_parameter(char *word, struct options *o, struct error *err)
{
    char *equals = strchr(word, '=');

    if (equals == NULL || equals == word)
        return error_set(err, ERR_USAGE, "'%.60s' is no PARAMETER=VALUE", word);
    if (o->count == PARAMETERS_MAX)
        return error_set(err, ERR_USAGE, "there are at most %d parameters", PARAMETERS_MAX);
    *equals = '\0';
    o->parameters[o->count++] = (struct query_parameter){word, equals + 1};
    return true;
}

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"format", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option != 'F')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", report_text);
        else if (!cli_parse_format(optarg, &o->format, err))
            return false;
    }
    if (optind < argc)
        o->name = argv[optind++];
    while (optind < argc)
        if (!parse_parameter(argv[optind++], o, err))
            return false;
    return true;
}

static bool read_file(const char *path, char **text, struct error *err)
{
    FILE *in = fopen(path, "r");
    char *all = in != NULL ? calloc(1, FILE_MAX_BYTES + 1) : NULL;

    if (in == NULL)
        return error_set(err, ERR_SYSTEM, "%s can't be read", path);
    size_t length = all != NULL ? fread(all, 1, FILE_MAX_BYTES, in) : 0;
    bool is_whole = all != NULL && ferror(in) == 0 && feof(in) != 0 && strlen(all) == length;

    (void)fclose(in);
    if (!is_whole) {
        free(all);
        return error_set(err, ERR_INPUT, "%s is not SQL of at most %d bytes", path, FILE_MAX_BYTES);
    }
    *text = all;
    return true;
}

/* A file of the user's own, *text then being his to free, or one of those that are built in. */
static bool find_file(const struct options *o, struct sql_file *file, char **text,
                      struct error *err)
{
    size_t length = strlen(o->name);

    if (length > 4 && strcmp(o->name + length - 4, ".sql") == 0) {
        if (!read_file(o->name, text, err))
            return false;
        *file = (struct sql_file){o->name, *text};
        return true;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        for (const struct sql_file *f = folders[i].files; f->name != NULL; f++) {
            if (strcmp(f->name, o->name) != 0)
                continue;
            if (folders[i].of_books && !query_has_books(o->db))
                return error_set(err, ERR_REFUSED,
                                 "%s needs billing.db, which %s does not have: pagemeter account "
                                 "add makes it",
                                 o->name, o->db);
            *file = *f;
            return true;
        }
    }
    return error_set(err, ERR_USAGE, "there is no report '%.40s': pagemeter report lists them",
                     o->name);
}

static bool run(const struct options *o, struct error *err)
{
    struct printer p = {.format = o->format};
    struct query_sink sink = {print_head, print_row, &p};
    struct query *query = NULL;
    struct sql_file file;
    char *text = NULL;

    if (o->format == FORMAT_JSON)
        p.list = json_object_new_array();
    bool is_ok = find_file(o, &file, &text, err) && query_open(&query, o->db, err) &&
                 query_ask(query, &file, o->parameters, o->count, &sink, err);

    print_table(&p);
    if (is_ok && p.list != NULL)
        (void)puts(json_object_to_json_string_ext(p.list, JSON_C_TO_STRING_PRETTY |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
    query_close(query);
    json_object_put(p.list);
    free(p.cells);
    free(text);
    return is_ok;
}

int cmd_report(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", report_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err))
        return cli_fail(&err);
    if (o.name == NULL) {
        list_all();
        return cli_finish(CLI_FINE);
    }
    return cli_finish(run(&o, &err) ? CLI_FINE : cli_fail(&err));
}
