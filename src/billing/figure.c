#include "billing/figure.h"

#include <string.h>

#define NANO UINT64_C(1000000000)
#define NS_PER_NANO_HOUR ((usage_kib_ns)(NS_PER_HOUR / INT64_C(1000000000)))
#define KIB_PER_GIB UINT64_C(1048576)

static numerator half_even(usage_kib_ns value, usage_kib_ns divisor)
{
    usage_kib_ns count = value / divisor, twice = value % divisor * 2;

    return (numerator)(count + (twice > divisor || (twice == divisor && count % 2 == 1)));
}

numerator figure_pennies(numerator exact, enum usage_unit unit)
{
    /* a numerator is KiB*ns times nano-pennies per unit */
    numerator divisor = (numerator)unit_kib_ns(unit);

    return exact / divisor - (exact % divisor < 0);
}

numerator figure_usage(usage_kib_ns usage, enum usage_unit unit)
{
    return half_even(usage, unit_kib_ns(unit) / NANO); /* whole, for all units */
}

numerator figure_hours(usage_kib_ns ns)
{
    return half_even(ns, NS_PER_NANO_HOUR);
}

numerator figure_gib(uint64_t kib)
{
    return half_even((usage_kib_ns)kib * NANO, KIB_PER_GIB);
}

numerator figure_percent(usage_kib_ns part, usage_kib_ns whole)
{
    return (numerator)(part * 100 * 1000 / whole);
}

const char *figure_format(numerator value, unsigned decimals, char out[FIGURE_TEXT_MAX])
{
    char digits[NUMERATOR_TEXT_MAX], *to = out;
    const char *from = numerator_format(value, digits);

    if (*from == '-')
        *to++ = *from++;
    size_t length = strlen(from);

    for (size_t place = length > decimals ? length : decimals + 1; place > 0; place--) {
        if (place == decimals)
            *to++ = '.';
        *to++ = place > length ? '0' : from[length - place];
    }
    *to = '\0';
    return out;
}
