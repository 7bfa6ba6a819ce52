/*
 * db.c - pagemeter db: the database itself, a directory or PostgreSQL.
 */
#include "cli/db.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "common/number.h"
#include "common/uri.h"
#include "store/billing_store.h"
#include "store/central.h"

static const char db_text[] =
    "db init|migrate|status|rebuild [--db DB]\n"
    "       pagemeter db keep --db postgresql://... [--raw D] [--hours D]\n"
    "       pagemeter " DB_HOST_TEXT;

/* ---- status ---- */

static bool print_file(const char *db, struct error *err)
{
    struct store *store = NULL;
    struct meter_state state;
    struct open_life *lives = NULL;
    struct gap_summary gaps;
    size_t count;
    char text[UUID_TEXT_MAX];

    bool is_ok = store_open(&store, db, STORE_READ, err) &&
                 store_load(store, &state, &lives, &count, err) && store_gaps(store, &gaps, err);

    if (is_ok) {
        (void)printf("store      %s\n", uuid_format(store_id(store), text));
        if (state.has_host)
            (void)printf("host       %s\n", uuid_format(&state.host, text));
        if (state.has_boot) {
            (void)printf("boot       %s\n", uuid_format(&state.boot, text));
            (void)printf("last tick  %" PRId64 "\n", state.tick - state.tick_base);
        }
        (void)printf("domains    %zu\n", count);
        (void)printf("gaps       %" PRId64 ", %" PRId64 " ns together\n", gaps.gaps, gaps.span_ns);
    }
    free(lives);
    store_close(store);
    return is_ok;
}

static const char *format_time(int64_t utc_ns, char out[HOUR_TEXT_MAX])
{
    return utc_ns > 0 ? calendar_format_second(utc_ns, out) : "-";
}

static bool print_row(void *self, const struct central_row *row, struct error *err)
{
    char host[UUID_TEXT_MAX], last[HOUR_TEXT_MAX], derived[HOUR_TEXT_MAX], number[24] = "-";

    (void)self, (void)err;
    if (row->store_no > 0)
        (void)snprintf(number, sizeof number, "%" PRId64, row->store_no);
    (void)printf("%5s  %-36s  %-8s %-20s %-20s %9" PRId64 "\n", number,
                 uuid_format(&row->host, host), row->state, format_time(row->utc_ns, last),
                 format_time(row->derived_ns, derived), row->conflicts);
    return true;
}

static bool print_central(const char *uri, struct error *err)
{
    (void)printf("%5s  %-36s  %-8s %-20s %-20s %9s\n", "store", "host", "state", "last tick",
                 "by the hour to", "conflicts");
    return central_status(uri, &(struct central_sink){print_row, NULL}, err);
}

static bool status(const char *db, struct error *err)
{
    return uri_is_postgres(db) ? print_central(db, err) : print_file(db, err);
}

/* ---- init, migrate ---- */

static bool migrate_central(const char *uri, struct error *err)
{
    int64_t before, now;

    if (!central_migrate(uri, &before, &now, err))
        return false;
    if (now == before)
        (void)printf("its schema has version %" PRId64 " already\n", now);
    else
        (void)printf("its schema has version %" PRId64 " now\n", now);
    return true;
}

/* Whoever opens it for writing makes it, or migrates it. */
static bool migrate_files(const char *dir, struct error *err)
{
    struct store *store = NULL;
    struct billing_store *b = NULL;
    bool is_ok =
        store_open(&store, dir, STORE_WRITE, err) && billing_open(&b, dir, STORE_WRITE, err);

    billing_close(b);
    store_close(store);
    if (is_ok)
        (void)printf("%s has meter.db and billing.db of this version\n", dir);
    return is_ok;
}

static bool migrate(const char *db, struct error *err)
{
    return uri_is_postgres(db) ? migrate_central(db, err) : migrate_files(db, err);
}

/* ---- keep, rebuild ---- */

struct options {
    const char *db;
    uint64_t raw_ns, hours_ns; /* how long they are kept; 0: for ever */
    bool is_of_keep;
};

/* The first hour that is not older. */
static int64_t oldest_kept(uint64_t kept_ns)
{
    return kept_ns == 0 ? 0 : (clock_utc().ns - (int64_t)kept_ns) / NS_PER_HOUR;
}

static void print_hours(const struct central_kept *kept)
{
    (void)printf("hours of %" PRId64 " months went", kept->months);
    if (kept->stays[0] != '\0')
        (void)printf("; those of %s stay: %s", kept->stays, kept->why);
    (void)putchar('\n');
}

static bool keep(const struct options *o, struct error *err)
{
    struct central_keeping keeping = {oldest_kept(o->raw_ns), oldest_kept(o->hours_ns)};
    struct central_kept kept;

    if (!uri_is_postgres(o->db))
        return error_set(err, ERR_USAGE,
                         "pagemeterd keeps the store in %s itself: this is for "
                         "PostgreSQL",
                         o->db);
    if (!central_keep(o->db, &keeping, &kept, err))
        return false;
    (void)printf("usage by the hour was derived; %" PRId64 " partitions made, %" PRId64
                 " stores ended, %u hours of raw rows pruned\n",
                 kept.partitions, kept.retired, kept.pruned);
    if (o->hours_ns != 0)
        print_hours(&kept);
    return true;
}

static bool rebuild(const char *db, struct error *err)
{
    struct store *store = NULL;
    bool is_ok = store_open(&store, db, STORE_WRITE, err) && store_rebuild(store, err);

    if (is_ok)
        (void)puts("usage was derived anew from the segments");
    store_close(store);
    return is_ok;
}

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {{"db", required_argument, NULL, 'd'},
                                            {"raw", required_argument, NULL, 'r'},
                                            {"hours", required_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd')
            o->db = optarg;
        else if (option != 'r' && option != 'h')
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", db_text);
        else if (!number_parse_duration(optarg, option == 'r' ? &o->raw_ns : &o->hours_ns, err))
            return false;
        o->is_of_keep = o->is_of_keep || option != 'd';
    }
    return optind + 1 == argc || error_set(err, ERR_USAGE, "usage: pagemeter %s", db_text);
}

static bool run(const char *task, const struct options *o, struct error *err)
{
    if (strcmp(task, "keep") == 0)
        return keep(o, err);
    if (o->is_of_keep)
        return error_set(err, ERR_USAGE, "--raw and --hours are for db keep");
    if (strcmp(task, "init") == 0 || strcmp(task, "migrate") == 0)
        return migrate(o->db, err);
    if (strcmp(task, "status") == 0)
        return status(o->db, err);
    if (strcmp(task, "rebuild") == 0)
        return rebuild(o->db, err);
    return error_set(err, ERR_USAGE, "usage: pagemeter %s", db_text);
}

int cmd_db(int argc, char **argv)
{
    struct options o;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", db_text);
        return cli_finish(CLI_FINE);
    }
    bool is_ok = argc > 1 && strcmp(argv[1], "host") == 0
                     ? db_host(argc - 1, argv + 1, &err)
                     : parse_options(argc, argv, &o, &err) && run(argv[optind], &o, &err);

    return is_ok ? cli_finish(CLI_FINE) : cli_fail(&err);
}
