#include "store/ship_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/number.h"
#include "common/uri.h"
#include "store/store_impl.h"

#define HEAD "pagemeter-ship 1 "

/* ---- the text ---- */

static bool parse_head(const char *line, size_t length, struct ship_cursor *out)
{
    struct error ignored;

    if (length < strlen(HEAD) || memcmp(line, HEAD, strlen(HEAD)) != 0)
        return false;
    line += strlen(HEAD);
    length -= strlen(HEAD);
    if (length >= sizeof out->to || memchr(line, '\0', length) != NULL)
        return false;
    memcpy(out->to, line, length);
    out->to[length] = '\0';
    out->count = 0;
    return uri_check(out->to, &ignored);
}

static bool parse_store(const char *line, size_t length, struct ship_cursor *out)
{
    struct ship_cursor_store *s = &out->stores[out->count];
    uint64_t tick;

    if (out->count == SHIP_CURSOR_STORES || length < UUID_TEXT_LENGTH + 2 ||
        line[UUID_TEXT_LENGTH] != ' ' || !uuid_parse(line, UUID_TEXT_LENGTH, &s->store) ||
        !number_parse(line + UUID_TEXT_LENGTH + 1, length - UUID_TEXT_LENGTH - 1, INT64_MAX, &tick))
        return false;
    s->tick = (int64_t)tick;
    out->count++;
    return true;
}

bool ship_cursor_parse(const char *text, size_t length, struct ship_cursor *out)
{
    bool is_head = true;

    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t size = end != NULL ? (size_t)(end - text) : 0;

        if (end == NULL || !(is_head ? parse_head(text, size, out) : parse_store(text, size, out)))
            return false;
        is_head = false;
        text += size + 1;
        length -= size + 1;
    }
    return !is_head;
}

/* ---- the file ---- */

static bool name_file(const char *dir, const char *name, char *out, size_t size, struct error *err)
{
    return (size_t)snprintf(out, size, "%s/%s", dir, name) < size ||
           error_set(err, ERR_USAGE, "the name of the directory %.60s... is too long", dir);
}

/* Never waits, whatever has been put there. *length SHIP_CURSOR_BYTES + 1: it is too large. */
static bool read_file(const char *path, char *text, size_t *length, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    ssize_t n = 1;

    *length = 0;
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "can't read %s: %s", path, strerror(errno));
    bool is_plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    while (is_plain && n > 0 && *length <= SHIP_CURSOR_BYTES) {
        n = read(fd, text + *length, SHIP_CURSOR_BYTES + 1 - *length);
        if (n > 0)
            *length += (size_t)n;
    }
    (void)close(fd);
    return is_plain && n >= 0 ? true : error_set(err, ERR_SYSTEM, "can't read %s", path);
}

bool ship_cursor_read(const char *dir, struct ship_cursor *out, struct error *err)
{
    static char text[SHIP_CURSOR_BYTES + 1]; /* of the one thread that reads it */
    char path[CONFIG_TEXT_MAX + 32];
    size_t length;

    if (!name_file(dir, "cursor", path, sizeof path, err) || !read_file(path, text, &length, err))
        return false;
    if (length <= SHIP_CURSOR_BYTES && ship_cursor_parse(text, length, out))
        return true;
    return error_set(err, ERR_INPUT, "%s is not what pagemeter ship writes: remove it", path);
}

static bool write_file(FILE *file, const struct ship_cursor *c)
{
    (void)fprintf(file, HEAD "%s\n", c->to);
    for (size_t i = 0; i < c->count; i++) {
        char store[UUID_TEXT_MAX];

        (void)fprintf(file, "%s %" PRId64 "\n", uuid_format(&c->stores[i].store, store),
                      c->stores[i].tick);
    }
    return fflush(file) == 0 && ferror(file) == 0;
}

bool ship_cursor_write(const char *dir, const struct ship_cursor *cursor, struct error *err)
{
    char path[CONFIG_TEXT_MAX + 32], part[CONFIG_TEXT_MAX + 32];

    if (!name_file(dir, "cursor", path, sizeof path, err) ||
        !name_file(dir, "cursor.part", part, sizeof part, err))
        return false;
    /* readable by the group, which is pagemeterd's */
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool is_ok = file != NULL && write_file(file, cursor);
    int why = errno;

    if (file != NULL)
        is_ok = fclose(file) == 0 && is_ok;
    else if (fd >= 0)
        (void)close(fd);
    if (is_ok && rename(part, path) == 0)
        return true;
    why = is_ok ? errno : why;
    (void)unlink(part);
    return error_set(err, ERR_RETRY, "can't write %s: %s", path, strerror(why));
}

/* ---- what it means for a store ---- */

/* What the cursor says of this one; `begin` when nothing. */
static int64_t tick_of(const struct ship_cursor *c, const struct uuid *store, int64_t begin)
{
    for (size_t i = 0; i < c->count; i++)
        if (uuid_is_equal(&c->stores[i].store, store))
            return c->stores[i].tick > begin ? c->stores[i].tick : begin;
    return begin;
}

struct chain {
    const struct ship_cursor *cursor;
    int64_t tick;  /* up to which all is shipped so far */
    int64_t begin; /* of the store that is looked at */
    int64_t shipped;
    bool is_whole; /* all stores before that one are */
};

/* The store before ends where this one begins. */
static void end_store(struct chain *c, int64_t end)
{
    if (c->is_whole)
        c->tick = c->shipped < end ? c->shipped : end;
    c->is_whole = c->is_whole && c->shipped >= end;
    c->begin = end;
}

static bool take_store(struct chain *c, struct db_stmt *row, struct error *err)
{
    struct uuid store;

    if (!db_uuid(row, 0, &store, err))
        return false;
    if (!db_is_null(row, 3)) /* restored */
        end_store(c, db_int(row, 3));
    c->shipped = tick_of(c->cursor, &store, c->begin);
    return true;
}

bool store_shipped(struct store *s, const struct ship_cursor *cursor, int64_t *tick,
                   struct error *err)
{
    struct chain c = {.cursor = cursor, .tick = -1, .begin = -1, .shipped = -1, .is_whole = true};
    struct db_stmt *stmt = NULL;
    enum db_row row = DB_FAILED;
    int64_t last = -1;
    bool is_null;

    bool is_ok = db_get_int(&s->db, "SELECT max(tick) FROM tick", &last, &is_null, err) &&
                 db_prepare(&s->db, SQL_SHIP_ORIGINS, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read its stores", err)) == DB_ROW)
        is_ok = take_store(&c, stmt, err);
    db_finalize(stmt);
    if (!is_ok || row != DB_DONE)
        return false;
    if (c.is_whole)
        c.tick = c.shipped <= last ? c.shipped : c.begin;
    *tick = c.tick;
    return true;
}
