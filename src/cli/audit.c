/*
 * audit.c - pagemeter audit: every query of sql/audit/, against a store as it is.
 */
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char audit_text[] = "audit [--db DIR] [--format table|csv|json]";

/* A damaged or tampered store may have a finding per row: a person is shown enough to see what it
 * is. */
enum { SHOWN_MAX = 100 };

struct report {
    enum cli_format format;
    struct json_object *list; /* json only */
    const char *audit;
    int64_t shown;
    int64_t total;
};

static void print_quoted(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)putchar('"');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void print_finding(void *self, const char *text)
{
    struct report *r = self;

    if (r->shown++ >= SHOWN_MAX && r->format == FORMAT_TABLE)
        return;
    if (r->format == FORMAT_JSON) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "audit", json_object_new_string(r->audit));
        json_object_object_add(object, "finding", json_object_new_string(text));
        json_object_array_add(r->list, object);
    } else if (r->format == FORMAT_CSV) {
        (void)printf("%s,", r->audit);
        print_quoted(text);
        (void)putchar('\n');
    } else {
        (void)printf("  %s\n", text);
    }
}

/* audit NULL: the schema, which all others trust. */
static bool run_one(struct store *store, const struct sql_file *audit, struct report *r,
                    struct error *err)
{
    int64_t findings;

    r->audit = audit != NULL ? audit->name : "schema";
    r->shown = 0;
    if (audit != NULL ? !store_audit(store, audit, print_finding, r, &findings, err)
                      : !store_audit_schema(store, print_finding, r, &findings, err))
        return false;
    r->total += findings;
    if (r->format == FORMAT_TABLE)
        (void)printf("%-28s %s\n", r->audit, findings == 0 ? "holds" : "DOES NOT HOLD, see above");
    if (r->format == FORMAT_TABLE && findings > SHOWN_MAX)
        (void)printf("  and %" PRId64 " more\n", findings - SHOWN_MAX);
    return true;
}

static bool run_all(struct store *store, struct report *r, struct error *err)
{
    if (r->format == FORMAT_CSV)
        (void)puts("audit,finding");
    if (r->format == FORMAT_JSON)
        r->list = json_object_new_array();
    if (!run_one(store, NULL, r, err))
        return false;
    for (const struct sql_file *audit = sql_audits; audit->name != NULL; audit++)
        if (!run_one(store, audit, r, err))
            return false;
    if (r->format == FORMAT_JSON)
        (void)puts(json_object_to_json_string_ext(r->list, JSON_C_TO_STRING_PRETTY));
    if (r->format == FORMAT_TABLE && r->total == 0)
        (void)puts("\nNothing wrong was found.");
    if (r->format == FORMAT_TABLE && r->total > 0)
        (void)printf("\n%" PRId64 " findings: do not bill from this store before they are "
                     "explained.\n",
                     r->total);
    return true;
}

static bool parse_options(int argc, char **argv, const char **db, struct report *r,
                          struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"format", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            *db = optarg;
        else if (option != 'F')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", audit_text);
        else if (!cli_parse_format(optarg, &r->format, err))
            return false;
    }
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    return true;
}

int cmd_audit(int argc, char **argv)
{
    struct report report = {.format = FORMAT_TABLE};
    const char *db = STORE_DIR_DEFAULT;
    struct store *store = NULL;
    struct error err;
    int status = CLI_FINE;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", audit_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &db, &report, &err) ||
        !store_open(&store, db, STORE_READ, &err) || !run_all(store, &report, &err))
        status = cli_fail(&err);
    else if (report.total > 0)
        status = CLI_FINDINGS;
    json_object_put(report.list);
    store_close(store);
    return cli_finish(status);
}
