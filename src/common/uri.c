#include "common/uri.h"

#include <string.h>

static const char *behind_scheme(const char *uri)
{
    static const char *const schemes[] = {"postgresql://", "postgres://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
            return uri + strlen(schemes[i]);
    return NULL;
}

bool uri_is_postgres(const char *name)
{
    return behind_scheme(name) != NULL;
}

/* user:password@ */
static bool has_user_password(const char *rest)
{
    size_t authority = strcspn(rest, "/?");
    const char *at = memchr(rest, '@', authority);

    return at != NULL && memchr(rest, ':', (size_t)(at - rest)) != NULL;
}

static bool is_secret(const char *key, size_t length)
{
    static const char *const secrets[] = {"password", "sslpassword"};

    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strlen(secrets[i]) == length && memcmp(secrets[i], key, length) == 0)
            return true;
    return false;
}

/* ?password=...; libpq decodes %70assword too. */
static bool has_secret_option(const char *rest)
{
    const char *option = strchr(rest, '?');

    while (option != NULL && *option != '\0') {
        const char *key = option + 1;
        size_t length = strcspn(key, "=&");

        if (is_secret(key, length) || memchr(key, '%', length) != NULL)
            return true;
        option = strchr(key, '&');
    }
    return false;
}

bool uri_check(const char *uri, struct error *err)
{
    const char *rest = behind_scheme(uri);

    for (const char *p = uri; rest != NULL && *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            rest = NULL;
    if (rest == NULL)
        return error_set(err, ERR_USAGE,
                         "it must be postgresql://[user@]host[:port]/database[?option=value], "
                         "without blanks");
    if (has_user_password(rest) || has_secret_option(rest))
        return error_set(err, ERR_USAGE,
                         "there is a password in the URI, where others can read it: put it into "
                         "~/.pgpass, into a service file, or into PGPASSWORD");
    return true;
}
