#include "billing/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"

/* What was said of one VM, or of one account's price; dated.value is an index. */
struct timeline_of {
    struct dated *entries;
    size_t count, room;
};

struct owned {
    struct uuid vm;
    struct timeline_of owners; /* values: accounts */
};

struct book {
    struct book_account *accounts;
    struct timeline_of *tariffs; /* by account; values: prices */
    size_t account_count, account_room, tariff_room;
    struct timeline_of default_tariff;
    struct owned *vms; /* ascending */
    size_t vm_count, vm_room;
    struct price *prices;
    size_t price_count, price_room;
};

/* A growing array with room for one more: where it is now, or NULL, and it stays as it was. */
static void *grow(void *array, size_t *room, size_t count, size_t size, struct error *err)
{
    size_t more = *room == 0 ? 64 : *room * 2;

    if (count < *room)
        return array;
    void *larger = realloc(array, more * size);

    if (larger == NULL)
        (void)error_set(err, ERR_NOMEM, "not enough memory for accounts and tariffs");
    else
        *room = more;
    return larger;
}

static bool add_dated(struct timeline_of *t, int64_t from_hour, int64_t change, size_t value,
                      struct error *err)
{
    struct dated *entries = grow(t->entries, &t->room, t->count, sizeof *entries, err);

    if (entries == NULL)
        return false;
    t->entries = entries;
    entries[t->count++] = (struct dated){.from_hour = from_hour, .change = change, .value = value};
    return true;
}

/* The place of an account, or the number of them. */
static size_t place_of(const struct book *book, const char *id)
{
    size_t low = 0, high = book->account_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(book->accounts[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < book->account_count && strcmp(book->accounts[low].id, id) == 0
               ? low
               : book->account_count;
}

/* ---- reading it in: the store hands it over in order ---- */

static bool take_account(void *self, const char *id, const char *name, int offset_h,
                         struct error *err)
{
    struct book *book = self;
    size_t at = book->account_count;

    struct book_account *accounts =
        grow(book->accounts, &book->account_room, at, sizeof *accounts, err);

    if (accounts == NULL)
        return false;
    book->accounts = accounts;
    struct timeline_of *tariffs = grow(book->tariffs, &book->tariff_room, at, sizeof *tariffs, err);

    if (tariffs == NULL)
        return false;
    book->tariffs = tariffs;
    struct book_account *account = &accounts[at];

    *account = (struct book_account){.offset_h = offset_h, .name = strdup(name)};
    if (account->name == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for accounts and tariffs");
    (void)snprintf(account->id, sizeof account->id, "%s", id);
    tariffs[at] = (struct timeline_of){0};
    book->account_count++;
    return true;
}

static bool take_owner(void *self, const struct uuid *vm, int64_t from_hour, int64_t change,
                       const char *account, struct error *err)
{
    struct book *book = self;
    size_t owner = place_of(book, account);

    if (owner == book->account_count)
        return error_set(err, ERR_STORE, "a VM is owned by %s, which is no account", account);
    if (book->vm_count == 0 || !uuid_is_equal(&book->vms[book->vm_count - 1].vm, vm)) {
        struct owned *vms = grow(book->vms, &book->vm_room, book->vm_count, sizeof *vms, err);

        if (vms == NULL)
            return false;
        book->vms = vms;
        vms[book->vm_count++] = (struct owned){.vm = *vm};
    }
    return add_dated(&book->vms[book->vm_count - 1].owners, from_hour, change, owner, err);
}

static bool take_tariff(void *self, const char *account, int64_t from_hour, int64_t change,
                        const struct price *price, struct error *err)
{
    struct book *book = self;
    size_t at = place_of(book, account);
    struct timeline_of *timeline = &book->default_tariff;

    if (account[0] != '\0' && at == book->account_count)
        return error_set(err, ERR_STORE, "a tariff is of %s, which is no account", account);
    if (account[0] != '\0')
        timeline = &book->tariffs[at];
    struct price *prices =
        grow(book->prices, &book->price_room, book->price_count, sizeof *prices, err);

    if (prices == NULL)
        return false;
    book->prices = prices;
    prices[book->price_count] = *price;
    return add_dated(timeline, from_hour, change, book->price_count++, err);
}

bool book_read(struct book **out, struct billing_store *b, struct error *err)
{
    struct book *book = calloc(1, sizeof *book);
    struct billing_book_sink sink = {take_account, take_owner, take_tariff, book};

    if (book == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for accounts and tariffs");
    if (!billing_read_book(b, &sink, err)) {
        book_free(book);
        return false;
    }
    *out = book;
    return true;
}

void book_free(struct book *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < book->account_count; i++) {
        free(book->accounts[i].name);
        free(book->tariffs[i].entries);
    }
    for (size_t i = 0; i < book->vm_count; i++)
        free(book->vms[i].owners.entries);
    free(book->accounts);
    free(book->tariffs);
    free(book->default_tariff.entries);
    free(book->vms);
    free(book->prices);
    free(book);
}

const struct book_account *book_account(const struct book *book, const char *id)
{
    size_t at = place_of(book, id);

    return at < book->account_count ? &book->accounts[at] : NULL;
}

const struct book_account *book_accounts(const struct book *book, size_t *count)
{
    *count = book->account_count;
    return book->accounts;
}

/* ---- what holds at an hour ---- */

static const struct owned *find_vm(const struct book *book, const struct uuid *vm)
{
    size_t low = 0, high = book->vm_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(book->vms[middle].vm.bytes, vm->bytes, sizeof vm->bytes);

        if (order == 0)
            return &book->vms[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The value that holds, or NONE; *until is brought forward to when that may change. */
#define NONE SIZE_MAX
static size_t value_at(const struct timeline_of *t, int64_t hour, int64_t *until)
{
    size_t at = dated_find(t->entries, t->count, hour);
    int64_t end = dated_until(t->entries, t->count, hour);

    *until = end < *until ? end : *until;
    return at < t->count ? t->entries[at].value : NONE;
}

void book_rate(const struct book *book, const struct uuid *vm, int64_t hour, struct rate *out)
{
    const struct owned *owned = find_vm(book, vm);
    int64_t until = INT64_MAX;
    size_t owner = owned == NULL ? NONE : value_at(&owned->owners, hour, &until);
    size_t price = NONE;

    *out = (struct rate){0};
    if (owner != NONE) {
        out->account = &book->accounts[owner];
        price = value_at(&book->tariffs[owner], hour, &until);
        if (price == NONE)
            price = value_at(&book->default_tariff, hour, &until);
    }
    int offset_h = owner != NONE ? out->account->offset_h : 0;

    out->price = price != NONE ? &book->prices[price] : NULL;
    out->month = month_of_hour(hour, offset_h);
    int64_t end = month_first_hour(out->month + 1, offset_h);

    out->until_hour = end < until ? end : until;
}
