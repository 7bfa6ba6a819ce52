#include "balloon/history.h"

#include <stdlib.h>
#include <string.h>

void history_init(struct history *history)
{
    *history = (struct history){0};
}

void history_clear(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        free(history->lives[i].tot.list);
        free(history->lives[i].need.list);
    }
    free(history->lives);
    history_init(history);
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NOMEM, "not enough memory: take a shorter trace");
}

/* A level is kept only where it differs from the one before. */
static bool add_level(struct levels *l, int64_t at_ns, uint64_t kib, struct error *err)
{
    if (l->count > 0 && l->list[l->count - 1].kib == kib)
        return true;
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 64 : 2 * l->room;
        struct level *larger = realloc(l->list, room * sizeof *larger);

        if (larger == NULL)
            return no_memory(err);
        l->list = larger;
        l->room = room;
    }
    l->list[l->count++] = (struct level){at_ns, kib};
    return true;
}

static struct history_life *find_open(struct history *h, const struct sample *s)
{
    for (size_t i = h->count; i-- > 0;)
        if (h->lives[i].is_open && h->lives[i].domid == s->domid &&
            uuid_is_equal(&h->lives[i].vm, &s->uuid))
            return &h->lives[i];
    return NULL;
}

static struct history_life *begin_life(struct history *h, const struct sample *s, int64_t at_ns,
                                       struct error *err)
{
    if (h->count == HISTORY_LIVES_MAX) {
        (void)error_set(err, ERR_REFUSED, "more than %d domains: take a shorter trace",
                        HISTORY_LIVES_MAX);
        return NULL;
    }
    if (h->count == h->room) {
        size_t room = h->room == 0 ? 64 : 2 * h->room;
        struct history_life *larger = realloc(h->lives, room * sizeof *larger);

        if (larger == NULL) {
            (void)no_memory(err);
            return NULL;
        }
        h->lives = larger;
        h->room = room;
    }
    h->lives[h->count] =
        (struct history_life){.vm = s->uuid, .domid = s->domid, .from_ns = at_ns, .is_open = true};
    return &h->lives[h->count++];
}

static bool add_sample(struct history *h, const struct sample *s, int64_t at_ns, struct error *err)
{
    struct history_life *life = find_open(h, s);

    if (life == NULL)
        life = begin_life(h, s, at_ns, err);
    if (life == NULL)
        return false;
    life->to_ns = at_ns;
    life->flags = s->flags;
    /* a cap that is none says nothing of what it may have */
    if (s->max_kib > life->max_kib && s->max_kib < FIGURES_KIB_MAX)
        life->max_kib = s->max_kib;
    return add_level(&life->tot, at_ns, s->tot_kib, err);
}

static void take_host(struct history *h, const struct tick *tick)
{
    uint64_t total = tick->free_kib;

    for (size_t i = 0; i < tick->domains; i++)
        total += tick->samples[i].tot_kib;
    if (total > h->total_kib)
        h->total_kib = total;
    if (h->has_tick)
        return;
    h->has_tick = true;
    h->first_mono_ns = tick->mono_ns;
    h->first_utc_ns = tick->utc_ns;
    if (tick->domains > 0 && tick->samples[0].domid == 0)
        h->dom0 = (struct host_domain){.uuid = tick->samples[0].uuid,
                                       .tot_kib = tick->samples[0].tot_kib,
                                       .max_kib = tick->samples[0].max_kib};
}

bool history_add_tick(struct history *h, const struct tick *tick, struct error *err)
{
    take_host(h, tick);
    int64_t at_ns = tick->mono_ns - h->first_mono_ns;

    if (at_ns < h->end_ns)
        return error_set(err, ERR_INPUT,
                         "time goes back in the trace: give a part of it with one boot of the "
                         "host");
    h->end_ns = at_ns;
    for (size_t i = 0; i < tick->domains; i++)
        if (tick->samples[i].domid != 0 && !add_sample(h, &tick->samples[i], at_ns, err))
            return false;
    for (size_t i = 0; i < h->count; i++)
        if (h->lives[i].is_open && h->lives[i].to_ns != at_ns) {
            h->lives[i].is_open = false;
            h->lives[i].to_ns = at_ns;
        }
    return true;
}

bool history_add_need(struct history *h, const struct uuid *vm, int64_t utc_ns, uint64_t need_kib,
                      uint64_t swap_kib, struct error *err)
{
    int64_t at_ns = utc_ns - h->first_utc_ns;

    for (size_t i = 0; i < h->count; i++) {
        struct history_life *life = &h->lives[i];

        if (!uuid_is_equal(&life->vm, vm) || at_ns < life->from_ns || at_ns > life->to_ns)
            continue;
        life->has_figures = true;
        if (swap_kib > life->swap_kib)
            life->swap_kib = swap_kib;
        /* what came first held before, too */
        if (life->need.count == 0)
            at_ns = life->from_ns;
        return add_level(&life->need, at_ns, need_kib, err);
    }
    return true;
}

uint64_t history_need_of_kib(uint64_t tot_kib)
{
    uint64_t need = tot_kib - tot_kib / 21;

    if (need / 20 < HEADROOM_LEAST_KIB)
        return tot_kib > HEADROOM_LEAST_KIB ? tot_kib - HEADROOM_LEAST_KIB : 0;
    return need / 20 > HEADROOM_MOST_KIB ? tot_kib - HEADROOM_MOST_KIB : need;
}

bool history_finish(struct history *h, struct error *err)
{
    for (size_t i = 0; i < h->count; i++) {
        struct history_life *life = &h->lives[i];

        for (size_t k = 0; !life->has_figures && k < life->tot.count; k++)
            if (!add_level(&life->need, life->tot.list[k].at_ns,
                           history_need_of_kib(life->tot.list[k].kib), err))
                return false;
    }
    return true;
}
