/*
 * audit.c - pagemeter audit: every query of sql/audit/ against the databases as they are, and the
 * ledger's chain of hashes.
 */
#include "cli/audit.h"

#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "billing/ledger.h"
#include "cli/books.h"
#include "store/central.h"
#include "store/query.h"

static const char audit_text[] =
    "audit [--db DIR] [--key FILE] [--exports DIR] [--format table|csv|json]";

/* A damaged or tampered store may have a finding per row: a person is shown enough to see what it
 * is. */
enum { SHOWN_MAX = 100 };

struct report {
    const struct audit_order *order;
    struct json_object *list; /* json only */
    const char *audit;
    int64_t shown;
    struct audit_outcome *outcome;
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

    if (r->shown++ >= SHOWN_MAX && r->order->format == FORMAT_TABLE)
        return;
    if (r->order->format == FORMAT_JSON) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "audit", json_object_new_string(r->audit));
        json_object_object_add(object, "finding", json_object_new_string(text));
        json_object_array_add(r->list, object);
    } else if (r->order->format == FORMAT_CSV) {
        (void)printf("%s,", r->audit);
        print_quoted(text);
        (void)putchar('\n');
    } else {
        (void)printf("  %s\n", text);
    }
}

static void begin(struct report *r, const char *audit)
{
    r->audit = audit;
    r->shown = 0;
}

static void end(struct report *r, int64_t findings)
{
    r->outcome->audits++;
    r->outcome->findings += findings;
    if (r->order->format != FORMAT_TABLE)
        return;
    if (findings > 0 || !r->order->is_terse)
        (void)printf("%-28s %s\n", r->audit, findings == 0 ? "holds" : "DOES NOT HOLD, see above");
    if (findings > SHOWN_MAX)
        (void)printf("  and %" PRId64 " more\n", findings - SHOWN_MAX);
}

/* ---- measurements: first the schema, which all others trust ---- */

static bool audit_measured(struct report *r, struct error *err)
{
    struct store *store = NULL;
    int64_t findings;
    bool is_ok = store_open_named(&store, r->order->db, err);

    begin(r, "schema");
    is_ok = is_ok && store_audit_schema(store, print_finding, r, &findings, err);
    if (is_ok)
        end(r, findings);
    for (const struct sql_file *a = sql_audits; is_ok && a->name != NULL; a++) {
        begin(r, a->name);
        is_ok = store_audit(store, a, print_finding, r, &findings, err);
        if (is_ok)
            end(r, findings);
    }
    store_close(store);
    return is_ok;
}

/* ---- money ---- */

static bool audit_books(struct report *r, struct error *err)
{
    struct query *query = NULL;
    int64_t findings;
    bool is_ok = query_open(&query, r->order->db, err);

    begin(r, "books_schema");
    is_ok = is_ok && query_audit_schema(query, print_finding, r, &findings, err);
    if (is_ok)
        end(r, findings);
    for (const struct sql_file *a = sql_billing_audits; is_ok && a->name != NULL; a++) {
        begin(r, a->name);
        is_ok = query_audit(query, a, print_finding, r, &findings, err);
        if (is_ok)
            end(r, findings);
    }
    if (is_ok && r->order->exports != NULL) {
        begin(r, "export_manifest");
        is_ok = audit_exports(r->order->exports, query,
                              &(struct audit_exports_sink){print_finding, r, &findings}, err);
        if (is_ok)
            end(r, findings);
    }
    query_close(query);
    return is_ok;
}

/* The key that was named, or the one beside the databases when this user may read it. */
static bool find_key(const struct audit_order *order, struct chain_key *key, bool *is_there,
                     struct error *err)
{
    char beside[1100];
    const char *path = order->key;

    if (path == NULL) {
        books_key_path(order->db, beside, sizeof beside);
        path = beside;
    }
    *is_there = order->key != NULL || access(path, R_OK) == 0;
    return !*is_there || chain_key_read(path, key, err);
}

static void print_unchecked(const struct report *r)
{
    if (r->order->format == FORMAT_TABLE)
        (void)printf("%-28s NOT CHECKED: the ledger's key is not here; --key names it\n", "chain");
    else
        (void)fprintf(stderr, "pagemeter: the ledger's chain was not checked: its key is not "
                              "here; --key names it\n");
}

static bool follow_chain(struct report *r, const struct chain_key *key, struct error *err)
{
    struct billing_store *b = NULL;
    struct ledger_end last;
    int64_t broken_at = 0;
    char finding[ERROR_TEXT_MAX + 16];

    begin(r, "chain");
    if (!billing_open(&b, r->order->db, STORE_READ, err))
        return false;
    bool is_read = ledger_verify(b, key, &broken_at, &last, err);

    billing_close(b);
    if (!is_read && err->code != ERR_STORE)
        return false;
    if (!is_read) /* an entry that can't be one */
        (void)snprintf(finding, sizeof finding, "finding=%s", err->text);
    else if (broken_at != 0)
        (void)snprintf(finding, sizeof finding,
                       "entry=%" PRId64 " finding=does not follow from the entry before it, by "
                       "this key",
                       broken_at);
    bool is_broken = !is_read || broken_at != 0;

    if (is_broken)
        print_finding(r, finding);
    end(r, is_broken ? 1 : 0);
    return true;
}

static bool audit_chain(struct report *r, struct error *err)
{
    struct chain_key key;
    bool is_there;

    if (!find_key(r->order, &key, &is_there, err))
        return false;
    if (!is_there) {
        print_unchecked(r);
        return true;
    }
    bool is_ok = follow_chain(r, &key, err);

    explicit_bzero(&key, sizeof key);
    return is_ok;
}

/* ---- the whole ---- */

static void print_whole(const struct report *r)
{
    if (r->order->format == FORMAT_JSON)
        (void)puts(json_object_to_json_string_ext(r->list, JSON_C_TO_STRING_PRETTY));
    if (r->order->format != FORMAT_TABLE || r->order->is_terse)
        return;
    if (r->outcome->findings == 0)
        (void)puts("\nNothing wrong was found.");
    else
        (void)printf("\n%" PRId64 " findings: do not bill from this store before they are "
                     "explained.\n",
                     r->outcome->findings);
}

bool audit_all(const struct audit_order *order, struct audit_outcome *out, struct error *err)
{
    struct report r = {.order = order, .outcome = out};

    *out = (struct audit_outcome){0};
    if (order->format == FORMAT_CSV)
        (void)puts("audit,finding");
    if (order->format == FORMAT_JSON)
        r.list = json_object_new_array();
    bool is_ok = audit_measured(&r, err) &&
                 (!query_has_books(order->db) || (audit_books(&r, err) && audit_chain(&r, err)));

    if (is_ok)
        print_whole(&r);
    json_object_put(r.list);
    return is_ok;
}

static bool parse_options(int argc, char **argv, struct audit_order *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"key", required_argument, NULL, 'k'},
        {"exports", required_argument, NULL, 'x'},
        {"format", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option == 'k')
            o->key = optarg;
        else if (option == 'x')
            o->exports = optarg;
        else if (option != 'F')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", audit_text);
        else if (!cli_parse_format(optarg, &o->format, err))
            return false;
    }
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    if (o->exports != NULL && !query_has_books(o->db))
        return error_set(err, ERR_REFUSED, "%s has no billing.db that exports could be of", o->db);
    return true;
}

int cmd_audit(int argc, char **argv)
{
    struct audit_order order = {.db = STORE_DIR_DEFAULT, .format = FORMAT_TABLE};
    struct audit_outcome outcome;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", audit_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &order, &err) || !audit_all(&order, &outcome, &err))
        return cli_finish(cli_fail(&err));
    return cli_finish(outcome.findings > 0 ? CLI_FINDINGS : CLI_FINE);
}
