/*
 * metrics.h - /metrics, in OpenMetrics, for Prometheus: answer_metrics of answer.h. docs/serve.md
 * lists what there is.
 *
 * Measuring is told whatever state the rest is in: a balloon.db or ship.db that can't be read is
 * itself a metric, and never an error.
 */
#ifndef PAGEMETER_SERVE_METRICS_H
#define PAGEMETER_SERVE_METRICS_H

enum { METRICS_VMS_MAX = 2000 }; /* each is some series of who stores them */

#endif
