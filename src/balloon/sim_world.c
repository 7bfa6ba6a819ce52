#include "balloon/sim_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "meter/record.h"

#define MIB UINT64_C(1024)
#define NEVER INT64_MAX

/* ---- the hypervisor ---- */

bool sim_world_has(const struct sim_guest *g)
{
    return g->life != LIFE_NONE;
}

uint64_t sim_world_free_kib(const struct sim_world *w)
{
    uint64_t used = w->dom0.tot_kib;

    for (size_t i = 0; i < w->count; i++)
        used += sim_world_has(&w->guests[i]) ? w->guests[i].domain.tot_kib : 0;
    return w->total_kib > used ? w->total_kib - used : 0;
}

uint64_t sim_world_outstanding_kib(const struct sim_world *w)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->count; i++)
        sum += sim_world_has(&w->guests[i]) ? w->guests[i].domain.outstanding_kib : 0;
    return sum;
}

static uint16_t flags_of(const struct sim_guest *g)
{
    static const uint16_t flags[] = {[LIFE_BUILDING] = SAMPLE_PAUSED,
                                     [LIFE_RUNNING] = SAMPLE_RUNNING,
                                     [LIFE_PAUSED] = SAMPLE_PAUSED,
                                     [LIFE_SHUTDOWN] = SAMPLE_SHUTDOWN,
                                     [LIFE_DYING] = SAMPLE_DYING};

    return (uint16_t)(flags[g->life] | (g->tot_offset_kib > 0 ? SAMPLE_HVM : 0));
}

void sim_world_look(const struct sim_world *w, struct host_domain *domains, struct host_view *view)
{
    size_t n = 0;

    domains[n++] = w->dom0;
    for (size_t i = 0; i < w->count; i++) {
        if (!sim_world_has(&w->guests[i]))
            continue;
        domains[n] = w->guests[i].domain;
        domains[n++].flags = flags_of(&w->guests[i]);
    }
    *view = (struct host_view){.now_ns = w->now_ns,
                               .total_kib = w->total_kib,
                               .free_kib = sim_world_free_kib(w),
                               .outstanding_kib = sim_world_outstanding_kib(w),
                               .count = n,
                               .domains = domains};
}

struct sim_guest *sim_world_guest(struct sim_world *w, uint16_t domid)
{
    struct sim_guest *g = domid > 0 && domid <= w->count ? &w->guests[domid - 1] : NULL;

    return g != NULL && sim_world_has(g) ? g : NULL;
}

uint64_t sim_world_most_kib(const struct sim_world *w, const struct sim_guest *g)
{
    uint64_t free = sim_world_free_kib(w) + g->domain.outstanding_kib;
    uint64_t claimed = sim_world_outstanding_kib(w);
    uint64_t open = free > claimed ? free - claimed : 0;
    uint64_t inside =
        g->domain.max_kib > g->domain.tot_kib ? g->domain.max_kib - g->domain.tot_kib : 0;

    return (open < inside ? open : inside) & ~UINT64_C(3);
}

/* ---- the actuator ---- */

static struct sim_world *world_of(struct actuator *a)
{
    return (struct sim_world *)(void *)a;
}

static bool no_domain(uint16_t domid, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "there is no domain %u", (unsigned)domid);
}

static bool read_host(struct actuator *a, struct host_view *view, struct error *err)
{
    struct sim_world *w = world_of(a);

    (void)err;
    w->reads++;
    sim_world_look(w, w->listed, view);
    return true;
}

static bool set_cap(struct actuator *a, uint16_t domid, uint64_t cap_kib, struct error *err)
{
    struct sim_world *w = world_of(a);
    struct sim_guest *g = sim_world_guest(w, domid);

    if (g == NULL)
        return no_domain(domid, err);
    w->caps++;
    g->domain.max_kib = cap_kib;
    return true;
}

/* As in Xen: not beyond the cap, and nothing where the domain has that much already. */
static bool claim(struct actuator *a, uint16_t domid, uint64_t total_kib, struct error *err)
{
    struct sim_world *w = world_of(a);
    struct sim_guest *g = sim_world_guest(w, domid);

    if (g == NULL)
        return no_domain(domid, err);
    w->claims++;
    g->domain.outstanding_kib = 0;
    if (total_kib <= g->domain.tot_kib)
        return true;
    if (total_kib > g->domain.max_kib)
        return error_set(err, ERR_SYSTEM, "domain %u cannot claim more than its cap",
                         (unsigned)domid);
    uint64_t wanted = total_kib - g->domain.tot_kib;

    if (wanted + sim_world_outstanding_kib(w) > sim_world_free_kib(w)) {
        w->claims_refused++;
        return error_set(err, ERR_REFUSED, "the host has not %" PRIu64 " KiB more", wanted);
    }
    g->domain.outstanding_kib = wanted;
    return true;
}

void sim_world_write_target(struct sim_world *w, struct sim_guest *g, uint64_t target_kib)
{
    int way = target_kib > g->facts.target_kib ? 1 : -1;
    uint64_t by = way > 0 ? target_kib - g->facts.target_kib : g->facts.target_kib - target_kib;

    if (by >= 4 * MIB && g->tally.turned != way) {
        g->tally.turns += g->tally.turned != 0;
        g->tally.turned = way;
    }
    g->facts.target_kib = g->next_kib = target_kib;
    if (g->seen_due_ns == NEVER)
        g->seen_due_ns = w->now_ns + SIM_WATCH_NS;
    if (g->facts_due_ns == NEVER)
        g->facts_due_ns = w->now_ns + SIM_WATCH_NS;
}

static bool set_target(struct actuator *a, uint16_t domid, uint64_t target_kib, struct error *err)
{
    struct sim_world *w = world_of(a);
    struct sim_guest *g = sim_world_guest(w, domid);

    if (g == NULL)
        return no_domain(domid, err);
    w->targets++;
    sim_world_write_target(w, g, target_kib);
    return true;
}

static bool tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                 struct error *err)
{
    struct sim_guest *g = sim_world_guest(world_of(a), domid);

    if (g == NULL)
        return no_domain(domid, err);
    if (strcmp(node, "headroom") == 0)
        g->headroom_kib = strtoull(value, NULL, 10);
    return true;
}

static const struct actuator_ops ops = {.kind = "sim",
                                        .read = read_host,
                                        .set_cap = set_cap,
                                        .claim = claim,
                                        .set_target = set_target,
                                        .tell = tell};

/* ---- building ---- */

bool sim_world_init(struct sim_world *w, size_t room, struct error *err)
{
    *w = (struct sim_world){.actuator = {&ops}, .room = room};
    w->guests = calloc(room, sizeof *w->guests);
    w->forms = calloc(room, sizeof *w->forms);
    w->listed = calloc(room + 1, sizeof *w->listed);
    if (w->guests != NULL && w->forms != NULL && w->listed != NULL)
        return true;
    sim_world_clear(w);
    return error_set(err, ERR_NOMEM, "no memory for %zu simulated guests", room);
}

void sim_world_clear(struct sim_world *w)
{
    free(w->guests);
    free(w->forms);
    free(w->listed);
    w->guests = NULL;
    w->forms = NULL;
    w->listed = NULL;
    w->count = w->room = 0;
}

void sim_world_reset(struct sim_world *w, uint64_t total_kib, uint64_t dom0_kib,
                     uint64_t dom0_max_kib)
{
    w->now_ns = 1000 * NS_PER_S; /* no clock of a running host is at 0 */
    w->grain_ns = NS_PER_S / 100;
    w->total_kib = total_kib;
    w->dom0 = (struct host_domain){.domid = 0,
                                   .flags = SAMPLE_RUNNING,
                                   .tot_kib = dom0_kib,
                                   .max_kib = dom0_max_kib,
                                   .cpu_ns = 1};
    w->count = w->order_count = w->order_next = 0;
    w->orders = NULL;
    w->is_hung = false;
    w->reads = w->caps = w->claims = w->claims_refused = w->targets = 0;
}

struct uuid sim_world_uuid(size_t guest, unsigned life)
{
    struct uuid uuid = {{0x51, 0x6d}};

    uuid.bytes[6] = 0x40;
    uuid.bytes[8] = 0x80;
    uuid.bytes[13] = (uint8_t)life;
    uuid.bytes[14] = (uint8_t)(guest >> 8);
    uuid.bytes[15] = (uint8_t)guest;
    return uuid;
}

void sim_world_begin(struct sim_world *w, size_t i, unsigned life)
{
    struct sim_guest *g = &w->guests[i];

    sim_guest_init(g, &w->forms[i], w->now_ns);
    g->domain.domid = (uint16_t)(i + 1);
    g->domain.uuid = sim_world_uuid(i, life);
    (void)snprintf(g->facts.name, sizeof g->facts.name, "vm%zu", i + 1);
    /* agents do not all poll at the same instant */
    g->poll_ns += (int64_t)(i * 7919 % 97) * (NS_PER_S / 100);
    g->facts_due_ns = w->now_ns + SIM_INTRODUCE_NS;
}

size_t sim_world_add(struct sim_world *w, const struct sim_birth_form *form, bool is_there)
{
    size_t i = w->count++;

    w->forms[i] = *form;
    sim_world_begin(w, i, 0);
    if (!is_there)
        w->guests[i].life = LIFE_NONE;
    return i;
}
