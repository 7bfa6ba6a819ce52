/*
 * statement_names.c - what a statement holds: what its VMs are called, the lists of its rows; and
 * its end.
 */
#include <stdlib.h>
#include <string.h>

#include "billing/statement_impl.h"

const char *statement_name_of(const struct statement *s, const struct billing_line *line)
{
    const char *name = line->is_pool ? NULL : vm_names_find(&s->names, &line->vm);

    return name != NULL ? name : "";
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
    vm_names_clear(&s->names);
    free(s->ledger);
    free(s->rows);
    book_free(s->book);
    *s = (struct statement){0};
}
