#include "billing/vm_names.h"

#include <stdlib.h>
#include <string.h>

static bool take_name(void *self, const struct uuid *vm, const char *name, struct error *err)
{
    struct vm_names *names = self;

    if (names->count == names->room) {
        size_t room = names->room * 2 + 64;
        struct vm_name *larger = realloc(names->list, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
        names->list = larger;
        names->room = room;
    }
    char *copy = strdup(name);

    if (copy == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the names of VMs");
    names->list[names->count++] = (struct vm_name){*vm, copy};
    return true;
}

bool vm_names_read(struct vm_names *names, struct billing_store *b, int64_t change,
                   struct error *err)
{
    const struct billing_name_sink sink = {take_name, names};

    return billing_read_names(b, change, &sink, err);
}

bool vm_names_read_of(struct vm_names *names, struct billing_store *b, int64_t change,
                      const char *account, struct error *err)
{
    const struct billing_name_sink sink = {take_name, names};

    return billing_read_account_names(b, change, account, &sink, err);
}

static int by_vm(const void *key, const void *element)
{
    const struct vm_name *name = element;

    return memcmp(key, &name->vm, sizeof name->vm);
}

const char *vm_names_find(const struct vm_names *names, const struct uuid *vm)
{
    const struct vm_name *found =
        names->count > 0 ? bsearch(vm, names->list, names->count, sizeof *names->list, by_vm)
                         : NULL;

    return found != NULL ? found->name : NULL;
}

void vm_names_clear(struct vm_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i].name);
    free(names->list);
    *names = (struct vm_names){0};
}
