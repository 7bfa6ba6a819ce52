#include "billing/price.h"

#include <string.h>

static const struct {
    const char *name;
    usage_kib_ns kib_ns;
} units[UNITS] = {
    [UNIT_GIBH] = {"GiBh", KIB_NS_PER_GIB_H},
    [UNIT_GBH] = {"GBh", UINT64_C(3515625000000000000)}, /* 10^9 bytes are 976,562.5 KiB */
};

/* Decimals of a nano-penny, beyond those of the penny. */
enum { NANO_DECIMALS = 9 };

static const char digits[] = "0123456789";

/* Digits, and behind a point more digits; no zero before another digit of the whole part. */
static bool is_decimal(const char *text, size_t *decimals)
{
    size_t whole = strspn(text, digits);
    const char *rest = text + whole;

    if (whole == 0 || (whole > 1 && text[0] == '0') || strlen(text) >= PRICE_TEXT_MAX)
        return false;
    *decimals = *rest == '.' ? strspn(rest + 1, digits) : 0;
    return *rest == '\0' || (*decimals > 0 && rest[1 + *decimals] == '\0');
}

/* All digits of a decimal, and then as many zeros. False beyond PRICE_NANO_MAX. */
static bool scale(const char *decimal, size_t zeros, int64_t *out)
{
    int64_t value = 0;

    for (const char *p = decimal; *p != '\0' && value <= PRICE_NANO_MAX; p++)
        if (*p != '.')
            value = value * 10 + (*p - '0');
    for (size_t i = 0; i < zeros && value <= PRICE_NANO_MAX; i++)
        value *= 10;
    if (value > PRICE_NANO_MAX)
        return false;
    *out = value;
    return true;
}

static bool amount_parse(const char *text, struct price *price, struct error *err)
{
    const char *code = price->currency.code;
    size_t most = price->currency.decimals + (size_t)NANO_DECIMALS;
    size_t decimals;

    if (!is_decimal(text, &decimals))
        return error_set(err, ERR_USAGE,
                         "'%.40s' is not a price: write the amount in %s with digits and at most "
                         "one point, like 0.0042",
                         text, code);
    if (decimals > most)
        return error_set(err, ERR_USAGE,
                         "'%.40s' has %zu decimals: write at most %zu for a price in %s", text,
                         decimals, most, code);
    if (!scale(text, most - decimals, &price->nano_pennies)) {
        struct price dearest = *price;
        char limit[PRICE_TEXT_MAX];

        dearest.nano_pennies = PRICE_NANO_MAX;
        return error_set(err, ERR_USAGE, "'%.40s' is too much: a price is at most %s %s per %s",
                         text, price_format(&dearest, limit), code, unit_name(price->unit));
    }
    return true;
}

/* "EUR/GiBh" */
static bool per_parse(const char *text, struct price *price, struct error *err)
{
    size_t length = strcspn(text, "/");
    char code[CURRENCY_TEXT_MAX] = "";

    if (length != sizeof code - 1 || text[length] != '/')
        return error_set(err, ERR_USAGE,
                         "'%.40s' is not what a price is in: write a currency, / and %s or %s, "
                         "like EUR/GiBh",
                         text, units[UNIT_GIBH].name, units[UNIT_GBH].name);
    memcpy(code, text, length);
    return currency_find(code, &price->currency, err) &&
           unit_parse(text + length + 1, &price->unit, err);
}

bool price_parse(const char *amount, const char *unit, struct price *out, struct error *err)
{
    struct price price = {0};

    if (!per_parse(unit, &price, err) || !amount_parse(amount, &price, err))
        return false;
    *out = price;
    return true;
}

const char *price_format(const struct price *price, char out[PRICE_TEXT_MAX])
{
    /* as the amount of a currency whose smallest coin is a nano-penny */
    struct currency fine = price->currency;
    char *end;

    _Static_assert((int)PRICE_TEXT_MAX == (int)AMOUNT_TEXT_MAX, "one buffer for both");
    fine.decimals = (uint8_t)(fine.decimals + NANO_DECIMALS);
    currency_format(&fine, price->nano_pennies, out);
    end = out + strlen(out);
    while (end[-1] == '0')
        end--;
    if (end[-1] == '.')
        end--;
    *end = '\0';
    return out;
}

const char *unit_name(enum usage_unit unit)
{
    return units[unit].name;
}

bool unit_parse(const char *text, enum usage_unit *out, struct error *err)
{
    for (unsigned unit = 0; unit < UNITS; unit++) {
        if (strcmp(text, units[unit].name) == 0) {
            *out = (enum usage_unit)unit;
            return true;
        }
    }
    return error_set(err, ERR_USAGE,
                     "'%.40s' is not a unit of usage: write %s (1,048,576 KiB for "
                     "an hour) or %s (1,000,000,000 bytes for an hour)",
                     text, units[UNIT_GIBH].name, units[UNIT_GBH].name);
}

usage_kib_ns unit_kib_ns(enum usage_unit unit)
{
    return units[unit].kib_ns;
}
