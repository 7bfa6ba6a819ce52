#include "agent/guest.h"

#include "agent/kernel_text.h"

void guest_init(struct guest *g, size_t (*read)(void *, enum guest_file, const char **),
                void *context)
{
    *g = (struct guest){.read = read, .context = context};
}

static bool read_meminfo(struct guest *g, struct figures *f)
{
    const char *text;
    size_t length = g->read(g->context, GUEST_MEMINFO, &text);

    return kernel_text_meminfo(text, length, f);
}

static bool read_current(struct guest *g, uint64_t *kib)
{
    const char *text;
    size_t length = g->read(g->context, GUEST_CURRENT, &text);

    return kernel_text_number(text, length, FIGURES_KIB_MAX, kib);
}

bool guest_look(struct guest *g, struct pace_look *look)
{
    struct figures f;

    if (!read_meminfo(g, &f))
        return false;
    *look = (struct pace_look){f.available_kib, f.total_kib};
    return true;
}

/* meminfo, and current where there is a balloon. */
static bool read_memory(struct guest *g, struct figures *f)
{
    uint64_t before, after;

    f->current_kib = 0;
    if (!read_current(g, &before))
        return read_meminfo(g, f);
    for (int tries = 0; tries < GUEST_TRIES; tries++, before = after) {
        if (!read_meminfo(g, f))
            return false;
        if (!read_current(g, &after))
            return true;
        f->current_kib = after;
        f->flags = FIGURES_HAS_BALLOON;
        if (before == after)
            return true;
    }
    f->flags |= FIGURES_IS_MOVING;
    return true;
}

bool guest_measure(struct guest *g, struct figures *out)
{
    struct figures f = g->last;
    const char *text;
    size_t length;

    f.flags = 0;
    if (!read_memory(g, &f))
        return false;
    length = g->read(g->context, GUEST_VMSTAT, &text);
    if (length > 0) /* else, and when they make no sense, counters stay as they were */
        (void)!kernel_text_vmstat(text, length, &f);
    length = g->read(g->context, GUEST_PRESSURE, &text);
    if (!kernel_text_pressure(text, length, &f))
        f.stall_some_us = f.stall_full_us = 0;
    g->last = f;
    f.seq = out->seq;
    f.up_ms = out->up_ms;
    *out = f;
    return true;
}
