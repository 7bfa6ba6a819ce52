/*
 * charge.c - pagemeter charge: posts what is due. Run by a timer each minute, and by hand.
 */
#include "billing/charge.h"

#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/books.h"
#include "cli/cli.h"
#include "common/number.h"

static const char charge_text[] = "charge [--db DIR] [--key FILE]\n"
                                  "       pagemeter charge --follow [--after ENTRY] [--db DIR]";

#define FOLLOW_NS 500000000L

struct options {
    const char *db, *key;
    bool is_following;
    uint64_t after;
};

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"key", required_argument, NULL, 'k'},
        {"follow", no_argument, NULL, 'f'},
        {"after", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option == 'k')
            o->key = optarg;
        else if (option == 'f')
            o->is_following = true;
        else if (option != 'a')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", charge_text);
        else if (!number_parse(optarg, strlen(optarg), INT64_MAX - 1, &o->after))
            return error_set(err, ERR_USAGE, "--after is the number of an entry, not '%.20s'",
                             optarg);
    }
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    return true;
}

/* ---- follow ---- */

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

/* A line of JSON for each posting; numbers that may pass 2^53 are strings. */
static bool print_entry(void *self, const struct ledger_entry *entry,
                        const struct billing_line *line, struct error *err)
{
    uint64_t *after = self;
    char text[64], vm[UUID_TEXT_MAX] = "";
    struct json_object *object;

    (void)err;
    *after = (uint64_t)entry->entry;
    if (entry->kind != ENTRY_POSTING)
        return true;
    object = json_object_new_object();
    json_object_object_add(object, "entry", json_object_new_int64(entry->entry));
    (void)snprintf(text, sizeof text, "%" PRId64, entry->utc_ns);
    add_text(object, "utc_ns", text);
    add_text(object, "account", line->account);
    add_text(object, "vm", line->is_pool ? "" : uuid_format(&line->vm, vm));
    add_text(object, "month", month_format(line->month, text));
    add_text(object, "currency", line->currency.code);
    add_text(object, "amount", currency_format(&line->currency, entry->pennies, text));
    json_object_object_add(object, "pennies", json_object_new_int64(entry->pennies));
    (void)puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    json_object_put(object);
    return true;
}

static bool follow(const struct options *o, struct error *err)
{
    struct timespec a_moment = {.tv_nsec = FOLLOW_NS};
    uint64_t after = o->after;
    struct ledger_sink sink = {print_entry, &after};

    for (;;) {
        struct books books;

        if (!books_open(&books, o->db, 0, NULL, err))
            return false;
        bool is_ok = billing_read_ledger(books.b, (int64_t)after + 1, &sink, err);

        books_close(&books);
        if (!is_ok)
            return false;
        if (fflush(stdout) != 0)
            return error_set(err, ERR_SYSTEM, "the output can't be written: nobody reads it");
        (void)nanosleep(&a_moment, NULL);
    }
}

/* ---- charge ---- */

static void print_posting(void *self, const struct ledger_entry *entry,
                          const struct billing_line *line)
{
    char amount[AMOUNT_TEXT_MAX], vm[UUID_TEXT_MAX] = "pool";

    (void)self;
    if (!line->is_pool)
        (void)uuid_format(&line->vm, vm);
    (void)printf("%10" PRId64 "  %-20s %-36s %12s %s\n", entry->entry, line->account, vm,
                 currency_format(&line->currency, entry->pennies, amount), line->currency.code);
}

static void print_open(const char *what, usage_kib_ns usage)
{
    char gib_h[USAGE_TEXT_MAX];

    if (usage != 0)
        (void)printf("%s: %s GiB*h, not charged\n", what, usage_format_gib_h(usage, gib_h));
}

static bool run(const struct options *o, struct error *err)
{
    struct charge_listener listener = {print_posting, NULL};
    struct charge_summary sum;
    struct books books;

    if (!books_open(&books, o->db, BOOKS_WRITE | BOOKS_KEY | BOOKS_MEASURED, o->key, err))
        return false;
    bool is_ok =
        charge_run(books.measured, books.b, &books.key, books.now_ns, &listener, &sum, err);

    books_close(&books);
    if (!is_ok)
        return false;
    (void)printf("%" PRId64 " postings, %" PRId64 " adjustments\n", sum.postings, sum.adjustments);
    print_open("without an owner", sum.unassigned);
    print_open("without a tariff", sum.unpriced);
    return true;
}

int cmd_charge(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", charge_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) ||
        !(o.is_following ? follow(&o, &err) : run(&o, &err)))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
