/*
 * rules.h - what of the metering rules an operator may choose.
 */
#ifndef PAGEMETER_RULES_H
#define PAGEMETER_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* Lists of uuid patterns as in uuid.h; the strings outlive the rules. */
struct rules {
    const char *temporary; /* toolstacks' temporary handles: never counted */
    const char *service;   /* stub, driver and xenstore domains: metered as dom0 is, never billed */
};

/*
 * XAPI gives a domain that it destroys a uuid that begins with deadbeef-dead-beef-, and both ends
 * of a migration the first 24 characters of the VM's uuid and 000000000000 (source, once suspended)
 * or 000000000001 (destination, until it runs): xenopsd's xc/domain.ml and lib/xenops_server.ml.
 */
#define RULES_TEMPORARY_DEFAULT "deadbeef-dead-beef-* *-000000000000 *-000000000001"

/* A wall clock that is off by more than this from the elapsed time was stepped. */
#define CLOCK_STEP_NS INT64_C(100000000)

#endif
