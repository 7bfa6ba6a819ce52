#include "meter/sim_host.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256, MIGRATION_TICKS = 4, DOMID_END = 32752 };

uint64_t sim_random(struct sim_host *h, uint64_t bound)
{
    /* xorshift64*: Marsaglia 2003, Vigna 2016 */
    h->random ^= h->random >> 12;
    h->random ^= h->random << 25;
    h->random ^= h->random >> 27;
    return (h->random * UINT64_C(2685821657736338717)) % bound;
}

struct uuid sim_uuid(uint64_t seed, const char *name)
{
    struct uuid uuid;
    uint64_t hash[2] = {UINT64_C(14695981039346656037) ^ seed, UINT64_C(1099511628211) + seed};

    for (const char *p = name; *p != '\0'; p++) {
        hash[0] = (hash[0] ^ (unsigned char)*p) * UINT64_C(1099511628211);
        hash[1] = (hash[1] + (unsigned char)*p) * UINT64_C(6364136223846793005) + 1;
    }
    memcpy(uuid.bytes, hash, sizeof uuid.bytes);
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

static bool grow(struct sim_host *h, struct error *err)
{
    if (h->count < h->capacity)
        return true;
    size_t capacity = h->capacity == 0 ? FIRST_CAPACITY : h->capacity * 2;
    struct sim_domain *domains = realloc(h->domains, capacity * sizeof *domains);

    if (domains != NULL)
        h->domains = domains;
    struct sample *samples = realloc(h->samples, capacity * sizeof *samples);

    if (samples != NULL)
        h->samples = samples;
    if (domains == NULL || samples == NULL || capacity > DOMAINS_MAX)
        return error_set(err, ERR_NOMEM, "not enough memory for so many simulated domains");
    h->capacity = capacity;
    return true;
}

static void add_dom0(struct sim_host *h)
{
    h->domains[0] = (struct sim_domain){
        .phase = SIM_RUNNING,
        .kib = 2 << 20,
        .sample = {.tot_kib = 2 << 20, .max_kib = 2 << 20, .cpu_ns = 1, .flags = SAMPLE_RUNNING},
    };
    h->count = 1;
    h->next_domid = 1;
}

bool sim_host_init(struct sim_host *h, uint64_t seed, struct error *err)
{
    *h = (struct sim_host){.random = seed * 2 + 1};
    if (!grow(h, err)) {
        sim_host_clear(h);
        return false;
    }
    add_dom0(h);
    return true;
}

void sim_host_clear(struct sim_host *h)
{
    free(h->domains);
    free(h->samples);
    *h = (struct sim_host){0};
}

void sim_reboot(struct sim_host *h)
{
    add_dom0(h);
}

static int compare_domains(const void *a, const void *b)
{
    return (int)((const struct sim_domain *)a)->sample.domid -
           (int)((const struct sim_domain *)b)->sample.domid;
}

static bool add(struct sim_host *h, const struct sim_domain *domain, struct error *err)
{
    if (!grow(h, err))
        return false;
    h->domains[h->count] = *domain;
    h->domains[h->count++].sample.domid = h->next_domid;
    if (++h->next_domid == DOMID_END) /* as Xen does; a domid in use is not met here in practice */
        h->next_domid = 1;
    /* domids ascend until they begin anew */
    if (h->count > 1 && compare_domains(&h->domains[h->count - 2], &h->domains[h->count - 1]) > 0)
        qsort(h->domains, h->count, sizeof *h->domains, compare_domains);
    return true;
}

bool sim_birth(struct sim_host *h, const struct uuid *uuid, uint64_t kib, bool runs_at_once,
               struct error *err)
{
    struct sim_domain domain = {
        .phase = runs_at_once ? SIM_RUNNING : SIM_BUILDING,
        .ticks_left = 2,
        .kib = kib,
        .sample = {.uuid = *uuid, .max_kib = kib + 1024},
    };

    if (runs_at_once) {
        domain.sample.tot_kib = kib;
        domain.sample.cpu_ns = 1;
    }
    return add(h, &domain, err);
}

struct sim_domain *sim_find(struct sim_host *h, const struct uuid *uuid)
{
    for (size_t i = h->count; i-- > 1;)
        if (uuid_is_equal(&h->domains[i].sample.uuid, uuid))
            return &h->domains[i];
    return NULL;
}

bool sim_migrate(struct sim_host *h, struct sim_domain *domain, struct error *err)
{
    struct sim_domain twin = {
        .phase = SIM_INCOMING,
        .ticks_left = MIGRATION_TICKS,
        .kib = domain->sample.tot_kib,
        .sample = {.uuid = domain->sample.uuid, .max_kib = domain->sample.tot_kib + 1024},
    };

    domain->phase = SIM_OUTGOING;
    domain->ticks_left = MIGRATION_TICKS - 1;
    return add(h, &twin, err);
}

/* What one interval does to one domain. */
static void pass_domain(struct sim_domain *d, uint64_t interval_ns)
{
    if (d->ticks_left > 0)
        d->ticks_left--;
    switch (d->phase) {
    case SIM_BUILDING:
    case SIM_INCOMING:
        d->sample.tot_kib = d->ticks_left > 0 ? d->kib / 2 / 4 * 4 : d->kib;
        if (d->ticks_left == 0)
            d->phase = SIM_RUNNING;
        break;
    case SIM_OUTGOING:
        if (d->ticks_left == 0)
            d->phase = SIM_SHUTDOWN;
        break;
    case SIM_SHUTDOWN:
        if (d->ticks_left > 0)
            break;
        d->phase = SIM_DYING;
        break;
    case SIM_DYING:
        d->sample.tot_kib = 8;
        break;
    case SIM_RUNNING:
        d->sample.tot_kib = d->kib;
        d->sample.cpu_ns += interval_ns / 10;
        break;
    case SIM_PAUSED:
        break;
    }
    if (d->phase == SIM_OUTGOING)
        d->sample.cpu_ns += interval_ns / 10;
}

static uint16_t flags_of(enum sim_phase phase)
{
    static const uint16_t flags[] = {
        [SIM_BUILDING] = SAMPLE_PAUSED,   [SIM_INCOMING] = SAMPLE_PAUSED,
        [SIM_RUNNING] = SAMPLE_RUNNING,   [SIM_PAUSED] = SAMPLE_PAUSED,
        [SIM_SHUTDOWN] = SAMPLE_SHUTDOWN, [SIM_OUTGOING] = SAMPLE_RUNNING,
        [SIM_DYING] = SAMPLE_DYING,
    };

    return flags[phase];
}

void sim_pass(struct sim_host *h, uint64_t interval_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->count; i++) {
        struct sim_domain *d = &h->domains[i];

        if (d->phase == SIM_DYING && d->sample.tot_kib == 8)
            continue; /* it was seen dying */
        pass_domain(d, interval_ns);
        d->sample.flags = flags_of(d->phase);
        h->samples[kept] = d->sample;
        h->domains[kept++] = *d;
    }
    h->count = kept;
}
