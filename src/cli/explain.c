/*
 * explain.c - pagemeter explain VM: what it has, what it needs, what stands in the way, what was
 * done last and why.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/control.h"
#include "cli/answer.h"
#include "common/number.h"

static const char explain_text[] = "explain VM [--socket PATH] [--format table|csv|json]";

struct explain_options {
    const char *socket;
    const char *vm;
    enum cli_format format;
};

static uint64_t figure(const struct reply_row *row, const char *key)
{
    const char *text = answer_text(row, key);
    uint64_t value = 0;

    (void)!number_parse(text, strlen(text), UINT64_MAX, &value);
    return value;
}

/* 3.1 s, 12 min, 5 h */
static const char *age_of(const struct reply_row *row, const char *key, char out[32])
{
    uint64_t ms = figure(row, key);

    if (ms < 60000)
        (void)snprintf(out, 32, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
    else if (ms < 3600000)
        (void)snprintf(out, 32, "%" PRIu64 " min", ms / 60000);
    else
        (void)snprintf(out, 32, "%" PRIu64 " h", ms / 3600000);
    return out;
}

static void print_vm(const struct reply_row *row)
{
    char m[8][24];

    (void)printf("%s: domid %s, %s\n", answer_text(row, "name"), answer_text(row, "domid"),
                 answer_text(row, "uuid"));
    (void)printf("policy     %s, state %s, weight %s%s\n", answer_text(row, "policy"),
                 answer_text(row, "state"), answer_text(row, "weight"),
                 figure(row, "tracking") != 0 ? ", tracking: it fills whatever it gets" : "");
    (void)printf("memory     %s MiB; floor %s, target %s, ceiling %s, cap %s, static-max %s\n",
                 answer_mib(row, "tot_kib", m[0]), answer_mib(row, "floor_kib", m[1]),
                 answer_mib(row, "target_kib", m[2]), answer_mib(row, "ceiling_kib", m[3]),
                 answer_mib(row, "cap_kib", m[4]), answer_mib(row, "static_max_kib", m[5]));
    if (reply_find(row, "need_kib") == NULL)
        (void)puts("need       unknown: the guest has said nothing yet");
    else
        (void)printf("need       %s MiB, available %s, headroom %s\n",
                     answer_mib(row, "need_kib", m[6]), answer_mib(row, "available_kib", m[7]),
                     answer_mib(row, "headroom_kib", m[0]));
    if (figure(row, "alerts_withheld") > 0)
        (void)printf("alerts     %s were not told: each came within a minute of the same one\n",
                     answer_text(row, "alerts_withheld"));
}

static void print_record(const struct reply_row *row)
{
    char age[32];
    char m[4][24];

    (void)printf("record     %s old, number %s%s; MemTotal %s MiB, swap %s of %s MiB free, "
                 "growing %s MiB/s\n",
                 age_of(row, "age_ms", age), answer_text(row, "seq"),
                 figure(row, "fallback") != 0 ? " (another agent's)" : "",
                 answer_mib(row, "total_kib", m[0]), answer_mib(row, "swap_free_kib", m[1]),
                 answer_mib(row, "swap_total_kib", m[2]), answer_mib(row, "rate_kib_s", m[3]));
    if (figure(row, "hostile_records") > 0)
        (void)printf("           %s records were refused: they can't be\n",
                     answer_text(row, "hostile_records"));
}

static void print_overhead(const struct reply_row *row)
{
    char m[3][24];

    (void)printf("overhead   %s MiB for a ceiling of %s MiB (the original system's: %s MiB)\n",
                 answer_mib(row, "measured_kib", m[0]), answer_mib(row, "ceiling_kib", m[1]),
                 answer_mib(row, "published_kib", m[2]));
}

static void print_spending(const struct reply_row *row)
{
    uint64_t today = figure(row, "today_milli_gib_h");
    uint64_t cap = figure(row, "cap_milli_gib_h");

    (void)printf("spending   %" PRIu64 ".%03" PRIu64 " GiB*h today", today / 1000, today % 1000);
    if (cap > 0)
        (void)printf(", of at most %" PRIu64 ".%03" PRIu64, cap / 1000, cap % 1000);
    (void)putchar('\n');
}

static void print_decision(const struct reply_row *row, bool is_first)
{
    char age[32];
    char m[5][24];
    const char *failure = answer_text(row, "failure");

    if (is_first)
        (void)puts("decisions, newest first");
    (void)printf("  %8s ago  %-9s %6s -> %6s MiB  %s: %s\n", age_of(row, "age_ms", age),
                 answer_text(row, "action"), answer_mib(row, "before_kib", m[0]),
                 answer_mib(row, "target_kib", m[1]), answer_text(row, "reason"),
                 answer_text(row, "text"));
    (void)printf("                need %s, available %s, headroom %s MiB",
                 answer_mib(row, "need_kib", m[2]), answer_mib(row, "available_kib", m[3]),
                 answer_mib(row, "headroom_kib", m[4]));
    if (strcmp(failure, "-") != 0)
        (void)printf("; not done: %s", failure);
    (void)putchar('\n');
}

static void print_table(const struct answer *a)
{
    bool has_decision = false;

    for (size_t i = 0; i < a->count; i++) {
        const struct reply_row *row = &a->rows[i];

        if (strcmp(row->kind, "vm") == 0)
            print_vm(row);
        else if (strcmp(row->kind, "record") == 0)
            print_record(row);
        else if (strcmp(row->kind, "block") == 0)
            (void)printf("blocked    %s: %s\n", answer_text(row, "reason"),
                         answer_text(row, "text"));
        else if (strcmp(row->kind, "overhead") == 0)
            print_overhead(row);
        else if (strcmp(row->kind, "spending") == 0)
            print_spending(row);
        else if (strcmp(row->kind, "warning") == 0)
            (void)printf("warning    %s\n", answer_text(row, "text"));
        else if (strcmp(row->kind, "decision") == 0) {
            print_decision(row, !has_decision);
            has_decision = true;
        }
    }
    if (!has_decision)
        (void)puts("decisions  none since pageballoond started");
}

static bool parse_options(int argc, char **argv, struct explain_options *o, struct error *err)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"format", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct explain_options){.socket = CONTROL_SOCKET_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            o->socket = optarg;
        else if (option != 'F')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", explain_text);
        else if (!cli_parse_format(optarg, &o->format, err))
            return false;
    }
    if (optind + 1 != argc)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", explain_text);
    o->vm = argv[optind];
    return true;
}

static bool explain(const struct explain_options *o, struct error *err)
{
    struct reply request;
    struct answer a = {0};

    reply_init(&request);
    reply_begin(&request, "explain");
    reply_bare(&request, o->vm);
    reply_end(&request);
    bool is_ok = answer_ask(o->socket, &request, &a, err);

    reply_clear(&request);
    if (!is_ok)
        return false;
    if (o->format == FORMAT_JSON)
        answer_print_json(&a, NULL);
    else if (o->format == FORMAT_CSV)
        answer_print_pairs(&a);
    else
        print_table(&a);
    answer_clear(&a);
    return true;
}

int cmd_explain(int argc, char **argv)
{
    struct explain_options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", explain_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err) || !explain(&o, &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
