#include "cli/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/local_socket.h"
#include "common/number.h"

enum {
    WAIT_MS = 60000,
    READ_MAX = 1 << 16,
    ANSWER_TEXT_MAX = REPLY_TEXT_MAX + ERROR_TEXT_MAX + 64
};

/* ---- asking ---- */

static int open_socket(const char *path, int limit_ms, struct error *err)
{
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    int fd = local_socket_connect(path);
    int why = errno;

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    (void)error_set(err, ERR_SYSTEM, "can't reach pageballoond at %s: %s; %s", path, strerror(why),
                    why == EACCES ? "it is open to root and to the group of its socket"
                                  : "is it running, and with this socket?");
    return -1;
}

static bool send_all(int fd, const struct reply *request, struct error *err)
{
    for (size_t sent = 0; sent < request->length;) {
        ssize_t n = send(fd, request->text + sent, request->length - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, ERR_SYSTEM, "pageballoond does not take the request: %s",
                             strerror(errno));
        sent += (size_t)n;
    }
    return true;
}

/* Where the last whole line begins, if it ends the answer. */
static bool is_whole(char *text, size_t length, bool *is_ok, struct error *err)
{
    if (length == 0 || text[length - 1] != '\n')
        return false;
    char *before = memrchr(text, '\n', length - 1);
    char *last = before != NULL ? before + 1 : text;

    text[length - 1] = '\0';
    bool is_end = reply_is_end(last, is_ok, err);

    text[length - 1] = '\n';
    if (is_end)
        *last = '\0';
    return is_end;
}

/* Up to the line that ends it; *text then ends before that line, and is the caller's to free. */
static bool receive(int fd, char **text, struct error *err)
{
    char *buffer = NULL;
    size_t length = 0;
    size_t room = 0;
    bool is_ok = false;

    for (;;) {
        if (room - length < 2) {
            char *larger = realloc(buffer, room += READ_MAX);

            if (larger == NULL || room > ANSWER_TEXT_MAX + READ_MAX) {
                (void)error_set(err, ERR_NOMEM, "not enough memory for the answer");
                break;
            }
            buffer = larger;
        }
        ssize_t n = recv(fd, buffer + length, room - length - 1, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)error_set(err, ERR_SYSTEM, "pageballoond did not answer: %s",
                            n == 0 ? "it has hung up" : strerror(errno));
            break;
        }
        length += (size_t)n;
        buffer[length] = '\0';
        if (is_whole(buffer, length, &is_ok, err))
            break;
    }
    if (is_ok)
        *text = buffer;
    else
        free(buffer);
    return is_ok;
}

static bool split(struct answer *a, struct error *err)
{
    size_t lines = 0;

    for (const char *p = a->text; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    a->rows = calloc(lines + 1, sizeof *a->rows);
    if (a->rows == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the answer");
    for (char *p = a->text, *end; (end = strchr(p, '\n')) != NULL; p = end + 1) {
        *end = '\0';
        if (!reply_parse(p, &a->rows[a->count], err))
            return error_context(err, "pageballoond");
        a->count++;
    }
    return true;
}

bool answer_ask_within(const char *path, const struct reply *request, int limit_ms,
                       struct answer *out, struct error *err)
{
    struct answer a = {0};
    int fd;

    if (request->is_short)
        return error_set(err, ERR_NOMEM, "not enough memory for the request");
    fd = open_socket(path, limit_ms, err);
    if (fd < 0)
        return false;
    bool is_ok = send_all(fd, request, err) && receive(fd, &a.text, err) && split(&a, err);

    (void)close(fd);
    if (is_ok)
        *out = a;
    else
        answer_clear(&a);
    return is_ok;
}

bool answer_ask(const char *path, const struct reply *request, struct answer *out,
                struct error *err)
{
    return answer_ask_within(path, request, WAIT_MS, out, err);
}

void answer_clear(struct answer *answer)
{
    free(answer->rows);
    free(answer->text);
    *answer = (struct answer){0};
}

/* ---- values ---- */

const char *answer_text(const struct reply_row *row, const char *key)
{
    const char *value = reply_find(row, key);

    return value != NULL && *value != '\0' ? value : "-";
}

const char *answer_mib(const struct reply_row *row, const char *key, char out[24])
{
    const char *value = reply_find(row, key);
    bool is_negative = value != NULL && *value == '-';
    uint64_t kib;

    if (value == NULL ||
        !number_parse(value + is_negative, strlen(value + is_negative), INT64_MAX, &kib))
        return strcpy(out, "-");
    (void)snprintf(out, 24, "%s%" PRIu64, is_negative && kib >= 512 ? "-" : "",
                   kib / 1024 + (kib % 1024 >= 512));
    return out;
}

/* ---- formats ---- */

static bool is_of(const struct reply_row *row, const char *kind)
{
    return kind == NULL || strcmp(row->kind, kind) == 0;
}

void answer_print_json(const struct answer *a, const char *kind)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < a->count; i++) {
        const struct reply_row *row = &a->rows[i];

        if (!is_of(row, kind))
            continue;
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "kind", json_object_new_string(row->kind));
        for (size_t f = 0; f < row->count; f++)
            json_object_object_add(object, row->fields[f].key,
                                   json_object_new_string(row->fields[f].value));
        json_object_array_add(list, object);
    }
    (void)puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(list);
}

void answer_print_field(const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        (void)fputs(text, stdout);
        return;
    }
    (void)putchar('"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            (void)putchar('"');
        (void)putchar(*p);
    }
    (void)putchar('"');
}

void answer_print_csv(const struct answer *a, const char *kind, const char *const *columns)
{
    for (size_t c = 0; columns[c] != NULL; c++)
        (void)printf("%s%s", c > 0 ? "," : "", columns[c]);
    (void)putchar('\n');
    for (size_t i = 0; i < a->count; i++) {
        if (!is_of(&a->rows[i], kind))
            continue;
        for (size_t c = 0; columns[c] != NULL; c++) {
            const char *value = reply_find(&a->rows[i], columns[c]);

            if (c > 0)
                (void)putchar(',');
            answer_print_field(value != NULL ? value : "");
        }
        (void)putchar('\n');
    }
}

void answer_print_pairs(const struct answer *a)
{
    (void)puts("kind,row,key,value");
    for (size_t i = 0; i < a->count; i++) {
        for (size_t f = 0; f < a->rows[i].count; f++) {
            (void)printf("%s,%zu,%s,", a->rows[i].kind, i + 1, a->rows[i].fields[f].key);
            answer_print_field(a->rows[i].fields[f].value);
            (void)putchar('\n');
        }
    }
}

void answer_print_warnings(const struct answer *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (is_of(&a->rows[i], "warning"))
            (void)fprintf(stderr, "pagemeter: warning: %s\n", answer_text(&a->rows[i], "text"));
}
