/*
 * names.h - the names that people gave their VMs, from xenstore.
 *
 * xenstored may hang, and a hung read can't be ended: so another program, pagemeter-names, asks it,
 * and is killed when it does not answer. Without it (or without the right to ask) there are no
 * names, and uuids are shown.
 */
#ifndef PAGEMETER_NAMES_H
#define PAGEMETER_NAMES_H

#include <stddef.h>

#include "common/uuid.h"

enum { NAME_TEXT_MAX = 64 };

struct named_vm {
    struct uuid vm;
    char name[NAME_TEXT_MAX]; /* printable ASCII only */
};

struct names {
    struct named_vm *list;
    size_t count;
};

/* Reads all names anew, within two seconds; keeps what it had when there is no answer. */
void names_refresh(struct names *names);
void names_clear(struct names *names);

/* The name of a VM, or NULL. */
const char *names_find(const struct names *names, const struct uuid *vm);

#endif
