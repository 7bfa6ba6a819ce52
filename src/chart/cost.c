#include "chart/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/figure.h"

enum { DIGITS_MORE = 2 };

struct mark_reading {
    const struct store_marks *stores;
    struct cost_mark *list; /* of each of them */
    size_t count;
};

static bool take_charged(void *self, const struct charged *charged, struct error *err)
{
    struct mark_reading *r = self;

    (void)err;
    for (size_t i = 0; i < r->count; i++)
        if (uuid_is_equal(&r->stores[i].store, &charged->store))
            r->list[i].tick = r->stores[i].base + charged->tick;
    return true;
}

bool cost_read_marks(struct store *measured, struct billing_store *b, struct cost_marks *out,
                     struct error *err)
{
    struct store_marks *stores = NULL;
    size_t count = 0;

    if (!store_marks(measured, &stores, &count, err))
        return false;
    struct mark_reading r = {stores, calloc(count + 1, sizeof *r.list), count};

    if (r.list == NULL) {
        free(stores);
        return error_set(err, ERR_NOMEM, "not enough memory for %zu stores", count);
    }
    for (size_t i = 0; i < count; i++)
        r.list[i] = (struct cost_mark){stores[i].base, stores[i].base};
    bool is_ok = billing_read_charged(b, &(struct billing_charged_sink){take_charged, &r}, err);

    free(stores);
    if (!is_ok) {
        free(r.list);
        return false;
    }
    *out = (struct cost_marks){r.list, count};
    return true;
}

/* What is known by the hour only was pruned, and that is long ago. */
static bool is_charged(const struct cost_marks *marks, const struct store_piece *p)
{
    size_t i = marks->count;

    while (i > 0 && marks->list[i - 1].base > p->tick)
        i--;
    return p->is_average || (i > 0 && p->tick < marks->list[i - 1].tick);
}

static struct cost_amount *amount_of(struct cost *cost, const struct rate *rate, struct error *err)
{
    const struct price *price = rate->price;

    for (size_t i = 0; i < cost->count; i++) {
        struct cost_amount *a = &cost->amounts[i];

        if (a->account == rate->account && a->unit == price->unit &&
            strcmp(a->currency.code, price->currency.code) == 0)
            return a;
    }
    struct cost_amount *larger = realloc(cost->amounts, (cost->count + 1) * sizeof *larger);

    if (larger == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory for what it costs");
        return NULL;
    }
    cost->amounts = larger;
    larger[cost->count] = (struct cost_amount){.account = rate->account,
                                               .currency = price->currency,
                                               .unit = price->unit};
    return &larger[cost->count++];
}

static bool add_usage(struct cost *cost, const struct rate *rate, usage_kib_ns usage,
                      struct error *err)
{
    if (rate->account == NULL || rate->price == NULL)
        return usage_add(rate->account == NULL ? &cost->unassigned : &cost->unpriced, usage) ||
               error_set(err, ERR_RANGE, "usage does not fit 128 bits");
    struct cost_amount *a = amount_of(cost, rate, err);

    if (a == NULL)
        return false;
    if (usage >> 126 != 0 || !usage_add(&a->kib_ns, usage))
        return error_set(err, ERR_RANGE, "usage does not fit 127 bits");
    return numerator_add(&a->n, (numerator)usage, rate->price->nano_pennies, err);
}

bool cost_add(const struct book *book, const struct uuid *vm, const struct cost_marks *marks,
              const struct store_piece *pieces, size_t count, struct cost *sum, struct error *err)
{
    struct rate rate = {0};
    int64_t from_hour = INT64_MAX;
    bool is_ok = true;

    for (size_t i = 0; is_ok && i < count; i++) {
        const struct store_piece *p = &pieces[i];
        usage_kib_ns usage = 0;

        if (p->kind != PIECE_BILLED)
            continue;
        if (p->hour < from_hour || p->hour >= rate.until_hour) {
            book_rate(book, vm, p->hour, &rate);
            from_hour = p->hour;
        }
        is_ok = (usage_add_product(&usage, p->kib, (uint64_t)p->ns) ||
                 error_set(err, ERR_RANGE, "usage does not fit 128 bits")) &&
                add_usage(sum, &rate, usage, err);
        if (is_ok && rate.price != NULL && !is_charged(marks, p))
            is_ok = usage_add(&sum->uncharged, usage) ||
                    error_set(err, ERR_RANGE, "usage does not fit 128 bits");
    }
    return is_ok;
}

void cost_clear(struct cost *cost)
{
    free(cost->amounts);
    *cost = (struct cost){0};
}

const char *cost_format(const struct cost_amount *amount, char out[COST_TEXT_MAX])
{
    char text[FIGURE_TEXT_MAX];
    /* 10^-9 pennies to hundredths of one */
    numerator value = figure_pennies(amount->n, amount->unit) / 10000000;

    (void)snprintf(out, COST_TEXT_MAX, "%s %s",
                   figure_format(value, amount->currency.decimals + DIGITS_MORE, text),
                   amount->currency.code);
    return out;
}
