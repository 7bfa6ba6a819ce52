#include "billing/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 256 }; /* a power of two */

struct sheet {
    struct sheet_line *lines;
    size_t count, room;
    size_t *slots; /* 1 + the index of a line, 0: empty */
    size_t slot_count;
    size_t *numbered; /* their indexes by number, as it was when one was last looked for */
    size_t numbered_count;
};

/* The parts of a line's name that are compared, as one. */
struct key {
    const char *account;
    const struct uuid *vm; /* NULL: the pool */
    const char *currency;
    enum usage_unit unit;
    int32_t month;
};

static struct key key_of(const struct billing_line *line)
{
    return (struct key){line->account, line->is_pool ? NULL : &line->vm, line->currency.code,
                        line->unit, line->month};
}

/* FNV-1a */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t hash_of(const struct key *key)
{
    uint64_t hash = mix(UINT64_C(14695981039346656037), key->account, strlen(key->account));

    if (key->vm != NULL)
        hash = mix(hash, key->vm->bytes, sizeof key->vm->bytes);
    hash = mix(hash, key->currency, strlen(key->currency));
    hash = mix(hash, &key->unit, sizeof key->unit);
    return mix(hash, &key->month, sizeof key->month);
}

static int order_of(const struct key *a, const struct key *b)
{
    int order = a->month < b->month ? -1 : a->month > b->month;

    order = order != 0 ? order : strcmp(a->account, b->account);
    if (order == 0 && (a->vm == NULL || b->vm == NULL))
        order = (a->vm != NULL) - (b->vm != NULL);
    else if (order == 0)
        order = memcmp(a->vm->bytes, b->vm->bytes, sizeof a->vm->bytes);
    order = order != 0 ? order : strcmp(a->currency, b->currency);
    return order != 0 ? order : (int)a->unit - (int)b->unit;
}

/* The slot where it is, or belongs. */
static size_t slot_of(const struct sheet *s, const struct key *key)
{
    size_t slot = (size_t)hash_of(key) & (s->slot_count - 1);

    while (s->slots[slot] != 0) {
        struct key there = key_of(&s->lines[s->slots[slot] - 1].stored);

        if (order_of(&there, key) == 0)
            break;
        slot = (slot + 1) & (s->slot_count - 1);
    }
    return slot;
}

static void place_all(struct sheet *s)
{
    memset(s->slots, 0, s->slot_count * sizeof *s->slots);
    for (size_t i = 0; i < s->count; i++) {
        struct key key = key_of(&s->lines[i].stored);

        s->slots[slot_of(s, &key)] = i + 1;
    }
}

/* Room for one more, at most half of the slots full. */
static bool make_room(struct sheet *s, struct error *err)
{
    if (s->count == s->room) {
        size_t room = s->room * 2;
        struct sheet_line *lines = realloc(s->lines, room * sizeof *lines);

        if (lines == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", room);
        s->lines = lines;
        s->room = room;
    }
    if ((s->count + 1) * 2 <= s->slot_count)
        return true;
    size_t *slots = calloc(s->slot_count * 2, sizeof *slots);

    if (slots == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for %zu charge lines", s->room);
    free(s->slots);
    s->slots = slots;
    s->slot_count *= 2;
    place_all(s);
    return true;
}

static struct sheet_line *add(struct sheet *s, const struct billing_line *line, struct error *err)
{
    if (!make_room(s, err))
        return NULL;
    struct key key = key_of(line);

    s->slots[slot_of(s, &key)] = s->count + 1;
    s->lines[s->count] = (struct sheet_line){.stored = *line};
    return &s->lines[s->count++];
}

static bool take_line(void *self, const struct billing_line *line, struct error *err)
{
    return add(self, line, err) != NULL;
}

bool sheet_read(struct sheet **out, struct billing_store *b, int32_t month, struct error *err)
{
    struct sheet *s = calloc(1, sizeof *s);
    struct billing_line_sink sink = {take_line, s};

    if (s != NULL) {
        s->room = SLOTS_FIRST / 2;
        s->slot_count = SLOTS_FIRST;
        s->lines = calloc(s->room, sizeof *s->lines);
        s->slots = calloc(s->slot_count, sizeof *s->slots);
    }
    if (s == NULL || s->lines == NULL || s->slots == NULL)
        (void)error_set(err, ERR_NOMEM, "not enough memory for charge lines");
    else if (billing_read_lines(b, month, &sink, err)) {
        *out = s;
        return true;
    }
    sheet_free(s);
    return false;
}

void sheet_free(struct sheet *s)
{
    if (s == NULL)
        return;
    free(s->lines);
    free(s->slots);
    free(s->numbered);
    free(s);
}

struct sheet_line *sheet_line(struct sheet *s, const struct book_account *account,
                              const struct uuid *vm, const struct price *price, int32_t month,
                              struct error *err)
{
    struct key key = {account->id, vm, price->currency.code, price->unit, month};
    size_t slot = slot_of(s, &key);

    if (s->slots[slot] != 0)
        return &s->lines[s->slots[slot] - 1];
    struct billing_line line = {.is_pool = vm == NULL,
                                .currency = price->currency,
                                .unit = price->unit,
                                .month = month};

    (void)snprintf(line.account, sizeof line.account, "%s", account->id);
    if (vm != NULL)
        line.vm = *vm;
    return add(s, &line, err);
}

size_t sheet_place(const struct sheet *s, const struct sheet_line *line)
{
    return (size_t)(line - s->lines);
}

const struct sheet_line *sheet_lines(const struct sheet *s, size_t *count)
{
    *count = s->count;
    return s->lines;
}

static int by_key(const void *one, const void *other)
{
    struct key a = key_of(&((const struct sheet_line *)one)->stored);
    struct key b = key_of(&((const struct sheet_line *)other)->stored);

    return order_of(&a, &b);
}

struct sheet_line *sheet_sorted(struct sheet *s, size_t *count)
{
    qsort(s->lines, s->count, sizeof *s->lines, by_key);
    place_all(s);
    s->numbered_count = 0;
    *count = s->count;
    return s->lines;
}

/* qsort_r's third argument */
static int by_number(const void *one, const void *other, void *self)
{
    const struct sheet *s = self;
    int64_t a = s->lines[*(const size_t *)one].stored.line;
    int64_t b = s->lines[*(const size_t *)other].stored.line;

    return a < b ? -1 : a > b;
}

static bool number_lines(struct sheet *s)
{
    size_t *numbered = realloc(s->numbered, s->count * sizeof *numbered);

    if (numbered == NULL)
        return false;
    s->numbered = numbered;
    for (size_t i = 0; i < s->count; i++)
        numbered[i] = i;
    qsort_r(numbered, s->count, sizeof *numbered, by_number, s);
    s->numbered_count = s->count;
    return true;
}

static struct sheet_line *find_number(const struct sheet *s, int64_t line)
{
    size_t low = 0, high = s->numbered_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->lines[s->numbered[middle]].stored.line < line)
            low = middle + 1;
        else
            high = middle;
    }
    struct sheet_line *found = low < s->numbered_count ? &s->lines[s->numbered[low]] : NULL;

    return found != NULL && found->stored.line == line ? found : NULL;
}

struct sheet_line *sheet_number(struct sheet *s, int64_t line)
{
    if (line <= 0 || s->count == 0) /* those that are not stored have 0 */
        return NULL;
    struct sheet_line *found = find_number(s, line);

    /* lines may have been added or stored since they were numbered */
    if (found == NULL && number_lines(s))
        found = find_number(s, line);
    return found;
}

bool sheet_sums(const struct sheet_line *line, struct charge_line_sums *out, struct error *err)
{
    *out = line->stored.sums;
    return numerator_add_to(&out->n, line->open_n, err);
}
