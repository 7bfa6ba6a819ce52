/*
 * actuator_xen.h - the actuator "xen": the hypervisor through libxenctrl, xenstore through
 * guests.h.
 */
#ifndef PAGEMETER_ACTUATOR_XEN_H
#define PAGEMETER_ACTUATOR_XEN_H

#include "balloon/actuator.h"
#include "xen/guests.h"

/*
 * guests is the caller's and is closed after the actuator; domains are watched by the caller:
 * set_target and tell fail for one that is not. NULL: then set_target and tell always fail (enough
 * under actuator_dry.h).
 */
MUST_CHECK bool actuator_open_xen(struct actuator **out, struct guests *guests, struct error *err);
void actuator_close_xen(struct actuator *a);

/* Was dom0's memory limited on Xen's command line? For rivals_find. */
bool actuator_xen_has_dom0_mem(struct actuator *a);

#endif
