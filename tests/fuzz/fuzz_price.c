/*
 * What an operator writes about money, and what comes back from a ledger: prices, months,
 * numerators, hashes. The first line is an amount, a month, a numerator and a hash, the second what
 * a price is in.
 */
#include "fuzz.h"

#include "billing/chain.h"
#include "billing/charge_line.h"
#include "billing/month.h"

static void price(const char *amount, const char *unit)
{
    struct price price;
    struct price again;
    struct error err;
    char text[PRICE_TEXT_MAX];
    char per[CURRENCY_TEXT_MAX + PRICE_TEXT_MAX];

    if (!price_parse(amount, unit, &price, &err))
        return;
    HOLDS(price.nano_pennies >= 0 && price.nano_pennies <= PRICE_NANO_MAX);
    HOLDS(strlen(price_format(&price, text)) <= strlen(amount));
    (void)snprintf(per, sizeof per, "%s/%s", price.currency.code, unit_name(price.unit));
    HOLDS(strcmp(per, unit) == 0);
    HOLDS(price_parse(text, per, &again, &err));
    HOLDS(again.nano_pennies == price.nano_pennies && again.unit == price.unit);
}

static void month(const char *text)
{
    int32_t month;
    struct error err;
    char out[MONTH_TEXT_MAX];

    if (!month_parse(text, INT64_MAX, &month, &err))
        return;
    HOLDS(month >= 0 && month < (2263 - 1970) * 12);
    HOLDS(text[0] < '0' || text[0] > '9' || strcmp(month_format(month, out), text) == 0);
    for (int offset_h = MONTH_OFFSET_LEAST; offset_h <= MONTH_OFFSET_MOST; offset_h++)
        HOLDS(month_of_hour(month_first_hour(month, offset_h), offset_h) == month);
}

static void figures(const char *text, size_t length)
{
    numerator value;
    numerator again;
    struct chain_hash hash;
    struct error err;
    char digits[NUMERATOR_TEXT_MAX];
    char hex[CHAIN_TEXT_MAX];

    if (numerator_parse(text, length, &value)) {
        struct numerator_limbs limbs = numerator_to_limbs(value);

        HOLDS(strlen(numerator_format(value, digits)) == length);
        HOLDS(memcmp(digits, text, length) == 0);
        HOLDS(numerator_from_limbs(&limbs, &again, &err) && again == value);
    }
    if (chain_parse(text, length, &hash)) {
        HOLDS(length == CHAIN_TEXT_MAX - 1);
        HOLDS(memcmp(chain_format(&hash, hex), text, length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const units[] = {"JPY/GiBh", "EUR/GBh", "KWD/GiBh", "CLF/GBh"};
    char *text = fuzz_text(data, size);
    size_t length = strcspn(text, "\n");
    const char *second = text[length] == '\n' ? text + length + 1 : "";

    text[length] = '\0';
    figures((const char *)data, size); /* with all its bytes */
    figures(text, length);
    month(text);
    price(text, second);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        price(text, units[i]);
    free(text);
    return 0;
}
