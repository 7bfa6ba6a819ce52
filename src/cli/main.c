/*
 * main.c - pagemeter: the operator's and the accountant's tool. One subcommand per task.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "common/safety.h"
#include "version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"usage", cmd_usage, "GiB*h per VM, life, hour or host"},
    {"top", cmd_top, "what the VMs hold right now"},
    {"audit", cmd_audit, "recompute and compare; prints findings only"},
    {"record", cmd_record, "write a trace of what is running now"},
    {"replay", cmd_replay, "run a trace through the meter into a store"},
    {"backup", cmd_backup, "copy a store while it is in use"},
    {"restore", cmd_restore, "make a store from a backup"},
    {"db", cmd_db, "status, rebuild: the store itself"},
    {"account", cmd_account, "add, assign, list: customers, and which VM is whose"},
    {"tariff", cmd_tariff, "set, list: what a GiB*h costs"},
    {"charge", cmd_charge, "post what is due; --follow: each posting as it is made"},
    {"close", cmd_close, "seal a month"},
    {"nightly", cmd_nightly, "charge, close and export what is due, audit: once a night"},
    {"report", cmd_report, "questions in SQL: reports, a VM's history, gaps, price changes"},
    {"export", cmd_export, "a month or a day as files: accountant, FOCUS, journal, JSON"},
    {"ship", cmd_ship, "carry a host's measurements to PostgreSQL; --status: how far it came"},
    {"chart", cmd_chart, "what VMs held, as pictures: SVG, PNG, HTML; one or hundreds"},
    {"serve", cmd_serve, "HTTP for people and Prometheus: charts, bills, metrics"},
    {"link", cmd_link, "a signed link by which a customer sees his own VMs"},
    {"balloon", cmd_balloon, "memory on demand: list, set, stop, start, drain, reserve, simulate"},
    {"explain", cmd_explain, "why a VM has the memory it has"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    (void)fprintf(out,
                  "pagemeter %s - billing-grade memory accounting for Xen hosts\n\n"
                  "usage: pagemeter COMMAND [OPTION...]\n\n",
                  PAGEMETER_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].text);
    (void)fprintf(out, "\npagemeter COMMAND --help tells a command's options; the manual is "
                       "pagemeter(1).\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return cli_finish(CLI_FINE);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("pagemeter %s\n", PAGEMETER_VERSION);
        return cli_finish(CLI_FINE);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "safeties") == 0 && safety_print())
        return cli_finish(CLI_FINE);
    (void)fprintf(stderr, "pagemeter: there is no command '%.40s'\n\n", argv[1]);
    print_help(stderr);
    return CLI_USAGE;
}
