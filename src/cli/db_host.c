/*
 * db_host.c - pagemeter db host: which hosts deliver to a database, and which do no more.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/books.h"
#include "cli/db.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "store/central.h"

struct options {
    const char *db;
    struct uuid host, store;
    bool has_at, has_store;
    int64_t at_hour;
};

static bool take_option(int option, struct options *o, struct error *err)
{
    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'a':
        o->has_at = true;
        return calendar_parse_hour(optarg, false, clock_utc().ns, &o->at_hour, err);
    case 's':
        o->has_store = true;
        return books_parse_uuid(optarg, "store", &o->store, err);
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", DB_HOST_TEXT);
    }
}

/* argv[0] is "add" or "retire". */
static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {{"db", required_argument, NULL, 'd'},
                                            {"at", required_argument, NULL, 'a'},
                                            {"store", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    if (optind == argc)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", DB_HOST_TEXT);
    return books_parse_uuid(argv[optind], "host", &o->host, err);
}

static bool add(int argc, char **argv, struct error *err)
{
    struct options o;
    char text[UUID_TEXT_MAX];

    if (!parse_options(argc, argv, &o, err))
        return false;
    if (optind + 2 != argc || o.has_at || o.has_store)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", DB_HOST_TEXT);
    const char *role = argv[optind + 1];
    bool had_settings;

    if (!central_add_host(o.db, &o.host, role, &had_settings, err))
        return false;
    if (had_settings)
        (void)printf("%s had settings of its own (ALTER ROLE), and has none now\n", role);
    (void)printf("%s may ship for the host %s; give it a password or a certificate\n", role,
                 uuid_format(&o.host, text));
    return true;
}

static bool retire(int argc, char **argv, struct error *err)
{
    struct options o;
    struct store_retired retired;
    char text[UUID_TEXT_MAX], at[HOUR_TEXT_MAX];

    if (!parse_options(argc, argv, &o, err))
        return false;
    if (optind + 1 != argc || !o.has_at)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", DB_HOST_TEXT);
    struct store_retiring retiring = {.host = &o.host,
                                      .store = o.has_store ? &o.store : NULL,
                                      .at_ns = o.at_hour * NS_PER_HOUR,
                                      .now_ns = clock_utc().ns};

    if (!store_retire_named(o.db, &retiring, &retired, err))
        return error_context(err, "the host %s is not retired", uuid_format(&o.host, text));
    if (retired.is_dismissed)
        (void)printf("%s is not waited for any more: nothing whole has come of it, and no role "
                     "ships for it now\n",
                     uuid_format(&o.host, text));
    else if (retired.stores == 0)
        (void)printf("%s is retired already\n", uuid_format(&o.host, text));
    if (retired.stores > 0)
        (void)printf("%s is retired at %s: all that it measured is there, nothing more comes\n",
                     uuid_format(&o.host, text), calendar_format_hour(o.at_hour, at));
    if (retired.is_awaited)
        (void)puts("but it has begun another store, of which nothing whole has come: months wait "
                   "for that; say this once more if it never comes");
    return true;
}

bool db_host(int argc, char **argv, struct error *err)
{
    if (argc > 1 && strcmp(argv[1], "add") == 0)
        return add(argc - 1, argv + 1, err);
    if (argc > 1 && strcmp(argv[1], "retire") == 0)
        return retire(argc - 1, argv + 1, err);
    return error_set(err, ERR_USAGE, "usage: pagemeter %s", DB_HOST_TEXT);
}
