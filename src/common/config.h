/*
 * config.h - pagemeter.conf: INI form, every key known, every value checked (pagemeter.conf(5)).
 *
 * What the command line says replaces what the file says, which replaces the defaults.
 */
#ifndef PAGEMETER_CONFIG_H
#define PAGEMETER_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum { CONFIG_TEXT_MAX = 1024 };

struct config {
    /* [meter] */
    char source[CONFIG_TEXT_MAX]; /* xen, replay:FILE or sim:FILE */
    uint64_t interval_ns;
    uint64_t max_gap_ns;
    uint64_t queue_ticks;
    char temporary_handles[CONFIG_TEXT_MAX]; /* uuid patterns, see uuid.h */
    char service_domains[CONFIG_TEXT_MAX];
    /* [store] */
    char db[CONFIG_TEXT_MAX];
    uint64_t retention_ns; /* 0: for ever */
    uint64_t retry_ns;     /* between tries when the store can't be written */
    /* [stream] */
    char stream[CONFIG_TEXT_MAX]; /* a socket's path, or none */
    /* [balloon]: of pageballoond, which has its balloon.db in [store] db */
    char balloon_mode[CONFIG_TEXT_MAX];     /* dry-run or on */
    char balloon_actuator[CONFIG_TEXT_MAX]; /* xen or xe */
    char balloon_policy[CONFIG_TEXT_MAX];   /* of VMs for which none was set: fixed, demand, ... */
    char balloon_guest[CONFIG_TEXT_MAX];    /* the same: none, size, policy or all */
    uint64_t balloon_reserve_kib;           /* 0: what is always kept suffices */
    uint64_t balloon_dom0_allowance_kib;    /* counts as dom0's cap when it has none */
    uint64_t balloon_pool_kib;              /* the goal of the fast pool is at least this */
    char balloon_socket[CONFIG_TEXT_MAX];   /* of the control requests: a path */
    uint64_t balloon_retention_ns;          /* of decisions and alerts; 0: for ever, as below */
    uint64_t balloon_figures_retention_ns;  /* of guests' figures as they came */
    uint64_t balloon_rollup_retention_ns;   /* of the same by five minutes */
    /* [ship]: of pagemeter ship; pagemeterd prunes nothing that was not shipped */
    char ship_to[CONFIG_TEXT_MAX]; /* a postgresql:// URI without a password; "": not shipped */
    uint64_t ship_interval_ns;
    char ship_state[CONFIG_TEXT_MAX]; /* the directory of ship.db and of the cursor */
};

/* The defaults. */
void config_init(struct config *config);

/* Sets one value by its section and key. ERR_USAGE says what would be right. */
MUST_CHECK bool config_set(struct config *config, const char *section, const char *key,
                           const char *value, struct error *err);

/*
 * Reads a file into *config, on top of what is there. Stops at the first mistake, with file and
 * line; *config is then unchanged.
 */
MUST_CHECK bool config_read(struct config *config, const char *file, struct error *err);

/* What only shows when all values are known: a max_gap shorter than the interval. */
MUST_CHECK bool config_check(const struct config *config, struct error *err);

/* Writes the normal form, which config_read takes. */
void config_print(const struct config *config, FILE *out);

#endif
