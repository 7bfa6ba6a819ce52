#include "balloon/settings.h"

#include <stdlib.h>

void settings_init(struct settings *settings, const struct policy *standard)
{
    *settings = (struct settings){.standard = *standard};
}

void settings_clear(struct settings *settings)
{
    free(settings->list);
    settings->list = NULL;
    settings->count = settings->room = 0;
}

static struct settings_vm *find(const struct settings *settings, const struct uuid *uuid)
{
    for (size_t i = 0; i < settings->count; i++)
        if (uuid_is_equal(&settings->list[i].uuid, uuid))
            return &settings->list[i];
    return NULL;
}

const struct policy *settings_find(const struct settings *settings, const struct uuid *uuid)
{
    const struct settings_vm *vm = find(settings, uuid);

    return vm != NULL ? &vm->policy : &settings->standard;
}

static bool make_room(struct settings *settings, struct error *err)
{
    size_t room = settings->room == 0 ? 64 : 2 * settings->room;

    if (settings->count >= SETTINGS_VMS_MAX)
        return error_set(err, ERR_REFUSED,
                         "there are settings for %d VMs already: set what is "
                         "common to all in the configuration",
                         SETTINGS_VMS_MAX);
    struct settings_vm *larger = realloc(settings->list, room * sizeof *larger);

    if (larger == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the settings of one VM more");
    settings->list = larger;
    settings->room = room;
    return true;
}

/* A place for one VM more, or NULL. */
static struct settings_vm *add(struct settings *settings, struct error *err)
{
    if (settings->count == settings->room && !make_room(settings, err))
        return NULL;
    return &settings->list[settings->count++];
}

bool settings_put(struct settings *settings, const struct uuid *uuid, const struct policy *policy,
                  struct error *err)
{
    struct settings_vm *vm = find(settings, uuid);

    if (vm == NULL)
        vm = add(settings, err);
    if (vm == NULL)
        return false;
    *vm = (struct settings_vm){*uuid, *policy};
    return true;
}
