/*
 * statement_names.c - what a statement holds: what its VMs are called, the lists of its rows; and
 * its end.
 */
#include <stdlib.h>
#include <string.h>

#include "billing/statement_impl.h"

bool statement_take_name(void *self, const struct uuid *vm, const char *name, struct error *err)
{
    struct statement *s = self;

    if (s->name_count == s->name_room) {
        size_t room = s->name_room == 0 ? 256 : s->name_room * 2;
        struct statement_name *names = realloc(s->names, room * sizeof *names);

        if (names == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
        s->names = names;
        s->name_room = room;
    }
    s->names[s->name_count] = (struct statement_name){*vm, strdup(name)};
    if (s->names[s->name_count].name == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
    s->name_count++;
    return true;
}

static int by_vm(const void *one, const void *other)
{
    const struct statement_name *a = one, *b = other;

    return memcmp(a->vm.bytes, b->vm.bytes, sizeof a->vm.bytes);
}

const char *statement_name_of(const struct statement *s, const struct billing_line *line)
{
    struct statement_name wanted = {.vm = line->vm};
    const struct statement_name *found =
        line->is_pool || s->name_count == 0
            ? NULL
            : bsearch(&wanted, s->names, s->name_count, sizeof wanted, by_vm);

    return found != NULL ? found->name : "";
}

bool statement_priced_add(struct statement_priced *priced, numerator kib_ns, struct error *err)
{
    return numerator_add_to(&priced->kib_ns, kib_ns, err) &&
           numerator_add(&priced->n, kib_ns, priced->nano_pennies, err);
}

void *statement_grow(void *list, size_t count, size_t size, struct error *err)
{
    if ((count & (count - 1)) != 0) /* no power of two */
        return list;
    void *larger = realloc(list, (count == 0 ? 1 : count * 2) * size);

    if (larger == NULL)
        (void)error_set(err, ERR_NOMEM, "not enough memory for the prices of charge lines");
    return larger;
}

void statement_row_clear(struct statement_row *row)
{
    free(row->prices);
    free(row->corrections);
    *row = (struct statement_row){0};
}

void statement_free(struct statement *s)
{
    for (size_t i = 0; i < s->count; i++)
        statement_row_clear(&s->rows[i]);
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i].name);
    free(s->names);
    free(s->ledger);
    free(s->rows);
    book_free(s->book);
    *s = (struct statement){0};
}
