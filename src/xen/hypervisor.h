/*
 * hypervisor.h - the hypervisor through libxenctrl: what the host and its domains have, and the few
 * changes that memory on demand makes. Microseconds each; never waits for a guest or for xenstore.
 */
#ifndef PAGEMETER_HYPERVISOR_H
#define PAGEMETER_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "meter/record.h"

struct hypervisor;

struct hypervisor_host {
    uint64_t total_kib;
    uint64_t free_kib;
    uint64_t outstanding_kib; /* all claims */
};

/* program: who to run as root in dom0, for the sentence that says so. */
MUST_CHECK bool hypervisor_open(struct hypervisor **out, const char *program, struct error *err);
void hypervisor_close(struct hypervisor *h);

/* False: the hypervisor did not answer, errno tells. */
MUST_CHECK bool hypervisor_read_host(struct hypervisor *h, struct hypervisor_host *out);

/*
 * All domains, ascending, at most DOMAINS_MAX, into samples. False: the reading failed, errno
 * tells.
 */
MUST_CHECK bool hypervisor_read_domains(struct hypervisor *h, struct sample *samples,
                                        size_t *count);

/* Was dom0's memory limited on Xen's command line (dom0_mem)? False when that can't be read. */
bool hypervisor_has_dom0_mem(struct hypervisor *h);

/* max_pages. One below what the domain has takes nothing back, and lets it not grow. */
MUST_CHECK bool hypervisor_set_cap(struct hypervisor *h, uint16_t domid, uint64_t cap_kib,
                                   struct error *err);

/*
 * Sets free memory aside until the domain has total_kib in all. The claim falls by what the domain
 * takes, rises by what it gives back, and 0 ends it. One that is not above what the domain has
 * succeeds and does nothing. ERR_REFUSED when the host has not that much free and unclaimed;
 * ERR_SYSTEM when there is a claim already, or the total is above the cap.
 */
MUST_CHECK bool hypervisor_claim(struct hypervisor *h, uint16_t domid, uint64_t total_kib,
                                 struct error *err);

/*
 * For a domain that is not PV: what it is to have in all, video memory included, while its memory
 * is not yet populated; then this allocates at once, and so comes after the cap and the claim.
 * Nothing happens to a domain that is populated, or that has more already.
 */
MUST_CHECK bool hypervisor_set_pod_target(struct hypervisor *h, uint16_t domid, uint64_t total_kib,
                                          struct error *err);

#endif
