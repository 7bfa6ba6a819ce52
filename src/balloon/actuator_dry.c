#include "balloon/actuator_dry.h"

#include <stdlib.h>

struct dry {
    struct actuator actuator;
    struct actuator *inner;
};

static bool dry_read(struct actuator *a, struct host_view *view, struct error *err)
{
    struct actuator *inner = ((struct dry *)a)->inner;

    return inner->ops->read(inner, view, err);
}

static bool dry_set(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    (void)a;
    (void)domid;
    (void)kib;
    (void)err;
    return true;
}

static bool dry_tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                     struct error *err)
{
    (void)a;
    (void)domid;
    (void)node;
    (void)value;
    (void)err;
    return true;
}

static const struct actuator_ops dry_ops = {"dry-run", dry_read, dry_set,
                                            dry_set,   dry_set,  dry_tell};

bool actuator_open_dry(struct actuator **out, struct actuator *inner, struct error *err)
{
    struct dry *d = calloc(1, sizeof *d);

    if (d == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a dry run");
    d->actuator.ops = &dry_ops;
    d->inner = inner;
    *out = &d->actuator;
    return true;
}

void actuator_close_dry(struct actuator *a)
{
    free(a); /* the first member of struct dry */
}
