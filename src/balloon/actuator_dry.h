/*
 * actuator_dry.h - the actuator "dry-run": reads as another does, changes nothing, says it did.
 */
#ifndef PAGEMETER_ACTUATOR_DRY_H
#define PAGEMETER_ACTUATOR_DRY_H

#include "balloon/actuator.h"

/* inner is the caller's and is closed after this one. */
MUST_CHECK bool actuator_open_dry(struct actuator **out, struct actuator *inner, struct error *err);
void actuator_close_dry(struct actuator *a);

#endif
