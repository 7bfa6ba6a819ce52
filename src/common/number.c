#include "common/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

bool number_parse(const char *text, size_t length, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (length == 0 || (text[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';

        if (digit > 9 || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"d", UINT64_C(86400000000000)},
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", UINT64_C(1000000000)},
    {"ms", UINT64_C(1000000)},
    {"us", UINT64_C(1000)},
    {"ns", UINT64_C(1)},
};

bool number_parse_duration(const char *text, uint64_t *ns, struct error *err)
{
    size_t digits = strspn(text, "0123456789");

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t count;

        if (strcmp(text + digits, units[i].name) != 0)
            continue;
        if (!number_parse(text, digits, INT64_MAX / units[i].ns, &count) || count == 0)
            break;
        *ns = count * units[i].ns;
        return true;
    }
    return error_set(err, ERR_USAGE,
                     "'%.40s' is not a duration: write a whole number above 0 and a unit, "
                     "like 250ms, 1s, 5m, 8h or 400d",
                     text);
}

const char *number_format_duration(uint64_t ns, char out[DURATION_TEXT_MAX])
{
    size_t i = 0;

    while (ns % units[i].ns != 0)
        i++;
    (void)snprintf(out, DURATION_TEXT_MAX, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
    return out;
}

static const char size_letters[] = "KMGT";

bool number_parse_size(const char *text, uint64_t *kib, struct error *err)
{
    size_t length = strlen(text);
    const char *letter =
        length > 1 ? strchr(size_letters, toupper((unsigned char)text[length - 1])) : NULL;
    uint64_t count;

    if (letter != NULL) {
        unsigned shift = 10 * (unsigned)(letter - size_letters);

        if (number_parse(text, length - 1, KIB_MAX >> shift, &count)) {
            *kib = count << shift;
            return true;
        }
    }
    return error_set(err, ERR_USAGE,
                     "'%.40s' is not a size: write a whole number and K, M, G or T, like 512M",
                     text);
}

const char *number_format_size(uint64_t kib, char out[SIZE_TEXT_MAX])
{
    size_t unit = 0;

    while (kib != 0 && kib % 1024 == 0 && unit + 1 < sizeof size_letters - 1) {
        kib /= 1024;
        unit++;
    }
    (void)snprintf(out, DURATION_TEXT_MAX, "%" PRIu64 "%c", kib, size_letters[unit]);
    return out;
}
