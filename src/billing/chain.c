#include "billing/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(CHAIN_HASH_BYTES == SHA256_DIGEST_SIZE, "HMAC-SHA256");
_Static_assert(CHAIN_KEY_BYTES == CHAIN_HASH_BYTES, "a key is written as a hash is");

/* Of a key file: the digits and a line's end. */
enum { KEY_LENGTH = CHAIN_TEXT_MAX };

static const char hex[] = "0123456789abcdef";

static void bytes_format(const uint8_t bytes[CHAIN_HASH_BYTES], char out[CHAIN_TEXT_MAX])
{
    char *p = out;

    for (size_t i = 0; i < CHAIN_HASH_BYTES; i++) {
        *p++ = hex[bytes[i] >> 4];
        *p++ = hex[bytes[i] & 15];
    }
    *p = '\0';
}

static bool bytes_parse(const char *text, size_t length, uint8_t out[CHAIN_HASH_BYTES])
{
    uint8_t bytes[CHAIN_HASH_BYTES] = {0};

    if (length != 2 * sizeof bytes)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(hex, text[i]);

        if (digit == NULL)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] * 16 + (digit - hex));
    }
    memcpy(out, bytes, sizeof bytes);
    return true;
}

/* At most KEY_LENGTH bytes and one more, which is too many. */
static bool key_file_read(int fd, char text[KEY_LENGTH + 1], size_t *length)
{
    *length = 0;
    while (*length < KEY_LENGTH + 1) {
        ssize_t n = read(fd, text + *length, KEY_LENGTH + 1 - *length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        *length += (size_t)n;
    }
    return true;
}

static bool key_file_check(int fd, const char *path, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return error_set(err, ERR_SYSTEM, "can't look at the ledger's key %s: %s", path,
                         strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_REFUSED, "the ledger's key %s is not a file", path);
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return error_set(err, ERR_REFUSED,
                         "the ledger's key %s is open to others (mode %04o): with it they could "
                         "change the ledger unseen; chmod it to 0600",
                         path, (unsigned)(st.st_mode & 07777));
    return true;
}

bool chain_key_read(const char *path, struct chain_key *key, struct error *err)
{
    char text[KEY_LENGTH + 1];
    size_t length = 0;
    bool is_ok = false;
    /* a pipe without a writer must not hold us up */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "can't open the ledger's key %s: %s", path,
                         strerror(errno));
    if (!key_file_check(fd, path, err))
        goto done;
    if (!key_file_read(fd, text, &length)) {
        error_set(err, ERR_SYSTEM, "can't read the ledger's key %s: %s", path, strerror(errno));
        goto done;
    }
    is_ok = length == KEY_LENGTH && text[KEY_LENGTH - 1] == '\n' &&
            bytes_parse(text, KEY_LENGTH - 1, key->bytes);
    if (!is_ok)
        error_set(err, ERR_INPUT,
                  "the ledger's key %s is not one line of %d hexadecimal digits in lower case: "
                  "restore the file",
                  path, KEY_LENGTH - 1);
done:
    explicit_bzero(text, sizeof text);
    (void)close(fd);
    return is_ok;
}

/* A name that was made is on the disk only when its folder is. */
static bool folder_sync(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        (void)snprintf(folder, sizeof folder, ".");
    else
        (void)snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_ok = fd >= 0 && fsync(fd) == 0;
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return is_ok;
}

/* Writes a file of a name that nobody else has; puts the name into temporary. */
static bool temporary_write(char temporary[PATH_MAX], const char text[KEY_LENGTH])
{
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */

    if (fd < 0)
        return false;
    errno = ENOSPC; /* why, when only a part is written */
    bool is_ok = write(fd, text, KEY_LENGTH) == KEY_LENGTH && fsync(fd) == 0;
    int why = errno;

    (void)close(fd);
    if (!is_ok)
        (void)unlink(temporary);
    errno = why;
    return is_ok;
}

/* Whole or not at all: temporary name, to disk, and a link, which takes no name that is there. */
static bool key_file_write(const char *path, const char text[KEY_LENGTH], struct error *err)
{
    char temporary[PATH_MAX];
    int why = ENAMETOOLONG;

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= sizeof temporary)
        goto failed;
    if (!temporary_write(temporary, text)) {
        why = errno;
        goto failed;
    }
    why = link(temporary, path) == 0 ? 0 : errno;
    (void)unlink(temporary);
    if (why == EEXIST)
        return error_set(err, ERR_REFUSED,
                         "%s is there already: a ledger keeps its key, or nobody could check it "
                         "any more",
                         path);
    if (why == 0 && !folder_sync(path)) {
        why = errno;
        (void)unlink(path);
    }
    if (why == 0)
        return true;
failed:
    return error_set(err, ERR_SYSTEM, "can't write the ledger's key to %.300s: %s", path,
                     strerror(why));
}

bool chain_key_make(const char *path, struct error *err)
{
    struct chain_key key;
    char text[CHAIN_TEXT_MAX];

    if (getrandom(key.bytes, sizeof key.bytes, 0) != (ssize_t)sizeof key.bytes)
        return error_set(err, ERR_SYSTEM, "the kernel gives no random numbers: %s",
                         strerror(errno));
    bytes_format(key.bytes, text);
    text[KEY_LENGTH - 1] = '\n'; /* in place of the NUL */
    bool is_ok = key_file_write(path, text, err);

    explicit_bzero(&key, sizeof key);
    explicit_bzero(text, sizeof text);
    return is_ok;
}

static void length_add(struct hmac_sha256_ctx *hmac, uint64_t length)
{
    uint8_t bytes[sizeof length];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(length >> (8 * (sizeof bytes - 1 - i)));
    hmac_sha256_update(hmac, sizeof bytes, bytes);
}

void chain_next(const struct chain_key *key, const struct chain_hash *before,
                const struct chain_field *fields, size_t count, struct chain_hash *out)
{
    struct hmac_sha256_ctx hmac;

    hmac_sha256_set_key(&hmac, sizeof key->bytes, key->bytes);
    hmac_sha256_update(&hmac, sizeof before->bytes, before->bytes);
    for (size_t i = 0; i < count; i++) {
        length_add(&hmac, fields[i].length);
        hmac_sha256_update(&hmac, fields[i].length, (const uint8_t *)fields[i].text);
    }
    hmac_sha256_digest(&hmac, sizeof out->bytes, out->bytes);
    explicit_bzero(&hmac, sizeof hmac);
}

const char *chain_format(const struct chain_hash *hash, char out[CHAIN_TEXT_MAX])
{
    bytes_format(hash->bytes, out);
    return out;
}

bool chain_parse(const char *text, size_t length, struct chain_hash *out)
{
    return bytes_parse(text, length, out->bytes);
}
