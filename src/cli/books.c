#include "cli/books.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/calendar.h"
#include "common/clock.h"
#include "common/safety.h"
#include "common/uri.h"
#include "common/utf8.h"
#include "store/central.h"

static void find_who(char *out, size_t size)
{
    const struct passwd *user = getpwuid(getuid());
    const char *behind = getenv("SUDO_USER");

    if (user == NULL)
        (void)snprintf(out, size, "uid %u", (unsigned)getuid());
    else if (getuid() == 0 && behind != NULL)
        (void)snprintf(out, size, "%s for %.40s", user->pw_name, behind);
    else
        (void)snprintf(out, size, "%s", user->pw_name);
}

/* A database has no directory: its ledger's key is where the one of a store would be. */
void books_key_path(const char *name, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/%s", uri_is_postgres(name) ? STORE_DIR_DEFAULT : name,
                   BOOKS_KEY_FILE);
}

/* The default one is made with the first entry; a key that is gone later is never replaced. */
static bool open_key(struct books *books, const char *dir, const char *file, struct error *err)
{
    char path[1100];
    struct chain_hash hash;
    int64_t entry;

    if (file != NULL)
        return chain_key_read(file, &books->key, err);
    books_key_path(dir, path, sizeof path);
    if (!billing_head(books->b, &entry, &hash, err))
        return false;
    if (entry == 0 && access(path, F_OK) != 0 && errno == ENOENT && !chain_key_make(path, err))
        return false;
    return chain_key_read(path, &books->key, err);
}

bool books_open(struct books *books, const char *dir, unsigned what, const char *key_file,
                struct error *err)
{
    enum store_mode mode = (what & BOOKS_WRITE) != 0 ? STORE_WRITE : STORE_READ;

    *books = (struct books){.now_ns = 0};
    find_who(books->who, sizeof books->who);
    if (((what & BOOKS_MEASURED) == 0 || store_open_named(&books->measured, dir, err)) &&
        billing_open(&books->b, dir, mode, err) &&
        ((what & BOOKS_KEY) == 0 || open_key(books, dir, key_file, err))) {
        books->now_ns = clock_utc().ns;
        return true;
    }
    books_close(books);
    return false;
}

void books_close(struct books *books)
{
    billing_close(books->b);
    store_close(books->measured);
    explicit_bzero(&books->key, sizeof books->key);
    books->b = NULL;
    books->measured = NULL;
}

bool books_change(struct books *books, int64_t *change, struct error *err, const char *format, ...)
{
    char what[1024];
    va_list values;

    va_start(values, format);
    (void)vsnprintf(what, sizeof what, format, values);
    va_end(values);
    return billing_change(books->b, books->now_ns, books->who, what, change, err);
}

bool books_check_hour(struct books *books, const struct uuid *vm, int64_t hour, struct error *err)
{
    char text[HOUR_TEXT_MAX];
    int64_t gone;

    if (!billing_hours_gone(books->b, vm, &gone, err))
        return false;
    return hour >= gone || !safety_is_on(SAFETY_KEEP_SAID) ||
           error_set(err, ERR_REFUSED,
                     "usage by the hour before %s is gone (pagemeter db keep --hours), and its "
                     "bills stay as they are: say it from then on",
                     calendar_format_hour(gone, text));
}

struct looked_for {
    const char *account;
    bool is_there;
};

static bool see_account(void *self, const char *account, const char *name, int offset_h,
                        struct error *err)
{
    struct looked_for *l = self;

    (void)name, (void)offset_h, (void)err;
    l->is_there = l->is_there || strcmp(account, l->account) == 0;
    return true;
}

static bool pass_owner(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                       const char *account, struct error *err)
{
    (void)self, (void)vm, (void)from_hour, (void)change, (void)account, (void)err;
    return true;
}

static bool pass_tariff(void *self, const char *account, int64_t from_hour, int64_t change,
                        const struct price *price, struct error *err)
{
    (void)self, (void)account, (void)from_hour, (void)change, (void)price, (void)err;
    return true;
}

bool books_has_account(struct books *books, const char *account, bool *out, struct error *err)
{
    struct looked_for l = {.account = account};
    struct billing_book_sink sink = {see_account, pass_owner, pass_tariff, &l};

    if (!billing_read_book(books->b, &sink, err))
        return false;
    *out = l.is_there;
    return true;
}

bool books_parse_uuid(const char *text, const char *what, struct uuid *out, struct error *err)
{
    char lower[UUID_TEXT_MAX] = "";

    for (size_t i = 0; i < UUID_TEXT_LENGTH && text[i] != '\0'; i++)
        lower[i] = (char)tolower((unsigned char)text[i]);
    if (strlen(text) != UUID_TEXT_LENGTH || !uuid_parse(lower, UUID_TEXT_LENGTH, out))
        return error_set(err, ERR_USAGE, "'%.60s' is not the uuid of a %s", text, what);
    return true;
}

bool books_check_name(const char *name, struct error *err)
{
    if (name[0] == '\0' || strlen(name) > BOOKS_NAME_MAX)
        return error_set(err, ERR_USAGE, "a name has 1 to %d bytes, this one has %zu",
                         BOOKS_NAME_MAX, strlen(name));
    for (size_t at = 0, length; name[at] != '\0'; at += length) {
        length = utf8_length(name + at);
        if (length == 0 || utf8_is_control(name + at))
            return error_set(err, ERR_USAGE,
                             "a name is plain text in UTF-8, without control characters (byte %zu)",
                             at + 1);
    }
    return true;
}

bool books_check_account(const char *account, struct error *err)
{
    size_t length = strlen(account);

    if (length >= 1 && length <= ACCOUNT_MAX && strcmp(account, "default") != 0 &&
        strcmp(account, "unassigned") != 0 && account[0] >= 'a' && account[0] <= 'z' &&
        strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length)
        return true;
    return error_set(err, ERR_USAGE,
                     "'%.70s' can't be an account: it is 1 to %d of a-z, 0-9, '.', '_' and '-', "
                     "begins with a letter, and is not default or unassigned",
                     account, ACCOUNT_MAX);
}
