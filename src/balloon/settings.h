/*
 * settings.h - what was set for each VM, whether it runs or not, by uuid. No I/O.
 *
 * The policy of a VM is the default with its own values set on top. Filled from balloon.db at the
 * start; the journal keeps the changes.
 */
#ifndef PAGEMETER_SETTINGS_H
#define PAGEMETER_SETTINGS_H

#include "balloon/policy.h"
#include "common/uuid.h"

enum { SETTINGS_VMS_MAX = 16384 };

struct settings_vm {
    struct uuid uuid;
    struct policy policy;
};

struct settings {
    struct policy standard; /* of VMs for which nothing was set */
    struct settings_vm *list;
    size_t count, room;
};

void settings_init(struct settings *settings, const struct policy *standard);
void settings_clear(struct settings *settings);

/* The policy of a VM: its own, or the default. */
const struct policy *settings_find(const struct settings *settings, const struct uuid *uuid);

/* Replaces the policy of a VM. ERR_REFUSED when there are too many, ERR_NOMEM. */
MUST_CHECK bool settings_put(struct settings *settings, const struct uuid *uuid,
                             const struct policy *policy, struct error *err);

#endif
