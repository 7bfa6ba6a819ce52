#include "cli/usage_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"

static const char *const key_names[KEY_COUNT] = {[KEY_VM] = "vm",
                                                 [KEY_ACCOUNT] = "account",
                                                 [KEY_HOST] = "host",
                                                 [KEY_LIFE] = "life",
                                                 [KEY_HOUR] = "hour"};

const char *usage_key_name(enum usage_key key)
{
    return key_names[key];
}

bool usage_parse_keys(const char *text, bool has[KEY_COUNT], struct error *err)
{
    bool found[KEY_COUNT] = {false};

    for (const char *p = text;; p++) {
        size_t length = strcspn(p, ",");
        int key = 0;

        while (key < KEY_COUNT &&
               (strlen(key_names[key]) != length || strncmp(p, key_names[key], length) != 0))
            key++;
        if (key == KEY_COUNT)
            return error_set(err, ERR_USAGE,
                             "'%.40s' is not a list of keys: write vm, account, host, life, hour, "
                             "separated by commas",
                             text);
        found[key] = true;
        p += length;
        if (*p == '\0')
            break;
    }
    memcpy(has, found, sizeof found);
    return true;
}

const char *usage_row_key(const struct usage_row *row, enum usage_key key, char out[KEY_TEXT_MAX])
{
    char boot[UUID_TEXT_MAX];

    switch (key) {
    case KEY_VM:
        return uuid_format(&row->life->vm, out);
    case KEY_ACCOUNT:
        return row->account != NULL ? row->account->id : "unassigned";
    case KEY_HOST:
        return uuid_format(&row->life->host, out);
    case KEY_LIFE:
        (void)snprintf(out, KEY_TEXT_MAX, "%.8s/%u/%" PRIu64, uuid_format(&row->life->boot, boot),
                       row->life->domid, row->life->first_seq);
        return out;
    case KEY_HOUR:
        return calendar_format_hour(row->sum.hour, out);
    case KEY_COUNT:
        break;
    }
    return "";
}

bool usage_sum_add(struct usage_sum *sum, const struct usage_sum *more, struct error *err)
{
    struct usage_sum s = *sum;

    if (!usage_add(&s.kib_ns, more->kib_ns) || !usage_add(&s.measured_ns, more->measured_ns) ||
        !usage_add(&s.missing_ns, more->missing_ns) ||
        !usage_add(&s.excluded_ns, more->excluded_ns))
        return error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
    *sum = s;
    return true;
}

static struct usage_sum sum_of(const struct usage_part *part)
{
    return (struct usage_sum){
        .hour = part->hour,
        .kib_ns = part->kib_ns,
        .measured_ns = (sum_ns)part->measured_ns,
        .missing_ns = (sum_ns)part->missing_ns,
        .excluded_ns = (sum_ns)part->excluded_ns,
    };
}

static bool add_row(struct usage_table *t, const struct usage_row *row, struct error *err)
{
    if (t->rows == NULL || t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 1024 : t->capacity * 2;
        struct usage_row *larger = realloc(t->rows, capacity * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory: ask for a shorter range");
        t->rows = larger;
        t->capacity = capacity;
    }
    t->rows[t->count++] = *row;
    return true;
}

/* Owners are dated by the hour. */
static const struct book_account *owner_of(const struct usage_table *t,
                                           const struct life_info *life, int64_t hour)
{
    struct rate rate = {0};

    if (t->has[KEY_ACCOUNT] && t->book != NULL)
        book_rate(t->book, &life->vm, hour, &rate);
    return rate.account;
}

/* Parts of one life come together: only the last row can be the same life's. */
static bool take_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                      struct error *err)
{
    struct usage_table *t =
        (struct usage_table *)((char *)reader - offsetof(struct usage_table, reader));
    const struct life_info *info = &reader->lives[life];
    struct usage_row *last = t->rows != NULL && t->count > 0 ? &t->rows[t->count - 1] : NULL;
    struct usage_row row = {info, owner_of(t, info, part->hour), sum_of(part)};

    if (!info->is_billed && !t->with_unbilled)
        return true;
    if (last != NULL && last->life == info && last->account == row.account &&
        (!t->has[KEY_HOUR] || last->sum.hour == part->hour))
        return usage_sum_add(&last->sum, &row.sum, err);
    return add_row(t, &row, err);
}

static int compare_text(const struct usage_row *a, const struct usage_row *b, enum usage_key key)
{
    char left[KEY_TEXT_MAX];
    char right[KEY_TEXT_MAX];

    return strcmp(usage_row_key(a, key, left), usage_row_key(b, key, right));
}

static int compare_key(const struct usage_row *a, const struct usage_row *b, enum usage_key key)
{
    switch (key) {
    case KEY_VM: /* the order of the bytes is the order of the text */
        return memcmp(&a->life->vm, &b->life->vm, sizeof a->life->vm);
    case KEY_HOST:
        return memcmp(&a->life->host, &b->life->host, sizeof a->life->host);
    case KEY_ACCOUNT:
        return a->account == b->account ? 0 : compare_text(a, b, key);
    case KEY_LIFE:
        return a->life == b->life ? 0 : compare_text(a, b, key);
    case KEY_HOUR: /* years have four digits up to 2262, the last one that a trace can name */
        return (a->sum.hour > b->sum.hour) - (a->sum.hour < b->sum.hour);
    case KEY_COUNT:
        break;
    }
    return 0;
}

static int compare_rows(const void *left, const void *right, void *table)
{
    const struct usage_table *t = table;
    int order = 0;

    for (int key = 0; key < KEY_COUNT && order == 0; key++)
        if (t->has[key])
            order = compare_key(left, right, (enum usage_key)key);
    return order;
}

static bool merge_rows(struct usage_table *t, struct error *err)
{
    size_t kept = 0;

    if (t->count == 0)
        return true;
    qsort_r(t->rows, t->count, sizeof *t->rows, compare_rows, t);
    for (size_t i = 1; i < t->count; i++) {
        if (compare_rows(&t->rows[kept], &t->rows[i], t) != 0)
            t->rows[++kept] = t->rows[i];
        else if (!usage_sum_add(&t->rows[kept].sum, &t->rows[i].sum, err))
            return false;
    }
    t->count = kept + 1;
    return true;
}

bool usage_table_read(struct usage_table *t, struct store *store, struct usage_query *query,
                      struct error *err)
{
    t->reader = (struct usage_reader){.add = take_part};
    query->by_hour = t->has[KEY_HOUR] || (t->has[KEY_ACCOUNT] && t->book != NULL);
    return store_usage(store, query, &t->reader, err) && merge_rows(t, err);
}

void usage_table_clear(struct usage_table *t)
{
    free(t->rows);
    free(t->reader.lives);
    *t = (struct usage_table){0};
}
