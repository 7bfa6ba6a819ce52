#include "billing/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/safety.h"

enum { FIELDS = 12, FIELD_MAX = 48 };

static void number(char out[FIELD_MAX], int64_t value)
{
    (void)snprintf(out, FIELD_MAX, "%" PRId64, value);
}

static void hash_of(const struct chain_key *key, const struct chain_hash *before,
                    const struct ledger_entry *e, const struct billing_line *line,
                    struct chain_hash *out)
{
    char numbers[5][FIELD_MAX], vm[UUID_TEXT_MAX] = "", host[UUID_TEXT_MAX] = "";
    char transfer[NUMERATOR_TEXT_MAX], month[MONTH_TEXT_MAX];

    number(numbers[0], e->entry);
    number(numbers[1], e->utc_ns);
    number(numbers[2], e->pennies);
    number(numbers[3], e->tick);
    if (!line->is_pool)
        (void)uuid_format(&line->vm, vm);
    if (!uuid_is_zero(&e->host))
        (void)uuid_format(&e->host, host);
    const char *texts[FIELDS] = {
        numbers[0],
        numbers[1],
        billing_kind_word(e->kind),
        line->account,
        vm,
        line->currency.code,
        unit_name(line->unit),
        month_format(line->month, month),
        numbers[2],
        numerator_format(e->transfer, transfer),
        host,
        numbers[3],
    };
    struct chain_field fields[FIELDS];

    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (struct chain_field){texts[i], strlen(texts[i])};
    const struct chain_hash none = {{0}};

    chain_next(key, safety_is_on(SAFETY_BILLING_CHAIN) ? before : &none, fields, FIELDS, out);
}

void ledger_name_source(struct ledger_entry *entry, const struct store_marks *source)
{
    if (source == NULL)
        return;
    entry->host = source->host;
    entry->tick = source->last_tick - source->base;
}

bool ledger_append(struct ledger_end *end, struct billing_store *b, const struct chain_key *key,
                   struct ledger_entry *entry, const struct billing_line *line, struct error *err)
{
    entry->entry = end->entry + 1;
    entry->line = line->line;
    hash_of(key, &end->hash, entry, line, &entry->hash);
    if (!billing_append(b, entry, err))
        return false;
    *end = (struct ledger_end){entry->entry, entry->hash};
    return true;
}

struct verification {
    const struct chain_key *key;
    struct ledger_end end;
    int64_t broken_at;
};

static bool follow(void *self, const struct ledger_entry *entry, const struct billing_line *line,
                   struct error *err)
{
    struct verification *v = self;
    struct chain_hash expected;

    (void)err;
    hash_of(v->key, &v->end.hash, entry, line, &expected);
    bool fits =
        entry->entry == v->end.entry + 1 && memcmp(&expected, &entry->hash, sizeof expected) == 0;

    if (!fits && v->broken_at == 0)
        v->broken_at = entry->entry;
    v->end = (struct ledger_end){entry->entry, entry->hash};
    return true;
}

struct opening {
    const struct chain_key *key;
    struct ledger_end end;
    bool fits; /* the last that was read */
};

static bool see_entry(void *self, const struct ledger_entry *entry, const struct billing_line *line,
                      struct error *err)
{
    struct opening *o = self;
    struct chain_hash expected;

    (void)err;
    hash_of(o->key, &o->end.hash, entry, line, &expected);
    o->fits = memcmp(&expected, &entry->hash, sizeof expected) == 0;
    o->end = (struct ledger_end){entry->entry, entry->hash};
    return true;
}

bool ledger_open(struct ledger_end *end, struct billing_store *b, const struct chain_key *key,
                 struct error *err)
{
    struct opening o = {.key = key, .fits = true};
    struct ledger_sink sink = {see_entry, &o};
    struct chain_hash head;
    int64_t last;

    /* the entry before the last has the hash that the last one holds */
    if (!billing_head(b, &last, &head, err) || !billing_read_ledger(b, last - 1, &sink, err))
        return false;
    if (!o.fits && safety_is_on(SAFETY_BILLING_KEY))
        return error_set(err, ERR_REFUSED,
                         "entry %" PRId64 " of the ledger was not made with this key: restore the "
                         "key, or see pagemeter audit",
                         last);
    *end = o.end;
    return true;
}

bool ledger_verify(struct billing_store *b, const struct chain_key *key, int64_t *broken_at,
                   struct ledger_end *end, struct error *err)
{
    struct verification v = {.key = key};
    struct ledger_sink sink = {follow, &v};

    if (!billing_read_ledger(b, 1, &sink, err))
        return false;
    *broken_at = v.broken_at;
    *end = v.end;
    return true;
}
