/*
 * fake_xenctrl.h - a hypervisor in the place of libxenctrl: answers as Xen 4.17 does, writes down
 * each call that changes something as a line, and fails the one that a test names.
 *
 * Domains are as libxl 4.17 leaves them, and guests as their balloon drivers are known to be. Where
 * these facts are from: xen/arch/x86/mm/p2m-pod.c and mm.c (XENMEM_set_pod_target),
 * xen/common/page_alloc.c (claims), tools/libs/light/libxl_dom.c and libxl_mem.c,
 * tools/libs/guest/xg_dom_x86.c; Linux' drivers/xen/xen-balloon.c; win-xenbus' fdo.c.
 *
 * A program with this in it is linked with --wrap of access, open and clock_mono: the device of the
 * hypervisor is there, and time is fake_xen.now_ns.
 */
#ifndef PAGEMETER_TESTS_FAKE_XENCTRL_H
#define PAGEMETER_TESTS_FAKE_XENCTRL_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <xenctrl.h>

#include "check.h"
#include "common/clock.h"

enum { FAKE_XEN_DOMAINS = 4, FAKE_XEN_LOG = 4096 };

/* Where a driver has its balloon, of a guest that was built with maxmem M: */
enum fake_driver {
    DRIVER_NONE,    /* not loaded, or there is none: the balloon is empty */
    DRIVER_WINDOWS, /* M - videoram - target: video memory comes on top of the target */
    DRIVER_LINUX    /* M - target (since 4.14; PV: as WINDOWS): video memory is part of it */
};

struct fake_xen_domain {
    xc_domaininfo_t info; /* tot_pages counts what is populated, and the cache */
    uint64_t cache,
        entries;         /* populate on demand: pages there are, and those the guest may touch */
    uint64_t full_pages; /* what it has when it is populated and its balloon is empty */
    enum fake_driver driver;
    uint64_t target_kib, static_max_kib, videoram_kib; /* in xenstore */
};

static struct fake_xen {
    int64_t now_ns;
    uint64_t free_pages;
    struct fake_xen_domain domains[FAKE_XEN_DOMAINS]; /* ascending */
    size_t count;
    const char *fails; /* the call that fails: maxmem, claim, pod or target; NULL: none */
    int number;        /* with this errno */
    char log[FAKE_XEN_LOG];
} fake_xen;

static inline struct fake_xen_domain *fake_xen_find(uint32_t domid)
{
    for (size_t i = 0; i < fake_xen.count; i++)
        if (fake_xen.domains[i].info.domain == domid)
            return &fake_xen.domains[i];
    return NULL;
}

/* Writes the call down, as "pod 7 131328". True: it fails. */
static inline bool fake_xen_call(const char *call, uint32_t domid, uint64_t value)
{
    bool is_failing = fake_xen.fails != NULL && strcmp(fake_xen.fails, call) == 0;
    size_t used = strlen(fake_xen.log);
    int length =
        snprintf(fake_xen.log + used, sizeof fake_xen.log - used, "%s %" PRIu32 " %" PRIu64 "%s\n",
                 call, domid, value, is_failing ? " fails" : "");

    assert_true(used + (size_t)length < sizeof fake_xen.log);
    errno = is_failing ? fake_xen.number : fake_xen_find(domid) == NULL ? ESRCH : 0;
    return errno != 0;
}

static inline int fake_xen_error(int number)
{
    errno = number;
    return number != 0 ? -1 : 0;
}

/* ---- what a domain has ---- */

static inline uint64_t fake_xen_claims(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < fake_xen.count; i++)
        sum += fake_xen.domains[i].info.outstanding_pages;
    return sum;
}

/* It takes as many pages as its cap and the host allow, out of its claim first. */
static inline uint64_t fake_xen_allocate(struct fake_xen_domain *d, uint64_t pages)
{
    uint64_t unclaimed = fake_xen.free_pages - fake_xen_claims();
    uint64_t most = unclaimed + d->info.outstanding_pages;

    if (d->info.tot_pages >= d->info.max_pages)
        return 0;
    if (most > d->info.max_pages - d->info.tot_pages)
        most = d->info.max_pages - d->info.tot_pages;
    pages = pages < most ? pages : most;
    d->info.tot_pages += pages;
    fake_xen.free_pages -= pages;
    d->info.outstanding_pages -=
        pages < d->info.outstanding_pages ? pages : d->info.outstanding_pages;
    return pages;
}

static inline void fake_xen_release(struct fake_xen_domain *d, uint64_t pages)
{
    d->info.tot_pages -= pages;
    fake_xen.free_pages += pages;
    if (d->info.outstanding_pages > 0)
        d->info.outstanding_pages += pages;
}

/* p2m_pod_set_mem_target: never less than there is, never more than the guest may still touch. */
static inline int fake_xen_populate(struct fake_xen_domain *d, uint64_t target)
{
    uint64_t populated = d->info.tot_pages - d->cache;

    if (d->entries == 0 || target < d->info.tot_pages)
        return 0;
    uint64_t cache = target - populated < d->entries ? target - populated : d->entries;
    uint64_t more = cache > d->cache ? cache - d->cache : 0;
    uint64_t got = fake_xen_allocate(d, more);

    d->cache += got;
    return fake_xen_error(got < more ? ENOMEM : 0);
}

/* The guest's driver goes to its target, at once. Entries that it gives cost nothing. */
static inline void fake_xen_follow(struct fake_xen_domain *d)
{
    uint64_t outside = d->driver == DRIVER_WINDOWS ? d->videoram_kib : 0;
    uint64_t balloon = d->driver == DRIVER_NONE ? 0 : d->static_max_kib - outside - d->target_kib;
    uint64_t has = d->info.tot_pages - d->cache + d->entries, to = d->full_pages - balloon / 4;

    if (has < to)
        (void)fake_xen_allocate(d, to - has);
    if (has <= to)
        return;
    uint64_t entries = has - to < d->entries ? has - to : d->entries;

    d->entries -= entries;
    fake_xen_release(d, has - to - entries);
    if (d->cache > d->entries) {
        fake_xen_release(d, d->cache - d->entries);
        d->cache = d->entries;
    }
}

/* ---- domains as libxl builds them ---- */

struct fake_xen_build {
    uint32_t domid;
    bool is_hvm; /* or PVH, when there is no video memory */
    uint64_t memory_mib, maxmem_mib, videoram_mib;
    uint64_t
        extra_kib; /* HVM: what device model and firmware have beside; up to 1152 fit the cap */
    enum fake_driver driver;
};

enum { FAKE_XEN_HOLE_KIB = 128, FAKE_XEN_SPECIAL_KIB = 64 };

/* Booted as far as that it has touched half of what it has. */
static inline struct fake_xen_domain *fake_xen_add(const struct fake_xen_build *b)
{
    struct fake_xen_domain *d = &fake_xen.domains[fake_xen.count++];
    uint64_t memory = b->memory_mib << 10, most = b->maxmem_mib << 10;
    uint64_t videoram = b->videoram_mib << 10;
    uint64_t fudge = videoram > 0 && most > memory ? 1024 : 0;
    int64_t beside = videoram > 0 ? (int64_t)b->extra_kib - FAKE_XEN_HOLE_KIB
                     : b->is_hvm  ? FAKE_XEN_SPECIAL_KIB
                                  : 0;

    assert_true(fake_xen.count <= FAKE_XEN_DOMAINS);
    *d = (struct fake_xen_domain){.target_kib = memory - videoram - fudge,
                                  .static_max_kib = most,
                                  .videoram_kib = videoram,
                                  .full_pages = (uint64_t)((int64_t)most + beside) / 4,
                                  .driver = b->driver};
    d->info.domain = (domid_t)b->domid;
    d->info.flags = XEN_DOMINF_running | (b->is_hvm ? XEN_DOMINF_hvm_guest : 0U);
    d->info.cpu_time = 1;
    d->info.tot_pages = (uint64_t)((int64_t)memory + beside) / 4;
    d->info.max_pages = (memory + 1024) / 4;
    memset(d->info.handle, (int)b->domid, sizeof d->info.handle);
    assert_true(d->info.tot_pages <= d->info.max_pages);
    if (b->is_hvm && most > memory) {
        d->cache = d->info.tot_pages / 2;
        d->entries = d->cache + (most - memory) / 4;
    }
    return d;
}

/* ---- libxenctrl ---- */

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                                unsigned flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    return (xc_interface *)&fake_xen; /* never looked into */
}

int xc_interface_close(xc_interface *xc)
{
    (void)xc;
    return 0;
}

int xc_physinfo(xc_interface *xc, xc_physinfo_t *info)
{
    (void)xc;
    *info = (xc_physinfo_t){.total_pages = UINT64_C(1) << 22,
                            .free_pages = fake_xen.free_pages,
                            .outstanding_pages = fake_xen_claims()};
    return 0;
}

int xc_domain_getinfolist(xc_interface *xc, uint32_t first, unsigned most, xc_domaininfo_t *info)
{
    int n = 0;

    (void)xc;
    for (size_t i = 0; i < fake_xen.count && (unsigned)n < most; i++)
        if (fake_xen.domains[i].info.domain >= first)
            info[n++] = fake_xen.domains[i].info;
    return n;
}

int xc_domain_setmaxmem(xc_interface *xc, uint32_t domid, uint64_t kib)
{
    (void)xc;
    if (fake_xen_call("maxmem", domid, kib))
        return -1;
    fake_xen_find(domid)->info.max_pages = kib / 4;
    return 0;
}

int xc_domain_claim_pages(xc_interface *xc, uint32_t domid, unsigned long pages)
{
    struct fake_xen_domain *d = fake_xen_find(domid);

    (void)xc;
    if (pages > 0 && fake_xen_call("claim", domid, pages))
        return -1;
    if (pages == 0) { /* giving back does not fail */
        (void)snprintf(fake_xen.log + strlen(fake_xen.log), 16, "claim %u 0\n", domid);
        d->info.outstanding_pages = 0;
        return 0;
    }
    if (d->info.outstanding_pages > 0 || pages <= d->info.tot_pages || pages > d->info.max_pages)
        return fake_xen_error(EINVAL);
    if (pages - d->info.tot_pages > fake_xen.free_pages - fake_xen_claims())
        return fake_xen_error(ENOMEM);
    d->info.outstanding_pages = pages - d->info.tot_pages;
    return 0;
}

int xc_domain_set_pod_target(xc_interface *xc, uint32_t domid, uint64_t pages, uint64_t *tot_pages,
                             uint64_t *cache_pages, uint64_t *entries)
{
    struct fake_xen_domain *d = fake_xen_find(domid);

    (void)xc;
    assert_true(tot_pages == NULL && cache_pages == NULL && entries == NULL);
    if (fake_xen_call("pod", domid, pages))
        return -1;
    if ((d->info.flags & XEN_DOMINF_hvm_guest) == 0 || pages > d->info.max_pages)
        return fake_xen_error(EINVAL);
    return fake_xen_populate(d, pages);
}

/* ---- what else the hypervisor's side asks ---- */

int __real_access(const char *path, int mode);
int __real_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
int __wrap_open(const char *path, int flags, ...);
struct mono_time __wrap_clock_mono(void);

static const char fake_xen_device[] = "/dev/xen/privcmd";

int __wrap_access(const char *path, int mode)
{
    return strcmp(path, fake_xen_device) == 0 ? 0 : __real_access(path, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
    assert_int_equal(flags & O_CREAT, 0);
    return __real_open(strcmp(path, fake_xen_device) == 0 ? "/dev/null" : path, flags);
}

struct mono_time __wrap_clock_mono(void)
{
    return (struct mono_time){fake_xen.now_ns};
}

#endif
