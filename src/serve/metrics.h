/*
 * metrics.h - the text of OpenMetrics.
 */
#ifndef PAGEMETER_SERVE_METRICS_H
#define PAGEMETER_SERVE_METRICS_H

#include <stdio.h>

enum { METRICS_VMS_MAX = 2000 }; /* each is some series of who stores them */

/* The value of a label, without its quotes. */
void metrics_put_label(FILE *out, const char *text);

#endif
