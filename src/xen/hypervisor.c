/*
 * hypervisor.c - domains are read in batches of 36: that fits one page, whose buffer libxenctrl
 * keeps; a larger one is mapped, locked and copied anew for each call. A list is continued from the
 * last domid + 1.
 */
#include "xen/hypervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>

enum { BATCH = 36, KIB_PER_PAGE = 4 };

/* libxl's slack, between what a domain is to have and its cap */
#define SLACK_KIB (UINT64_C(1) << 10)

struct hypervisor {
    xc_interface *xc;
    xc_domaininfo_t batch[BATCH];
};

static uint64_t kib_of(uint64_t pages)
{
    return pages > INT64_MAX / KIB_PER_PAGE ? INT64_MAX : pages * KIB_PER_PAGE;
}

static uint16_t flags_of(uint32_t xen)
{
    return (uint16_t)((xen & (XEN_DOMINF_running | XEN_DOMINF_blocked) ? SAMPLE_RUNNING : 0) |
                      (xen & XEN_DOMINF_paused ? SAMPLE_PAUSED : 0) |
                      (xen & XEN_DOMINF_shutdown ? SAMPLE_SHUTDOWN : 0) |
                      (xen & XEN_DOMINF_dying ? SAMPLE_DYING : 0) |
                      (xen & XEN_DOMINF_hvm_guest ? SAMPLE_HVM : 0));
}

static void convert(const xc_domaininfo_t *info, struct sample *s)
{
    *s = (struct sample){
        .domid = info->domain,
        .tot_kib = kib_of(info->tot_pages),
        .max_kib = kib_of(info->max_pages),
        .outstanding_kib = kib_of(info->outstanding_pages),
        .cpu_ns = info->cpu_time,
        .flags = flags_of(info->flags),
    };
    memcpy(s->uuid.bytes, info->handle, sizeof s->uuid.bytes);
}

/* Looks before libxenctrl does, which would only say that it can't open a file. */
static bool check_device(const char *program, struct error *err)
{
    static const char path[] = "/dev/xen/privcmd";

    if (access(path, F_OK) != 0)
        return error_set(err, ERR_SYSTEM,
                         "there is no Xen hypervisor here: %s does not exist; run %s in dom0, with "
                         "the module xen-privcmd loaded",
                         path, program);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "no access to the hypervisor: %s: %s; run %s as root",
                         path, strerror(errno), program);
    (void)close(fd);
    return true;
}

bool hypervisor_open(struct hypervisor **out, const char *program, struct error *err)
{
    xc_physinfo_t host;

    if (!check_device(program, err))
        return false;
    struct hypervisor *h = calloc(1, sizeof *h);

    if (h == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the hypervisor");
    h->xc = xc_interface_open(NULL, NULL, 0);
    if (h->xc == NULL)
        (void)error_set(err, ERR_SYSTEM, "can't talk to the hypervisor: %s", strerror(errno));
    else if (xc_physinfo(h->xc, &host) != 0)
        (void)error_set(err, ERR_SYSTEM,
                        "the hypervisor refuses to describe the host: %s; %s needs dom0, and a "
                        "libxenctrl of the hypervisor's own version",
                        strerror(errno), program);
    else {
        *out = h;
        return true;
    }
    hypervisor_close(h);
    return false;
}

void hypervisor_close(struct hypervisor *h)
{
    if (h != NULL && h->xc != NULL)
        (void)xc_interface_close(h->xc);
    free(h);
}

bool hypervisor_read_host(struct hypervisor *h, struct hypervisor_host *out)
{
    xc_physinfo_t host;

    if (xc_physinfo(h->xc, &host) != 0)
        return false;
    *out = (struct hypervisor_host){.total_kib = kib_of(host.total_pages),
                                    .free_kib = kib_of(host.free_pages),
                                    .outstanding_kib = kib_of(host.outstanding_pages)};
    return true;
}

bool hypervisor_read_domains(struct hypervisor *h, struct sample *samples, size_t *count)
{
    uint32_t first = 0;
    size_t n = 0;

    for (;;) {
        int got = xc_domain_getinfolist(h->xc, first, BATCH, h->batch);

        if (got < 0)
            return false;
        for (int i = 0; i < got && n < DOMAINS_MAX; i++)
            convert(&h->batch[i], &samples[n++]);
        if (got < BATCH)
            break;
        first = (uint32_t)h->batch[got - 1].domain + 1;
    }
    *count = n;
    return n > 0; /* dom0 is always there */
}

/* An option is a word of its own. */
bool hypervisor_has_dom0_mem(struct hypervisor *h)
{
    static const char option[] = "dom0_mem=";
    xen_commandline_t line = "";

    if (xc_version(h->xc, XENVER_commandline, &line) < 0)
        return false;
    line[sizeof line - 1] = 0;
    for (const char *at = strstr(line, option); at != NULL; at = strstr(at + 1, option))
        if (at == line || at[-1] == ' ')
            return true;
    return false;
}

bool hypervisor_set_cap(struct hypervisor *h, uint16_t domid, uint64_t cap_kib, struct error *err)
{
    if (xc_domain_setmaxmem(h->xc, domid, cap_kib) == 0)
        return true;
    return error_set(err, ERR_SYSTEM,
                     "the hypervisor refuses a cap of %" PRIu64 " KiB for domain %u: %s", cap_kib,
                     domid, errno == ESRCH ? "there is no such domain" : strerror(errno));
}

/* Into batch[0]. False: there is no such domain. */
static bool read_domain(struct hypervisor *h, uint16_t domid)
{
    return xc_domain_getinfolist(h->xc, domid, 1, h->batch) == 1 && h->batch[0].domain == domid;
}

/*
 * EINVAL has four meanings (Xen, domain_set_outstanding_pages): a claim is there already, it would
 * not be above what the domain has, it is above the cap, or there is no such domain.
 */
static bool explain_claim(struct hypervisor *h, uint16_t domid, uint64_t total_kib,
                          struct error *err)
{
    const xc_domaininfo_t *info = &h->batch[0];

    if (!read_domain(h, domid))
        return error_set(err, ERR_SYSTEM, "no memory can be claimed: there is no domain %u", domid);
    if (info->outstanding_pages != 0)
        return error_set(err, ERR_SYSTEM,
                         "domain %u has a claim already, of %" PRIu64 " KiB: it can't have two",
                         domid, kib_of(info->outstanding_pages));
    if (kib_of(info->tot_pages) >= total_kib)
        return true;
    return error_set(err, ERR_SYSTEM,
                     "no claim can be above the cap: domain %u may have %" PRIu64
                     " KiB, and %" PRIu64 " KiB were asked for",
                     domid, kib_of(info->max_pages), total_kib);
}

bool hypervisor_claim(struct hypervisor *h, uint16_t domid, uint64_t total_kib, struct error *err)
{
    unsigned long pages = (unsigned long)((total_kib + KIB_PER_PAGE - 1) / KIB_PER_PAGE);

    if (xc_domain_claim_pages(h->xc, domid, pages) == 0)
        return true;
    if (errno == ENOMEM)
        return error_set(err, ERR_REFUSED,
                         "the host has no memory left to claim for domain %u, which was to have "
                         "%" PRIu64 " KiB",
                         domid, total_kib);
    if (errno == EINVAL)
        return explain_claim(h, domid, total_kib, err);
    return error_set(err, ERR_SYSTEM, "the hypervisor refuses a claim for domain %u: %s", domid,
                     strerror(errno));
}

static bool set_pod_target(struct hypervisor *h, uint16_t domid, uint64_t pages)
{
    return xc_domain_set_pod_target(h->xc, domid, pages, NULL, NULL, NULL) == 0;
}

/*
 * With libxl's slack, but never above the cap: there Xen refuses. Video memory counts, since Xen
 * compares with all that the domain has; what is more than the guest may still touch it leaves out
 * by itself.
 */
bool hypervisor_set_pod_target(struct hypervisor *h, uint16_t domid, uint64_t total_kib,
                               struct error *err)
{
    uint64_t pages = (total_kib + SLACK_KIB) / KIB_PER_PAGE;

    if (set_pod_target(h, domid, pages))
        return true;
    int number = errno;

    if (number == EINVAL && read_domain(h, domid) && h->batch[0].max_pages < pages) {
        if (set_pod_target(h, domid, h->batch[0].max_pages))
            return true;
        number = errno;
    }
    return error_set(err, ERR_SYSTEM,
                     "the hypervisor refuses a populate-on-demand target of %" PRIu64
                     " KiB for domain %u: %s",
                     total_kib, domid, strerror(number));
}
