#include "balloon/recent.h"

void recent_add(struct recent *recent, const struct decision *decision)
{
    recent->list[recent->count++ % RECENT_MAX] = *decision;
}

size_t recent_of(const struct recent *recent, const struct uuid *vm, struct decision *out,
                 size_t max)
{
    uint64_t kept = recent->count < RECENT_MAX ? recent->count : RECENT_MAX;
    size_t found = 0;

    for (uint64_t i = 1; i <= kept && found < max; i++) {
        const struct decision *d = &recent->list[(recent->count - i) % RECENT_MAX];

        if (uuid_is_equal(&d->uuid, vm))
            out[found++] = *d;
    }
    return found;
}
