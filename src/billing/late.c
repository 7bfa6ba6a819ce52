#include "billing/late.h"

#include <stdlib.h>
#include <string.h>

bool late_add(struct late_list *list, const struct late_item *item, struct error *err)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 256 : list->room * 2;
        struct late_item *items = realloc(list->items, room * sizeof *items);

        if (items == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory to compare sealed months");
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *item;
    return true;
}

void late_clear(struct late_list *list)
{
    free(list->items);
    *list = (struct late_list){0};
}

static int by_service(const struct late_item *a, const struct late_item *b)
{
    int order = memcmp(a->vm.bytes, b->vm.bytes, sizeof a->vm.bytes);

    return order != 0 ? order : a->hour < b->hour ? -1 : a->hour > b->hour;
}

static int by_price(const struct price *a, const struct price *b)
{
    int order = strcmp(a->currency.code, b->currency.code);

    order = order != 0 ? order : (int)a->unit - (int)b->unit;
    return order != 0 ? order
                      : (a->nano_pennies > b->nano_pennies) - (a->nano_pennies < b->nano_pennies);
}

static int by_all(const void *one, const void *other)
{
    const struct late_item *a = one, *b = other;
    int order = by_service(a, b);

    order = order != 0 ? order : strcmp(a->account->id, b->account->id);
    return order != 0 ? order : by_price(&a->price, &b->price);
}

/* Sorted, with one item of each name. */
static bool merge(struct late_list *list, struct error *err)
{
    size_t kept = 0;

    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, by_all);
    for (size_t i = 0; i < list->count; i++) {
        struct late_item *item = &list->items[i];

        if (kept > 0 && by_all(&list->items[kept - 1], item) == 0) {
            if (!numerator_add_to(&list->items[kept - 1].usage_kib_ns, item->usage_kib_ns, err))
                return false;
        } else {
            list->items[kept++] = *item;
        }
    }
    list->count = kept;
    return true;
}

/* Why is this delta? By what the other list has of the same vm and hour. */
static enum adjustment_cause cause_of(const struct late_item *item, const struct late_list *other,
                                      size_t near)
{
    enum adjustment_cause cause = CAUSE_LATE;

    while (near > 0 && by_service(&other->items[near - 1], item) == 0)
        near--;
    for (; near < other->count && by_service(&other->items[near], item) == 0; near++) {
        const struct late_item *o = &other->items[near];

        if (o->usage_kib_ns == 0)
            continue; /* all of it was taken back before */
        if (strcmp(o->account->id, item->account->id) != 0)
            return CAUSE_OWNER;
        if (by_price(&o->price, &item->price) != 0)
            cause = CAUSE_TARIFF;
    }
    return cause;
}

/* Why is this taken back, of which nothing is due? */
static enum adjustment_cause cause_of_nothing_due(const struct late_item *item,
                                                  const struct late_list *due, size_t near,
                                                  const struct late_sink *sink)
{
    const struct book_account *owner = sink->owner(sink->self, &item->vm, item->hour);
    bool is_his = owner != NULL && strcmp(owner->id, item->account->id) == 0;

    return is_his ? cause_of(item, due, near) : CAUSE_OWNER;
}

bool late_compare(struct late_list *due, struct late_list *billed, const struct late_sink *sink,
                  struct error *err)
{
    size_t d = 0, b = 0;

    if (!merge(due, err) || !merge(billed, err))
        return false;
    while (d < due->count || b < billed->count) {
        int order = d == due->count      ? 1
                    : b == billed->count ? -1
                                         : by_all(&due->items[d], &billed->items[b]);
        struct late_item delta = order <= 0 ? due->items[d] : billed->items[b];
        enum adjustment_cause cause = order < 0   ? cause_of(&delta, billed, b)
                                      : order > 0 ? cause_of_nothing_due(&delta, due, d, sink)
                                                  : CAUSE_LATE;

        if (order > 0)
            delta.usage_kib_ns = -delta.usage_kib_ns;
        if (order == 0)
            delta.usage_kib_ns -= billed->items[b].usage_kib_ns;
        d += order <= 0;
        b += order >= 0;
        if (delta.usage_kib_ns != 0 && !sink->adjust(sink->self, &delta, cause, err))
            return false;
    }
    return true;
}
