/*
 * balloon.h - what the subcommands of pagemeter balloon share: one file each, one function each.
 */
#ifndef PAGEMETER_CLI_BALLOON_H
#define PAGEMETER_CLI_BALLOON_H

#include "cli/answer.h"

/* The options of all of them; a subcommand refuses those that it has no use for. */
struct balloon_options {
    const char *socket;
    const char *vm;     /* --for */
    const char *ttl;    /* --ttl */
    const char *policy; /* --policy */
    const char *db;     /* --db */
    bool is_forced;     /* --force */
    enum cli_format format;
    int count; /* words behind the subcommand */
    char **words;
};

MUST_CHECK bool balloon_list(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_host(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_set(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_stop(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_start(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_drain(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_reserve(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_unreserve(const struct balloon_options *o, struct error *err);
MUST_CHECK bool balloon_simulate(const struct balloon_options *o, struct error *err);

#endif
