#include "common/uuid.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool is_dash_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(const char *text, size_t length, struct uuid *out)
{
    struct uuid result;
    size_t n = 0;

    if (length != UUID_TEXT_LENGTH)
        return false;
    for (size_t i = 0; i < length;) {
        if (is_dash_place(i)) {
            if (text[i++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text[i]);
        int low = hex_value(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        result.bytes[n++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    *out = result;
    return true;
}

const char *uuid_format(const struct uuid *uuid, char out[UUID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (is_dash_place((size_t)(p - out)))
            *p++ = '-';
        *p++ = digits[uuid->bytes[i] >> 4];
        *p++ = digits[uuid->bytes[i] & 15];
    }
    *p = '\0';
    return out;
}

bool uuid_is_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool uuid_is_zero(const struct uuid *uuid)
{
    static const struct uuid zero;

    return uuid_is_equal(uuid, &zero);
}

bool uuid_random(struct uuid *out, struct error *err)
{
    struct uuid made;

    if (getrandom(made.bytes, sizeof made.bytes, 0) != (ssize_t)sizeof made.bytes)
        return error_set(err, ERR_SYSTEM, "the kernel gives no random numbers: %s",
                         strerror(errno));
    made.bytes[6] = (uint8_t)((made.bytes[6] & 0x0f) | 0x40);
    made.bytes[8] = (uint8_t)((made.bytes[8] & 0x3f) | 0x80);
    *out = made;
    return true;
}

static bool is_match(const char *text, const char *pattern, size_t length)
{
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(text, pattern, length - 1) == 0;
    if (length > 0 && pattern[0] == '*')
        return length - 1 <= UUID_TEXT_LENGTH &&
               memcmp(text + UUID_TEXT_LENGTH - (length - 1), pattern + 1, length - 1) == 0;
    return length == UUID_TEXT_LENGTH && memcmp(text, pattern, length) == 0;
}

bool uuid_is_in_patterns(const struct uuid *uuid, const char *patterns)
{
    char text[UUID_TEXT_MAX];

    uuid_format(uuid, text);
    for (const char *p = patterns; *p != '\0';) {
        size_t length = strcspn(p, " ");

        if (length > 0 && is_match(text, p, length))
            return true;
        p += length + (p[length] == ' ');
    }
    return false;
}

static bool is_pattern(const char *p, size_t length)
{
    struct uuid ignored;
    bool has_star = p[0] == '*' || p[length - 1] == '*';
    size_t digits = length - (has_star ? 1 : 0);
    const char *body = p + (p[0] == '*' ? 1 : 0);

    if (!has_star)
        return strspn(p, "0123456789abcdef-") >= length && uuid_parse(p, length, &ignored);
    /* a star alone would stop the billing of everything */
    return digits >= 8 && digits < UUID_TEXT_LENGTH && strspn(body, "0123456789abcdef-") >= digits;
}

bool uuid_check_patterns(const char *patterns, struct error *err)
{
    for (const char *p = patterns; *p != '\0';) {
        size_t length = strcspn(p, " ");

        if (length > 0 && !is_pattern(p, length))
            return error_set(err, ERR_USAGE,
                             "'%.*s' is not a uuid pattern: write a whole uuid in lower case, or "
                             "at least 8 characters of its beginning and *, or * and its end",
                             (int)length, p);
        p += length + (p[length] == ' ');
    }
    return true;
}
