/*
 * link.c - pagemeter link: a signed link for one customer, for a control panel; and its key.
 */
#include "serve/link.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/books.h"
#include "cli/cli.h"
#include "common/clock.h"
#include "common/number.h"
#include "common/units.h"
#include "common/uri.h"
#include "store/query.h"

static const char link_text[] = "link ACCOUNT [--for D] [--key FILE] [--url BASE] [--db DB]\n"
                                "       pagemeter link --make-key [--key FILE]";

#define LINK_FOR_DEFAULT (UINT64_C(3600) * 1000000000)
#define URL_DEFAULT "http://localhost"

struct options {
    const char *db, *key, *url;
    uint64_t for_ns;
    bool makes_key;
};

static bool parse_for(const char *text, struct options *o, struct error *err)
{
    if (!number_parse_duration(text, &o->for_ns, err))
        return false;
    if (o->for_ns >= UINT64_C(1000000000) &&
        o->for_ns <= (uint64_t)LINK_DAYS_MAX * HOURS_PER_DAY * (uint64_t)NS_PER_HOUR)
        return true;
    return error_set(err, ERR_USAGE, "a link is good for 1s to %dd", LINK_DAYS_MAX);
}

/* It is printed before the link: a space or a quote in it would end that somewhere else. */
static bool check_url(const char *url, struct error *err)
{
    bool is_ok = (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) &&
                 strlen(url) <= 512 && strpbrk(url, "?#\"'<>\\ ") == NULL;

    for (const char *c = url; *c != '\0'; c++)
        is_ok = is_ok && *c > ' ' && *c < 127;
    return is_ok ||
           error_set(err, ERR_USAGE, "'%.60s' is no beginning of a URL: write https://NAME", url);
}

static bool take_option(int option, struct options *o, struct error *err)
{
    switch (option) {
    case 'd':
        o->db = optarg;
        return true;
    case 'k':
        o->key = optarg;
        return true;
    case 'u':
        o->url = optarg;
        return check_url(optarg, err);
    case 'f':
        return parse_for(optarg, o, err);
    case 'm':
        o->makes_key = true;
        return true;
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", link_text);
    }
}

static bool parse_options(int argc, char **argv, struct options *o, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},  {"key", required_argument, NULL, 'k'},
        {"url", required_argument, NULL, 'u'}, {"for", required_argument, NULL, 'f'},
        {"make-key", no_argument, NULL, 'm'},  {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.db = STORE_DIR_DEFAULT, .url = URL_DEFAULT, .for_ns = LINK_FOR_DEFAULT};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, o, err))
            return false;
    if (o->makes_key ? optind != argc : optind + 1 != argc)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", link_text);
    return true;
}

static bool check_account(const struct options *o, const char *account, struct error *err)
{
    struct books books;
    bool is_there = false;

    if (!books_check_account(account, err) || !books_open(&books, o->db, 0, NULL, err))
        return false;
    bool is_ok = books_has_account(&books, account, &is_there, err);

    books_close(&books);
    if (is_ok && !is_there)
        return error_set(err, ERR_REFUSED, "there is no account '%s'", account);
    return is_ok;
}

static bool print_link(const struct options *o, const char *path, const char *account,
                       struct error *err)
{
    struct link_key key;
    char text[LINK_TEXT_MAX];
    size_t length = strlen(o->url);

    if (!check_account(o, account, err) || !link_key_read(path, &key, err))
        return false;
    (void)link_make(&key, account, (clock_utc().ns + (int64_t)o->for_ns) / NS_PER_S, text);
    explicit_bzero(&key, sizeof key);
    (void)printf("%.*s/l/%s\n", (int)(length - (o->url[length - 1] == '/')), o->url, text);
    return true;
}

/* Where the ledger's key is, the links' is too. */
static const char *key_path(const struct options *o, char *out, size_t size)
{
    if (o->key != NULL)
        return o->key;
    (void)snprintf(out, size, "%s/%s", uri_is_postgres(o->db) ? STORE_DIR_DEFAULT : o->db,
                   LINK_KEY_FILE);
    return out;
}

int cmd_link(int argc, char **argv)
{
    struct options o;
    struct error err;
    char path[1100];

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", link_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &o, &err))
        return cli_fail(&err);
    const char *key = key_path(&o, path, sizeof path);

    if (o.makes_key ? !link_key_make(key, &err) : !print_link(&o, key, argv[optind], &err))
        return cli_fail(&err);
    return cli_finish(CLI_FINE);
}
