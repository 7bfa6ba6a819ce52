#include "billing/currency.h"

#include <string.h>

/*
 * ISO 4217, list one (current currencies and funds), as published by its maintenance agency SIX on
 * 2026-01-01, amendments up to 180. Left out are the codes without a minor unit, in which nobody
 * can pay: metals, bond units, XDR, XSU, XUA, XTS, XXX. A code that is withdrawn later stays here:
 * what was billed in it must be read for ever.
 */
static const struct {
    uint8_t decimals;
    const char *codes;
} lists[] = {
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
    {2, "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP "
        "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB "
        "EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
        "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
        "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
        "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
        "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"},
    {3, "BHD IQD JOD KWD LYD OMR TND"},
    {4, "CLF UYW"},
};

enum { CODE_LENGTH = CURRENCY_TEXT_MAX - 1 };

static bool is_in(const char *codes, const char *code)
{
    size_t length = strlen(codes);

    for (size_t at = 0; at < length; at += CODE_LENGTH + 1)
        if (memcmp(codes + at, code, CODE_LENGTH) == 0)
            return true;
    return false;
}

bool currency_find(const char *code, struct currency *out, struct error *err)
{
    bool is_code = strnlen(code, CODE_LENGTH + 1) == CODE_LENGTH;

    for (size_t i = 0; is_code && i < sizeof lists / sizeof *lists; i++) {
        if (is_in(lists[i].codes, code)) {
            memcpy(out->code, code, CURRENCY_TEXT_MAX);
            out->decimals = lists[i].decimals;
            return true;
        }
    }
    return error_set(err, ERR_USAGE,
                     "'%.40s' is not a currency: write its code of ISO 4217 in capital letters, "
                     "like EUR",
                     code);
}

const char *currency_format(const struct currency *currency, int64_t pennies,
                            char out[AMOUNT_TEXT_MAX])
{
    char text[AMOUNT_TEXT_MAX];
    char *p = text + sizeof text - 1;
    /* not -pennies: the least int64 has no counterpart */
    uint64_t rest = pennies < 0 ? 0 - (uint64_t)pennies : (uint64_t)pennies;

    *p = '\0';
    for (int place = 0; rest != 0 || place <= currency->decimals; place++) {
        if (place > 0 && place == currency->decimals)
            *--p = '.';
        *--p = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (pennies < 0)
        *--p = '-';
    memmove(out, p, strlen(p) + 1);
    return out;
}
