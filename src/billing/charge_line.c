#include "billing/charge_line.h"

#include <string.h>

static const numerator limb = INT64_C(1000000000000); /* 10^12 */

static bool out_of_range(struct error *err, const char *what)
{
    return error_set(err, ERR_RANGE, "%s does not fit: no real usage at a real price is that much",
                     what);
}

/* Towards minus infinity; by > 0. */
static numerator floor_div(numerator value, numerator by)
{
    numerator quotient = value / by;

    return value % by < 0 ? quotient - 1 : quotient;
}

/* 0 .. by - 1 */
static numerator floor_mod(numerator value, numerator by)
{
    numerator rest = value % by;

    return rest < 0 ? rest + by : rest;
}

numerator unit_penny(enum usage_unit unit)
{
    return (numerator)unit_kib_ns(unit) * NANO_PER_PENNY;
}

bool numerator_add(numerator *sum, numerator usage, int64_t nano_pennies, struct error *err)
{
    numerator product;

    if (__builtin_mul_overflow(usage, nano_pennies, &product))
        return out_of_range(err, "usage times its price");
    return numerator_add_to(sum, product, err);
}

bool numerator_add_to(numerator *sum, numerator more, struct error *err)
{
    numerator result;

    if (__builtin_add_overflow(*sum, more, &result))
        return out_of_range(err, "a sum of usage times its price");
    *sum = result;
    return true;
}

/* carry_in + n + transfers: all that the line has had. */
static bool add_up(const struct charge_line_sums *sums, numerator *out, struct error *err)
{
    *out = sums->carry_in;
    return numerator_add_to(out, sums->n, err) && numerator_add_to(out, sums->transfers, err);
}

bool charge_line_due(const struct charge_line_sums *sums, enum usage_unit unit, int64_t *due,
                     struct error *err)
{
    numerator earned;
    int64_t result;

    if (!add_up(sums, &earned, err))
        return false;
    if (__builtin_sub_overflow(floor_div(earned, unit_penny(unit)), sums->posted, &result))
        return out_of_range(err, "what is due");
    *due = result;
    return true;
}

bool charge_line_carry(const struct charge_line_sums *sums, enum usage_unit unit, numerator *carry,
                       struct error *err)
{
    numerator rest;
    numerator paid;

    if (!add_up(sums, &rest, err))
        return false;
    if (__builtin_mul_overflow(unit_penny(unit), sums->posted, &paid) ||
        __builtin_sub_overflow(rest, paid, &rest))
        return out_of_range(err, "what is posted");
    *carry = rest;
    return true;
}

const char *numerator_format(numerator value, char out[NUMERATOR_TEXT_MAX])
{
    char text[NUMERATOR_TEXT_MAX];
    char *p = text + sizeof text - 1;
    bool is_negative = value < 0;

    *p = '\0';
    do {
        int digit = (int)(value % 10); /* has the value's sign, so that the least value works too */

        *--p = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
    } while (value != 0);
    if (is_negative)
        *--p = '-';
    memmove(out, p, strlen(p) + 1);
    return out;
}

bool numerator_parse(const char *text, size_t length, numerator *out)
{
    bool is_negative = length > 0 && text[0] == '-';
    size_t first = is_negative ? 1 : 0;
    numerator value = 0;

    /* one text per value: no zero in front, no minus zero */
    if (first == length || (text[first] == '0' && length > 1))
        return false;
    for (size_t i = first; i < length; i++) {
        int digit = text[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, is_negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

struct numerator_limbs numerator_to_limbs(numerator value)
{
    numerator upper = floor_div(value, limb);

    return (struct numerator_limbs){
        .high = (int64_t)floor_div(upper, limb),
        .middle = (int64_t)floor_mod(upper, limb),
        .low = (int64_t)floor_mod(value, limb),
    };
}

bool numerator_from_limbs(const struct numerator_limbs *limbs, numerator *out, struct error *err)
{
    numerator rest = limbs->middle * limb + limbs->low;
    numerator high = limbs->high + floor_div(rest, limb * limb);
    numerator value;

    rest = floor_mod(rest, limb * limb);
    /* near the least value high alone would be too low: both parts get the sign of the whole */
    if (high < 0) {
        high++;
        rest -= limb * limb;
    }
    if (__builtin_mul_overflow(high, limb * limb, &value) ||
        __builtin_add_overflow(value, rest, &value))
        return out_of_range(err, "a sum of usage times its price");
    *out = value;
    return true;
}
