/*
 * vm_names.h - what VMs are called in the books. Pure, but for reading them.
 */
#ifndef PAGEMETER_BILLING_VM_NAMES_H
#define PAGEMETER_BILLING_VM_NAMES_H

#include "store/billing_store.h"

/* Ascending by vm; at first all zero. */
struct vm_names {
    struct vm_name {
        struct uuid vm;
        char *name;
    } * list;
    size_t count, room;
};

/* When this change had been made; INT64_MAX: now. Cleared by vm_names_clear, after an error too. */
MUST_CHECK bool vm_names_read(struct vm_names *names, struct billing_store *b, int64_t change,
                              struct error *err);
/* What this account's VMs were called when they were given to it: no word of another's. */
MUST_CHECK bool vm_names_read_of(struct vm_names *names, struct billing_store *b, int64_t change,
                                 const char *account, struct error *err);
/* NULL for one that has none. */
const char *vm_names_find(const struct vm_names *names, const struct uuid *vm);
void vm_names_clear(struct vm_names *names);

#endif
