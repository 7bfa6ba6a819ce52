/*
 * cli.h - what the subcommands of pagemeter share: how they are called, and how they fail.
 *
 * Each subcommand is one file with one function cmd_NAME; argv[0] is its name. The result is the
 * exit status: 0 fine, 1 the audit has findings, 2 wrong usage, 3 failure.
 */
#ifndef PAGEMETER_CLI_H
#define PAGEMETER_CLI_H

#include "common/config.h"
#include "common/error.h"
#include "store/store.h"

enum cli_status { CLI_FINE = 0, CLI_FINDINGS = 1, CLI_USAGE = 2, CLI_FAILURE = 3 };

int cmd_usage(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_db(int argc, char **argv);
int cmd_balloon(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_account(int argc, char **argv);
int cmd_tariff(int argc, char **argv);
int cmd_charge(int argc, char **argv);
int cmd_close(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_nightly(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_chart(int argc, char **argv);
int cmd_ship(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_link(int argc, char **argv);

/* Says the error on standard error; returns the exit status that goes with it. */
int cli_fail(const struct error *err);

/*
 * Is the output on standard output whole? A full disk or a closed pipe must not look like success.
 * Returns status, or CLI_FAILURE after saying so.
 */
int cli_finish(int status);

enum cli_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

MUST_CHECK bool cli_parse_format(const char *text, enum cli_format *out, struct error *err);

/*
 * Executes a program that belongs to this one: beside it, as it is built, or where `make install`
 * puts it, whatever the prefix. argv: as of execv. Returns when it is not there, with errno set.
 */
void cli_execute_part(const char *name, char *const *argv);

#endif
