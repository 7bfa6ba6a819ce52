#include "common/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool usage_add(usage_kib_ns *sum, usage_kib_ns more)
{
    usage_kib_ns result;

    if (__builtin_add_overflow(*sum, more, &result))
        return false;
    *sum = result;
    return true;
}

bool usage_add_product(usage_kib_ns *sum, uint64_t kib, uint64_t ns)
{
    /* a product of two 64-bit numbers always fits 128 bits */
    return usage_add(sum, (usage_kib_ns)kib * ns);
}

bool usage_to_limbs(usage_kib_ns usage, int64_t *kib_s, int64_t *kib_s_frac)
{
    usage_kib_ns whole = usage / (usage_kib_ns)NS_PER_S;

    if (whole > (usage_kib_ns)INT64_MAX)
        return false;
    *kib_s = (int64_t)whole;
    *kib_s_frac = (int64_t)(usage % (usage_kib_ns)NS_PER_S);
    return true;
}

usage_kib_ns usage_from_limbs(uint64_t kib_s, uint64_t kib_s_frac)
{
    return (usage_kib_ns)kib_s * (usage_kib_ns)NS_PER_S + kib_s_frac;
}

const char *usage_format(usage_kib_ns usage, char out[USAGE_TEXT_MAX])
{
    char digits[USAGE_TEXT_MAX];
    char *p = digits + sizeof digits - 1;

    *p = '\0';
    do {
        *--p = (char)('0' + (int)(usage % 10));
        usage /= 10;
    } while (usage != 0);
    memmove(out, p, strlen(p) + 1);
    return out;
}

const char *usage_format_gib_h(usage_kib_ns usage, char out[USAGE_TEXT_MAX])
{
    /* 10^-9 GiB*h is 3,774,873,600 KiB*ns: a whole number, so that only the last digit is rounded
     */
    const usage_kib_ns nano = KIB_NS_PER_GIB_H / 1000000000U;
    usage_kib_ns count = usage / nano;
    usage_kib_ns rest = usage % nano;
    char whole[USAGE_TEXT_MAX];

    if (rest * 2 > nano || (rest * 2 == nano && count % 2 == 1))
        count++;
    usage_format(count / 1000000000U, whole);
    (void)snprintf(out, USAGE_TEXT_MAX, "%.40s.%09" PRIu64, whole, (uint64_t)(count % 1000000000U));
    return out;
}
