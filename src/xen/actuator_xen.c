#include "xen/actuator_xen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "xen/hypervisor.h"

struct xen {
    struct actuator actuator;
    struct hypervisor *hypervisor;
    struct guests *guests;
    uint64_t tickets;
    size_t count;
    struct sample *samples;      /* DOMAINS_MAX each: untouched pages cost nothing */
    struct host_domain *domains; /* of the last reading */
};

static void convert(const struct sample *s, struct host_domain *d)
{
    *d = (struct host_domain){
        .domid = s->domid,
        .flags = s->flags,
        .uuid = s->uuid,
        .tot_kib = s->tot_kib,
        .max_kib = s->max_kib,
        .outstanding_kib = s->outstanding_kib,
        .cpu_ns = s->cpu_ns,
    };
}

static bool xen_read(struct actuator *a, struct host_view *view, struct error *err)
{
    struct xen *x = (struct xen *)a;
    struct hypervisor_host host;
    size_t count;

    if (!hypervisor_read_host(x->hypervisor, &host) ||
        !hypervisor_read_domains(x->hypervisor, x->samples, &count))
        return error_set(err, ERR_SYSTEM, "the hypervisor can't be read: %s", strerror(errno));
    for (size_t i = 0; i < count; i++)
        convert(&x->samples[i], &x->domains[i]);
    x->count = count;
    *view = (struct host_view){.now_ns = clock_mono().ns,
                               .total_kib = host.total_kib,
                               .free_kib = host.free_kib,
                               .outstanding_kib = host.outstanding_kib,
                               .count = count,
                               .domains = x->domains};
    return true;
}

static bool xen_set_cap(struct actuator *a, uint16_t domid, uint64_t cap_kib, struct error *err)
{
    return hypervisor_set_cap(((struct xen *)a)->hypervisor, domid, cap_kib, err);
}

static bool xen_claim(struct actuator *a, uint16_t domid, uint64_t total_kib, struct error *err)
{
    return hypervisor_claim(((struct xen *)a)->hypervisor, domid, total_kib, err);
}

/* Is it HVM or PVH, by the last reading? */
static bool is_hvm(const struct xen *x, uint16_t domid)
{
    for (size_t i = 0; i < x->count && x->domains[i].domid <= domid; i++)
        if (x->domains[i].domid == domid)
            return (x->domains[i].flags & SAMPLE_HVM) != 0;
    return false;
}

static bool has_guests(const struct xen *x, struct error *err)
{
    return x->guests != NULL ||
           error_set(err, ERR_SYSTEM, "nothing can be written: xenstore is not in use");
}

/*
 * Populate on demand first: a guest that was told its target would else touch what is not there.
 * Other than libxl this counts video memory. Guests whose driver keeps it beside the target
 * (Windows) would have less behind them than they may touch, and Xen crashes a domain for that.
 */
static bool populate(struct xen *x, uint16_t domid, uint64_t target_kib, struct error *err)
{
    return !is_hvm(x, domid) ||
           hypervisor_set_pod_target(x->hypervisor, domid,
                                     target_kib + guests_videoram_kib(x->guests, domid), err);
}

static bool xen_set_target(struct actuator *a, uint16_t domid, uint64_t target_kib,
                           struct error *err)
{
    struct xen *x = (struct xen *)a;

    return has_guests(x, err) && populate(x, domid, target_kib, err) &&
           guests_write_target(x->guests, domid, target_kib, ++x->tickets, err);
}

static bool xen_tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                     struct error *err)
{
    struct xen *x = (struct xen *)a;

    return has_guests(x, err) && guests_tell(x->guests, domid, node, value, ++x->tickets, err);
}

static const struct actuator_ops xen_ops = {"xen",     xen_read,       xen_set_cap,
                                            xen_claim, xen_set_target, xen_tell};

bool actuator_open_xen(struct actuator **out, struct guests *guests, struct error *err)
{
    struct xen *x = calloc(1, sizeof *x);

    if (x == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the hypervisor");
    x->actuator.ops = &xen_ops;
    x->guests = guests;
    x->samples = calloc(DOMAINS_MAX, sizeof *x->samples);
    x->domains = calloc(DOMAINS_MAX, sizeof *x->domains);
    if (x->samples == NULL || x->domains == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory to read the hypervisor");
        goto failed;
    }
    if (!hypervisor_open(&x->hypervisor, "pageballoond", err))
        goto failed;
    *out = &x->actuator;
    return true;
failed:
    actuator_close_xen(&x->actuator);
    return false;
}

bool actuator_xen_has_dom0_mem(struct actuator *a)
{
    return hypervisor_has_dom0_mem(((struct xen *)a)->hypervisor);
}

void actuator_close_xen(struct actuator *a)
{
    struct xen *x = (struct xen *)a;

    if (x == NULL)
        return;
    hypervisor_close(x->hypervisor);
    free(x->samples);
    free(x->domains);
    free(x);
}
