#include "serve/access.h"

#include <string.h>

struct access access_to(const struct asker *asker, const struct book *book, const struct uuid *vm)
{
    return (struct access){.asker = asker, .book = book, .vm = *vm};
}

bool access_has_hour(struct access *a, int64_t hour)
{
    struct rate rate = {0};

    if (a->asker->is_operator)
        return true;
    if (a->book == NULL || hour < 0)
        return false;
    if (a->until_hour == 0 || hour < a->from_hour || hour >= a->until_hour) {
        book_rate(a->book, &a->vm, hour, &rate);
        a->from_hour = hour;
        a->until_hour = rate.until_hour;
        a->is_his = rate.account != NULL && strcmp(rate.account->id, a->asker->account) == 0;
    }
    return a->is_his;
}

bool access_next(struct access *a, int64_t *hour, int64_t to_hour, int64_t *end)
{
    for (; *hour < to_hour; *hour = a->until_hour) {
        bool may_see = access_has_hour(a, *hour);

        *end = a->asker->is_operator || a->until_hour > to_hour ? to_hour : a->until_hour;
        if (may_see)
            return true;
        if (a->book == NULL || a->until_hour <= *hour)
            return false;
    }
    return false;
}

bool access_has_any(struct access *a, int64_t from_hour, int64_t to_hour)
{
    int64_t end;

    return access_next(a, &from_hour, to_hour, &end);
}
