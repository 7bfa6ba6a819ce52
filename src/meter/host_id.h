/*
 * host_id.h - who this host is, and that it is metered once.
 *
 * The id is made at the first start and kept in the file host-id beside the database: dom0 images
 * are cloned, so that the machine-id would not do.
 */
#ifndef PAGEMETER_HOST_ID_H
#define PAGEMETER_HOST_ID_H

#include "meter/meter.h"

/* From DIR/host-id; else the store's own; else a new one. Written to DIR/host-id if not there. */
MUST_CHECK bool host_id_find(const char *dir, const struct meter_state *state, struct uuid *out,
                             struct error *err);

/* One meter per hypervisor: takes /run/pagemeterd.lock until *fd is closed. */
MUST_CHECK bool host_lock(int *fd, struct error *err);

#endif
