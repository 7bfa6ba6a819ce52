/*
 * actuator.h - the outside of memory on demand: a host to read and to change.
 *
 * Kinds: xen (libxenctrl and xenstore), xe (XAPI's command), dry-run (reads as xen does, changes
 * nothing), sim (guest models in virtual time). One contract test runs against every kind.
 *
 * Calls return at once. set_target and tell may be queued: the outcome comes back as a vm's facts.
 */
#ifndef PAGEMETER_ACTUATOR_H
#define PAGEMETER_ACTUATOR_H

#include "balloon/host.h"
#include "common/error.h"

struct actuator;

struct actuator_ops {
    const char *kind;
    /* physinfo and all domains; view->domains belongs to the actuator until the next read */
    bool (*read)(struct actuator *a, struct host_view *view, struct error *err);
    /* the cap, in KiB: never below what the domain has, but for one that is judged stuck */
    bool (*set_cap)(struct actuator *a, uint16_t domid, uint64_t cap_kib, struct error *err);
    /*
     * Sets aside free memory until the domain has total_kib; 0 gives the claim back. Fails with
     * ERR_REFUSED when the host has not that much.
     */
    bool (*claim)(struct actuator *a, uint16_t domid, uint64_t total_kib, struct error *err);
    /* memory/target (and the populate-on-demand target of a domain that is not PV) */
    bool (*set_target)(struct actuator *a, uint16_t domid, uint64_t target_kib, struct error *err);
    /* pagemeter/NODE of the domain: headroom in KiB, or an answer; the guest may read it */
    bool (*tell)(struct actuator *a, uint16_t domid, const char *node, const char *value,
                 struct error *err);
};

struct actuator {
    const struct actuator_ops *ops;
};

#endif
