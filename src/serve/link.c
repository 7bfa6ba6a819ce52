#include "serve/link.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

static const char version[] = "1";
static const char prefix[] = "pagemeter customer link";

bool link_key_read(const char *path, struct link_key *key, struct error *err)
{
    return chain_key_read(path, &key->secret, err) ||
           error_context(err, "the key of links is read like the ledger's");
}

bool link_key_make(const char *path, struct error *err)
{
    return chain_key_make(path, err);
}

static void sign(const struct link_key *key, const char *text, size_t length,
                 struct chain_hash *mac)
{
    struct hmac_sha256_ctx context;

    hmac_sha256_set_key(&context, sizeof key->secret.bytes, key->secret.bytes);
    hmac_sha256_update(&context, sizeof prefix, (const uint8_t *)prefix); /* with its NUL */
    hmac_sha256_update(&context, length, (const uint8_t *)text);
    hmac_sha256_digest(&context, sizeof mac->bytes, mac->bytes);
    explicit_bzero(&context, sizeof context);
}

const char *link_make(const struct link_key *key, const char *account, int64_t expiry_s,
                      char out[LINK_TEXT_MAX])
{
    char hex[CHAIN_TEXT_MAX];
    struct chain_hash mac;
    int length =
        snprintf(out, LINK_TEXT_MAX - sizeof hex, "%s~%s~%" PRId64, version, account, expiry_s);

    sign(key, out, (size_t)length, &mac);
    (void)snprintf(out + length, LINK_TEXT_MAX - (size_t)length, "~%s", chain_format(&mac, hex));
    return out;
}

/* What stands before the MAC, which is right: "1~acme~1790000000". */
static bool parse_signed(const char *text, size_t length, struct link *out)
{
    const char *account = text + sizeof version;
    const char *end = memchr(text, '~', length);
    uint64_t expiry_s;

    if (end != text + sizeof version - 1 || memcmp(text, version, sizeof version - 1) != 0)
        return false;
    end = memchr(account, '~', length - sizeof version);
    if (end == NULL || end == account || end - account > ACCOUNT_MAX ||
        !number_parse(end + 1, length - (size_t)(end + 1 - text), INT64_MAX, &expiry_s))
        return false;
    memcpy(out->account, account, (size_t)(end - account));
    out->account[end - account] = '\0';
    out->expiry_s = (int64_t)expiry_s;
    return true;
}

bool link_check(const struct link_key *key, const char *text, int64_t now_s, struct link *out)
{
    const char *behind = strrchr(text, '~');
    struct chain_hash given, right;
    struct link link = {.expiry_s = 0};

    if (behind == NULL || strlen(text) >= LINK_TEXT_MAX ||
        !chain_parse(behind + 1, strlen(behind + 1), &given))
        return false;
    sign(key, text, (size_t)(behind - text), &right);
    if (!memeql_sec(given.bytes, right.bytes, sizeof right.bytes) ||
        !parse_signed(text, (size_t)(behind - text), &link) || link.expiry_s <= now_s)
        return false;
    *out = link;
    return true;
}
