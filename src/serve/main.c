/*
 * main.c - pagemeter-serve: lets people look. Reads, and never writes; needs no privilege.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/notify.h"
#include "serve/server.h"
#include "store/central.h"
#include "version.h"

static const char usage_text[] =
    "usage: pagemeter serve [--db DB] [--listen SOCKET|ADDRESS:PORT] [--metrics "
    "SOCKET|ADDRESS:PORT|none]\n"
    "                       [--ship DIR] [--key FILE] [--customers-only] [--public] [--secure]\n";

#define LISTEN_DEFAULT "/run/pagemeter-serve/http.sock"
#define SHIP_STATE_DEFAULT "/var/lib/pagemeter-ship"

static bool take_option(int option, struct server_options *o, const char **key, struct error *err)
{
    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'l':
        o->listen = optarg;
        return true;
    case 'm':
        o->metrics = optarg;
        return true;
    case 'n':
        o->ship = optarg;
        return true;
    case 'k':
        *key = optarg;
        return true;
    case 'c':
        o->is_customers_only = true;
        return true;
    case 'p':
        o->is_public = true;
        return true;
    case 's':
        o->is_secure = true;
        return true;
    default:
        return error_set(err, ERR_USAGE, "%.*s", (int)strlen(usage_text) - 1, usage_text);
    }
}

static bool parse_options(int argc, char **argv, struct server_options *o, const char **key,
                          struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"listen", required_argument, NULL, 'l'},
        {"metrics", required_argument, NULL, 'm'},
        {"key", required_argument, NULL, 'k'},
        {"customers-only", no_argument, NULL, 'c'},
        {"public", no_argument, NULL, 'p'},
        {"secure", no_argument, NULL, 's'},
        {"ship", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct server_options){.db = STORE_DIR_DEFAULT,
                                 .listen = LISTEN_DEFAULT,
                                 .ship = SHIP_STATE_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, key, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    return true;
}

static void wait_for_end(struct server *server)
{
    struct timespec second = {.tv_sec = 1};
    sigset_t ends;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    notify("READY=1\nSTATUS=listening");
    while (sigtimedwait(&ends, NULL, &second) < 0) {
        server_look(server);
        notify("STATUS=%" PRIu64 " answers", server_answers(server));
        log_flush();
    }
    notify("STOPPING=1");
}

static bool run(int argc, char **argv, struct error *err)
{
    struct server_options o;
    struct server *server = NULL;
    struct store *store = NULL;
    struct link_key key;
    const char *key_file = NULL;

    if (!parse_options(argc, argv, &o, &key_file, err))
        return false;
    if (key_file != NULL && !link_key_read(key_file, &key, err))
        return false;
    o.key = key_file != NULL ? &key : NULL;
    if ((o.is_customers_only || o.is_public) && o.key == NULL)
        return error_set(
            err, ERR_USAGE,
            "customers come by links: name the key that they are made with, --key FILE");
    /* what is wrong with the database is told now, and not to who asks first */
    if (!store_open_named(&store, o.db, err))
        return false;
    store_close(store);
    if (!server_open(&server, &o, err))
        return false;
    wait_for_end(server);
    server_close(server);
    log_flush();
    explicit_bzero(&key, sizeof key);
    return true;
}

int main(int argc, char **argv)
{
    struct error err;
    sigset_t ends;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage_text, stdout) < 0 || fflush(stdout) != 0 ? 3 : 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("pagemeter-serve %s\n", PAGEMETER_VERSION) < 0 || fflush(stdout) != 0 ? 3 : 0;
    /* all threads, so that the main one waits for them */
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (run(argc, argv, &err))
        return 0;
    log_flush();
    (void)fprintf(stderr, "pagemeter-serve: %s\n", err.text);
    return error_exit_status(&err);
}
